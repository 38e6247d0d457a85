"""Bugs of the right to refund a sale, at tills that give it to a sister and at headquarters."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

from agent import goods_back, refund_rights
from agent.store import sales
from agent.till import Till
from hub import refund_gifts
from tests.storms.mutants import Surgery, mutant


@mutant("a right to refund is given away and used all the same", fast=True)
def given_and_used(surgery: Surgery) -> None:
    surgery.put(sales, "is_ceded", lambda *_: False)


@mutant("a sister is told of the whole sale, and not of what is left")
def whole_sale(surgery: Surgery) -> None:
    def returnable(till: Till, sale: str) -> Any:
        found = real(till, sale)
        if isinstance(found, goods_back.Returnable):
            return replace(found, rest=[[line[0], line[2], line[3]] for line in found.lines])
        return found

    real = goods_back.returnable
    surgery.put(refund_rights, "goods_back", SimpleNamespace(returnable=returnable))


@mutant("headquarters keeps no gift of a right to refund")
def no_gift_kept(surgery: Surgery) -> None:
    surgery.put(refund_gifts, "note", lambda *_: None)


@mutant("headquarters takes nobody's word for a gift of a right to refund")
def never_by_right(surgery: Surgery) -> None:
    surgery.put(refund_gifts, "doubt", lambda *_: refund_gifts._not_given())

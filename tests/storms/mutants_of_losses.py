"""Bugs of PCs that were declared lost, and of what comes to light of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hub import admission, handovers
from hub.store import losses
from points import holding
from points.legs import Leg
from points.operations import Operation
from points.postings import lost_legs
from tests.storms.mutants import Surgery, mutant


@mutant("two PCs of a till are in one term", weather="losses")
def one_term(surgery: Surgery) -> None:
    surgery.put(admission, "TERMS_OF_A_PC", 1)


@mutant("what is reserved for a lost PC is reserved for ever", weather="losses")
def reserved_for_ever(surgery: Surgery) -> None:
    def lost(standing: holding.Standing, op: Operation) -> list[Leg]:
        return lost_legs(op, standing.cell(*op.body["agent"][:2]), op.body.get("home", 0))

    surgery.put(holding, "_DECISIONS", {**holding._DECISIONS, "agent.lost": lost})


@mutant("what the PC after a lost one earned comes home with it", weather="losses")
def successor(surgery: Surgery) -> None:
    def leftovers(look: Any, lost_pc: Mapping[str, Any]) -> dict[int, int]:
        store, till = lost_pc["agent"][:2]
        rows = look.run(
            "SELECT m, max(0, added - local_used) FROM cells WHERE store = ? AND till = ?", (store, till)
        )
        return real(look, lost_pc) | dict(rows)

    real = surgery.put(losses, "leftovers", leftovers)


@mutant("what a lost PC gave is paid by its next one's cell", weather="losses")
def paid_by_the_next(surgery: Surgery) -> None:
    def placed(look: Any, chain: str, op: Operation) -> Operation:
        done = real(look, chain, op)
        return Operation({**done.body, "is_of_the_lost": False}, op.store, op.till)

    real = surgery.put(handovers, "placed", placed)

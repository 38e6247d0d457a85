"""A late copy of a batch reaches a headquarters that was put back, before its till offers it once more."""

from __future__ import annotations

import pytest
from forks import enrolled, heard, points_of, sold
from headquarters import Headquarters
from told_by_steps import shown

from agent import goods_back
from agent.recorder import Recorded
from hub import reception
from points.operations import KINDS


@pytest.mark.parametrize("was_kept", [True, False])
def test_its_till_hears_what_became_of_it_now(hq: Headquarters, was_kept: bool) -> None:
    """Before, a refund waited for a program that knows it, or was posted; now it is the other way round."""
    lacking = {kind: one for kind, one in KINDS.items() if kind[0] != "sale.refund"}
    shop = hq.shop("s001")
    m = enrolled(shop)
    shop.sync()
    copy = hq.copy()
    if was_kept:
        hq.reopen(kinds=lacking)
    (sale,) = sold(shop, m)
    assert isinstance(goods_back.refund(shop.till, sale, [[1, 0, 3_000]], "c1"), Recorded)
    shop.sync()
    assert points_of(hq, m) == (100 if was_kept else 70)
    assert shown(shop, m) == 70
    ((raw,),) = shop.till.book.rows("SELECT bytes FROM envelopes ORDER BY first DESC LIMIT 1")
    hq.put_back(copy)
    hq.reopen(kinds=KINDS if was_kept else lacking)
    reception.receive(hq.office, bytes(raw))
    for _ in range(2):
        shop.sync()
        assert shown(shop, m) == 70
    hq.reopen()
    for _ in range(2):
        shop.sync()
        assert shown(shop, m) == 70 == points_of(hq, m)
    assert not shop.till.pending.by_member.get(m)
    assert sale in heard(hq)


def test_what_was_kept_between_two_put_backs_is_told_of_once_more(hq: Headquarters) -> None:
    """Posted; kept by a headquarters that was put back and does not know it; posted by the next one."""
    lacking = {kind: one for kind, one in KINDS.items() if kind[0] != "sale.refund"}
    shop = hq.shop("s001")
    m = enrolled(shop)
    shop.sync()
    copy = hq.copy()
    (sale,) = sold(shop, m)
    assert isinstance(goods_back.refund(shop.till, sale, [[1, 0, 3_000]], "c1"), Recorded)
    shop.sync()
    for kinds in (lacking, KINDS):
        hq.put_back(copy)
        hq.reopen(kinds=kinds)
        for _ in range(3):
            shop.sync()
            assert shown(shop, m) == 70
    assert points_of(hq, m) == 70
    assert not shop.till.pending.by_member.get(m)
    assert ("P",) not in shop.till.book.rows("SELECT letter FROM outcomes")

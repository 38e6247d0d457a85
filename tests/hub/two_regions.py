"""Stores of several regions, and what is done there."""

from __future__ import annotations

from headquarters import Headquarters, Shop
from told_by_steps import enrolled, sold, used

from agent.counter import Found
from agent.look_up import Answered, LookUp
from agent.recorder import Recorded
from agent.store import members
from hub import admission


def opened(hq: Headquarters, store: str, region: str, till: str = "01") -> Shop:
    with hq.office.store.turn() as turn:
        admission.open_store(turn, store, store, region)
    shop = hq.shop(store, till)
    shop.sync()
    return shop


def met(shop: Shop, yuan: int = 100) -> tuple[int, str]:
    """A member of this store's region, who has bought there, with the code of the card."""
    pair = members.next_from_pool(shop.till.book)
    assert pair is not None
    m = enrolled(shop)
    assert m == pair[0]
    sold(shop, m, yuan)
    shop.sync()
    return pair


def bought(shop: Shop, code: str, yuan: int = 100) -> None:
    """Whoever shows this code buys, known here or not."""
    found = shop.counter.scan(code)
    assert isinstance(found, Found)
    m = None if found.card is None else found.card.m
    lines = [[1, "all", 1, yuan * 100]]
    assert isinstance(shop.counter.sell(m, lines, "c1", 0, found.who if m is None else ""), Recorded)


def knows(shop: Shop, m: int) -> bool:
    return members.row_of(shop.till.book, m) is not None


def looked_up(shop: Shop, code: str) -> Answered:
    """The till asks headquarters whose this is."""
    return LookUp(shop.till, shop.uplink.look_up, shop.sync)(code)


def bought_and_used(shop: Shop, m: int, yuan: int, pts: int) -> None:
    sold(shop, m, yuan)
    assert used(shop, m, pts)

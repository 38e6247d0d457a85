"""Two PCs that were one: what the one tells in its new lane says nothing of the other."""

from __future__ import annotations

from pathlib import Path

import pytest
from forks import LINES, close, copied, enrolled, sold
from headquarters import Headquarters, Shop
from test_succession_lost import declare_lost

from agent import day_close, provisioning
from agent.uplink import join
from hub.verify import verify


def shown(shop: Shop, m: int) -> int:
    view = shop.till.look(m)
    assert view is not None
    return view.account.balance(view.today)


@pytest.mark.parametrize("by_ticket", [False, True])
def test_what_is_counted_of_the_next_pc_is_not_counted_of_this_one(
    hq: Headquarters, home: Shop, tmp_path: Path, by_ticket: bool
) -> None:
    """It took its own sales for counted, because a later lane was; the shown points lacked them."""
    home.sync()
    m = enrolled(home)
    home.sync()
    if by_ticket:
        folder = tmp_path / "new"
        other = hq.open(folder, provisioning.join(folder / "keys", hq.ticket("s001"), join))
    else:
        other = hq.open(copied(home, tmp_path / "copy"))
    sold(home, m)
    home.sync()
    sold(other, m)
    other.sync()
    home.sync()
    assert shown(home, m) == 200
    sold(home, m, 2)
    close(home)
    home = hq.open(home.folder)
    assert home.till.identity.lane.epoch == 1
    assert shown(home, m) == 400
    home.sync()
    assert shown(home, m) == 400


@pytest.mark.parametrize("local", [False, True])
def test_what_one_gives_back_is_not_given_back_by_the_other(
    hq: Headquarters, home: Shop, tmp_path: Path, local: bool
) -> None:
    """Its word came with it into the new lane, and what the other still held was granted once more."""
    home.sync()
    m = enrolled(home)
    sold(home, m, 3)
    if not local:
        day_close.give_back(home.till, "agent")
    home.sync()
    home.sync()
    assert home.here(m) == 300
    twin = hq.open(copied(home, tmp_path / "copy"))
    home.counter.sell(None, LINES, "c1")
    home.sync()
    day_close.give_back(twin.till, "agent")
    for _ in range(2):
        assert twin.sync().settled
    assert (home.here(m), twin.here(m)) == (300, 0)
    if local:
        declare_lost(hq, 1)
    else:
        home.sync()
        assert home.here(m) == 0, "its term is over, and it says so itself"
    twin.sync()
    assert twin.here(m) == 300
    assert not verify(hq.office).faults


def test_one_whose_place_was_taken_closes_no_term_of_the_others(
    hq: Headquarters, home: Shop, tmp_path: Path
) -> None:
    """It went on in its old term, was told that this is over, and closed it for both."""
    home.sync()
    m = enrolled(home)
    sold(home, m, 3)
    day_close.give_back(home.till, "agent")
    home.sync()
    home.sync()
    twin = hq.open(copied(home, tmp_path / "copy"))
    home.counter.sell(None, LINES, "c1")
    home.sync()
    folder = tmp_path / "new"
    new = hq.open(folder, provisioning.join(folder / "keys", hq.ticket("s001"), join))
    for shop in (twin, twin, new, new):
        assert shop.sync().settled
    assert (twin.till.identity.lane.epoch, twin.till.has_own_term, new.till.has_own_term) == (3, False, True)
    assert (home.here(m), twin.here(m), new.here(m)) == (300, 0, 0)
    home.sync()
    new.sync()
    assert (home.here(m), twin.here(m), new.here(m)) == (0, 0, 300)
    assert not verify(hq.office).faults

"""Two PCs that were one: what the one tells in its new lane says nothing of the other."""

from __future__ import annotations

from pathlib import Path

import pytest
from forks import close, copied, enrolled, sold
from headquarters import Headquarters, Shop

from agent import provisioning
from agent.uplink import join


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

"""What sister tills give while PCs are replaced: each PC has its own term, and takes and closes only that."""

from __future__ import annotations

import pytest
from headquarters import Headquarters, Shop

from agent import day_close, provisioning, transfers
from agent.recorder import Recorded
from agent.uplink import join
from hub.verify import verify
from points.wire.sister import WANT, Said
from points.wire.transfer import Given


@pytest.fixture
def store(hq: Headquarters) -> tuple[Shop, Shop, int]:
    """Two tills of a store; the first one holds 300 points of a member."""
    return hq.sisters()


def next_pc(hq: Headquarters, till: str, name: str) -> Shop:
    """Another PC takes the place of a till."""
    folder = hq.folder / name
    return hq.open(folder, provisioning.join(folder / "keys", hq.ticket("s001", till), join))


def gift(giver: Shop, to: Shop, m: int, pts: int) -> Given:
    want = transfers.wish(to.till, giver.till.till, m, pts)
    lane = to.till.identity.lane
    given = transfers.give(
        giver.till, Said(WANT, want.id, lane, giver.till.till, m, pts, want.inc, want.term)
    )
    assert given is not None
    return given


def test_a_pc_that_was_replaced_takes_nothing_of_its_successors_term(
    hq: Headquarters, store: tuple[Shop, Shop, int]
) -> None:
    one, old, m = store
    new = next_pc(hq, "02", "second")
    old.sync()
    assert old.till.identity.term < new.till.identity.term, "no two PCs are ever in one term"
    assert (old.till.has_own_term, new.till.has_own_term) == (False, True)
    one.sync()
    given = gift(one, new, m, 50)
    assert transfers.take(old.till, given) == 0
    assert transfers.take(new.till, given) == 50


def test_a_pc_closes_its_own_term_and_not_that_of_one_before_it(
    hq: Headquarters, store: tuple[Shop, Shop, int]
) -> None:
    """What is given to the first PC stays there for it, although the second one has closed already."""
    one, first, m = store
    given = gift(one, first, m, 40)
    second = next_pc(hq, "02", "second")
    next_pc(hq, "02", "third")
    for shop in (second, second, one):
        shop.sync()
    assert hq.rows("SELECT pts FROM reserved") + hq.rows("SELECT taken FROM cells WHERE till = '02'") in (
        [(40,), (0,)],
        [(40,)],
    )
    assert transfers.take(first.till, given) == 40
    assert isinstance(first.counter.redeem(m, 40, "c2"), Recorded)
    first.sync()
    assert hq.rows("SELECT reason FROM cases") == []
    assert verify(hq.office).faults == []


def test_points_are_granted_in_a_term_that_began_with_a_gift(
    hq: Headquarters, store: tuple[Shop, Shop, int]
) -> None:
    one, other, m = store
    assert transfers.take(other.till, gift(one, other, m, 300)) == 300
    new = next_pc(hq, "01", "second")
    for _ in range(2):
        one.sync()  # hears that its term is over, then says so
    assert transfers.take(new.till, gift(other, new, m, 20)) == 20
    other.sync()
    day_close.give_back(other.till, "agent")
    for shop in (other, new, new):
        shop.sync()
    assert new.here(m) == 300
    assert verify(hq.office).faults == []

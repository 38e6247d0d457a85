"""What a PC that nobody believes may get from others, and what others get by it."""

from __future__ import annotations

from pathlib import Path

import pytest
from forks import enrolled, points_of, sold
from headquarters import Headquarters, Shop
from test_refunds_by_sisters import sell
from test_sisters import at_headquarters, met
from test_succession_lost import declare_lost
from two_pcs import is_told, kept, parted, say

from agent import day_close
from agent.recorder import Recorded
from agent.store import feeds, sales
from agent.till import DOUBTED
from agent.uplink import OutOfReach
from hub import casework
from hub.verify import verify
from points.wire import endpoints
from points.wire.faults import WireFault
from points.wire.manifest import PRIVATE_TOPIC, private_shard

pytestmark = pytest.mark.usefixtures("asks")


@pytest.fixture
def trio(hq: Headquarters, home: Shop, tmp_path: Path) -> tuple[Shop, Shop, Shop, int]:
    """A till, a copy of it that nobody believes, a sister till that holds a member's 300 points, and who
    that is."""
    twin, _ = parted(hq, home, tmp_path)
    twin.sync()
    assert is_told(twin)
    sister = hq.shop("s001", "02")
    for shop in (home, sister, home):
        day_close.give_back(shop.till, "agent")
        shop.sync()
    new = enrolled(sister)
    sold(sister, new, 3)
    for shop in (sister, home, twin, sister, home, twin):
        shop.sync()
    assert (sister.here(new), twin.here(new)) == (300, 0)
    return home, twin, sister, new


def forget(twin: Shop) -> None:
    """A program of a thief's does not mind that it is doubted."""
    with twin.till.book.turn() as turn:
        feeds.keep_fact(turn, DOUBTED, "0")


def owed(hq: Headquarters, m: int) -> tuple[int, int]:
    """(points, debt) of a member at headquarters."""
    ((debt,),) = hq.rows("SELECT json_extract(row, '$[7]') FROM members WHERE m = ?", m)
    return points_of(hq, m), int(debt)


def test_it_gets_no_rights_of_a_sister_till_by_its_own_program(
    hq: Headquarters, trio: tuple[Shop, Shop, Shop, int]
) -> None:
    _, twin, sister, m = trio
    for shop in (twin, sister):
        shop.uplink.connected = False
    with met(twin, sister) as (way, _):
        assert way.near(m, 100) == 0
        assert way.fetch(m, 100) == 0
    assert sister.here(m) == 300


def test_it_has_none_to_give_that_headquarters_does_not_know(
    hq: Headquarters, trio: tuple[Shop, Shop, Shop, int]
) -> None:
    """A sale that nobody made would be points that a sister till pays out."""
    _, twin, sister, m = trio
    before = points_of(hq, m)
    sold(twin, m, 5)
    assert twin.here(m) == 500
    for shop in (twin, sister):
        shop.uplink.connected = False
    with met(twin, sister) as (_, way):
        assert way.near(m, 400) == 0
        assert way.fetch(m, 400) == 0
    for shop in (twin, sister):
        shop.uplink.connected = True
        shop.sync()
    assert points_of(hq, m) == before
    assert at_headquarters(hq)["02"] == 300


def test_it_gives_no_right_to_refund_what_the_other_pc_sold_as_well(
    hq: Headquarters, trio: tuple[Shop, Shop, Shop, int]
) -> None:
    """Both have the sale from before they parted, and two tills would refund it once each."""
    home, twin, sister, m = trio
    sale, paper = sell(twin, m)
    twin.sync()
    for shop in (home, twin, sister):
        shop.uplink.connected = False
    with met(twin, sister) as (_, way):
        assert not way.right_to(paper)
    assert not sales.is_ceded(twin.till.book, sale)


@pytest.mark.parametrize("what", [casework.ACCEPT_PC, casework.TURN_DOWN_PC])
def test_what_a_sister_till_gave_it_all_the_same_counts_once(
    hq: Headquarters, trio: tuple[Shop, Shop, Shop, int], what: str
) -> None:
    """By a program of a thief's, or before it knew that it is not believed."""
    home, twin, sister, m = trio
    before = points_of(hq, m)
    forget(twin)
    for shop in (twin, sister):
        shop.uplink.connected = False
    with met(twin, sister) as (way, _):
        assert way.fetch(m, 100) == 100
    assert isinstance(twin.counter.redeem(m, 100, "c1"), Recorded)
    for shop in (twin, sister):
        shop.uplink.connected = True
        shop.sync()
    assert kept(hq) >= 2
    assert points_of(hq, m) == before
    assert verify(hq.office).faults == []
    say(hq, what)
    assert points_of(hq, m) == before - (100 if what == casework.ACCEPT_PC else 0)
    assert verify(hq.office).faults == []
    if what == casework.TURN_DOWN_PC:
        home.sync()
        for gone in (1, 2):
            declare_lost(hq, gone)
        assert at_headquarters(hq)["01"] == 0, "what it was given comes home"
        for _ in range(2):
            home.sync()
            sister.sync()
        assert points_of(hq, m) == before


@pytest.mark.parametrize("what", [casework.ACCEPT_PC, casework.TURN_DOWN_PC])
def test_points_that_it_has_invented_and_given_away_are_owed_till_people_have_looked(
    hq: Headquarters, trio: tuple[Shop, Shop, Shop, int], what: str
) -> None:
    """Its sister could not know, and pays out what the member has, while another till does the same."""
    _, twin, sister, m = trio
    third = hq.shop("s001", "03")
    for shop in (sister, twin, third):
        shop.sync()
    sold(twin, m, 5)
    forget(twin)
    for shop in (twin, sister, third):
        shop.uplink.connected = False
    with met(twin, third) as (_, way):
        assert way.fetch(m, 300) == 300
    for shop in (third, sister):
        assert isinstance(shop.counter.redeem(m, 300, "c2"), Recorded)
    for shop in (sister, third, twin):
        shop.uplink.connected = True
        shop.sync()
    assert verify(hq.office).faults == []
    asked = hq.rows("SELECT m, detail FROM cases WHERE reason = 'given-in-question'")
    assert asked == [(m, '{"pc": "s001/01/2", "pts": 300}')], "nothing of it is silent"
    assert owed(hq, m) == (0, 300), "each paid out once what the member has, and the invented ones are none"
    say(hq, what)
    assert verify(hq.office).faults == []
    is_ours = what == casework.ACCEPT_PC
    assert owed(hq, m) == ((200, 0) if is_ours else (0, 300))


def test_it_enrols_whom_it_has_numbers_for_and_gets_no_more(
    hq: Headquarters, trio: tuple[Shop, Shop, Shop, int]
) -> None:
    home, twin, *_ = trio
    new = enrolled(twin)
    sold(twin, new)
    twin.sync()
    assert hq.rows("SELECT 1 FROM members WHERE m = ?", new) == []
    issued = hq.rows("SELECT count(*) FROM issued")
    for _ in range(3):
        enrolled(twin)
        twin.sync()
    assert hq.rows("SELECT count(*) FROM issued") == issued
    mine = enrolled(home)
    home.sync()
    assert hq.rows("SELECT count(*) FROM members WHERE m = ?", mine) == [(1,)]
    say(hq, casework.ACCEPT_PC)
    twin.sync()
    assert hq.rows("SELECT count(*) FROM members WHERE m IN (?, ?)", mine, new) == [
        (1 if mine == new else 2,)
    ]
    assert verify(hq.office).faults == []


def test_turned_down_it_is_told_nothing_and_the_secrets_are_others(
    hq: Headquarters, trio: tuple[Shop, Shop, Shop, int]
) -> None:
    home, twin, *_ = trio
    page = endpoints.manifest_of(PRIVATE_TOPIC, private_shard("s001", "01"), 1)
    assert twin.uplink.call("GET", page)

    def secret() -> object:
        return hq.rows("SELECT value FROM settings WHERE name = 'shard-secret'")

    before = secret()
    say(hq, casework.TURN_DOWN_PC)
    for asked in (
        page,
        endpoints.manifest_of("members", "main", 1),
        endpoints.manifest_of("phones", "s001", 1),
    ):
        with pytest.raises((WireFault, OutOfReach)):
            twin.uplink.call("GET", asked)
    home.sync()
    assert secret() != before

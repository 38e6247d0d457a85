"""Points that lie where a member is not at home come home at the next contact, not only at the day's end."""

from __future__ import annotations

from typing import Any

import pytest
from headquarters import DAY_MS, Headquarters, Shop
from pretend_till import NO_RIGHT, PretendTill

from agent import enrolment
from agent.recorder import Recorded
from agent.uplink import OutOfReach
from hub.store import standings
from points.holding import available
from points.members import begin


@pytest.fixture
def home(hq: Headquarters) -> Shop:
    return hq.shop("s001")


@pytest.fixture
def away(hq: Headquarters) -> Shop:
    return hq.shop("s002")


@pytest.fixture
def m(hq: Headquarters, home: Shop, away: Shop) -> int:
    """A member with 200 points, all of them granted where the member is at home."""
    new = enrolment.enrol(home.till, "c1")
    assert isinstance(new, enrolment.Enrolled)
    for _ in range(5):
        sell(home, new.m, 40)
        hq.clock.now_ms += DAY_MS
    home.night.run(rest=lambda _ms: None)
    assert home.here(new.m) == 200
    away.sync()
    return new.m


def sell(shop: Shop, m: int, pts: int) -> None:
    assert isinstance(shop.counter.sell(m, [[1, "all", 1, pts * 100]], "c1"), Recorded)


def test_points_earned_away_from_home_are_spendable_at_home_after_a_contact_of_each(
    home: Shop, away: Shop, m: int
) -> None:
    sell(away, m, 50)
    assert away.here(m) == 50, "they are spendable here as long as nobody else wants them"
    away.sync()
    assert away.here(m) == 0
    away.sync()
    home.sync()
    home.uplink.connected = away.uplink.connected = False
    spent = home.counter.redeem(m, 250, "c1")
    assert isinstance(spent, Recorded)
    assert spent.op.fund == [["allowance", 250]]
    assert not isinstance(away.counter.redeem(m, 1, "c1"), Recorded)


def test_what_a_page_wants_is_said_in_the_same_contact(hq: Headquarters, away: Shop, m: int) -> None:
    sell(away, m, 50)
    done = away.sync()
    assert (done.settled, done.operations, away.night.unsent()) == (True, 2, 0)
    assert away.here(m) == 0
    assert hq.rows("SELECT added - local_used FROM cells WHERE store = 's002' AND m = ?", m) == [(0,)]


def test_what_a_page_wants_and_is_not_said_is_not_settled(
    away: Shop, m: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    ask, sent = away.uplink.call, []

    def cut_off(method: str, path: str, *rest: Any, **more: Any) -> bytes:
        if method == "POST":
            sent.append(path)
        if len(sent) > 1:
            raise OutOfReach("cut off")
        return ask(method, path, *rest, **more)

    sell(away, m, 50)
    with monkeypatch.context() as cut:
        cut.setattr(away.uplink, "call", cut_off)
        done = away.night.contact(rest=lambda _ms: None)
    assert len(sent) > 1
    assert (done.settled, away.night.unsent()) == (False, 1)
    assert away.sync().settled
    assert away.night.unsent() == 0


def test_the_same_points_again_are_wanted_again(home: Shop, away: Shop, m: int) -> None:
    sell(away, m, 50)
    away.sync()
    sell(away, m, 50)
    away.sync()
    assert away.here(m) == 0
    away.sync()
    home.sync()
    assert home.here(m) == 300


def test_points_earned_at_home_or_by_somebody_without_a_home_stay(
    hq: Headquarters, home: Shop, away: Shop, m: int
) -> None:
    new = enrolment.enrol(away.till, "c1")
    assert isinstance(new, enrolment.Enrolled)
    sell(away, new.m, 30)
    sell(home, m, 40)
    sell(away, m, 10)
    for shop in (home, away, away, home):
        shop.sync()
    assert away.here(new.m) == 30
    assert home.here(m) == 240 + 10
    seqs = (home.till.log.seq, away.till.log.seq)
    for shop in (home, away):
        shop.sync()
    assert (home.till.log.seq, away.till.log.seq) == seqs, "nothing is given back twice"


def test_a_term_that_is_over_leaves_local_points_which_are_wanted_all_the_same(
    hq: Headquarters, till: PretendTill, other: PretendTill
) -> None:
    m = till.enrol()
    for _ in range(3):
        till.earn(m, 10)
    till.send()
    other.earn(m, 7)
    other.op("rights.close", inc=1, term=1)
    other.send()
    assert other.page("r") == [["r", "pts", m, 0, [], 1, 7]]
    other.op("rights.return", m, fund=[["back_l", 7]])
    other.send()
    assert other.page("r") == []


def test_what_is_out_pays_for_what_was_taken_away_elsewhere(
    hq: Headquarters, home: Shop, away: Shop, m: int
) -> None:
    sold = home.counter.sell(m, [[1, "all", 1, 4_000]], "c1")
    assert isinstance(sold, Recorded)
    home.sync()
    home.night.run(rest=lambda _ms: None)
    assert home.here(m) == 240
    till = PretendTill(hq, "s003")
    till.refund(m, {"id": sold.op.id}, 4_000)
    assert till.send() == {1: NO_RIGHT}
    assert available_of(hq, m) == -40, "more is out than there is"
    home.sync()
    home.sync()
    assert home.here(m) == available_of(hq, m) + 200 == 200, "it has paid, and what is left is back"
    seq = home.till.log.seq
    home.sync()
    assert home.till.log.seq == seq, "the call is over"
    till.close()


def available_of(hq: Headquarters, m: int) -> int:
    with hq.office.store.look() as look:
        standing = standings.load(look, [m])[m].standing
    assert standing.row is not None
    return available(begin(standing.row, hq.office.books), standing, hq.office.today())

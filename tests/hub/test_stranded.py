"""What headquarters keeps for a till that has forgotten why: it is told, and the till ends it."""

from __future__ import annotations

import pytest
from headquarters import Headquarters, Shop
from test_refund_rights import sell

from agent import day_close, edition, enrolment, refund_rights
from agent.edition import Taken
from agent.intents import Kept, end_unknown
from agent.recorder import Recorded, next_id
from agent.store import sales
from hub.verify import verify
from points.wire import canonical


@pytest.fixture
def m(home: Shop, away: Shop) -> int:
    """A member with 100 points at headquarters."""
    new = enrolment.enrol(home.till, "c1")
    assert isinstance(new, enrolment.Enrolled)
    assert isinstance(home.counter.sell(new.m, [[1, "all", 1, 10_000]], "c1"), Recorded)
    day_close.give_back(home.till, "agent")
    home.sync()
    away.sync()
    return new.m


def kinds(shop: Shop) -> list[str]:
    return [canonical.decode(body)["t"] for _, body in sales.since(shop.till.book, 0)]


def reserved(hq: Headquarters) -> list[tuple[object, ...]]:
    return hq.rows("SELECT pts FROM reserved")


def test_points_kept_for_an_act_that_nobody_remembers_come_home(hq: Headquarters, away: Shop, m: int) -> None:
    forgotten = next_id(away.till, away.till.time())  # its intent was in a database that is no more
    assert away.uplink.authorise(forgotten, m, 60) == "granted"
    assert reserved(hq) == [(60,)]
    away.sync()
    assert kinds(away) == ["auth.void"]
    assert reserved(hq) == []
    away.sync()
    assert kinds(away) == ["auth.void"], "once"
    assert verify(hq.office).faults == []


def test_lines_kept_for_a_refund_that_nobody_remembers_are_free_again(
    hq: Headquarters, home: Shop, away: Shop, m: int
) -> None:
    sold, claim = sell(home, m)
    refund_rights.cede_wanted(home.till, {sold.op.id})
    home.sync()
    forgotten = next_id(away.till, away.till.time())
    told = away.uplink.refund({"claim": claim, "id": forgotten, "lines": [[1, 2, 8_000]]})
    assert told is not None
    assert told["granted"]
    away.sync()
    assert kinds(away) == ["refund.void"]
    assert hq.rows("SELECT ended FROM refund_reserved") == [(1,)]
    assert verify(hq.office).faults == []


def test_what_is_being_asked_and_what_was_recorded_meanwhile_is_left_alone(
    hq: Headquarters, away: Shop, m: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, done = edition.take_together, []

    def late(*told: object, **more: object) -> Taken:
        """The page stood at headquarters before the act was recorded here."""
        taken = real(*told, **more)  # type: ignore[arg-type]
        if not done:
            assert len(taken.kept) == 1
            done.append(away.counter.redeem(m, 40, "c1"))
        return taken

    asked = next_id(away.till, away.till.time())
    assert away.uplink.authorise(asked, m, 60) == "granted"
    away.till.asking.add(asked)
    monkeypatch.setattr(edition, "take_together", late)
    away.sync()
    assert isinstance(done[0], Recorded)
    assert done[0].op.fund == [["auth", 40]]
    away.sync()
    assert kinds(away) == ["redeem.cash"]
    assert reserved(hq) == [(60,)], "somebody still waits for the answer"
    assert verify(hq.office).faults == []


def test_what_this_till_has_said_and_headquarters_not_heard_is_not_said_again(
    hq: Headquarters, away: Shop, m: int
) -> None:
    forgotten = next_id(away.till, away.till.time())
    assert away.uplink.authorise(forgotten, m, 60) == "granted"
    away.sync()
    assert kinds(away) == ["auth.void"]
    again = next_id(away.till, away.till.time())
    assert away.uplink.authorise(again, m, 50) == "granted"
    away.sync()
    away.sync()
    assert kinds(away) == ["auth.void", "auth.void"]


def test_what_was_recorded_and_waits_in_custody_keeps_what_it_asked_for(away: Shop, m: int) -> None:
    done = away.counter.redeem(m, 40, "c1")
    assert isinstance(done, Recorded)
    assert done.op.fund == [["auth", 40]]
    till, told = away.till, [Kept(done.op.id, m=m)]
    assert end_unknown(till, told, till.log.pos(till.log.seq), "agent") == 0
    assert kinds(away) == ["redeem.cash"]

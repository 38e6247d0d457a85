"""What was found by attacking the way on after a fork: each accident once, on real bytes."""

from __future__ import annotations

from pathlib import Path

import pytest
from forks import copied, enrolled, put_back, sold
from headquarters import DAY_MS, Headquarters, Shop

from agent import day_close
from agent.store import volume


def earned(hq: Headquarters, home: Shop) -> int:
    """A member with 300 points that a till gave itself, and headquarters has heard of."""
    home.sync()
    m = enrolled(home)
    for _ in range(3):
        sold(home, m)
        hq.clock.now_ms += DAY_MS
    home.sync()
    return m


def goes_home(home: Shop) -> None:
    """Every right goes to headquarters: the till is about to be switched off."""
    day_close.give_back(home.till, "agent")
    home.till.leaving_until_mono_ms = 10**15
    home.sync()
    home.till.leaving_until_mono_ms = 0


def test_a_lane_that_its_till_is_about_to_leave_is_granted_nothing(
    hq: Headquarters, home: Shop, tmp_path: Path
) -> None:
    """It was, in the contact that found the fork: what headquarters had lay where nobody could spend it."""
    m = earned(hq, home)
    copy = copied(home, tmp_path / "copy")
    goes_home(home)
    back = put_back(hq, home, copy)
    sold(back, m)
    back.sync()
    assert back.till.identity.lane.epoch == 2
    assert back.here(m) == 300
    assert hq.rows("SELECT term, granted - allowance_used FROM cells WHERE m = ?", m) == [(3, 300)]


def test_who_has_forked_and_cannot_go_on_yet_takes_no_right_that_is_the_others_too(
    hq: Headquarters, home: Shop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A receipt on its way to the printer was enough: both had the same 300 points, and spent them."""
    m = earned(hq, home)
    goes_home(home)
    copy = copied(home, tmp_path / "copy")
    sold(home, m)
    home.sync()
    assert home.here(m) == 400
    twin = hq.open(copy)
    sold(twin, m)
    pool = twin.till.facts()["pool"]
    monkeypatch.setattr(volume, "is_printing", lambda _book: True)
    done = twin.night.contact(rest=lambda _ms: None)
    assert [alarm.problem for alarm in done.alarms] == ["fork"]
    assert twin.here(m) == 100, "what it gave itself"
    assert twin.till.facts()["pool"] == pool
    assert twin.till.as_of_ms == home.till.as_of_ms, "it hears of members all the same"
    monkeypatch.undo()
    assert twin.sync().settled
    assert (twin.here(m), home.here(m)) == (0, 400)

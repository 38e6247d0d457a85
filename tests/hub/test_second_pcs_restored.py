"""A second PC that nobody believes: what headquarters bears of it, and when that is put back from a copy."""

from __future__ import annotations

from pathlib import Path

import pytest
from forks import heard, sold, twins
from headquarters import Headquarters, Shop
from two_pcs import kept, parted, say

from hub import casework, intake, restoring
from points.wire.faults import Problem

pytestmark = pytest.mark.usefixtures("asks")


def test_it_cannot_fill_headquarters_and_loses_nothing(
    hq: Headquarters, home: Shop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    twin, m = parted(hq, home, tmp_path)
    monkeypatch.setattr(intake, "DOUBTED_MAX", 2)
    for _ in range(3):
        sold(twin, m)
        twin.sync()
    mine = sold(twin, m)
    done = twin.night.contact(rest=lambda _ms: None)
    assert {alarm.problem for alarm in done.alarms} == {Problem.BUSY}
    assert kept(hq) == 3
    its = sold(home, m)
    home.sync()
    assert its[0] in heard(hq)
    say(hq, casework.ACCEPT_PC)
    twin.sync()
    assert mine[0] in heard(hq)


@pytest.mark.parametrize("is_whole", [False, True])
def test_without_its_journal_headquarters_waits_for_the_close_of_one_that_is_doubted(
    hq: Headquarters, home: Shop, tmp_path: Path, is_whole: bool
) -> None:
    """It may have been granted what the copy does not know of; with the journal all of that is known."""
    twin, m = parted(hq, home, tmp_path)
    sold(twin, m)
    twin.sync()
    hq.put_back(hq.copy(), loses_journal=not is_whole, is_said=True)
    for _ in range(3):
        home.sync()
        twin.sync()
    assert kept(hq) == 2
    with hq.office.store.look() as look:
        assert restoring.held_back(look, [m]) == (set() if is_whole else {m})
    say(hq, casework.ACCEPT_PC)
    with hq.office.store.look() as look:
        told = restoring.state(look)
        assert restoring.held_back(look, [m]) == set()
    assert told is not None
    assert told.missing == ()


def test_what_was_answered_that_it_is_not_believed_holds_without_the_journal_too(
    hq: Headquarters, home: Shop, tmp_path: Path
) -> None:
    twin, m = twins(hq, home, tmp_path)
    twin.sync()
    copy = hq.copy()
    home.sync()
    home.sync()
    mine = sold(twin, m)
    twin.sync()
    assert mine[0] not in heard(hq)
    own = twin.here(m)
    hq.put_back(copy, loses_journal=True)
    twin.sync()
    twin.sync()
    assert mine[0] not in heard(hq)
    assert twin.here(m) == own, "what it gave itself, and no more"
    say(hq, casework.ACCEPT_PC)
    assert mine[0] in heard(hq)

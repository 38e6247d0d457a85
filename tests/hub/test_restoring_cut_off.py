"""Putting headquarters back, and keeping its journal, cut off between any two of their steps."""

from __future__ import annotations

from pathlib import Path

import pytest
from forks import enrolled, points_of, sold
from headquarters import Headquarters
from test_restoring import granted_later, missing, registry, sync

from hub import admission, restoring
from hub.store.journal import Journal


def _plug_pulled(*_rest: object, **_more: object) -> None:
    raise KeyboardInterrupt


@pytest.mark.parametrize("step", ["_join", "_begin_again"])
def test_a_break_while_it_is_put_back_does_not_hide_that_it_was(
    hq: Headquarters, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    one, two = hq.shop("s001"), hq.shop("s002")
    m = enrolled(one)
    sync(one, two)
    copy = hq.copy()
    sold(one, m, 3)
    sync(one, two, one)
    hq.ticket("s009")
    with monkeypatch.context() as broken:
        broken.setattr(restoring, step, _plug_pulled)
        with pytest.raises(KeyboardInterrupt):
            hq.put_back(copy)
    hq.reopen()
    assert hq.office.inc == 3
    assert missing(hq) == [("s001", "01"), ("s002", "01")]
    sync(one, two)
    assert points_of(hq, m) == 300
    hq.reopen()
    assert hq.office.inc == 3


def test_a_break_while_it_is_put_back_without_its_journal_releases_nobodys_points(
    hq: Headquarters, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, two, m, copy = granted_later(hq)
    with monkeypatch.context() as broken:
        broken.setattr(restoring, "_begin_again", _plug_pulled)
        with pytest.raises(KeyboardInterrupt):
            hq.put_back(copy, loses_journal=True)
    hq.reopen()  # a journal was begun meanwhile, and knows nothing of what is missing
    with hq.office.store.look() as look:
        told = restoring.state(look)
        assert told is not None
        assert not told.is_whole
        assert restoring.held_back(look, [m]) == {m}
    one.sync()
    one.sync()
    two.sync()
    assert missing(hq) == []
    hq.put_back(hq.copy("later.sqlite"), is_said=True)  # once it is through, the next one is whole again
    with hq.office.store.look() as look:
        told = restoring.state(look)
    assert told is not None
    assert told.is_whole


def test_another_process_may_write_between_a_commit_and_its_mark(
    hq: Headquarters, monkeypatch: pytest.MonkeyPatch
) -> None:
    hq.shop("s001")
    copy, other, journal = hq.copy(), hq.another(), hq.office.store.journal
    assert journal is not None
    mark = journal.mark

    def late() -> None:
        other.ticket("s020")
        mark()

    with monkeypatch.context() as slow:
        slow.setattr(journal, "mark", late)
        with hq.office.store.turn() as turn:
            admission.open_store(turn, "s010", "s010")
    hq.ticket("s011")
    other.office.store.close()
    known = registry(hq)
    hq.put_back(copy)
    assert registry(hq) == known


def _killed_before_commit(hq: Headquarters) -> None:
    with hq.office.store.turn() as turn:
        admission.open_store(turn, "s020", "s020")
        hq.office.store.keep(turn)
        raise KeyboardInterrupt


def test_a_process_that_is_killed_before_its_commit_stops_no_other(
    hq: Headquarters, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = hq.shop("s001")
    copy, journal = hq.copy(), hq.office.store.journal
    other = hq.another()
    killed = other.office.store.journal
    assert journal is not None
    assert killed is not None
    with monkeypatch.context() as dead:
        dead.setattr(killed, "withdraw", lambda: None)  # who is killed cuts nothing off
        with pytest.raises(KeyboardInterrupt):
            _killed_before_commit(other)
    other.office.store.close()
    for store in ("s010", "s011"):
        hq.ticket(store)
    known = registry(hq)
    hq.put_back(copy)
    assert registry(hq) == known
    assert hq.rows("SELECT store FROM stores WHERE store = 's020'") == []
    one.sync()


def test_a_turn_that_was_not_committed_takes_no_other_with_it(tmp_path: Path) -> None:
    one = Journal(tmp_path)
    one.begin(0)
    other = Journal(tmp_path)
    one.write(1, [("said", "one", 1)])
    other.write(1, [("said", "two", 1)])  # the pen is free before who failed comes to withdraw
    other.mark()
    one.withdraw()
    one.write(2, [("said", "one", 2)])
    one.mark()
    told = [record.entries[0][1:] for record in Journal(tmp_path).after(0)]
    assert told == [("two", 1), ("one", 2)]
    one.begin(2)
    other.write(3, [("said", "two", 3)])  # and is killed
    one.begin(2)  # as a copy does
    one.write(3, [("said", "one", 3)])
    assert [record.entries[0][1] for record in Journal(tmp_path).after(2)] == ["one"]

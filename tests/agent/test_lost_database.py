"""A till whose database was lost or put back from an old copy spends no allowance a second time."""

from __future__ import annotations

from pathlib import Path

import pytest
from shopfloor import GOODS, RULES, HandClock, counter_of, grant, identity, open_till, tell_member

from agent import enrolment
from agent.journal.database import Book
from agent.journal.log import Log
from agent.journal.mirror import Mirror
from agent.journal.schema import migrations
from agent.recorder import Draft, Recorded, record
from agent.store import cells, feeds, members
from agent.till import RESTORED, Till
from points import rulebook
from points.rights import hear_grant
from points.wire import canonical

M = 1030
TODAY = 20261119


def remove_database(folder: Path) -> None:
    for path in folder.glob("agent.sqlite*"):
        path.unlink()


def spend(till: Till, pts: int) -> None:
    assert isinstance(counter_of(till).redeem(M, pts, "c1"), Recorded)


def granted_again(till: Till) -> tuple[int, int]:
    tell_member(till, M, 500)
    grant(till, M, 100)
    return till.rights(M).left(TODAY)


def test_a_deleted_database_does_not_give_a_spent_allowance_back(tmp_path: Path) -> None:
    till = open_till(tmp_path)
    assert granted_again(till) == (0, 100)
    spend(till, 60)
    till.book.close()
    remove_database(tmp_path)
    again = open_till(tmp_path)
    assert again.log.seq == 1
    assert again.rights(M).left(TODAY) == (0, 0)
    assert granted_again(again) == (0, 40)
    assert granted_again(again) == (0, 40), "heard twice"
    assert cells.read(again.book, M).used_before == 0


def test_an_old_copy_of_the_database_does_not_give_a_spent_allowance_back(tmp_path: Path) -> None:
    till = open_till(tmp_path)
    till.book.connection.execute(f"VACUUM INTO '{tmp_path / 'old'}'")
    assert granted_again(till) == (0, 100)
    spend(till, 60)
    till.book.close()
    remove_database(tmp_path)
    (tmp_path / "old").rename(tmp_path / "agent.sqlite")
    assert granted_again(open_till(tmp_path)) == (0, 40)


@pytest.mark.parametrize("is_old_copy", [True, False])
def test_a_number_that_was_given_to_somebody_is_given_to_nobody_else(
    tmp_path: Path, is_old_copy: bool
) -> None:
    till = open_till(tmp_path)
    pool = till.book.rows("SELECT m, code FROM pool")
    till.book.connection.execute(f"VACUUM INTO '{tmp_path / 'old'}'")
    first = enrolment.enrol(till, "c1")
    assert isinstance(first, enrolment.Enrolled)
    till.book.close()
    remove_database(tmp_path)
    if is_old_copy:
        (tmp_path / "old").rename(tmp_path / "agent.sqlite")
    again = open_till(tmp_path)
    with again.book.turn() as turn:
        members.put_pool(turn, pool)  # headquarters has not heard of the enrolment yet
    second = enrolment.enrol(again, "c1")
    assert isinstance(second, enrolment.Enrolled)
    assert second.m != first.m


def test_without_any_rule_book_rights_wait_for_the_first_one_and_are_counted_then(tmp_path: Path) -> None:
    till = open_till(tmp_path)
    granted_again(till)
    assert isinstance(counter_of(till).sell(M, GOODS, "c1"), Recorded)
    spend(till, 60)
    till.book.close()
    remove_database(tmp_path)
    who = identity()
    book = Book(tmp_path / "agent.sqlite", migrations)
    bare = Till(who, book, Log(book, Mirror(tmp_path / "mirror.log"), who.lane, who.genesis), HandClock())
    bare.wake()
    assert (bare.log.seq, cells.every(book)) == (2, [])
    assert feeds.fact(book, RESTORED) is not None
    blob = canonical.encode(RULES)
    with book.turn() as turn:
        feeds.keep_book(turn, rulebook.read(blob).hash, blob)
    bare.load_books()
    bare.rebuild_rights()
    bare.rebuild_rights()  # a second time counts nothing twice
    assert feeds.fact(book, RESTORED) is None
    assert granted_again(bare) == (0, 52)


@pytest.mark.parametrize("hours", [0, 14])
def test_rights_are_rebuilt_by_the_day_of_store_time_and_not_of_the_shift(tmp_path: Path, hours: int) -> None:
    clock = HandClock()
    till = open_till(tmp_path, clock)
    tell_member(till, M, 500)
    till.keep_shift(till.shift())  # the day stays open past midnight
    clock.now_ms += hours * 3_600_000
    assert isinstance(counter_of(till).sell(M, GOODS, "c1"), Recorded)
    before = cells.read(till.book, M)
    assert before.local[0][0] == 20271119 + (hours > 12)
    till.book.close()
    remove_database(tmp_path)
    assert cells.read(open_till(tmp_path, clock).book, M) == before


def test_a_later_term_forgets_what_the_earlier_one_used(tmp_path: Path) -> None:
    till = open_till(tmp_path)
    granted_again(till)
    spend(till, 60)
    till.book.close()
    remove_database(tmp_path)
    again = open_till(tmp_path)
    tell_member(again, M, 500)
    with again.book.turn() as turn:
        again.write_term(turn, 1, 2)
    again.enter_term(1, 2)
    after = hear_grant(again.rights(M), 1, 2, 100, [[20271118, 100]])
    assert (after.used_before, after.left(TODAY)) == (0, (0, 100))


def test_a_term_that_was_closed_stays_closed_after_a_restore(tmp_path: Path) -> None:
    till = open_till(tmp_path)
    assert granted_again(till) == (0, 100)
    till.book.connection.execute(f"VACUUM INTO '{tmp_path / 'old'}'")
    close = Draft("rights.close", {"inc": 1, "term": 1}, "agent", begins=(1, 2))
    record(till, close, till.time(), till.shift().day)
    till.book.close()
    remove_database(tmp_path)
    (tmp_path / "old").rename(tmp_path / "agent.sqlite")
    again = open_till(tmp_path)
    assert (again.identity.inc, again.identity.term) == (1, 2)
    assert again.rights(M).left(TODAY) == (0, 0)
    assert not again.has_own_term, "which term is its own headquarters has yet to tell"

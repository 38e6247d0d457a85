"""A till's database of every version that there ever was: brought up to date, its book is untouched."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from shopfloor import GOODS, counter_of, open_till
from sqlite_utils import Database

from agent import enrolment, goods_back
from agent.journal.schema import NEVER_CHANGED, migrations
from agent.recorder import Recorded
from config.sqlite import Connection, open_database

VERSIONS = [one.name for one in migrations.pending(Database(memory=True))][1:]
"""What the next version brought, of each that a database may be of."""
SHAPE = "SELECT type, name, sql FROM sqlite_master WHERE tbl_name = 'ops' ORDER BY name"
CARRIED = ("ops", "acts", "prints", "rights", "outcomes", "books", "pool", "facts")
"""Tables of the first version, filled as a till that worked would have."""


@pytest.fixture(scope="module")
def worked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a till that has enrolled, sold, taken back and voided."""
    folder = tmp_path_factory.mktemp("worked")
    till = open_till(folder)
    counter = counter_of(till)
    new = enrolment.enrol(till, "c1")
    assert isinstance(new, enrolment.Enrolled)
    sales = [counter.sell(new.m, GOODS, "c1") for _ in range(20)]
    assert all(isinstance(sale, Recorded) for sale in sales)
    first, second = (sale.op.id for sale in sales[:2] if isinstance(sale, Recorded))
    assert isinstance(goods_back.refund(till, first, [[1, 1, 4000]], "c1"), Recorded)
    assert isinstance(goods_back.void(till, second, "c1"), Recorded)
    till.book.close()
    return folder


def of_version(folder: Path, worked: Path, upcoming: str) -> Path:
    """A database as it was before ``upcoming`` came, with the same work in it, and its second file."""
    folder.mkdir(exist_ok=True)
    shutil.copy(worked / "mirror.log", folder / "mirror.log")
    path = folder / "agent.sqlite"
    old, new = open_database(path), open_database(worked / "agent.sqlite")
    migrations.apply(Database(old, execute_plugins=False, strict=True), stop_before=upcoming)
    for table in CARRIED:
        names = [row[1] for row in old.execute(f"PRAGMA table_info({table})")]
        rows = new.execute(f"SELECT {', '.join(names)} FROM {table}").fetchall()
        old.executemany(f"INSERT INTO {table} VALUES ({', '.join('?' * len(names))})", rows)
    old.commit()
    old.close()
    new.close()
    return path


WRITES = {9: "delete", 18: "insert", 23: "update", 26: "alter", 11: "drop", 16: "drop trigger"}


def upgraded(path: Path, steps: Any = migrations) -> tuple[list[tuple[Any, ...]], list[str]]:
    """(The book and its form afterwards, what was done to it on the way), by SQLite's own account."""
    connection, touched = open_database(path), list[str]()

    def watch(action: int, first: str | None, second: str | None, *_: str | None) -> int:
        if action in WRITES and "ops" in (first, second):
            touched.append(WRITES[action])
        return 0

    connection.set_authorizer(watch)
    steps.apply(Database(connection, execute_plugins=False, strict=True))
    connection.set_authorizer(None)
    connection.commit()
    found = book_of(connection)
    connection.close()
    return found, touched


def book_of(connection: Connection) -> list[tuple[Any, ...]]:
    rows: Sequence[tuple[Any, ...]] = connection.execute("SELECT * FROM ops ORDER BY pos").fetchall()
    return [*rows, *connection.execute(SHAPE).fetchall()]


@pytest.mark.parametrize("upcoming", VERSIONS)
def test_no_step_touches_the_book(tmp_path: Path, worked: Path, upcoming: str) -> None:
    path = of_version(tmp_path, worked, upcoming)
    connection = open_database(path)
    before = book_of(connection)
    connection.close()
    assert len(before) > 20 + len(NEVER_CHANGED)
    after, touched = upgraded(path)
    assert touched == []
    assert after == before
    assert upgraded(path) == (before, []), "and once more it does nothing"


@pytest.mark.parametrize("upcoming", VERSIONS)
def test_a_till_of_any_age_wakes_and_sells_on(tmp_path: Path, worked: Path, upcoming: str) -> None:
    of_version(tmp_path, worked, upcoming)
    till = open_till(tmp_path)
    seq = till.log.seq
    assert seq == 23
    ((m,),) = till.book.rows("SELECT DISTINCT m FROM ops WHERE m IS NOT NULL")
    assert till.look(m) is not None
    assert isinstance(counter_of(till).sell(m, GOODS, "c1"), Recorded)
    assert till.log.seq == seq + 1
    till.book.close()


def test_a_step_that_touches_the_book_is_seen(tmp_path: Path, worked: Path) -> None:
    class Spoilt:
        def apply(self, db: Any) -> None:
            migrations.apply(db)
            db.executescript(
                "DROP TRIGGER ops_never_change; UPDATE ops SET kind = 'sale.void' WHERE pos % 7 = 0;"
                "CREATE TRIGGER ops_never_change BEFORE UPDATE ON ops"
                " BEGIN SELECT RAISE(ABORT, 'the book is never changed'); END"
            )

    path = of_version(tmp_path, worked, VERSIONS[-1])
    connection = open_database(path)
    before = book_of(connection)
    connection.close()
    after, touched = upgraded(path, Spoilt())
    assert "update" in touched
    assert after != before

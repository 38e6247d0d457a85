"""The door to SQLite: what a connection promises, and that each promise can be broken and seen."""

from __future__ import annotations

import subprocess
import sys
import threading
from pathlib import Path

import pytest

from config import sqlite
from config.faults import Fault

PROMISES = [
    ("journal_mode", "wal"),
    ("synchronous", 2),
    ("foreign_keys", 1),
    ("busy_timeout", 5000),
    ("recursive_triggers", 1),
    ("trusted_schema", 0),
]


@pytest.mark.parametrize(("pragma", "value"), PROMISES)
def test_an_open_database_keeps_its_promises(tmp_path: Path, pragma: str, value: object) -> None:
    connection = sqlite.open_database(tmp_path / "a.sqlite")
    assert connection.execute(f"PRAGMA {pragma}").fetchone()[0] == value
    connection.close()


def test_less_durability_is_given_only_when_asked_for(tmp_path: Path) -> None:
    connection = sqlite.open_database(tmp_path / "a.sqlite", full=False)
    assert connection.execute("PRAGMA synchronous").fetchone()[0] == 1


@pytest.mark.parametrize("version", [(3, 7, 0), (3, 40, 1), (3, 51, 2)])
def test_an_sqlite_that_corrupts_is_refused(version: tuple[int, int, int]) -> None:
    with pytest.raises(Fault) as caught:
        sqlite.require_sound(version)
    assert caught.value.remedy == "fault.sqlite_too_old"
    assert caught.value.detail["needs"] == "3.51.3"


@pytest.mark.parametrize("version", [(3, 51, 3), (3, 53, 4), (4, 0, 0)])
def test_a_sound_sqlite_is_welcome(version: tuple[int, int, int]) -> None:
    sqlite.require_sound(version)


def test_our_own_sqlite_is_sound_whatever_the_machines_is() -> None:
    assert sqlite.driver.sqlite_version_info >= sqlite.OLDEST_SOUND


def test_a_setting_that_sqlite_did_not_take_is_a_fault(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file of rollback mode, held by a reader, cannot become WAL: SQLite only answers 'delete'."""
    path = tmp_path / "held.sqlite"
    holder = sqlite.driver.connect(str(path), isolation_level=None, timeout=0)
    holder.execute("CREATE TABLE t (n INTEGER)")
    holder.execute("BEGIN")
    holder.execute("SELECT * FROM t").fetchall()
    monkeypatch.setattr(sqlite, "BUSY_TIMEOUT_MS", 20)
    with pytest.raises(Fault) as caught:
        sqlite.open_database(path)
    holder.close()
    assert caught.value.remedy == "fault.database_unusable"


def test_a_key_encrypts_the_file_and_another_key_is_a_fault(tmp_path: Path) -> None:
    path = tmp_path / "sealed.sqlite"
    connection = sqlite.open_database(path, key=bytes(range(32)))
    connection.execute("CREATE TABLE t (word TEXT) STRICT")
    connection.execute("INSERT INTO t VALUES ('member')")
    connection.close()
    assert b"SQLite format 3" not in path.read_bytes()[:16]
    assert b"member" not in path.read_bytes()
    again = sqlite.open_database(path, key=bytes(range(32)))
    assert again.execute("SELECT word FROM t").fetchone() == ("member",)
    again.close()
    for wrong in (bytes(32), None):
        with pytest.raises(Fault) as caught:
            sqlite.open_database(path, key=wrong)
        assert caught.value.remedy == "fault.database_unreadable"
        assert bytes(range(32)).hex() not in str(caught.value)


def test_something_that_is_no_database_is_a_fault(tmp_path: Path) -> None:
    path = tmp_path / "letter.sqlite"
    path.write_bytes(b"dear reader, " * 400)
    with pytest.raises(Fault) as caught:
        sqlite.open_database(path)
    assert caught.value.remedy == "fault.database_unreadable"


def test_a_place_that_does_not_exist_is_a_fault(tmp_path: Path) -> None:
    with pytest.raises(Fault) as caught:
        sqlite.open_database(tmp_path / "nowhere" / "a.sqlite")
    assert caught.value.remedy == "fault.database_unusable"


def test_python_takes_no_part_in_transactions(tmp_path: Path) -> None:
    connection = sqlite.open_database(tmp_path / "a.sqlite")
    connection.execute("CREATE TABLE t (n INTEGER) STRICT")
    connection.execute("INSERT INTO t VALUES (1)")
    assert not connection.in_transaction
    connection.execute("BEGIN IMMEDIATE")
    connection.execute("INSERT INTO t VALUES (2)")
    connection.execute("ROLLBACK")
    assert connection.execute("SELECT count(*) FROM t").fetchone() == (1,)


def test_an_append_only_trigger_cannot_be_walked_around_by_replace(tmp_path: Path) -> None:
    connection = sqlite.open_database(tmp_path / "a.sqlite")
    connection.execute("CREATE TABLE t (n INTEGER PRIMARY KEY, word TEXT) STRICT")
    connection.execute("CREATE TRIGGER kept BEFORE DELETE ON t BEGIN SELECT RAISE(ABORT, 'append-only'); END")
    connection.execute("INSERT INTO t VALUES (1, 'first')")
    with pytest.raises(sqlite.IntegrityError, match="append-only"):
        connection.execute("INSERT OR REPLACE INTO t VALUES (1, 'second')")
    connection.execute("PRAGMA recursive_triggers = OFF")  # the negative control
    connection.execute("INSERT OR REPLACE INTO t VALUES (1, 'second')")
    assert connection.execute("SELECT word FROM t").fetchone() == ("second",)


def test_a_connection_may_change_threads(tmp_path: Path) -> None:
    connection = sqlite.open_database(tmp_path / "a.sqlite")
    rows: list[object] = []
    thread = threading.Thread(target=lambda: rows.append(connection.execute("SELECT 7").fetchone()))
    thread.start()
    thread.join()
    assert rows == [(7,)]


def test_memory_is_allowed_for_tests() -> None:
    connection = sqlite.open_database(":memory:")
    assert connection.execute("PRAGMA journal_mode").fetchone() == ("memory",)


IMPORTED_FIRST = "import config.sqlite, sqlite_utils.utils as u; print(u.sqlite3.__name__)"
IMPORTED_LATE = """
import sqlite_utils
try:
    import config.sqlite
except Exception as fault:
    print(fault.remedy)
"""


@pytest.mark.parametrize(
    ("program", "said"), [(IMPORTED_FIRST, "sqlcipher3"), (IMPORTED_LATE, "fault.sqlite_wrong_driver")]
)
def test_sqlite_utils_takes_our_driver_or_we_stop(program: str, said: str) -> None:
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == said


def test_sqlite_utils_works_on_our_connection(tmp_path: Path) -> None:
    from sqlite_utils import Database

    connection = sqlite.open_database(tmp_path / "a.sqlite")
    db = Database(connection, execute_plugins=False, strict=True)
    db["members"].insert({"m": 1, "tier": "gold"}, pk="m")  # type: ignore[union-attr]
    assert list(db["members"].rows) == [{"m": 1, "tier": "gold"}]


def test_sqlalchemy_works_on_our_driver(tmp_path: Path) -> None:
    from sqlalchemy import create_engine, text

    engine = create_engine(
        "sqlite+pysqlite://",
        module=sqlite.driver,
        creator=lambda: sqlite.open_database(tmp_path / "h.sqlite"),
    )
    with engine.begin() as connection:
        connection.execute(text("CREATE TABLE t (n INTEGER) STRICT"))
        connection.execute(text("INSERT INTO t VALUES (:n)"), [{"n": 1}, {"n": 2}])
        assert connection.execute(text("PRAGMA synchronous")).scalar() == 2
        assert connection.execute(text("SELECT sum(n) FROM t")).scalar() == 3
    engine.dispose()

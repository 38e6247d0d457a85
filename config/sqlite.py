"""The one SQLite both sides may run on, and the only door to `sqlcipher3`.

What always holds for a connection opened here: the library is one that does not corrupt a WAL database,
the journal is WAL, foreign keys and recursive triggers are on, a writer waits for another, a commit is on
the disk when it returns (unless the caller asked for less), and every one of these was read back from
SQLite and compared, because an unknown or refused PRAGMA is silent.

Python takes no part in transactions (`isolation_level=None`): who writes says BEGIN IMMEDIATE itself.
This module refuses to know any table. Importing it also registers the driver under the name `pysqlite3`,
which sqlite-utils looks for; so import it before `sqlite_utils`, or its `alter` and error handling catch
the exceptions of a different library. For SQLAlchemy:
`create_engine("sqlite+pysqlite://", module=driver, creator=lambda: open_database(path))`.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import sqlcipher3
from sqlcipher3 import dbapi2

from config.faults import Fault

if TYPE_CHECKING:  # the same shapes as the standard library's module, which has the types
    from sqlite3 import Connection, Cursor, DatabaseError, Error, IntegrityError, OperationalError, Row
else:
    Connection = dbapi2.Connection
    Cursor = dbapi2.Cursor
    DatabaseError = dbapi2.DatabaseError
    Error = dbapi2.Error
    IntegrityError = dbapi2.IntegrityError
    OperationalError = dbapi2.OperationalError
    Row = dbapi2.Row

__all__ = [
    "OLDEST_SOUND",
    "Connection",
    "Cursor",
    "DatabaseError",
    "Error",
    "IntegrityError",
    "OperationalError",
    "Row",
    "driver",
    "open_database",
    "register",
    "require_sound",
]

# SQLite 3.7.0 to 3.51.2 can corrupt a WAL database that two connections use (the WAL-reset bug).
OLDEST_SOUND = (3, 51, 3)
BUSY_TIMEOUT_MS = 5_000
CACHED_STATEMENTS = 512
RAW_KEY_BYTES = 32
MEMORY = ":memory:"

driver: Any = dbapi2


def require_sound(version: tuple[int, int, int]) -> None:
    """Raise a Fault for an SQLite that may corrupt a WAL database."""
    if version < OLDEST_SOUND:
        has, needs = (".".join(map(str, v)) for v in (version, OLDEST_SOUND))
        raise Fault(
            "fault.sqlite_too_old",
            f"SQLite {has} can corrupt a WAL database; {needs} or newer is needed",
            has=has,
            needs=needs,
        )


def register() -> None:
    """Let `import pysqlite3` mean our driver. Raise a Fault if someone imported sqlite-utils before us."""
    sys.modules.setdefault("pysqlite3", sqlcipher3)
    sys.modules.setdefault("pysqlite3.dbapi2", dbapi2)
    other = getattr(sys.modules.get("sqlite_utils.utils"), "sqlite3", None)
    if other not in (None, sqlcipher3, dbapi2):
        raise Fault(
            "fault.sqlite_wrong_driver",
            f"sqlite-utils was imported before config.sqlite and took {other.__name__}",
            driver=str(other.__name__),
        )


def open_database(path: Path | str, *, full: bool = True, key: bytes | None = None) -> Connection:
    """Open (or create) the database at `path`, ready for work.

    `full` asks for a commit that survives a power cut (synchronous=FULL); without it a cut may lose the
    last commits but never breaks the file: right for what can be fetched again. `key` is 32 raw bytes and
    encrypts the whole file. `":memory:"` is allowed for tests; its journal is SQLite's `memory`.

    Raises Fault `fault.database_unreadable` (not a database, or another key), `fault.database_unusable`
    (cannot be opened, or SQLite did not take a setting) and `fault.sqlite_too_old`.
    """
    require_sound(dbapi2.sqlite_version_info)
    assert key is None or len(key) == RAW_KEY_BYTES, "a raw key is 32 bytes"
    try:
        connection: Connection = dbapi2.connect(
            str(path),
            isolation_level=None,
            check_same_thread=False,  # opened by the assembly, used by the thread that owns it
            cached_statements=CACHED_STATEMENTS,
            timeout=BUSY_TIMEOUT_MS / 1000,
        )
    except Error as error:
        raise _unusable(path, str(error)) from error
    try:
        if key is not None:
            connection.execute(f"PRAGMA key = \"x'{key.hex()}'\"")  # a PRAGMA takes no parameters
        _prove_readable(connection, path)
        _set_and_check(connection, path, full)
    except BaseException:
        connection.close()
        raise
    return connection


def _prove_readable(connection: Connection, path: Path | str) -> None:
    try:
        connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
    except OperationalError as error:
        raise _unusable(path, str(error)) from error
    except DatabaseError as error:  # NOTADB: SQLCipher cannot tell a wrong key from another kind of file
        raise Fault(
            "fault.database_unreadable",
            f"{path} is not a database, or is encrypted under another key",
            path=str(path),
        ) from error


def _set_and_check(connection: Connection, path: Path | str, full: bool) -> None:
    wanted: list[tuple[str, str, str | int]] = [
        ("busy_timeout", str(BUSY_TIMEOUT_MS), BUSY_TIMEOUT_MS),
        ("journal_mode", "WAL", "memory" if str(path) == MEMORY else "wal"),
        ("synchronous", "FULL" if full else "NORMAL", 2 if full else 1),
        ("foreign_keys", "ON", 1),
        # Without it INSERT OR REPLACE deletes a row and fires no DELETE trigger: append-only would leak.
        ("recursive_triggers", "ON", 1),
        ("trusted_schema", "OFF", 0),
    ]
    for name, value, expected in wanted:
        try:
            connection.execute(f"PRAGMA {name} = {value}").fetchall()
            found = connection.execute(f"PRAGMA {name}").fetchone()[0]
        except Error as error:
            raise _unusable(path, f"PRAGMA {name}: {error}") from error
        if found != expected:
            raise _unusable(path, f"PRAGMA {name} is {found!r}, wanted {expected!r}")


def _unusable(path: Path | str, reason: str) -> Fault:
    return Fault("fault.database_unusable", f"{path}: {reason}", path=str(path), reason=reason)


register()

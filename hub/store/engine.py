"""The way into headquarters' database: one engine, turns that commit whole, and bulk statements.

On SQLite it is the same safe driver as the till's; on PostgreSQL the same statements go through
psycopg. SQLAlchemy keeps the connections, the transactions and the schema; rows go through the
driver's own cursor, because the number of statements decides the speed and nothing may stand between.
One turn writes at a time, in this process by a pen and on PostgreSQL in every process by a lock of the
database, so a judgement never sees a half of another's.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, QueuePool, Table, create_engine, event

from config.sqlite import driver, open_database
from hub.store.checkpoints import LOG_BYTES_KEPT, LOG_PAGES_MAX, Checkpoints
from hub.store.journal import Entry, Journal

Row = tuple[Any, ...]
KEYS_A_STATEMENT = 400
SQLITE = "sqlite:///"
CACHE_KIB = 64 * 1024
CONNECTIONS_MAX = 24
READS = ("SELECT ", "WITH ")
WRITERS_LOCK = 0x6A6966656E  # "jifen"


class Collision(Exception):
    """Another transaction changed the same rows meanwhile; do it again."""


class Turn:
    """One transaction. ``put`` and ``find`` take many rows at once. ``has_written`` says whether it changed
    anything, or may have, since that was last set to False.

    What is done ``twice`` is kept in the journal too: everything that is said to stores and that no store
    could tell headquarters again.
    """

    def __init__(self, connection: Connection) -> None:
        self._cursor: Any = connection.connection.cursor()
        self._is_sqlite = connection.dialect.name == "sqlite"
        self.has_written = False
        self.decided: list[Entry] = []

    def run(self, sql: str, arguments: Sequence[Any] = (), *, twice: bool = False) -> list[Row]:
        """One statement with ``?`` marks; its rows, if it has any."""
        if not sql.startswith(READS):
            self.has_written = True
        if twice:
            self.decided.append(("sql", sql, [list(arguments)]))
        self._cursor.execute(self._marked(sql), tuple(arguments))
        return [] if self._cursor.description is None else self._cursor.fetchall()

    def one(self, sql: str, arguments: Sequence[Any] = ()) -> Row | None:
        """The first row of a statement, or None."""
        rows = self.run(sql, arguments)
        return rows[0] if rows else None

    def put(
        self, table: Table, rows: Iterable[Sequence[Any]], *, on_conflict: str = "", twice: bool = False
    ) -> None:
        """Insert rows in the order of the table's columns.

        ``on_conflict`` "ignore" keeps what is there, "replace" takes the new values of all other columns.
        """
        many = rows if isinstance(rows, list) else list(rows)
        if many:
            self.has_written = True
            sql = _insert(table, on_conflict)
            if twice:
                self.decided.append(("sql", sql, [list(row) for row in many]))
            self._cursor.executemany(self._marked(sql), many)

    def many(self, sql: str, rows: Iterable[Sequence[Any]]) -> int:
        """One statement for many argument rows; gives how many rows it changed."""
        many = rows if isinstance(rows, list) else list(rows)
        if not many:
            return 0
        self.has_written = True
        self._cursor.executemany(self._marked(sql), many)
        return int(self._cursor.rowcount)

    def find(
        self, table: Table, columns: Sequence[str], by: Sequence[str], keys: Iterable[Sequence[Any]]
    ) -> list[Row]:
        """``columns`` of the rows whose ``by`` columns are one of ``keys``; few statements for many keys."""
        wanted = list(dict.fromkeys(map(tuple, keys)))
        found: list[Row] = []
        for start in range(0, len(wanted), KEYS_A_STATEMENT):
            part = wanted[start : start + KEYS_A_STATEMENT]
            sql = _join(table, tuple(columns), tuple(by), len(part))
            found += self.run(sql, [value for key in part for value in key])
        return found

    def _marked(self, sql: str) -> str:
        return sql if self._is_sqlite else _percent(sql)


def next_turn(turn: Turn) -> int:
    """The next number of a turn that decides."""
    row = turn.one(
        "INSERT INTO settings (name, value) VALUES ('journal', '1')"
        " ON CONFLICT (name) DO UPDATE SET value = CAST(CAST(settings.value AS bigint) + 1 AS text)"
        " RETURNING value"
    )
    assert row is not None
    return int(row[0])


class Store:
    """Headquarters' database at ``url``. ``turn`` writes, ``look`` reads; both from any thread.

    Who only reads says so: the log is copied by who ``writes``.
    """

    def __init__(self, url: str, *, writes: bool = True) -> None:
        self.url = url
        self.journal: Journal | None = None
        self.engine = _engine(url)
        self.is_sqlite = self.engine.dialect.name == "sqlite"
        self._pen = threading.RLock()
        self._checkpoints: Checkpoints | None = None
        if self.is_sqlite and writes:
            path = Path(url.removeprefix(SQLITE))
            self._checkpoints = Checkpoints(path, lambda: _open(path))

    @contextmanager
    def turn(self) -> Iterator[Turn]:
        """One writing transaction: everything in it is durable together, or nothing.

        Raises ``Collision`` when another process was quicker.
        """
        with self._pen:
            journal, is_kept = self.journal, False
            try:
                with self.engine.begin() as connection:
                    if not self.is_sqlite:
                        connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({WRITERS_LOCK})")
                    turn = Turn(connection)
                    yield turn
                    is_kept = self.keep(turn)
                if journal is not None and is_kept:
                    journal.mark()
                if self._checkpoints is not None:
                    self._checkpoints.look()
            except self.engine.dialect.loaded_dbapi.IntegrityError as error:
                raise Collision from error
            finally:
                if journal is not None and is_kept:
                    journal.withdraw()  # unless it is marked

    @contextmanager
    def look(self) -> Iterator[Turn]:
        """A consistent reading."""
        with self.engine.connect().execution_options(reads=True) as connection, connection.begin():
            yield Turn(connection)

    def keep(self, turn: Turn) -> bool:
        """Write what a turn has decided to the journal, before it is committed; whether it has anything."""
        if self.journal is None or not turn.decided:
            return False
        self.journal.write(next_turn(turn), turn.decided)
        return True

    def copy_to(self, path: Path) -> None:
        """A consistent copy of an embedded database; others read and write meanwhile."""
        assert self.is_sqlite, "other engines have tools of their own"
        with self.engine.connect() as connection:  # nothing is begun on it: it could not be copied then
            connection.connection.cursor().execute("VACUUM INTO ?", (str(path),))

    def close(self) -> None:
        """Close all connections."""
        if self._checkpoints is not None:
            self._checkpoints.close()
        self.engine.dispose()


def _engine(url: str) -> Engine:
    if not url.startswith(SQLITE):
        return create_engine(url, pool_size=8, max_overflow=CONNECTIONS_MAX)
    path = Path(url.removeprefix(SQLITE))
    path.parent.mkdir(parents=True, exist_ok=True)
    engine = create_engine(
        "sqlite+pysqlite://",
        module=driver,
        creator=lambda: _open(path),
        # Not the pool that SQLAlchemy takes for an unnamed file: it closes connections that are in use.
        poolclass=QueuePool,
        pool_size=8,
        max_overflow=CONNECTIONS_MAX,
        pool_use_lifo=True,  # the connection whose cache is warm
    )
    event.listen(engine, "begin", _begin)
    return engine


def _open(path: Path) -> Any:
    connection = open_database(path)
    connection.execute(f"PRAGMA cache_size = -{CACHE_KIB}").fetchall()
    connection.execute(f"PRAGMA wal_autocheckpoint = {LOG_PAGES_MAX}").fetchall()
    connection.execute(f"PRAGMA journal_size_limit = {LOG_BYTES_KEPT}").fetchall()
    return connection


def _begin(connection: Connection) -> None:
    """A writer takes the pen at once; a reader must not hold it."""
    reads = connection.get_execution_options().get("reads", False)
    connection.exec_driver_sql("BEGIN" if reads else "BEGIN IMMEDIATE")


@lru_cache(maxsize=512)
def _percent(sql: str) -> str:
    """psycopg's marks; a per cent sign of our own is doubled."""
    return sql.replace("%", "%%").replace("?", "%s")


@lru_cache(maxsize=256)
def _insert(table: Table, on_conflict: str) -> str:
    columns = [column.name for column in table.columns if column.autoincrement is not True]
    marks = ", ".join("?" * len(columns))
    names = ", ".join(_quoted(columns))
    return f"INSERT INTO {table.name} ({names}) VALUES ({marks}){_conflict(table, columns, on_conflict)}"


@lru_cache(maxsize=512)
def _join(table: Table, columns: Sequence[str], by: Sequence[str], count: int) -> str:
    selected = ", ".join(f"t.{name}" for name in _quoted(columns))
    joined = " AND ".join(f"t.{name} = w.k{i}" for i, name in enumerate(_quoted(by)))
    heads = ", ".join(f"k{i}" for i in range(len(by)))
    values = ", ".join(["(" + ", ".join("?" * len(by)) + ")"] * count)
    with_keys = f"WITH w({heads}) AS (VALUES {values})"  # CROSS: SQLite keeps this order, keys first
    return f"{with_keys} SELECT {selected} FROM w CROSS JOIN {table.name} t WHERE {joined}"


def _quoted(names: Sequence[str]) -> list[str]:
    """``row`` and ``current`` are words of SQL too."""
    return [f'"{name}"' for name in names]


def _conflict(table: Table, columns: Sequence[str], how: str) -> str:
    if not how:
        return ""
    key = [column.name for column in table.primary_key.columns]
    target = f" ON CONFLICT ({', '.join(_quoted(key))})"
    if how == "ignore":
        return f"{target} DO NOTHING"
    assert how == "replace"
    changed = ", ".join(f'"{name}" = excluded."{name}"' for name in columns if name not in key)
    return f"{target} DO UPDATE SET {changed}"

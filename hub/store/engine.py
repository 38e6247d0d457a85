"""The way into headquarters' database: one engine, turns that commit whole, and bulk statements.

On SQLite it is the same safe driver as the till's, with one writer at a time; on PostgreSQL the same
statements go through psycopg. Rows are written and found in bulk with plain SQL that both engines
understand: the number of statements decides the speed, not the number of rows.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, Table, create_engine, event

from config.sqlite import driver, open_database

Row = tuple[Any, ...]
ROWS_A_STATEMENT = 400
SQLITE = "sqlite:///"


class Turn:
    """One transaction. ``put`` and ``find`` take many rows at once."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self._mark = "?" if connection.dialect.paramstyle == "qmark" else "%s"

    def run(self, sql: str, arguments: Sequence[Any] = ()) -> list[Row]:
        """One statement with ``?`` marks; its rows, if it has any."""
        done = self.connection.exec_driver_sql(self._marked(sql), tuple(arguments))
        return [tuple(row) for row in done] if done.returns_rows else []

    def one(self, sql: str, arguments: Sequence[Any] = ()) -> Row | None:
        """The first row of a statement, or None."""
        rows = self.run(sql, arguments)
        return rows[0] if rows else None

    def put(self, table: Table, rows: Iterable[Sequence[Any]], *, on_conflict: str = "") -> None:
        """Insert rows in the order of the table's columns.

        ``on_conflict`` "ignore" keeps what is there, "replace" takes the new values of all other columns.
        """
        many = [tuple(row) for row in rows]
        if not many:
            return
        columns = [column.name for column in table.columns if column.autoincrement is not True]
        marks = ", ".join("?" * len(columns))
        names = ", ".join(_quoted(columns))
        how = _conflict(table, columns, on_conflict)
        sql = f"INSERT INTO {table.name} ({names}) VALUES ({marks}){how}"
        self.connection.exec_driver_sql(self._marked(sql), many)

    def many(self, sql: str, rows: Iterable[Sequence[Any]]) -> int:
        """One statement for many argument rows; gives how many rows it changed."""
        arguments = [tuple(row) for row in rows]
        if not arguments:
            return 0
        return self.connection.exec_driver_sql(self._marked(sql), arguments).rowcount

    def find(
        self, table: Table, columns: Sequence[str], by: Sequence[str], keys: Iterable[Sequence[Any]]
    ) -> list[Row]:
        """``columns`` of the rows whose ``by`` columns are one of ``keys``; few statements for many keys."""
        wanted = list(dict.fromkeys(tuple(key) for key in keys))
        selected = ", ".join(f"t.{name}" for name in _quoted(columns))
        joined = " AND ".join(f"t.{name} = w.k{i}" for i, name in enumerate(_quoted(by)))
        heads = ", ".join(f"k{i}" for i in range(len(by)))
        found: list[Row] = []
        for start in range(0, len(wanted), ROWS_A_STATEMENT):
            part = wanted[start : start + ROWS_A_STATEMENT]
            values = ", ".join(["(" + ", ".join("?" * len(by)) + ")"] * len(part))
            with_keys = f"WITH w({heads}) AS (VALUES {values})"
            sql = f"{with_keys} SELECT {selected} FROM w JOIN {table.name} t ON {joined}"
            found += self.run(sql, [value for key in part for value in key])
        return found

    def _marked(self, sql: str) -> str:
        return sql if self._mark == "?" else sql.replace("?", self._mark)


class Store:
    """Headquarters' database. ``turn`` writes, ``look`` reads; both from any thread."""

    def __init__(self, url: str) -> None:
        self.engine = _engine(url)
        self.is_sqlite = self.engine.dialect.name == "sqlite"
        self._pen = threading.RLock()

    @contextmanager
    def turn(self) -> Iterator[Turn]:
        """One writing transaction: everything in it is durable together, or nothing."""
        if self.is_sqlite:
            with self._pen, self.engine.begin() as connection:
                yield Turn(connection)
        else:
            with self.engine.begin() as connection:
                yield Turn(connection)

    @contextmanager
    def look(self) -> Iterator[Turn]:
        """A consistent reading."""
        with self.engine.connect().execution_options(reads=True) as connection:
            yield Turn(connection)

    def close(self) -> None:
        """Close all connections."""
        self.engine.dispose()


def _engine(url: str) -> Engine:
    if not url.startswith(SQLITE):
        return create_engine(url, pool_size=8)
    path = Path(url.removeprefix(SQLITE))
    path.parent.mkdir(parents=True, exist_ok=True)
    engine = create_engine(
        "sqlite+pysqlite://", module=driver, creator=lambda: open_database(path), pool_size=8
    )
    event.listen(engine, "begin", _begin)
    return engine


def _begin(connection: Connection) -> None:
    """A writer takes the pen at once; a reader must not hold it."""
    reads = connection.get_execution_options().get("reads", False)
    connection.exec_driver_sql("BEGIN" if reads else "BEGIN IMMEDIATE")


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

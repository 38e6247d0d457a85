"""One till's database: one pen, one lock, and turns that are on disk together or not at all.

The only door to sqlite-utils. A turn says BEGIN IMMEDIATE and not sqlite-utils' own ``atomic()``:
that one starts as a reader, and a reader that turns writer after somebody else has written fails at
once with "database is locked", however long the busy timeout.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from config.sqlite import Connection, open_database, register

register()

from sqlite_utils import Database, Migrations  # noqa: E402  (the driver must be registered first)

__all__ = ["Book", "Migrations"]


class Book:
    """The open database of one till. Every method may be called from any thread."""

    def __init__(self, path: Path | str, migrations: Migrations, *, full: bool = True) -> None:
        self.connection: Connection = open_database(path, full=full)
        self.lock = threading.RLock()
        self.tables = Database(self.connection, execute_plugins=False, strict=True)
        self.failpoint: Callable[[str], None] | None = None
        with self.lock:
            migrations.apply(self.tables)

    @contextmanager
    def turn(self) -> Iterator[Connection]:
        """Hold the only pen: everything inside is on disk together, or not at all. Does not nest."""
        with self.lock:
            assert not self.connection.in_transaction, "a write turn does not nest"
            self.connection.execute("BEGIN IMMEDIATE")
            try:
                yield self.connection
                self.connection.execute("COMMIT")
            except BaseException:
                if self.connection.in_transaction:
                    self.connection.execute("ROLLBACK")
                raise

    def rows(self, sql: str, arguments: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """All rows of one question."""
        with self.lock:
            return self.connection.execute(sql, arguments).fetchall()

    def row(self, sql: str, arguments: Sequence[Any] = ()) -> tuple[Any, ...] | None:
        """The first row of one question, or None."""
        with self.lock:
            found: tuple[Any, ...] | None = self.connection.execute(sql, arguments).fetchone()
            return found

    def close(self) -> None:
        """Close for good."""
        with self.lock:
            self.connection.close()

"""One till's database: one pen, one lock, and turns that are on disk together or not at all.

The only door to sqlite-utils. A turn says BEGIN IMMEDIATE and not sqlite-utils' own ``atomic()``:
that one starts as a reader, and a reader that turns writer after somebody else has written fails at
once with "database is locked", however long the busy timeout.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from config.sqlite import MEMORY, Connection, open_database, register

register()

# sqlite-utils takes NumPy and pandas in where they are installed, for columns of their types, which no book
# has: half a second and 60 MB of every process. A name that is None in sys.modules is not installed.
_unwanted = {"numpy", "pandas"} - sys.modules.keys()
sys.modules.update(dict.fromkeys(_unwanted))  # type: ignore[arg-type]
from sqlite_utils import Database, Migrations  # noqa: E402  (the driver must be registered first)

for _name in _unwanted:
    del sys.modules[_name]

__all__ = ["Book", "Migrations"]

LOG_PAGES = 1_000
"""How long the log grows before a commit copies it into the database: SQLite's own default."""


class Turn:
    """One write turn of a book; entering it gives the connection."""

    __slots__ = ("_book", "_is_light")

    def __init__(self, book: Book, *, is_light: bool = False) -> None:
        self._book = book
        self._is_light = is_light

    def __enter__(self) -> Connection:
        book = self._book
        book.lock.acquire()
        try:
            assert not book.connection.in_transaction, "a write turn does not nest"
            if self._is_light:
                book.connection.execute("PRAGMA synchronous = NORMAL")
            book.connection.execute("BEGIN IMMEDIATE")
        except BaseException:
            book.lock.release()
            raise
        return book.connection

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        book = self._book
        try:
            if kind is None:
                book.connection.execute("COMMIT")
            else:
                book.back()
        except BaseException:
            book.back()
            raise
        finally:
            if self._is_light and book.is_full:
                book.connection.execute("PRAGMA synchronous = FULL")
            book.lock.release()


class Book:
    """The open database of one till. Every method may be called from any thread."""

    path = MEMORY
    is_full = True
    """Whether a turn is on the disk when it returns."""

    def __init__(self, path: Path | str, migrations: Migrations, *, full: bool = True) -> None:
        self.connection: Connection = open_database(path, full=full)
        self.lock, self.is_full, self.path = threading.RLock(), full, str(path)
        self.tables = Database(self.connection, execute_plugins=False, strict=True)
        with self.lock:
            migrations.apply(self.tables)

    def turn(self) -> Turn:
        """Hold the only pen: everything inside is on disk together, or not at all. Does not nest."""
        return Turn(self)

    def light_turn(self) -> Turn:
        """A turn for what can be fetched again: the disk is not waited for.

        A power cut may take it, with every light one after the last other turn.
        """
        return Turn(self, is_light=True)

    @contextmanager
    def copied_beside(self) -> Iterator[Callable[[], None]]:
        """For long writing beside the counter: the log is copied into the database by whoever calls what this
        gives, without the pen, and not by the next customer whose sale comes to the log's end."""
        if self.path == MEMORY:
            yield lambda: None
            return
        with self.lock:
            self.connection.execute("PRAGMA wal_autocheckpoint = 0")
        try:
            yield self._copy
        finally:
            with self.lock:
                self.connection.execute(f"PRAGMA wal_autocheckpoint = {LOG_PAGES}")

    def _copy(self) -> None:
        with closing(open_database(self.path)) as beside:
            beside.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchall()

    def back(self) -> None:
        """End a turn that did not come to its commit."""
        if self.connection.in_transaction:
            self.connection.execute("ROLLBACK")

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

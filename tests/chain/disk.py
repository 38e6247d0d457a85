"""A PC's disk: the till's database and the second file, and what may go wrong with them.

The database is a real SQLite in memory that outlives the program: a program that is killed loses its open
transaction and nothing else, which is what SQLite promises on a disk that keeps what it said it kept. The
second file is a real file, on a memory file system where there is one. ``Armed`` stands between the program
and the database for one act and stops it at a chosen statement.
"""

from __future__ import annotations

import os
import tempfile
import threading
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from agent.journal.database import Book
from agent.journal.mirror import Mirror
from agent.journal.schema import migrations
from config.sqlite import Connection, OperationalError, open_database

FULL = "database or disk is full"


class Killed(BaseException):
    """The program stopped here: no handler of the product hears of it."""


def quick_folder() -> str | None:
    """A folder whose files are memory, if there is one."""
    return "/dev/shm" if os.access("/dev/shm", os.W_OK) else None


def new_folder() -> tempfile.TemporaryDirectory[str]:
    """A folder for second files that goes with its owner."""
    return tempfile.TemporaryDirectory(prefix="chain-", dir=quick_folder())


@cache
def _empty() -> Connection:
    """A till's database as the migrations make it; every disk begins as a copy."""
    return Book(":memory:", migrations).connection


class OpenBook(Book):
    """The book of a database that is open already and stays open when the program is killed."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self.lock = threading.RLock()


class Disk:
    """What is left of a PC when its program is gone."""

    def __init__(self, mirror: Path) -> None:
        self.database = open_database(":memory:")
        _empty().backup(self.database)
        self.mirror = mirror
        self.copy: Connection | None = None

    def open(self) -> tuple[Book, Mirror]:
        """As a program finds it."""
        self._end_turn()
        return OpenBook(self.database), Mirror(self.mirror)

    def _end_turn(self) -> None:
        """What a killed program had not committed is nowhere."""
        if self.database.in_transaction:
            self.database.execute("ROLLBACK")

    def keep_copy(self) -> None:
        """Somebody copies the database."""
        self._end_turn()
        self.copy = open_database(":memory:")
        self.database.backup(self.copy)

    def put_copy_back(self) -> bool:
        """Somebody puts the copy back in the place of the database; the second file stays."""
        if self.copy is None:
            return False
        self.database.close()
        self.database, self.copy = self.copy, None
        return True

    def close(self) -> None:
        """Throw it away."""
        self.database.close()
        if self.copy is not None:
            self.copy.close()


class Armed:
    """A connection that stops the program, or fails, at the ``countdown``-th statement from now.

    ``how``: "before" and "after" kill there, "full" fails all that write from there on, "doubt" lets the next
    commit happen and says that it failed.
    """

    def __init__(self, real: Connection, how: str, countdown: int, mark: Callable[[str], None]) -> None:
        self.real, self.how, self.countdown, self._mark = real, how, countdown, mark

    @property
    def in_transaction(self) -> bool:
        return self.real.in_transaction

    def execute(self, sql: str, arguments: Sequence[Any] = ()) -> Any:
        return self._do(sql, lambda: self.real.execute(sql, arguments))

    def executemany(self, sql: str, rows: Any) -> Any:
        return self._do(sql, lambda: self.real.executemany(sql, rows))

    def executescript(self, sql: str) -> Any:
        return self._do(sql, lambda: self.real.executescript(sql))

    def close(self) -> None:
        self.real.close()

    def _do(self, sql: str, work: Callable[[], Any]) -> Any:
        if self.how == "full":
            if sql.startswith(("INSERT", "UPDATE")):
                self._mark("disk full")
                raise OperationalError(FULL)
            return work()
        if self.how == "doubt":
            done = work()
            if sql == "COMMIT" and self.countdown == 0:
                self.countdown = -1
                self._mark("commit in doubt")
                raise OperationalError("disk I/O error")
            return done
        self.countdown -= 1
        if self.countdown == 0 and self.how == "before":
            self._mark("kill at a statement")
            raise Killed
        done = work()
        if self.countdown == 0:
            self._mark("kill after a statement")
            raise Killed
        return done


class ArmedMirror(Mirror):
    """A second file at whose next append the program is killed, with nothing or a half of it written."""

    def __init__(self, path: Path, torn: bool, mark: Callable[[str], None]) -> None:
        super().__init__(path)
        self._torn, self._mark = torn, mark

    def append(self, raw: bytes) -> None:
        if self._torn:
            self._mark("kill in the second file")
            with self.path.open("r+b") as file:
                file.seek(self._good)
                file.write(raw[: len(raw) // 2])
        else:
            self._mark("kill before the second file")
        raise Killed

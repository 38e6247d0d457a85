"""The bare baseline: what durable means on this disk, before any of our code.

One commit of a row as large as an operation in SQLite, WAL and synchronous FULL, alone; then the same
commit and an appended, synced line in a second file, which is what a recorded operation costs at least.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from rounds import Bench, Contender, Work

from config import sqlite

ROW = bytes(range(256)) + bytes(64)


@contextmanager
def journal(folder: Path) -> Iterator[Any]:
    connection = sqlite.open_database(folder / "bare.sqlite")
    connection.execute("CREATE TABLE log (seq INTEGER PRIMARY KEY, body BLOB NOT NULL) STRICT")
    assert connection.execute("PRAGMA journal_mode").fetchone()[0] == "wal"
    assert connection.execute("PRAGMA synchronous").fetchone()[0] == 2
    try:
        yield connection
    finally:
        connection.close()


@contextmanager
def second_file(folder: Path) -> Iterator[int]:
    handle = os.open(folder / "mirror", os.O_CREAT | os.O_WRONLY | os.O_APPEND, 0o600)
    try:
        yield handle
    finally:
        os.close(handle)


@contextmanager
def one_commit(folder: Path) -> Iterator[Work]:
    with journal(folder) as connection:

        def work(i: int) -> None:
            connection.execute("BEGIN IMMEDIATE")
            connection.execute("INSERT INTO log VALUES (?, ?)", (i, ROW))
            connection.execute("COMMIT")

        yield work


@contextmanager
def commit_and_second_file(folder: Path) -> Iterator[Work]:
    with one_commit(folder) as commit, second_file(folder) as handle:

        def work(i: int) -> None:
            commit(i)
            os.write(handle, ROW)
            os.fsync(handle)

        yield work


@contextmanager
def one_append(folder: Path) -> Iterator[Work]:
    with second_file(folder) as handle:

        def work(i: int) -> None:
            os.write(handle, ROW)
            os.fsync(handle)

        yield work


BENCH = Bench(
    title="durable, bare",
    contenders=[
        Contender("one commit, WAL and FULL", one_commit),
        Contender("commit and second file", commit_and_second_file),
        Contender("one appended line", one_append),
    ],
    calls=300,
    note="rows of 320 bytes; the folder of temporary files decides which disk is measured (TMPDIR)",
)

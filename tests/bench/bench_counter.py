"""A sale at the counter, against a bare program that syncs the same two files; 100,000 members.

The bare program commits, in WAL and FULL, an operation row and a receipt row of the same sizes, and
appends the operation to a second file. The counter does that and everything else. Two ways of asking:
the confirm of a quote that is on the screen, and a whole visit (card, quote, confirm).

The till writes its second file into room that it has written before, which saves the file system's journal; a
bare program that does so too stands beside the plain one, so that it can be seen what that brings.

A program that does nothing but sync finds its code in the processor's caches and the disk awake; a
till does not. So the bare program is measured a second time, with the same card and quote asked before
each of its calls, outside the measured time: what is left between that and the confirm is ours.
"""

from __future__ import annotations

import os
import random
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

from rounds import Bench, Contender, Work

from config import sqlite

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "agent"))

from shopfloor import GOODS, HandClock, counter_of, open_till

from agent.counter import Counter
from agent.recorder import Recorded
from agent.store import members
from points.wire import canonical

ROOM_BYTES = 8 << 20
MEMBERS = 100_000
FIRST = 2_048
BODY, RECEIPT, RECORD = b"b" * 480, "r" * 560, b"m" * 524


@contextmanager
def bare(folder: Path, room: int = 0) -> Iterator[Work]:
    """Two rows in one commit, one record at the end of a second file, both synced; with ``room`` the end is
    that of what was written, in a file of zeros."""
    connection = sqlite.open_database(folder / "bare.sqlite")
    connection.execute(
        "CREATE TABLE ops (pos INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, body BLOB) STRICT"
    )
    connection.execute("CREATE TABLE prints (id INTEGER PRIMARY KEY, receipt TEXT NOT NULL) STRICT")
    mirror = os.open(folder / "mirror", os.O_CREAT | os.O_WRONLY, 0o600)
    os.pwrite(mirror, bytes(room), 0)
    os.fsync(mirror)

    def work(i: int) -> None:
        connection.execute("BEGIN IMMEDIATE")
        connection.execute("INSERT INTO ops VALUES (?, ?, ?)", (i, f"{i:032x}", BODY))
        connection.execute("INSERT INTO prints VALUES (?, ?)", (i, RECEIPT))
        connection.execute("COMMIT")
        os.pwrite(mirror, RECORD, i * len(RECORD))
        os.fdatasync(mirror)

    try:
        yield work
    finally:
        connection.close()
        os.close(mirror)


@cache
def furnished() -> tempfile.TemporaryDirectory[str]:
    """A till that knows 100,000 members, made once: a disk that has just written them is slow for a while."""
    folder = tempfile.TemporaryDirectory(prefix="jifen-bench-till-")
    till = open_till(Path(folder.name))
    rows = [
        [m, 1, "active", 0, 500, "王*", "8000", 0, [[f"{m:032x}.0", 500, 0, 20271118, 0, "s009"]],
         [0, 0], [0, 0], [], [f"{m * 2654435761 % 2**63:016x}"]]
        for m in range(FIRST, FIRST + MEMBERS)
    ]  # fmt: skip
    with till.book.turn() as turn:
        members.put(turn, [members.Told.of(row, canonical.write_own(row)) for row in rows])
    till.book.connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    till.book.close()
    return folder


@contextmanager
def shop(folder: Path) -> Iterator[tuple[Counter, HandClock, list[int]]]:
    """A till that knows 100,000 members, and who comes in which order."""
    clock = HandClock()
    shutil.copytree(furnished().name, folder / "till")
    for path in (folder / "till").iterdir():
        with path.open("rb") as file:
            os.fsync(file.fileno())
    till = open_till(folder / "till", clock)
    chance = random.Random(7)
    try:
        yield counter_of(till), clock, [chance.randrange(FIRST, FIRST + MEMBERS) for _ in range(4096)]
    finally:
        till.book.close()


class Confirm:
    """Sells what was quoted ``before``; called with the number of the visit."""

    def __init__(self, counter: Counter, clock: HandClock, comers: list[int]) -> None:
        self.counter, self.clock, self.comers = counter, clock, comers

    def before(self, i: int) -> None:
        self.clock.now_ms += 30_000
        self.counter.card(self.comers[i])
        self.counter.quote(self.comers[i], GOODS)

    def __call__(self, i: int) -> None:
        assert isinstance(self.counter.sell(self.comers[i], GOODS, "c1"), Recorded)


@contextmanager
def confirm(folder: Path) -> Iterator[Work]:
    """The confirm alone: the quote was asked a moment before, by somebody who looks at a screen."""
    with shop(folder) as (counter, clock, comers):
        yield Confirm(counter, clock, comers)


@contextmanager
def bare_in_room(folder: Path) -> Iterator[Work]:
    """The bare program with the till's own way to write a second file."""
    with bare(folder, ROOM_BYTES) as work:
        yield work


class Bare(Confirm):
    """The bare program in the place of the sale."""

    def __init__(self, work: Work, *shop: Any) -> None:
        super().__init__(*shop)
        self.work = work

    def __call__(self, i: int) -> None:
        self.work(i)


@contextmanager
def bare_after_a_quote(folder: Path) -> Iterator[Work]:
    """The bare program, called as seldom as a till is."""
    with shop(folder) as the_shop, bare(folder) as work:
        yield Bare(work, *the_shop)


@contextmanager
def visit(folder: Path) -> Iterator[Work]:
    """Card, quote and confirm."""
    with shop(folder) as (counter, clock, comers):

        def work(i: int) -> None:
            m = comers[i % len(comers)]
            clock.now_ms += 30_000
            counter.card(m)
            counter.quote(m, GOODS)
            assert isinstance(counter.sell(m, GOODS, "c1"), Recorded)

        yield work


BENCH = Bench(
    title="a sale at the counter",
    contenders=[
        Contender("bare: the same two syncs", bare),
        Contender("bare, its second file in room that was written before", bare_in_room),
        Contender("bare, after the same card and quote", bare_after_a_quote),
        Contender("confirm the quote on the screen", confirm),
        Contender("card, quote and confirm", visit),
    ],
    calls=300,
    note="100,000 members; bars: p50 ≤ 1.5× and p99 ≤ 2× of bare",
)

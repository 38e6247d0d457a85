"""The print queue: a receipt is queued in the turn of its operation and leaves only when printed.

A job is numbered by its operation's position and the copy, so it needs no index of its own. States:
QUEUED, SENDING, CONFIRMED, UNCERTAIN, FAILED, BLOCKED, SENT (a one-way printer that never answers).
Nothing is ever sent again by itself once a byte has left.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from agent.journal.database import Book
from config.sqlite import Connection

COPIES_MAX = 256
NO_PRINTER, COPIED = "printer_none", "copied"
SETTLED = (NO_PRINTER, COPIED)
"""Why nobody needs to look at the paper any more: there is none, or a copy stands for it."""


@dataclass(frozen=True, slots=True)
class PrintJob:
    """One receipt to print. ``copy`` 0 is the original, n the n-th reprint."""

    id: int
    state: str
    why: str
    receipt: dict[str, Any]

    @property
    def copy(self) -> int:
        """0 for the original."""
        return self.id % COPIES_MAX

    @property
    def pos(self) -> int:
        """The position of the operation that it is the receipt of."""
        return self.id // COPIES_MAX


def forget_codes(turn: Connection) -> None:
    """Receipts that are done with lose the member's code, however old: whoever read it here could use it.

    The index holds the receipts that have one, so those that wait long for paper cost no search.
    """
    turn.execute(
        "UPDATE prints INDEXED BY prints_with_codes SET receipt = json_remove(receipt, '$.member_code')"
        " WHERE instr(receipt, '\"member_code\"')"
        " AND (state IN ('CONFIRMED', 'SENT') OR state IN ('UNCERTAIN', 'FAILED') AND why IN (?, ?))",
        SETTLED,
    )


def add(turn: Connection, pos: int, receipt: dict[str, Any], copy: int = 0) -> None:
    """Queue a receipt."""
    add_text(turn, pos, json.dumps(receipt, ensure_ascii=False, separators=(",", ":")), copy)


def add_text(turn: Connection, pos: int, receipt: str, copy: int = 0) -> None:
    """Queue a receipt whose text was made earlier."""
    turn.execute(
        "INSERT INTO prints (id, state, receipt) VALUES (?, 'QUEUED', ?)", (pos * COPIES_MAX + copy, receipt)
    )


def next_open(book: Book, after: int = 0) -> PrintJob | None:
    """The oldest job that waits, numbered above ``after``."""
    found = book.row(
        "SELECT id, state, why, receipt FROM prints"
        " WHERE id > ? AND state IN ('QUEUED', 'SENDING', 'BLOCKED') ORDER BY id LIMIT 1",
        (after,),
    )
    return None if found is None else _job(found)


def latest(book: Book, pos: int | None = None) -> PrintJob | None:
    """The newest job, of one operation or of all."""
    where, arguments = "", ()
    if pos is not None:
        where, arguments = "WHERE id BETWEEN ? AND ?", (pos * COPIES_MAX, (pos + 1) * COPIES_MAX - 1)  # type: ignore[assignment]
    found = book.row(
        f"SELECT id, state, why, receipt FROM prints {where} ORDER BY id DESC LIMIT 1", arguments
    )
    return None if found is None else _job(found)


def of(book: Book, job: int) -> PrintJob | None:
    """One job."""
    found = book.row("SELECT id, state, why, receipt FROM prints WHERE id = ?", (job,))
    return None if found is None else _job(found)


def goes_by(book: Book, job: int) -> int:
    """The number of a job now: another one when its operation went on in another lane after a fork."""
    pos, copy = divmod(job, COPIES_MAX)
    while of(book, pos * COPIES_MAX + copy) is None:
        moved = book.row("SELECT to_pos FROM moved WHERE pos = ?", (pos,))
        if moved is None:
            return job
        pos = int(moved[0])
    return pos * COPIES_MAX + copy


def mark(turn: Connection, job: int, state: str, why: str = "") -> bool:
    """A job moved on. False when none has this number: its operation stands elsewhere after a fork."""
    done = turn.execute("UPDATE prints SET state = ?, why = ? WHERE id = ?", (state, why, job))
    return done.rowcount > 0


def interrupted(turn: Connection) -> None:
    """At start: a job that was being sent may or may not be on paper; a person looks."""
    turn.execute("UPDATE prints SET state = 'UNCERTAIN', why = 'print_interrupted' WHERE state = 'SENDING'")


def uncertain(book: Book) -> list[PrintJob]:
    """Jobs that wait for the cashier's eyes."""
    rows = book.rows(
        "SELECT id, state, why, receipt FROM prints WHERE state IN ('UNCERTAIN', 'FAILED') ORDER BY id"
    )
    return [_job(row) for row in rows]


def waiting(book: Book, after: int = 0) -> int:
    """How many receipts wait for paper."""
    found = book.row(
        "SELECT count(*) FROM prints WHERE id > ? AND state IN ('QUEUED', 'SENDING', 'BLOCKED')", (after,)
    )
    return 0 if found is None else int(found[0])


def _job(row: tuple[Any, ...]) -> PrintJob:
    return PrintJob(row[0], row[1], row[2], json.loads(row[3]))

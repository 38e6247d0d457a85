"""The print queue: a receipt is queued in the turn of its operation and leaves only when printed.

States: QUEUED, SENDING, CONFIRMED, UNCERTAIN, FAILED, BLOCKED, SENT (a one-way printer that never
answers). Nothing is ever sent again by itself once a byte has left.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from agent.journal.database import Book
from config.sqlite import Connection


@dataclass(frozen=True, slots=True)
class PrintJob:
    """One receipt to print. ``copy`` 0 is the original, n the n-th reprint."""

    id: int
    op_id: str
    receipt: dict[str, Any]
    state: str
    why: str
    copy: int


_COLUMNS = "id, op_id, receipt, state, why, copy"


def add(turn: Connection, op_id: str, receipt: dict[str, Any], copy: int = 0) -> None:
    """Queue a receipt."""
    turn.execute(
        "INSERT INTO prints (op_id, receipt, state, copy) VALUES (?, ?, 'QUEUED', ?)",
        (op_id, json.dumps(receipt, ensure_ascii=False, separators=(",", ":")), copy),
    )


def next_open(book: Book) -> PrintJob | None:
    """The oldest job that waits."""
    found = book.row(
        f"SELECT {_COLUMNS} FROM prints WHERE state IN ('QUEUED', 'SENDING', 'BLOCKED') ORDER BY id LIMIT 1"
    )
    return None if found is None else _job(found)


def latest(book: Book, op_id: str | None = None) -> PrintJob | None:
    """The newest job, of one operation or of all."""
    where, arguments = ("WHERE op_id = ?", (op_id,)) if op_id else ("", ())
    found = book.row(f"SELECT {_COLUMNS} FROM prints {where} ORDER BY id DESC LIMIT 1", arguments)
    return None if found is None else _job(found)


def copies(book: Book, op_id: str) -> int:
    """How often an operation's receipt was already queued."""
    found = book.row("SELECT count(*) FROM prints WHERE op_id = ?", (op_id,))
    return 0 if found is None else int(found[0])


def mark(turn: Connection, job: int, state: str, why: str = "") -> None:
    """A job moved on."""
    turn.execute("UPDATE prints SET state = ?, why = ? WHERE id = ?", (state, why, job))


def interrupted(turn: Connection) -> None:
    """At start: a job that was being sent may or may not be on paper; a person looks."""
    turn.execute("UPDATE prints SET state = 'UNCERTAIN', why = 'print_interrupted' WHERE state = 'SENDING'")


def uncertain(book: Book) -> list[PrintJob]:
    """Jobs that wait for the cashier's eyes."""
    return [
        _job(row)
        for row in book.rows(
            f"SELECT {_COLUMNS} FROM prints WHERE state IN ('UNCERTAIN', 'FAILED') ORDER BY id"
        )
    ]


def waiting(book: Book) -> int:
    """How many receipts wait for paper."""
    found = book.row("SELECT count(*) FROM prints WHERE state IN ('QUEUED', 'SENDING', 'BLOCKED')")
    return 0 if found is None else int(found[0])


def _job(row: tuple[Any, ...]) -> PrintJob:
    return PrintJob(row[0], row[1], json.loads(row[2]), row[3], row[4], row[5])

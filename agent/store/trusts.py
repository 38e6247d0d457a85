"""What was spent here by trust, operation by operation, kept in the turn that recorded it."""

from __future__ import annotations

from agent.journal.database import Book
from config.sqlite import Connection
from points.operations import Operation


def keep(turn: Connection, op: Operation, pos: int) -> None:
    """Remember what an operation spent by trust, if it did."""
    pts = sum(n for act, n in op.moves() if act == "trust")
    if pts:
        turn.execute("INSERT INTO trusts (pos, m, day, pts) VALUES (?, ?, ?, ?)", (pos, op.m, op.day, pts))


def spent(book: Book, m: int, day: int) -> tuple[int, int]:
    """Points that were ever spent here by trust: (of everybody, of this member on this day)."""
    found = book.row(
        "SELECT coalesce(sum(pts), 0), coalesce(sum(CASE WHEN m = ? AND day = ? THEN pts END), 0)"
        " FROM trusts",
        (m, day),
    )
    assert found is not None
    return int(found[0]), int(found[1])

"""What sister tills were asked to give: written down before it is asked, until it is answered."""

from __future__ import annotations

from typing import NamedTuple

from agent.journal.database import Book
from config.sqlite import Connection


class Want(NamedTuple):
    """A wish: its id, the till that is asked, the member and points, and the term that they are for."""

    id: str
    till: str
    m: int
    pts: int
    inc: int
    term: int


def keep(turn: Connection, want: Want) -> None:
    """Write a wish down."""
    turn.execute("INSERT INTO wants (id, till, m, pts, inc, term) VALUES (?, ?, ?, ?, ?, ?)", want)


def end(turn: Connection, id: str) -> None:
    """It was answered."""
    turn.execute("DELETE FROM wants WHERE id = ?", (id,))


def unanswered(book: Book) -> list[Want]:
    """Every wish that waits for its answer, the oldest first."""
    return [Want(*row) for row in book.rows("SELECT id, till, m, pts, inc, term FROM wants ORDER BY id")]


def find(book: Book, id: str) -> Want | None:
    """One of them."""
    row = book.row("SELECT id, till, m, pts, inc, term FROM wants WHERE id = ?", (id,))
    return None if row is None else Want(*row)

"""What sister tills were asked to give: written down before it is asked, until it is answered."""

from __future__ import annotations

from typing import NamedTuple

from agent.journal.database import Book
from config.sqlite import Connection

PAPERS_MAX = 20
"""Papers that are shown again until their till answers; of one that is never heard again the oldest go."""

_COLUMNS = "id, till, m, pts, inc, term, paper"


class Want(NamedTuple):
    """A wish: its id, the till that is asked, the member and points, and the term that they are for; or the
    ``paper`` of a sale whose right to be refunded is wanted."""

    id: str
    till: str
    m: int
    pts: int
    inc: int
    term: int
    paper: str = ""


def keep(turn: Connection, want: Want) -> None:
    """Write a wish down; of one paper and of old papers only what was asked last."""
    if want.paper:
        turn.execute("DELETE FROM wants WHERE paper = ?", (want.paper,))
    turn.execute(f"INSERT INTO wants ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?)", want)
    turn.execute(
        "DELETE FROM wants WHERE paper <> '' AND id NOT IN"
        " (SELECT id FROM wants WHERE paper <> '' ORDER BY id DESC LIMIT ?)",
        (PAPERS_MAX,),
    )


def end(turn: Connection, id: str) -> None:
    """It was answered."""
    turn.execute("DELETE FROM wants WHERE id = ?", (id,))


def unanswered(book: Book) -> list[Want]:
    """Every wish that waits for its answer, the oldest first."""
    return [Want(*row) for row in book.rows(f"SELECT {_COLUMNS} FROM wants ORDER BY id")]


def find(book: Book, id: str) -> Want | None:
    """One of them."""
    row = book.row(f"SELECT {_COLUMNS} FROM wants WHERE id = ?", (id,))
    return None if row is None else Want(*row)

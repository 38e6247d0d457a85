"""What a page or a point of sale asked for, by the id that it gave the act.

The id is written in the turn of the operation it led to, so the same act asked twice is recorded
once, also when the PC stopped between the record and its answer.
"""

from __future__ import annotations

from agent.journal.database import Book
from config.sqlite import Connection


def find(book: Book, act: str) -> tuple[int, str] | None:
    """(position of the operation, digest of what was asked) of an act that was recorded."""
    found = book.row("SELECT pos, asked FROM acts WHERE act = ?", (act,))
    return None if found is None else (int(found[0]), str(found[1]))


def keep(turn: Connection, act: str, asked: str, pos: int) -> None:
    """The act led to the operation at a position."""
    turn.execute("INSERT INTO acts (act, asked, pos) VALUES (?, ?, ?)", (act, asked, pos))

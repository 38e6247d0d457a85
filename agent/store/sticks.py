"""The sticks that this till has written: what each asked of headquarters, and where its lane is heard to.

Of sticks that were written long ago nothing is kept: their answers are refused, and another stick is as good.
"""

from __future__ import annotations

from agent.journal.database import Book
from agent.store import feeds
from config.sqlite import Connection

STICKS_MAX = 64
HEARD = "stick_heard"
"""The fact that says which position a stick must begin behind, where headquarters has forgotten some."""


def keep(turn: Connection, name: str, question: bytes) -> None:
    """A stick is about to be written."""
    turn.execute("INSERT INTO sticks (id, question) VALUES (?, ?)", (name, question))
    turn.execute("DELETE FROM sticks WHERE number <= (SELECT max(number) FROM sticks) - ?", (STICKS_MAX,))


def written(book: Book) -> frozenset[str]:
    """The names of the sticks whose answer would be understood."""
    return frozenset(row[0] for row in book.rows("SELECT id FROM sticks"))


def question(book: Book, name: str) -> bytes:
    """What a stick of ``written`` asked."""
    found = book.row("SELECT question FROM sticks WHERE id = ?", (name,))
    assert found is not None, "only the answer to a known stick is read"
    return bytes(found[0])


def heard(book: Book) -> int | None:
    """The position up to which headquarters told that it holds this lane; None where it holds all acks."""
    kept = feeds.fact(book, HEARD)
    return None if kept is None else int(kept)


def keep_heard(turn: Connection, pos: int | None) -> None:
    """Headquarters holds less of this lane than it acknowledged; or, with None, it does not."""
    if pos is None:
        feeds.drop_fact(turn, HEARD)
    else:
        feeds.keep_fact(turn, HEARD, str(pos))

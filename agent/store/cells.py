"""The till's rights, one row a member, written in the same turn as the operation that moves them."""

from __future__ import annotations

import json

from agent.journal.database import Book
from config.sqlite import Connection
from points.rights import NONE, Rights


def read(book: Book, m: int) -> Rights:
    """The rights of this till to a member's points; none when it was never given any."""
    found = book.row("SELECT cell FROM rights WHERE m = ?", (m,))
    return NONE if found is None else _rights(found[0])


def was_served(book: Book, m: int) -> bool:
    """Whether a member's points ever moved at this till."""
    return book.row("SELECT 1 FROM rights WHERE m = ?", (m,)) is not None


def every(book: Book) -> list[tuple[int, Rights]]:
    """(member, rights) of every cell that holds something."""
    return [(m, rights) for m, rights in whole(book) if not rights.empty]


def whole(book: Book) -> list[tuple[int, Rights]]:
    """(member, rights) of every cell, used up or not."""
    return [(int(m), _rights(cell)) for m, cell in book.rows("SELECT m, cell FROM rights")]


def text_of(rights: Rights) -> str:
    """A cell as it is kept."""
    cell = [
        rights.inc,
        rights.term,
        rights.granted,
        rights.allowance,
        rights.local,
        int(rights.closed),
        rights.used_before,
        rights.taken,
    ]
    return _ENCODER.encode(cell)


_ENCODER = json.JSONEncoder(separators=(",", ":"))


def write(turn: Connection, m: int, rights: Rights) -> None:
    """Keep a cell."""
    write_text(turn, m, text_of(rights))


def write_text(turn: Connection, m: int, cell: str) -> None:
    """Keep a cell whose text was made earlier."""
    turn.execute(
        "INSERT INTO rights (m, cell) VALUES (?, ?) ON CONFLICT (m) DO UPDATE SET cell = excluded.cell",
        (m, cell),
    )


def _rights(text: str) -> Rights:
    inc, term, granted, allowance, local, closed, *later = json.loads(text)
    return Rights(
        inc,
        term,
        granted,
        tuple((day, given, used) for day, given, used in allowance),
        tuple((day, left) for day, left in local),
        bool(closed),
        later[0] if later else 0,
        tuple((day, n) for day, n in later[1]) if len(later) > 1 else (),
    )


def intend(turn: Connection, op_id: str, m: int, pts: int) -> None:
    """Write down that an authorisation is being asked, before it is asked."""
    turn.execute("INSERT INTO intents (op_id, m, pts) VALUES (?, ?, ?)", (op_id, m, pts))


def intents(book: Book) -> list[tuple[str, int]]:
    """(operation id, member) of every intent that has not ended."""
    return [(str(op_id), int(m)) for op_id, m in book.rows("SELECT op_id, m FROM intents")]


def end_intent(turn: Connection, op_id: str) -> None:
    """The intent ended, by its operation or by ``auth.void``."""
    turn.execute("DELETE FROM intents WHERE op_id = ?", (op_id,))

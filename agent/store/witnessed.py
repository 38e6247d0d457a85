"""What this till has seen of headquarters' log: heads, the places of its acks, and what was contradicted.

The newest head and those that a place was proved in are kept; the others are the beginning of a newer one.
Evidence is never changed or removed, and there is only so much of it: what contradicts goes on doing so.
"""

from __future__ import annotations

from typing import NamedTuple

from agent.journal.database import Book
from config.sqlite import Connection

EVIDENCE_MAX = 64
LOG_PUBLIC, OVERDUE = "log_public", "log_overdue"
"""Facts (``feeds``): the log's key, if it was told later; the position of an ack whose place is overdue."""


class Proved(NamedTuple):
    """An ack with its place: its envelope, itself, the leaf, the proof as text, the note it leads to."""

    envelope: bytes
    ack: bytes
    leaf: int
    proof: str
    note: bytes


def newest(book: Book) -> bytes | None:
    """The note of the newest head that was believed."""
    row = book.row("SELECT note FROM log_heads ORDER BY n DESC LIMIT 1")
    return bytes(row[0]) if row else None


def keep_head(turn: Connection, head: str, note: bytes) -> None:
    """Keep a head, named by its log and size; the last one goes unless something was proved in it."""
    turn.execute("DELETE FROM log_heads WHERE NOT cited AND head <> ?", (head,))
    turn.execute("INSERT INTO log_heads (head, note) VALUES (?, ?) ON CONFLICT DO NOTHING", (head, note))


def owed(book: Book, limit: int = 1) -> list[tuple[int, str, bytes]]:
    """(position, batch id, ack) of the oldest acks whose place was not proved yet."""
    rows = book.rows(
        "SELECT first, batch_id, ack FROM envelopes WHERE ack IS NOT NULL AND leaf IS NULL"
        " ORDER BY first LIMIT ?",
        (limit,),
    )
    return [(int(first), batch_id, bytes(ack)) for first, batch_id, ack in rows]


def keep_place(turn: Connection, first: int, leaf: int, proof: str, head: str) -> None:
    """The ack of the envelope from ``first`` on stands where it was shown to; its head is kept for ever."""
    turn.execute(
        "UPDATE envelopes SET leaf = ?, proof = ?, in_head = ? WHERE first = ?", (leaf, proof, head, first)
    )
    turn.execute("UPDATE log_heads SET cited = 1 WHERE head = ? AND NOT cited", (head,))


def proved(book: Book, pos: int) -> Proved | None:
    """The ack that covers a position, when its place was proved."""
    row = book.row(
        "SELECT e.bytes, e.ack, e.leaf, e.proof, h.note"
        " FROM envelopes e JOIN log_heads h ON h.head = e.in_head"
        " WHERE e.first <= ? AND e.last >= ? AND e.leaf IS NOT NULL ORDER BY e.first DESC LIMIT 1",
        (pos, pos),
    )
    return Proved(bytes(row[0]), bytes(row[1]), int(row[2]), str(row[3]), bytes(row[4])) if row else None


def keep_evidence(
    turn: Connection, why: str, number: int, heard_ms: int, held: bytes, answer: bytes, shown: bytes
) -> None:
    """Keep what contradicts what: once for a kind and a number, and no more than there is room for."""
    turn.execute(
        "INSERT INTO log_evidence (why, number, heard_ms, held, answer, shown) SELECT ?, ?, ?, ?, ?, ?"
        " WHERE (SELECT count(*) FROM log_evidence) < ? ON CONFLICT DO NOTHING",
        (why, number, heard_ms, held, answer, shown, EVIDENCE_MAX),
    )


def evidence(book: Book) -> list[tuple[str, int, int]]:
    """(why, number, when it was heard), oldest first."""
    return book.rows("SELECT why, number, heard_ms FROM log_evidence ORDER BY n")

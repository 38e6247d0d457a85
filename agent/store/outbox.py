"""What waits for headquarters and what it answered: envelopes cut once, acks, outcomes, sealed boxes.

An envelope is cut once and its bytes are kept: a retry sends the same bytes, so its answer is the
same answer. Delivered is what has an ack; nothing is deleted here.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from agent.journal.database import Book
from agent.journal.log import EPOCH_STEP
from config.sqlite import Connection

EARLIER_MAX = 16
"""Lanes that a till continues and offers again to a headquarters that was put back."""


def delivered(book: Book) -> int:
    """The last position that headquarters acknowledged; 0 for none."""
    found = book.row("SELECT last FROM envelopes WHERE ack IS NOT NULL ORDER BY first DESC LIMIT 1")
    return 0 if found is None else int(found[0])


def earlier(book: Book, epoch: int) -> dict[int, int]:
    """The last number that was acknowledged in each lane before this one; of the latest few."""
    rows = book.rows(
        "SELECT first / ?, max(last % ?) FROM envelopes WHERE first < ? AND ack IS NOT NULL"
        " GROUP BY 1 ORDER BY 1 DESC LIMIT ?",
        (EPOCH_STEP, EPOCH_STEP, epoch * EPOCH_STEP, EARLIER_MAX),
    )
    return {int(row[0]): int(row[1]) for row in rows}


def envelope_from(book: Book, pos: int) -> tuple[int, int, bytes, bytes | None] | None:
    """The stored envelope that holds a position, and its answer if it has one."""
    return book.row(
        "SELECT first, last, bytes, ack FROM envelopes WHERE first <= ? AND last >= ?"
        " ORDER BY first DESC LIMIT 1",
        (pos, pos),
    )


def keep_envelope(turn: Connection, first: int, last: int, batch_id: str, raw: bytes) -> None:
    """Keep an envelope before it is sent; another that was never acknowledged gives way."""
    turn.execute("DELETE FROM envelopes WHERE ack IS NULL AND last >= ?", (first,))
    turn.execute(
        "INSERT INTO envelopes (first, last, batch_id, bytes) VALUES (?, ?, ?, ?)",
        (first, last, batch_id, raw),
    )


def keep_ack(turn: Connection, batch_id: str, ack: bytes) -> None:
    """Keep headquarters' signed answer for ever."""
    turn.execute("UPDATE envelopes SET ack = ? WHERE batch_id = ?", (ack, batch_id))


def keep_delivered(turn: Connection, first: int, last: int, batch_id: str, raw: bytes, ack: bytes) -> None:
    """Keep an envelope that headquarters has, as it has it, with its answer."""
    turn.execute("DELETE FROM envelopes WHERE first <= ? AND last >= ? AND ack IS NULL", (last, first))
    turn.execute(
        "INSERT INTO envelopes (first, last, batch_id, bytes, ack) VALUES (?, ?, ?, ?, ?)"
        " ON CONFLICT (first) DO UPDATE SET last = excluded.last, batch_id = excluded.batch_id,"
        " bytes = excluded.bytes, ack = excluded.ack, leaf = NULL, proof = NULL, in_head = NULL",
        (first, last, batch_id, raw, ack),
    )


def keep_outcomes(turn: Connection, outcomes: Iterable[tuple[int, str, dict[str, Any], int]]) -> None:
    """The latest word on operations, as (position, letter, detail, g).

    ``g`` says from which edition of members on the word is counted there, 0 for a word of an ack. An ack
    that is heard again is older than what was said later, and changes nothing.
    """
    turn.executemany(
        "INSERT INTO outcomes (pos, letter, detail, g) VALUES (?, ?, ?, ?) ON CONFLICT (pos) DO UPDATE"
        " SET letter = excluded.letter, detail = excluded.detail, g = excluded.g"
        " WHERE excluded.g >= outcomes.g",
        [(pos, letter, json.dumps(detail, ensure_ascii=False), g) for pos, letter, detail, g in outcomes],
    )


def outcomes(book: Book, limit: int = 50) -> list[tuple[Any, ...]]:
    """(position, letter, detail) of the newest remarks."""
    return book.rows("SELECT pos, letter, detail FROM outcomes ORDER BY pos DESC LIMIT ?", (limit,))


def keep_sealed(turn: Connection, op_id: str, blob: bytes) -> None:
    """Keep a sealed box until headquarters has it."""
    turn.execute("INSERT INTO sealed (op_id, blob) VALUES (?, ?) ON CONFLICT DO NOTHING", (op_id, blob))


def sealed(book: Book) -> list[tuple[str, bytes]]:
    """Boxes that headquarters does not have yet, those of enrolments first.

    A sale to a phone that nobody has makes a member there, and who was enrolled with that phone after the
    sale would be a second one.
    """
    return book.rows(
        "SELECT op_id, blob FROM sealed LEFT JOIN ops USING (op_id)"
        " ORDER BY kind = 'member.enrol' DESC, op_id"
    )


def drop_sealed(turn: Connection, op_id: str) -> None:
    """Headquarters has it; here it is destroyed."""
    turn.execute("DELETE FROM sealed WHERE op_id = ?", (op_id,))

"""Sales of other tills that this one may refund, as it was told; intents to refund; what was refunded.

A sale is kept as its own till signed it, with what is left of it, while a cashier has its paper in hand. One
of which something came back here stays, because that refund is folded with it; and so does one whose right a
sister till gave.
"""

from __future__ import annotations

import json
from typing import Any, NamedTuple

from agent.journal.database import Book
from config.sqlite import Connection

KEPT_MAX = 200
"""Sales that are remembered although nothing of them came back here."""

Lines = list[list[int]]


class Told(NamedTuple):
    """A sale as headquarters or a sister till told it: who sold it, whose it is, its signed bytes, the code
    on its paper, and what is left ``[[line, units, fen]…]``; ``given`` is the proof of a sister till's
    gift (``points.wire.transfer``)."""

    sale: str
    store: str
    till: str
    m: int | None
    body: bytes
    digits: str
    rest: Lines
    given: list[Any] | None = None


def keep(turn: Connection, told: Told) -> None:
    """Remember a sale, over what was told before; a gift is never forgotten."""
    turn.execute(
        "INSERT INTO papers (sale, store, till, m, body, digits, rest, given) VALUES (?, ?, ?, ?, ?, ?, ?, ?)"
        " ON CONFLICT (sale) DO UPDATE SET m = excluded.m, rest = excluded.rest,"
        " given = coalesce(excluded.given, given), n = (SELECT max(n) + 1 FROM papers)",
        (*told[:6], json.dumps(told.rest), told.given and json.dumps(told.given)),
    )
    turn.execute(
        "DELETE FROM papers WHERE n <= (SELECT max(n) FROM papers) - ? AND given IS NULL"
        " AND sale NOT IN (SELECT sale FROM refunds_elsewhere)",
        (KEPT_MAX,),
    )


def find(book: Book, sale: str) -> Told | None:
    """A sale that this till was told of."""
    row = book.row(
        "SELECT sale, store, till, m, body, digits, rest, given FROM papers WHERE sale = ?", (sale,)
    )
    return None if row is None else Told._make((*row[:6], json.loads(row[6]), row[7] and json.loads(row[7])))


def intend(turn: Connection, op_id: str, sale: str) -> None:
    """Write down that lines are being reserved, before it is asked."""
    turn.execute("INSERT INTO refund_intents (op_id, sale) VALUES (?, ?)", (op_id, sale))


def intents(book: Book) -> list[tuple[str, str]]:
    """(operation id, sale) of every intent that has not ended."""
    return [(str(op_id), str(sale)) for op_id, sale in book.rows("SELECT op_id, sale FROM refund_intents")]


def end_intent(turn: Connection, op_id: str) -> None:
    """It ended, by its operation or by ``refund.void``."""
    turn.execute("DELETE FROM refund_intents WHERE op_id = ?", (op_id,))


def keep_refund(turn: Connection, op_id: str, sale: str, before: Lines) -> None:
    """Something of a sale came back here; ``before`` is what was left of it until then."""
    turn.execute(
        "INSERT INTO refunds_elsewhere (op_id, sale, before) VALUES (?, ?, ?)",
        (op_id, sale, json.dumps(before)),
    )


def refunded(book: Book, op_id: str) -> tuple[Told, Lines] | None:
    """The sale that a refund recorded here took back, and what was left of it before."""
    row = book.row("SELECT sale, before FROM refunds_elsewhere WHERE op_id = ?", (op_id,))
    told = None if row is None else find(book, row[0])
    return None if row is None or told is None else (told, json.loads(row[1]))

"""Sales that only headquarters lets this till refund, as it told them; intents to refund; what was refunded.

A sale is kept as its own till signed it, with what is left of it, while a cashier has its paper in hand. One
of which something came back here stays, because that refund is folded with it.
"""

from __future__ import annotations

import json
from typing import NamedTuple

from agent.journal.database import Book
from config.sqlite import Connection

KEPT_MAX = 200
"""Sales that are remembered although nothing of them came back here."""

Lines = list[list[int]]


class Told(NamedTuple):
    """A sale as headquarters told it: by whom it was sold, whose it is, its signed bytes, the code on its
    paper, and what is left ``[[line, units, fen]…]``."""

    sale: str
    store: str
    till: str
    m: int | None
    body: bytes
    digits: str
    rest: Lines


def keep(turn: Connection, told: Told) -> None:
    """Remember a sale, over what was told before."""
    turn.execute(
        "INSERT INTO papers (sale, store, till, m, body, digits, rest) VALUES (?, ?, ?, ?, ?, ?, ?)"
        " ON CONFLICT (sale) DO UPDATE SET m = excluded.m, rest = excluded.rest,"
        " n = (SELECT max(n) + 1 FROM papers)",
        (*told[:6], json.dumps(told.rest)),
    )
    turn.execute(
        "DELETE FROM papers WHERE n <= (SELECT max(n) FROM papers) - ?"
        " AND sale NOT IN (SELECT sale FROM refunds_elsewhere)",
        (KEPT_MAX,),
    )


def find(book: Book, sale: str) -> Told | None:
    """A sale that headquarters told of."""
    row = book.row("SELECT sale, store, till, m, body, digits, rest FROM papers WHERE sale = ?", (sale,))
    return None if row is None else Told._make((*row[:6], json.loads(row[6])))


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

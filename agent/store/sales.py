"""Finding what this till recorded: sales by number, returns by sale, operations by id.

Everything is read from the book itself; two small indexes are kept beside it in the same turn.
"""

from __future__ import annotations

from agent.journal.database import Book
from config.sqlite import Connection

GIVE = "refund.give"
_GONE = ("refund.cede", GIVE)
_IN_CUSTODY = "(letter = 'P' OR (letter = 'Q' AND json_extract(detail, '$.closed') IS NULL))"
UNKNOWN = 2**62
"""The ``g`` of an edition that is not known yet: above every one that is."""
FINDABLE_BY_REF = frozenset({"sale.refund", "sale.void", "rights.take", *_GONE})
"""Kinds that are found by the operation that they refer to: goods come back once, points are taken once, the
right to refund a sale is given away once."""


def body(book: Book, op_id: str) -> bytes | None:
    """The body of an operation of this till."""
    found = book.row("SELECT body FROM ops WHERE op_id = ?", (op_id,))
    return None if found is None else found[0]


def entry(book: Book, op_id: str) -> tuple[int, bytes, bytes] | None:
    """(position, body, hash) of an operation of this till."""
    found = book.row("SELECT pos, body, hash FROM ops WHERE op_id = ?", (op_id,))
    return None if found is None else (found[0], found[1], found[2])


def by_receipt(book: Book, receipt: str) -> str | None:
    """The id of the latest sale with a receipt number that the point of sale gave."""
    found = book.row(
        "SELECT ops.op_id FROM receipts_of_sales JOIN ops USING (pos)"
        " WHERE receipt = ? ORDER BY pos DESC LIMIT 1",
        (receipt,),
    )
    return None if found is None else str(found[0])


def by_position(book: Book, pos: int) -> str | None:
    """The id of the operation at a position."""
    found = book.row("SELECT op_id FROM ops WHERE pos = ?", (pos,))
    return None if found is None else str(found[0])


def receipt_exists(book: Book, receipt: str, day: int) -> bool:
    """Whether a sale of this day already has this number."""
    return (
        book.row("SELECT 1 FROM receipts_of_sales WHERE receipt = ? AND day = ?", (receipt, day)) is not None
    )


def returns_of(book: Book, sale: str) -> list[tuple[int, bytes]]:
    """(position, body) of every return of a sale recorded here, in order."""
    return book.rows(
        "SELECT pos, body FROM returns JOIN ops USING (pos)"
        " WHERE sale = ? AND kind NOT IN (?, ?) ORDER BY pos",
        (sale, *_GONE),
    )


def is_ceded(book: Book, sale: str) -> bool:
    """Whether this till has given away the right to refund a sale."""
    found = book.row(
        "SELECT 1 FROM returns JOIN ops USING (pos) WHERE sale = ? AND kind IN (?, ?)", (sale, *_GONE)
    )
    return found is not None


def gift(book: Book, sale: str) -> tuple[int, bytes] | None:
    """(position, body) of the operation that gave the right to refund a sale to a sister till."""
    found = book.row(
        "SELECT pos, body FROM returns JOIN ops USING (pos) WHERE sale = ? AND kind = ?", (sale, GIVE)
    )
    return None if found is None else (found[0], found[1])


def back_elsewhere(book: Book, day: int) -> int:
    """Fen that came back here on a business day of sales that this till never saw."""
    found = book.row(
        "SELECT coalesce(sum(part.value ->> 1), 0) FROM returns JOIN ops USING (pos),"
        " json_each(CAST(ops.body AS TEXT), '$.groups') AS part WHERE ops.day = ?",
        (day,),
    )
    return 0 if found is None else int(found[0])


def index_sale(turn: Connection, receipt: str, day: int, pos: int) -> None:
    """Make a sale findable by its number."""
    turn.execute("INSERT INTO receipts_of_sales (receipt, day, pos) VALUES (?, ?, ?)", (receipt, day, pos))


def index_return(turn: Connection, sale: str, pos: int) -> None:
    """Make a return findable by its sale."""
    turn.execute("INSERT INTO returns (sale, pos) VALUES (?, ?)", (sale, pos))


def since(book: Book, pos: int) -> list[tuple[int, bytes]]:
    """(position, body) of every operation after a position."""
    return book.rows("SELECT pos, body FROM ops WHERE pos > ? ORDER BY pos", (pos,))


def uncounted(book: Book, pos: int, g: int) -> list[tuple[int, bytes, int]]:
    """(position, body, its own ``g``) of every operation that an edition of ``g`` which counts those up to a
    position does not count.

    Those after it; and of those before, what headquarters keeps in custody (P, or Q until people have closed
    it), for which no edition is known, ``UNKNOWN``, and what it took later than that edition.
    """
    return book.rows(
        f"SELECT pos, body, CASE WHEN {_IN_CUSTODY} THEN ?1 ELSE coalesce(g, 0) END"
        " FROM ops LEFT JOIN outcomes USING (pos) WHERE pos > ?2"
        f" UNION ALL SELECT pos, body, CASE WHEN {_IN_CUSTODY} THEN ?1 ELSE g END"
        f" FROM outcomes JOIN ops USING (pos) WHERE ({_IN_CUSTODY} OR g > ?3) AND pos <= ?2 ORDER BY pos",
        (UNKNOWN, pos, g),
    )


def day_totals(book: Book, day: int) -> dict[str, int]:
    """How many operations of each kind a business day has."""
    return dict(book.rows("SELECT kind, count(*) FROM ops WHERE day = ? GROUP BY kind", (day,)))

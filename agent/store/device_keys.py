"""The public keys of all tills of the chain, as headquarters tells them: who signed a paper of another store.

A key that was revoked stays here with the last number that it vouches for.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from agent.journal.database import Book
from config.sqlite import Connection
from points.wire.lane import KeyRecord, Lane


def put(turn: Connection, rows: Iterable[Sequence[Any]]) -> None:
    """Take rows ``[kid, public, store, till, epoch, suite, not_before_ms, revoked_at_ms, max_seq]``.

    Raises ``TypeError``, ``ValueError`` or ``IndexError`` for a row of another shape.
    """
    turn.executemany(
        "INSERT INTO device_keys"
        " (kid, public, store, till, epoch, suite, not_before_ms, revoked_at_ms, max_seq)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (kid) DO UPDATE"
        " SET revoked_at_ms = excluded.revoked_at_ms, max_seq = excluded.max_seq",
        [
            (
                str(row[0]), bytes.fromhex(row[1]), str(row[2]), str(row[3]), int(row[4]), str(row[5]),
                int(row[6]), *(None if last is None else int(last) for last in row[7:9]),
            )
            for row in rows
        ],
    )  # fmt: skip


def sisters(book: Book, store: str, till: str) -> set[str]:
    """The other tills of a store whose keys are good."""
    rows = book.rows(
        "SELECT DISTINCT till FROM device_keys WHERE store = ? AND till <> ? AND revoked_at_ms IS NULL",
        (store, till),
    )
    return {name for (name,) in rows}


def epoch_of(book: Book, store: str, till: str) -> int:
    """The epoch of the latest PC of a till that headquarters has told of; 0 for none."""
    found = book.row("SELECT max(epoch) FROM device_keys WHERE store = ? AND till = ?", (store, till))
    return int(found[0]) if found and found[0] is not None else 0


def find(book: Book, kid: str, chain: str) -> KeyRecord | None:
    """The record of a key; None when headquarters has not told of it."""
    row = book.row(
        "SELECT public, store, till, epoch, suite, not_before_ms, revoked_at_ms, max_seq"
        " FROM device_keys WHERE kid = ?",
        (kid,),
    )
    if row is None:
        return None
    public, store, till, epoch, *rest = row
    return KeyRecord(bytes(public), frozenset({Lane(chain, store, till, epoch)}), *rest)

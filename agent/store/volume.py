"""The book goes on in another lane after a fork: what stood behind the common beginning is its own beginning.

The only time that operations are numbered anew: in one turn, with the same ids and the same bytes, since the
numbers that they had belong at headquarters to other operations. What number and hash each had is kept. What
this till could spend lies with its old lane and stays there, for another PC may have the same rights: nothing
is left here but what is recorded. What else names a position is moved with it.
"""

from __future__ import annotations

from typing import NamedTuple

from agent.journal.database import Book
from agent.journal.log import EPOCH_STEP
from agent.journal.schema import NEVER_CHANGED
from agent.store import feeds, outbox, sales
from agent.store.prints import COPIES_MAX
from config.faults import Fault
from config.sqlite import Connection
from points.operations import Operation
from points.wire import canonical, chain
from points.wire.succession import Granted

GOES_ON = "goes_on"
"""The fact that names the lane epoch in which this book goes on after a fork."""
UNHEARD = "unheard"
"""The fact that names what headquarters has of the old lane and this book may lack: epoch, first, last."""
_MOVED_WITH_IT = ("acts", "receipts_of_sales", "returns", "trusts")
_LEFT_BEHIND = ("rights", "intents", "refund_intents", "wants", "pool")
_FORGOTTEN = ("restored_from", "own_term", "session_until", "session_over", "trust")


class Unheard(NamedTuple):
    """Operations of an earlier lane that headquarters has: ``first`` to ``last`` of ``epoch``."""

    epoch: int
    first: int
    last: int


def goes_on_in(book: Book) -> int | None:
    """The epoch in which this book goes on after a fork; None if it never forked."""
    kept = feeds.fact(book, GOES_ON)
    return None if kept is None else int(kept)


def check_key(book: Book, epoch: int) -> None:
    """Raises a Fault when the book goes on in a later lane than that of the key: what was recorded there
    could be told nobody, and its numbers would be given out again."""
    moved_to = goes_on_in(book)
    if moved_to is not None and moved_to > epoch:
        why = f"the book goes on in lane {moved_to}, and the key is of lane {epoch}"
        raise Fault("fault.keys_older", why, epoch=moved_to)


def unheard(book: Book) -> Unheard | None:
    """What is to be fetched of the old lane, None for nothing."""
    kept = feeds.fact(book, UNHEARD)
    return None if kept is None else Unheard(*map(int, kept.split(",")))


def is_printing(book: Book) -> bool:
    """Whether a receipt is on its way to the printer, which would be told of by its old number."""
    return book.row("SELECT 1 FROM prints WHERE state = 'SENDING' LIMIT 1") is not None


def move(book: Book, till: str, granted: Granted, genesis: bytes) -> int:
    """Go on in the lane that was granted; gives how many operations begin it. In one turn."""
    parent, epoch = granted.parent, granted.lane.epoch
    start, end = parent.epoch * EPOCH_STEP + parent.seq, (parent.epoch + 1) * EPOCH_STEP
    shift, behind = epoch * EPOCH_STEP - start, (start, end)
    heard = max(0, outbox.delivered(book) - parent.epoch * EPOCH_STEP)
    with book.turn() as turn:
        moved = _renumber(turn, behind, shift, genesis)
        for name in _MOVED_WITH_IT:
            turn.execute(f"UPDATE {name} SET pos = pos + ? WHERE pos > ? AND pos < ?", (shift, *behind))
        turn.execute(
            "UPDATE prints SET id = id + ? WHERE id >= ? AND id < ?",
            (shift * COPIES_MAX, (start + 1) * COPIES_MAX, end * COPIES_MAX),
        )
        for pos, kind, day, body in moved:
            old = pos - shift
            number = f"{till}-{old // EPOCH_STEP}-{old % EPOCH_STEP}"
            is_own = kind == "sale.earn" and canonical.decode(body)["receipt"] == number
            if is_own and not sales.receipt_exists(book, number, day):  # a point of sale may say so too
                sales.index_sale(turn, number, day, pos)  # it stands on the customer's paper
        turn.execute("DELETE FROM outcomes WHERE pos > ? AND pos < ?", behind)  # they are of others
        turn.execute("DELETE FROM envelopes WHERE ack IS NULL")
        turn.execute("DELETE FROM trusts WHERE pos <= ?", (start,))  # counted by headquarters
        for name in _LEFT_BEHIND:
            turn.execute(f"DELETE FROM {name}")
        turn.execute("UPDATE papers SET given = NULL")
        turn.execute("DELETE FROM chunks WHERE topic = 'till'")
        for name in _FORGOTTEN:
            feeds.drop_fact(turn, name)
        feeds.keep_fact(turn, "term", f"{granted.inc},{granted.term}")
        feeds.keep_fact(turn, GOES_ON, str(epoch))
        if heard < granted.next - 1:
            feeds.keep_fact(turn, UNHEARD, f"{parent.epoch},{heard + 1},{granted.next - 1}")
    return len(moved)


def _renumber(
    turn: Connection, behind: tuple[int, int], shift: int, genesis: bytes
) -> list[tuple[int, str, int, bytes]]:
    """Move operations; gives (new position, kind, day, body) of each."""
    rows = turn.execute(
        "SELECT pos, op_id, m, kind, day, body, hash FROM ops WHERE pos > ? AND pos < ? ORDER BY pos", behind
    ).fetchall()
    hashes = chain.links(genesis, 1, [row[5] for row in rows])
    turn.executemany(
        "INSERT INTO moved (pos, hash, to_pos) VALUES (?, ?, ?)",
        [(row[0], row[6], row[0] + shift) for row in rows],
    )
    for name, _ in NEVER_CHANGED:
        turn.execute(f"DROP TRIGGER {name}")
    turn.execute("DELETE FROM ops WHERE pos > ? AND pos < ?", behind)
    turn.executemany(
        "INSERT INTO ops (pos, op_id, m, kind, day, body, hash) VALUES (?, ?, ?, ?, ?, ?, ?)",
        [(row[0] + shift, *row[1:6], link) for row, link in zip(rows, hashes, strict=True)],
    )
    for _, trigger in NEVER_CHANGED:
        turn.execute(trigger)
    return [(row[0] + shift, row[3], row[4], row[5]) for row in rows]


def put(turn: Connection, pos: int, op: Operation, body: bytes, link: bytes) -> bool:
    """Put an operation of an earlier lane at its own place; False when it is here already."""
    done = turn.execute(
        "INSERT INTO ops (pos, op_id, m, kind, day, body, hash) VALUES (?, ?, ?, ?, ?, ?, ?)"
        " ON CONFLICT DO NOTHING",
        (pos, op.id, op.m, op.kind, op.day, body, link),
    )
    return done.rowcount > 0


def give_up(book: Book) -> None:
    """Headquarters does not have it any more either."""
    with book.turn() as turn:
        feeds.drop_fact(turn, UNHEARD)


def heard_up_to(turn: Connection, told: Unheard, last: int) -> None:
    """Of what was unheard, up to ``last`` is here now."""
    if last >= told.last:
        feeds.drop_fact(turn, UNHEARD)
    else:
        feeds.keep_fact(turn, UNHEARD, f"{told.epoch},{last + 1},{told.last}")

"""PCs of tills that were declared lost, as they lie in the table."""

from __future__ import annotations

from typing import NamedTuple

from hub.store import schema
from hub.store.engine import Turn
from points.holding import Lost


class Loss(NamedTuple):
    """A row: the PC (store, till, epoch) with its last (inc, term), why, who asked and in which session, who
    agreed; ``seq`` is the last number that counts, ``pts`` what came home."""

    store: str
    till: str
    inc: int
    term: int
    epoch: int
    evidence: str
    asked_by: str
    asked_in: str
    asked_ms: int
    approved_by: str | None = None
    approved_ms: int | None = None
    seq: int = 0
    pts: int = 0


COLUMNS = ", ".join(Loss._fields)


def lost(look: Turn) -> Lost:
    """Tills whose PC is lost, with the last term that is over by it."""
    return {
        (store, till): (inc, term)
        for store, till, inc, term in look.run(
            "SELECT store, till, inc, term FROM losses WHERE approved_ms IS NOT NULL ORDER BY inc, term"
        )
    }


def every(look: Turn, since_ms: int = 0) -> list[Loss]:
    """What was asked for or agreed upon since, the newest first."""
    rows = look.run(f"SELECT {COLUMNS} FROM losses WHERE asked_ms >= ? ORDER BY asked_ms DESC", (since_ms,))
    return [Loss(*row) for row in rows]


def pending(look: Turn) -> list[Loss]:
    """What was asked for and nobody has agreed upon yet."""
    return [loss for loss in every(look) if loss.approved_ms is None]


def asked(look: Turn, store: str, till: str, epoch: int) -> Loss | None:
    """What was asked for this PC."""
    row = look.one(
        f"SELECT {COLUMNS} FROM losses WHERE store = ? AND till = ? AND epoch = ?", (store, till, epoch)
    )
    return None if row is None else Loss(*row)


def keep(turn: Turn, loss: Loss) -> None:
    """Write it, over what was asked before."""
    turn.put(schema.losses, [tuple(loss)], on_conflict="replace")


def forget(turn: Turn, store: str, till: str, epoch: int) -> None:
    """Nobody agreed, and it is not asked any more."""
    turn.run(
        "DELETE FROM losses WHERE store = ? AND till = ? AND epoch = ? AND approved_ms IS NULL",
        (store, till, epoch),
    )

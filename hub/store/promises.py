"""Points that were promised online although they lie at silent tills: by operation and by silent till."""

from __future__ import annotations

from typing import NamedTuple

from hub.store import schema
from hub.store.engine import Turn
from points.identifiers import bucket
from points.operations import Operation


class Promise(NamedTuple):
    """Points of a member for one operation, while that many lie at a silent till, since a time in ms."""

    m: int
    intent: str
    store: str
    till: str
    pts: int
    at_ms: int


def note(turn: Turn, op: Operation) -> None:
    """Keep what a decision promised."""
    assert op.m is not None
    rows = [
        (bucket(op.m), op.m, op.refs[0], store, till, pts, op.st)
        for store, till, pts, *_ in op.body["unlock"]
    ]
    turn.put(schema.unlocked, rows, on_conflict="ignore")


def every(look: Turn) -> list[Promise]:
    """What was promised the newest first."""
    rows = look.run(
        "SELECT m, intent, store, till, pts, at_ms FROM unlocked ORDER BY at_ms DESC, m, intent, store, till"
    )
    return [Promise(*row) for row in rows]

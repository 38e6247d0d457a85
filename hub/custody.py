"""What is kept and not posted: what it waits for, by name, and whose it is."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from hub.delivery import DOUBTED, Delivered
from hub.posting import Place
from hub.store import doubted_pcs, schema
from hub.store.engine import Turn
from points.judging import Outcome
from points.wire import chain

RESOLVE = "resolve:"
"""Begins the name of what an operation waits for whose member headquarters must name."""
NAMELESS = ("equivocation", "bad-field", "undecodable", DOUBTED)
"""Reasons for which an operation does not even take possession of its id."""
WAITING_FEW = 100


def name_of(outcome: Outcome, op_id: str) -> str:
    """The name of what an operation in custody waits for; a reason when it waits for people."""
    if outcome.detail.get("reason") == DOUBTED:
        return doubted_pcs.ON + str(outcome.detail["pc"])
    if outcome.detail.get("reason") != "missing-dependency":
        return str(outcome.detail.get("reason"))
    if "member" in outcome.detail:
        return RESOLVE + op_id
    return next(f"{what}:{on}" for what, on in outcome.detail.items() if what != "reason")


def waiting_on(turn: Turn, unlocked: Iterable[str], count: int) -> list[Delivered]:
    """What waited for these, numbered behind ``count`` others."""
    some = turn.run("SELECT on_what FROM waiting LIMIT ?", (WAITING_FEW,))
    if len(some) < WAITING_FEW:  # nearly nothing waits, ever: one question instead of one for each name
        unlocked = {name for (name,) in some}.intersection(unlocked)
    rows = turn.find(
        schema.waiting,
        ["store", "till", "epoch", "seq", "body"],
        ["on_what"],
        [(name,) for name in sorted(unlocked)],
    )
    return [
        Delivered((store, till, epoch, seq), n, bytes(body), chain.body_digest16(bytes(body)))
        for n, (store, till, epoch, seq, body) in enumerate(sorted(rows), count)
    ]


def members(
    turn: Turn, lanes: Iterable[tuple[str, str]], judged: Collection[Place]
) -> set[tuple[str, str, int]]:
    """(store, till, member) of what waits at these tills besides what is being ``judged``. A PC that is
    doubted holds up nothing of the one that is not."""
    columns = ["store", "till", "epoch", "seq", "m", "on_what"]
    return {
        (store, till, m)
        for store, till, epoch, seq, m, on_what in turn.find(
            schema.waiting, columns, ["store", "till"], lanes
        )
        if m is not None
        and (store, till, epoch, seq) not in judged
        and not on_what.startswith(doubted_pcs.ON)
    }

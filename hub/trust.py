"""The risk taken with a till that is out of reach: budgeted before, posted after, never more.

A till is told how many points in all it may ever have spent beyond every right: what is posted of that, and
one outage's budget on top. So what it has spent and not told is never more than the budget. What it spent
beyond what it was told is posted too, because it happened, and is a case that its store bears.
"""

from __future__ import annotations

from typing import Any

from hub import denials
from hub.office import Office
from hub.store import losses, schema
from hub.store.engine import Turn
from points.identifiers import bucket
from points.judging import Outcome
from points.operations import Operation

TOLD = "trust:{}/{}/{}"


def row(turn: Turn, office: Office, store: str, till: str, epoch: int) -> list[list[Any]]:
    """The rows of a till's page that tell its PC the budget and to whom it is denied; none while there is no
    budget and never was one."""
    budget, told = office.trust, told_to(turn, store, till, epoch)
    if not budget.till and not told:
        return []
    known = spent(turn, store, till, epoch)
    whole = max(told, known + budget.till)
    if budget.chain and whole > told:
        others = at_risk(turn, in_service=True) - max(0, told - known)
        whole = max(told, known + min(budget.till, max(0, budget.chain - others)))
    if whole > told:
        turn.run(
            "INSERT INTO settings (name, value) VALUES (?, ?)"
            " ON CONFLICT (name) DO UPDATE SET value = excluded.value",
            (TOLD.format(store, till, epoch), str(whole)),
            twice=True,
        )
    return [["t", budget.operation, budget.member_day, whole], ["d", denials.every(turn)]]


def move(turn: Turn, store: str, till: str, epoch: int, to: int) -> None:
    """A PC goes on in another lane: what it may still spend of its budget goes with it."""
    known, told = spent(turn, store, till, epoch), told_to(turn, store, till, epoch)
    if told > known:
        turn.put(
            schema.settings,
            [
                (TOLD.format(store, till, epoch), str(known)),
                (TOLD.format(store, till, to), str(told - known)),
            ],
            on_conflict="replace",
            twice=True,
        )


def told_to(look: Turn, store: str, till: str, epoch: int) -> int:
    """What a PC was told that it may ever have spent."""
    kept = look.one("SELECT value FROM settings WHERE name = ?", (TOLD.format(store, till, epoch),))
    return int(kept[0]) if kept else 0


def spent(look: Turn, store: str, till: str, epoch: int) -> int:
    """What is posted of a PC's spending by trust."""
    found = look.one(
        "SELECT coalesce(sum(pts), 0) FROM trusted WHERE store = ? AND till = ? AND epoch = ?",
        (store, till, epoch),
    )
    assert found is not None
    return int(found[0])


def note(turn: Turn, op: Operation, epoch: int) -> Outcome | None:
    """Count what an operation spent by trust; a remark when it was not budgeted."""
    pts = sum(n for act, n in op.moves() if act == "trust")
    if not pts or op.m is None:
        return None
    turn.put(
        schema.trusted,
        [(bucket(op.m), op.m, op.id, op.store, op.till, epoch, pts)],
        on_conflict="ignore",
    )
    beyond = spent(turn, op.store, op.till, epoch) - told_to(turn, op.store, op.till, epoch)
    if beyond <= 0:
        return None
    return Outcome("J", {"reason": "beyond-budget", "pts": min(pts, beyond), "bearer": op.store})


def at_risk(look: Turn, *, in_service: bool = False) -> int:
    """Points that tills out of reach may have spent by trust and not told.

    ``in_service``: without PCs that were declared lost. What those may have spent stays in view, but people
    have agreed to bear it, and the budget is for the others from then on.
    """
    gone = {TOLD.format(*pc[:3]) for pc in losses.declared(look)} if in_service else set()
    told = {
        name: int(value)
        for name, value in look.run("SELECT name, value FROM settings WHERE name LIKE 'trust:%'")
        if name not in gone
    }
    known = {
        TOLD.format(store, till, epoch): int(pts)
        for store, till, epoch, pts in look.run(
            "SELECT store, till, epoch, sum(pts) FROM trusted GROUP BY store, till, epoch"
        )
    }
    return sum(max(0, whole - known.get(pc, 0)) for pc, whole in told.items())

"""The one order in which a member's facts are folded, from signed bytes alone.

However facts arrive, they are ordered by store time, store, till and id, and no fact stands before what
it refers to or before its own lane's earlier ones. So every machine folds the same sequence. A time that
could not be true was moved by a fact (``clock.fix``); that is part of the order and is not folded itself.
"""

from __future__ import annotations

from collections.abc import Iterable

from points.operations import Operation

LIFT_ROUNDS_MAX = 8
"""A return of a sale of a resolved member is three deep; more is a stranger's circle of references."""


CLOCK_FIX = "clock.fix"


def believed(ops: Iterable[Operation]) -> list[Operation]:
    """The facts with their times as headquarters has set them right; of two such decisions one holds."""
    facts = list(ops)
    fixes: dict[str, Operation] = {}
    for fix in sorted((op for op in facts if op.kind == CLOCK_FIX), key=lambda op: (op.st, op.id)):
        fixes.setdefault(fix.refs[0], fix)
    if not fixes:
        return facts
    return [_moved(op, fixes.get(op.id)) for op in facts if op.kind != CLOCK_FIX]


def _moved(op: Operation, fix: Operation | None) -> Operation:
    if fix is None:
        return op
    moved = Operation({**op.body, "st": fix.body["true_st"], "day": fix.body["true_day"]}, op.store, op.till)
    moved.m = op.m
    return moved


def canonical(ops: Iterable[Operation]) -> list[Operation]:
    """Facts of one member in canonical order, each once.

    The key is (st, store, till, id), lifted to the largest of its own, one past what it refers to,
    and the member's previous operation of the same lane; so no fact stands before its cause.
    """
    facts = {op.id: op for op in believed(ops)}
    order = sorted(facts.values(), key=lambda op: (op.st, op.store, op.till, op.id))
    if not any(op.refs for op in order):
        return order
    lifted = {op.id: op.st for op in order}
    for _ in range(LIFT_ROUNDS_MAX):
        if not _lift(order, lifted):
            break
        order.sort(key=lambda op: (lifted[op.id], op.store, op.till, op.st, op.id))
    return order


def _lift(order: Iterable[Operation], lifted: dict[str, int]) -> bool:
    """Lift each fact over its causes and its lane; whether any moved."""
    lane: dict[tuple[str, str], int] = {}
    moved = False
    for op in order:
        causes = (lifted[ref] + 1 for ref in op.refs if ref in lifted and ref != op.id)
        when = max(lifted[op.id], lane.get((op.store, op.till), 0), *causes, 0)
        lane[op.store, op.till] = when
        if when != lifted[op.id]:
            lifted[op.id] = when
            moved = True
    return moved

"""What headquarters says of times that could not be true, against the time at which it was seen to happen.

A fact that moves a time is headquarters' own decision, so the independent ledger is told it with the
operation.
It is true when it is nearer to what the witness saw than what the till said, and never falls along a lane.
"""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any

from points.wire import canonical

if TYPE_CHECKING:
    from tests.chain.world import World

Moved = dict[str, tuple[int, int]]
"""Operation -> (store time, local day) at which it really happened."""


def moved(world: World) -> Moved:
    """Every time that was set right."""
    found: Moved = {}
    for (raw,) in world.hub.rows("SELECT body FROM facts WHERE kind = 'clock.fix' ORDER BY n"):
        body = canonical.decode(bytes(raw))
        found.setdefault(body["refs"][0], (body["true_st"], body["true_day"]))
    return found


def set_right(found: Moved, body: dict[str, Any]) -> dict[str, Any]:
    """An operation with the time at which it really happened."""
    st, day = found.get(body["id"], (body["st"], body["day"]))
    return {**body, "st": st, "day": day}


def explain(world: World, place: tuple[str, str, int], reason: str) -> bool:
    """Whether a remark is what a time that was set right brings: the sale lies in another day, whose limit
    leaves it other points, and what its till took back of it is not what is there."""
    if reason != "return-differs":
        return False
    rows = world.hub.rows(
        "SELECT f.body FROM op_seen s JOIN facts f ON f.op_id = s.op_id"
        " WHERE s.store = ? AND s.till = ? AND s.seq = ?", *place,
    )  # fmt: skip
    cited = {ref for (body,) in rows for ref in canonical.decode(bytes(body)).get("refs", [])}
    return not cited.isdisjoint(moved(world))


def fault(world: World, found: Moved) -> str:
    """What is wrong with the times that were set right; nothing when all is well."""
    world.marks["time set right"] += len(found)
    decided: dict[str, int] = defaultdict(int)
    for (raw,) in world.hub.rows("SELECT body FROM facts WHERE kind = 'clock.fix'"):
        decided[canonical.decode(bytes(raw))["refs"][0]] += 1
    lanes: dict[tuple[str, str, int], list[tuple[int, int]]] = defaultdict(list)
    for op_id, (st, _) in found.items():
        if decided[op_id] > 1:
            return f"the time of {op_id} was set right twice"
        seen = world.witness.papers.get(op_id)
        if seen is not None and abs(st - seen.at_ms) > abs(seen.op.st - seen.at_ms):
            return f"{op_id} happened at {seen.at_ms}, was told as {seen.op.st} and is set to {st}"
        for store, till, epoch, seq in world.hub.rows(
            "SELECT store, till, epoch, seq FROM op_seen WHERE op_id = ?", op_id
        ):
            lanes[store, till, epoch].append((seq, st))
    for lane, times in lanes.items():
        along = [st for _, st in sorted(times)]
        if along != sorted(along):
            return f"the times that were set right fall along the lane {lane}"
    return ""

"""What headquarters has taken is there, and what it keeps in custody is counted by its till all the while."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from agent.pending import KINDS
from agent.store import outbox

if TYPE_CHECKING:
    from tests.chain.pc import Pc
    from tests.chain.world import World


def fault(world: World, pc: Pc) -> str:
    """What is wrong with what this PC has delivered; nothing if all is well."""
    if not pc.runs:
        return ""
    lost, last = _uncounted(world, pc), _acknowledged_in_vain(world, pc)
    if last:
        return f"operation {last} of {pc.name} was acknowledged and is not at headquarters"
    return f"{pc.name} does not count what is in custody: {', '.join(lost[:3])}" if lost else ""


def _uncounted(world: World, pc: Pc) -> list[str]:
    """Operations of this PC that wait at headquarters and that its own till does not count."""
    lane = pc.identity.lane
    waiting = world.hub.rows(
        "SELECT body FROM waiting WHERE store = ? AND till = ? AND epoch = ? AND m IS NOT NULL",
        lane.store, lane.till, lane.epoch,
    )  # fmt: skip
    bodies = [json.loads(bytes(body)) for (body,) in waiting]
    counted = {op.id for ops in pc.till.pending.by_member.values() for op in ops}
    return [
        body["id"]
        for body in bodies
        if body["t"] in KINDS and body.get("m") is not None and body["id"] not in counted
    ]


def _acknowledged_in_vain(world: World, pc: Pc) -> int:
    """The last number of this PC's lane that was acknowledged, if headquarters does not have it.

    One that was put back waits for the till's own PC; those that were replaced or lost come when they come.
    """
    if world.hub.was_put_back and all(pc is not pcs[-1] for pcs in world.pcs.values()):
        return 0
    lane = pc.identity.lane
    told = max(0, outbox.delivered(pc.till.book) - pc.till.log.pos(0))
    heard = world.hub.rows(
        "SELECT seq FROM lanes WHERE store = ? AND till = ? AND epoch = ?", lane.store, lane.till, lane.epoch
    )
    return told if told > (heard[0][0] if heard else 0) else 0

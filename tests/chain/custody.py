"""What headquarters keeps in custody is counted by its own till all the while: no points come and go."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from agent.till import PENDING

if TYPE_CHECKING:
    from tests.chain.pc import Pc
    from tests.chain.world import World


def uncounted(world: World, pc: Pc) -> list[str]:
    """Operations of this PC that wait at headquarters and that its own till does not count."""
    lane = pc.identity.lane
    waiting = world.hub.rows(
        "SELECT body FROM waiting WHERE store = ? AND till = ? AND epoch = ? AND m IS NOT NULL",
        lane.store, lane.till, lane.epoch,
    )  # fmt: skip
    bodies = [json.loads(bytes(body)) for (body,) in waiting]
    counted = {op.id for ops in pc.till.pending.values() for op in ops}
    return [
        body["id"]
        for body in bodies
        if body["t"] in PENDING and body.get("m") is not None and body["id"] not in counted
    ]

"""Delivering everything again: each envelope three times, shuffled between lanes, over real HTTP.

Each lane may come out of order; what leaves a gap is refused with where to go on, and is sent again.
Headquarters' own lane is among them. Nothing of it may change what everybody has.
"""

from __future__ import annotations

import random
from pathlib import Path

from agent.uplink import Uplink
from points.wire import endpoints, envelope
from points.wire.faults import Problem, WireFault
from points.wire.keys import SigningKey

TIMES = 3
ROUNDS_MAX = 200


def deliver_again(
    url: str, hub_public: bytes, folder: Path, keys: dict[str, SigningKey], seed: int
) -> tuple[int, int]:
    """Deliver every envelope of ``folder`` three times; gives (deliveries, refused as out of order).

    ``keys`` by kid: an envelope is sent by the device that signed it.
    """
    raws = [path.read_bytes() for path in sorted(folder.glob("*.jfb"))]
    waiting = raws * TIMES
    chance = random.Random(seed)
    sent = gaps = 0
    uplinks: dict[str, Uplink] = {}
    for _ in range(ROUNDS_MAX):
        chance.shuffle(waiting)
        again = []
        for raw in waiting:
            header, kid = envelope.peek(raw)
            uplink = uplinks.setdefault(kid, Uplink(url, keys[kid], hub_public))
            sent += 1
            try:
                uplink.call("POST", endpoints.batches(header.lane), raw, endpoints.BATCH)
            except WireFault as fault:
                if fault.problem != Problem.GAP:
                    raise
                gaps += 1
                again.append(raw)
        waiting = again
        if not waiting:
            break
    assert not waiting, "a lane that never closed its gap"
    for uplink in uplinks.values():
        uplink.close()
    return sent, gaps

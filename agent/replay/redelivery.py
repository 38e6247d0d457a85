"""Delivering everything again: each envelope three times, shuffled between lanes, over real HTTP.

A lane may come a little out of order; what leaves a gap is refused with where to go on, and is
sent again a little later.
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
JITTER = 3
"""How many places an envelope may stand before or after its turn in its own lane."""


def deliver_again(
    url: str, hub_public: bytes, folder: Path, keys: dict[str, SigningKey], seed: int
) -> tuple[int, int]:
    """Deliver every envelope of ``folder`` three times; gives (deliveries, refused as out of order).

    ``keys`` by kid: an envelope is sent by the device that signed it.
    """
    chance = random.Random(seed)
    lanes = _lanes(folder, chance)
    uplinks: dict[str, Uplink] = {}
    sent = gaps = 0
    while lanes:
        lane = chance.choice(sorted(lanes))
        raw = lanes[lane].pop(0)
        header, kid = envelope.peek(raw)
        if kid not in uplinks:
            uplinks[kid] = Uplink(url, keys[kid], hub_public)
        sent += 1
        try:
            uplinks[kid].call("POST", endpoints.batches(header.lane), raw, endpoints.BATCH)
        except WireFault as fault:
            if fault.problem != Problem.GAP:
                raise
            gaps += 1
            lanes[lane].insert(JITTER, raw)
        if not lanes[lane]:
            del lanes[lane]
    for uplink in uplinks.values():
        uplink.close()
    return sent, gaps


def _lanes(folder: Path, chance: random.Random) -> dict[str, list[bytes]]:
    """Each lane's envelopes three times, a few places out of order."""
    lanes: dict[str, list[Path]] = {}
    for path in sorted(folder.glob("*.jfb")):
        lanes.setdefault(path.name.rpartition("_")[0], []).append(path)
    return {
        lane: [
            path.read_bytes()
            for _, path in sorted(
                (i + chance.randrange(JITTER + 1), path) for i, path in enumerate(paths) for _ in range(TIMES)
            )
        ]
        for lane, paths in lanes.items()
    }

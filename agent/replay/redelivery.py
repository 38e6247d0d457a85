"""Delivering everything again: each envelope three times, shuffled between lanes, over real HTTP.

A lane may come a little out of order; what leaves a gap is refused with where to go on, and is
sent again a little later.
Headquarters' own lane is among them. Nothing of it may change what everybody has.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from pathlib import Path

from agent.uplink import Uplink
from points.wire import endpoints, envelope
from points.wire.faults import Problem, WireFault
from points.wire.keys import SigningKey

TIMES = 3
JITTER = 3
"""How many places an envelope may stand before or after its turn in its own lane."""
LATER = TIMES * JITTER
"""How far back what left a gap is put: so many may stand before the first copy of what is missing. Put less
far back, they would take turns before it for ever."""

TOLD_EVERY = 100


def deliver_again(
    url: str,
    hub_public: bytes,
    folder: Path,
    keys: dict[str, SigningKey],
    seed: int,
    tell: Callable[[int, int], None] = lambda _done, _of: None,
) -> tuple[int, int]:
    """Deliver every envelope of ``folder`` three times; gives (deliveries, refused as out of order).

    ``keys`` by kid: an envelope is sent by the device that signed it. ``tell`` hears (delivered, of).
    """
    chance = random.Random(seed)
    lanes = _lanes(folder, chance)
    of = sum(map(len, lanes.values()))
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
            lanes[lane].insert(LATER, raw)
        if (sent - gaps) % TOLD_EVERY == 0 or sent - gaps == of:
            tell(sent - gaps, of)
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
        lane: [path.read_bytes() for path in out_of_order(paths, chance)] for lane, paths in lanes.items()
    }


def out_of_order(paths: Sequence[Path], chance: random.Random) -> list[Path]:
    """Each path three times, at most ``JITTER`` places behind its turn."""
    drawn = [(i + chance.randrange(JITTER + 1), i) for i in range(len(paths)) for _ in range(TIMES)]
    return [paths[i] for _, i in sorted(drawn, key=lambda one: (one[0], chance.random()))]

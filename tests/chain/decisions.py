"""What headquarters and tills decided in a chain, marked from what is written."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from tests.chain import gifts

if TYPE_CHECKING:
    from tests.chain.world import World


def count(world: World) -> None:
    """Mark all of it."""
    marks = world.marks
    for kind, n in world.hub.rows("SELECT kind, count(*) FROM facts GROUP BY kind"):
        if kind in _DECISIONS:
            marks[_DECISIONS[kind]] += n
    marks["parked"] += world.hub.rows("SELECT count(*) FROM told WHERE letter IN ('A', 'P')")[0][0]
    marks["parked and posted"] += world.hub.rows("SELECT count(*) FROM told WHERE letter = 'A'")[0][0]
    marks["batch cut anew"] += world.hub.rows(
        "SELECT count(*) FROM batches b WHERE EXISTS (SELECT 1 FROM batches a WHERE a.store = b.store"
        " AND a.till = b.till AND a.epoch = b.epoch AND a.batch_id <> b.batch_id AND a.first <= b.first"
        " AND a.last >= b.first)"
    )[0][0]
    for (body,) in world.hub.rows("SELECT body FROM facts WHERE kind = 'rights.grant'"):
        marks["grant after a close"] += json.loads(bytes(body))["term"] > 1
    for (body,) in world.hub.rows(
        "SELECT f.body FROM told t JOIN op_seen s ON s.store = t.store AND s.till = t.till"
        " AND s.epoch = t.epoch AND s.seq = t.seq JOIN facts f ON f.op_id = s.op_id WHERE t.letter = 'A'"
        " AND f.kind IN ('rights.return', 'rights.close')"
    ):
        marks["return parked"] += body is not None
    gifts.count(world)


_DECISIONS = {
    "rights.grant": "grant", "rights.return": "rights returned", "auth.reserve": "reservation",
    "auth.void": "intent voided", "rights.close": "term closed", "rights.give": "gift",
    "member.resolve": "code named later",
}  # fmt: skip

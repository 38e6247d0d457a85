"""What waits for something that should have come long ago becomes a case, so that people may close it.

A parked operation is judged as soon as what it refers to arrives. That may never happen: the till that sold
was burnt. What waits behind such an operation waits with it, the close of its till's rights too, so after a
week somebody is asked: judge it again, or dismiss it. If it comes after all, the case closes by itself. What
waits behind another one of its own lane needs no case, and what is kept of a second PC has one with it.
"""

from __future__ import annotations

import json
from typing import Any

from hub.office import Office
from hub.store import schema
from hub.store.engine import Turn
from points.judging import NOT_LEARNT
from points.wire import canonical
from points.wire.faults import WireFault

MISSING = "missing-dependency"
REASONS = (MISSING, *NOT_LEARNT)
NO_CASE = "lane:"
AFTER_MS = 7 * 86_400_000


def open_cases(office: Office) -> int:
    """Open a case for each operation that is overdue and has none, close those that are over; gives how
    many were opened."""
    now = office.clock()
    with office.store.turn() as turn:
        parked = _parked(turn)
        waiting = {(place[0], _of(raw)[0]) for place, _, _, raw in parked}
        asked = set()
        for number, store, op_id in turn.run(
            "SELECT id, store, op_id FROM cases WHERE closed_ms IS NULL AND reason IN (?, ?, ?)", REASONS
        ):
            asked.add((store, op_id))
            if (store, op_id) not in waiting:
                turn.run("UPDATE cases SET closed_ms = ? WHERE id = ?", (now, number))
        cases = []
        for place, on_what, m, raw in parked:
            op_id, st = _of(raw)
            if st + AFTER_MS < now and (place[0], op_id) not in asked:
                reason = on_what if on_what in NOT_LEARNT else MISSING
                cases.append((reason, op_id, m, place[0], _told(turn, place, reason), now, None))
        turn.put(schema.cases, cases)
        return len(cases)


def _parked(turn: Turn) -> list[tuple[tuple[str, str, int, int], str, int | None, bytes]]:
    rows = turn.run(
        "SELECT store, till, epoch, seq, on_what, m, body FROM waiting"
        f" WHERE {schema.NOT_DOUBTED} ORDER BY 1, 2, 3, 4"
    )
    return [
        ((store, till, epoch, seq), on_what, m, bytes(body))
        for store, till, epoch, seq, on_what, m, body in rows
        if on_what in NOT_LEARNT or (":" in on_what and not on_what.startswith(NO_CASE))
    ]


def _of(raw: bytes) -> tuple[str, int]:
    """Id and store time of an operation that perhaps nobody here understands."""
    try:
        body: dict[str, Any] = canonical.decode(raw)
    except WireFault:
        return "", 0
    op_id, st = body.get("id"), body.get("st")
    return op_id if isinstance(op_id, str) else "", st if type(st) is int else 0


def _told(turn: Turn, place: tuple[str, str, int, int], reason: str) -> str:
    """What its till was told of it."""
    row = turn.one(
        "SELECT detail FROM told WHERE store = ? AND till = ? AND epoch = ? AND seq = ? ORDER BY later DESC",
        place,
    )
    return str(row[0]) if row else json.dumps({"reason": reason})

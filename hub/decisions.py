"""Headquarters' own decisions: facts in its own lane, posted through the same intake as a till's.

A grant, an authorisation, an issue of numbers or the resolving of a sealed identity is written,
chained, signed and posted in one transaction before anybody hears of it. So it can be delivered
again like any batch, and changes nothing the second time.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from hub import intake
from hub.office import Office
from hub.opening import open_envelope
from hub.store.engine import Turn
from points.identifiers import new_op_id
from points.wire import ack, canonical, envelope
from points.wire.batch_header import OPS_MAX, Moment
from points.wire.faults import InProgress
from points.wire.lane import KeyRecord

BOOT = "0" * 16
INST = "0" * 32

Fact = tuple[str, dict[str, Any]]
"""A kind and what its body says besides the mandatory keys."""


LISTENS = "listens"
"""The setting of a headquarters that hears its own lane again, as it hears the stores'."""


def listens(turn: Turn) -> bool:
    """Whether this headquarters only listens: what it would decide was decided, and is still to come.

    One that is filled again from envelopes and names a member by itself writes another history into
    its own lane, and its own earlier decisions are refused as a fork.
    """
    return turn.one("SELECT 1 FROM settings WHERE name = ?", (LISTENS,)) is not None


def decide(turn: Turn, office: Office, facts: Sequence[Fact]) -> list[str]:
    """Write, sign and post decisions inside ``turn``; gives their operation ids.

    Raises ``InProgress`` while this headquarters only listens.
    """
    if facts and listens(turn):
        raise InProgress()
    ids: list[str] = []
    for start in range(0, len(facts), OPS_MAX):
        ids += _decide(turn, office, facts[start : start + OPS_MAX])
    return ids


def _decide(turn: Turn, office: Office, facts: Sequence[Fact]) -> list[str]:
    lane, key = office.lane, office.keys.lane
    record = KeyRecord(key.public_raw, frozenset({lane}))
    seq, head, _ = intake.lane_head(turn, lane, record)
    last = turn.one("SELECT value FROM settings WHERE name = 'hub_st'")
    st = max(office.clock(), int(last[0]) + 1 if last else 0)
    day = office.rules().today(st)
    bodies: list[bytes] = []
    ids: list[str] = []
    for kind, body in facts:
        op_id = new_op_id(st, office.chance(10))
        ids.append(op_id)
        bodies.append(
            canonical.encode(
                {
                    "id": op_id, "t": kind, "tv": 1, "day": day, "st": st, "boot": BOOT, "mono": 0,
                    "by": "hq", "rule": office.rules().hash, **body,
                }
            )
        )  # fmt: skip
        st += 1
    turn.run(
        "INSERT INTO settings (name, value) VALUES ('hub_st', ?)"
        " ON CONFLICT (name) DO UPDATE SET value = excluded.value",
        (str(st - 1),),
        twice=True,
    )
    moment = Moment(st, BOOT, 0, INST, "jifen-hub", office.inc)
    raw = envelope.cut(lane, seq + 1, bytes.fromhex(head), bodies, key, moment)
    turn.decided.append(("batch", raw, None))
    answer, _ = intake.post_batch(turn, office, open_envelope(raw, record, office.books), raw, record)
    kept = [o for o in ack.open_ack(answer, office.keys.receipt.public_raw).outcomes if o.code in ("P", "Q")]
    assert not kept, f"headquarters wrote a decision that it does not accept: {kept}"
    return ids

"""A till whose lane forked goes on in a lane of its own: it was put back from an old copy, or copied.

It shows how far its history is ours. There its old lane ends for it; it is granted the next epoch for a
fresh key, and a rights term of its own, as a PC that takes another's place. What its old term may still spend
stays set aside: the copy may spend it, or it was spent and put back before that was told. It comes home by
the word of whoever goes on in the old lane, or when two people declare that PC lost. Nothing that is heard
tells a PC that was put back from one that was copied; whoever speaks in the old lane afterwards is a second
PC (``hub.second_pcs``).
"""

from __future__ import annotations

import json

from hub import admission, intake, second_pcs, trust
from hub.office import Office
from hub.store import device_keys, schema
from hub.store.engine import Turn
from points.wire import container, succession
from points.wire.canonical import decode
from points.wire.faults import NotFound, Problem, Revoked, UnknownKey, WireFault, WrongLane
from points.wire.fields import SUITE
from points.wire.keys import kid_of
from points.wire.lane import KeyRecord, Lane
from points.wire.succession import Claimed, Granted, Parent

A_DAY_MAX, DAY_MS = 8, 86_400_000
"""How often a till may go on in another lane: a thief's copy of a key could ask for lanes without end, each
by the key of the last one; a till whose disk is put back every morning asks once a day, for ever. Lanes of
PCs that were turned down, or are lost, do not count: the till must be able to go on then."""
FORKED = "forked"


def grant(office: Office, lane: Lane, kid: str, raw: bytes) -> bytes:
    """Answer a request of the device that writes ``lane`` with the key ``kid``; asked again, the same.

    Raises ``WrongLane``, ``Revoked``, what ``open_ask`` raises, and says that it is busy when too many were
    granted: then it is asked again later.
    """
    with office.store.turn() as turn:
        record = device_keys.find(turn, kid, office.chain)
        if record is None:
            raise UnknownKey(kid=kid)
        claimed = succession.open_ask(raw, record.public_raw)
        if claimed.lane != lane or lane not in record.lanes:
            raise WrongLane()
        told = _told_before(turn, kid, claimed)
        if told is not None:
            return told
        if record.revoked_at_ms is not None:
            raise Revoked()
        lately = turn.one(
            "SELECT count(*) FROM keys WHERE store = ? AND till = ? AND parent <> '' AND not_before_ms > ?"
            " AND revoked_at_ms IS NULL",
            (lane.store, lane.till, office.clock() - DAY_MS),
        )
        if lately is not None and lately[0] >= A_DAY_MAX:
            raise WireFault(Problem.BUSY, retry_after_s=3_600)
        return _grant(turn, office, record, claimed)


def _told_before(turn: Turn, kid: str, claimed: Claimed) -> bytes | None:
    new = kid_of(claimed.public_raw)
    row = turn.one("SELECT parent, granted FROM keys WHERE kid = ?", (new,))
    if row is None:
        return None
    parent, granted = row
    if parent != kid or _request_of(bytes(granted)) != claimed.digest:
        raise WrongLane(kid=new)  # a key writes in one lane only
    return bytes(granted)


def _request_of(granted: bytes) -> str:
    box = container.unpack(succession.MAGIC, granted, succession.SUCCESSION_BYTES_MAX)
    return str(decode(box.header)["request"])


def _grant(turn: Turn, office: Office, record: KeyRecord, claimed: Claimed) -> bytes:
    old = claimed.lane
    seq, head, _ = intake.lane_head(turn, old, record)
    parent = _common(turn, old, record, claimed, (seq, bytes.fromhex(head)))
    intake.keep_twice(turn, old.store, old.till)
    replaced = admission.current(turn, old.store, old.till)
    epoch, term = admission.succeed(turn, old)
    if admission.current(turn, old.store, old.till) != epoch:
        replaced = old.epoch  # the till is another PC's by a ticket, and stays so
    kid, now = kid_of(claimed.public_raw), office.clock()
    lane = Lane(office.chain, old.store, old.till, epoch)
    answer = succession.grant(
        claimed, Granted(office.name, office.inc, lane, term, kid, parent, seq + 1, now), office.keys.receipt
    )
    turn.put(
        schema.keys,
        [
            (
                kid, claimed.public_raw, old.store, old.till, epoch, SUITE, now, None, None, term,
                record.kid, parent.seq, parent.head.hex(), answer,
            )
        ],
        twice=True,
    )  # fmt: skip
    moved = max(0, claimed.points[-1][0] - parent.seq) if claimed.points else 0
    turn.put(
        schema.settings,
        [(device_keys.MOVED.format(old.store, old.till, epoch), str(moved))],
        on_conflict="replace",
        twice=True,
    )
    trust.move(turn, old.store, old.till, old.epoch, epoch)
    told = {"till": old.till, "epoch": old.epoch, "to": epoch, "seq": parent.seq, "next": seq + 1}
    row = (FORKED, "", None, old.store, json.dumps(told), now, None)
    turn.put(schema.cases, [row], twice=True)
    second_pcs.part(turn, office, old, epoch, replaced)
    return answer


def _common(turn: Turn, lane: Lane, record: KeyRecord, claimed: Claimed, ours: tuple[int, bytes]) -> Parent:
    """The last of the till's points that is ours too; each hash covers all before it."""
    low, points = 0, [point for point in claimed.points if point[0] <= ours[0]]
    high = len(points)
    while low < high:
        middle = (low + high) // 2
        seq, link = points[middle]
        if link == (ours[1] if seq == ours[0] else intake.hash_at(turn, lane, record, seq)):
            low = middle + 1
        else:
            high = middle
    if low:
        return Parent(lane.epoch, *points[low - 1])
    return Parent(lane.epoch, 0, intake.genesis(lane, record))


def delivered(office: Office, lane: Lane, epoch: int, seq: int) -> bytes:
    """The stored envelope that holds an operation of this till's lane ``epoch``, and its ack.

    Raises ``NotFound`` when it never arrived.
    """
    with office.store.look() as look:
        row = look.one(
            "SELECT envelope, ack FROM batches WHERE store = ? AND till = ? AND epoch = ?"
            " AND first <= ? AND last >= ? ORDER BY first DESC, last DESC LIMIT 1",
            (lane.store, lane.till, epoch, seq, seq),
        )
    if row is None:
        raise NotFound()
    return succession.pack_delivered(bytes(row[0]), bytes(row[1]))

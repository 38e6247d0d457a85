"""Taking in a batch: verified first, judged in bulk, answered by a signed receipt, all in one transaction.

The same bytes always get the same answer, because the answer is stored. A batch that overlaps what is
known adds only its new tail; one that leaves a gap, or tells another history, is refused with what
headquarters holds, and nothing of it is kept. Whatever an operation is like, its lane goes on.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from hub.judgement import Delivered, Judgement, Place, judge, op_bucket
from hub.office import HUB_TILL, Office
from hub.store import schema
from hub.store.engine import Turn
from hub.store.standings import Collision
from points.identifiers import HUB_STORE
from points.judging import Outcome
from points.wire import ack, canonical, chain, envelope
from points.wire.envelope import Batch
from points.wire.faults import Fork, Gap, Revoked, UnknownKey, WireFault, WrongLane
from points.wire.lane import KeyRecord, Lane

TRIES_MAX = 3


def receive(office: Office, raw: bytes, lane: Lane | None = None, sender: str | None = None) -> bytes:
    """The signed receipt of an envelope. Raises the ``WireFault`` that the store shall hear.

    ``lane`` is where it was sent to, ``sender`` the kid that signed the request; both must be the
    envelope's own when they are given.
    """
    header, kid = envelope.peek(raw)
    if lane is not None and header.lane != lane:
        raise WrongLane()
    if sender is not None and sender != kid:
        raise WrongLane(kid=kid)
    with office.store.look() as look:
        record = key_record(look, office, kid)
    batch = envelope.open_batch(raw, record)
    for attempt in range(TRIES_MAX):
        try:
            with office.store.turn() as turn:
                return post_batch(turn, office, batch, raw, record)
        except Collision:
            if attempt == TRIES_MAX - 1:
                raise WireFault("in-progress") from None
    raise AssertionError("unreachable")


def key_record(turn: Turn, office: Office, kid: str) -> KeyRecord:
    """The record of a device key; it is never deleted, so old envelopes still verify."""
    if kid == office.keys.lane.kid:
        return KeyRecord(office.keys.lane.public_raw, frozenset({office.lane}))
    row = turn.one(
        "SELECT public, store, till, epoch, suite, not_before_ms, revoked_at_ms, max_seq"
        " FROM keys WHERE kid = ?",
        (kid,),
    )
    if row is None:
        raise UnknownKey(kid=kid)
    public, store, till, epoch, suite, not_before, revoked, max_seq = row
    lanes = frozenset({Lane(office.chain, store, till, epoch)})
    return KeyRecord(public, lanes, suite, not_before, revoked, max_seq)


def post_batch(turn: Turn, office: Office, batch: Batch, raw: bytes, record: KeyRecord) -> bytes:
    """Judge, post and answer an opened batch inside ``turn``."""
    header = batch.header
    lane = (header.lane.store, header.lane.till, header.lane.epoch)
    stored = turn.one(
        "SELECT ack FROM batches WHERE store = ? AND till = ? AND epoch = ? AND first = ? AND batch_id = ?",
        (*lane, header.first, batch.batch_id),
    )
    if stored is not None:
        return bytes(stored[0])
    seq, head = lane_head(turn, header.lane, record)
    if record.revoked_at_ms is not None and not record.vouches_for(header.last):
        raise Revoked()
    if header.first > seq + 1:
        raise Gap(next=seq + 1, head=head)
    known = min(header.last, seq) - header.first + 1
    if known <= 0 and header.prev != head:
        raise Fork(at=header.first, hub_hash=head)
    if known > 0:
        _check_overlap(turn, batch, known, seq, head)
    fresh = [Delivered((*lane, header.first + i), body) for i, body in enumerate(batch.bodies) if i >= known]
    arrived = next_arrival(turn)
    done = judge(turn, fresh, office.books, arrived)
    outcomes = _known_outcomes(turn, lane, header.first, seq) | done.outcomes
    answer = ack.issue(
        ack.Ack(
            office.name, office.inc, batch.batch_id, header.lane, header.first, header.last, header.head,
            office.clock(), tuple(_told(outcomes)),
        ),
        office.keys.receipt,
    )  # fmt: skip
    if fresh:
        turn.put(schema.lanes, [(*lane, header.last, header.head)], on_conflict="replace")
    turn.put(
        schema.batches,
        [(*lane, header.first, header.last, batch.batch_id, raw, answer, None, arrived)],
    )
    keep_outcomes(turn, office, done)
    return answer


def lane_head(turn: Turn, lane: Lane, record: KeyRecord) -> tuple[int, str]:
    """(last sequence number, its hash) of a lane; its genesis when nothing arrived yet."""
    row = turn.one(
        "SELECT seq, head FROM lanes WHERE store = ? AND till = ? AND epoch = ?",
        (lane.store, lane.till, lane.epoch),
    )
    if row is not None:
        return row[0], row[1]
    return 0, chain.genesis(lane.chain, lane.store, lane.till, lane.epoch, record.public_raw).hex()


def _check_overlap(turn: Turn, batch: Batch, known: int, seq: int, head: str) -> None:
    """What overlaps must be what is known; else it is another history."""
    header = batch.header
    if header.last >= seq and batch.hashes[seq - header.first].hex() != head:
        raise Fork(at=header.first, hub_hash=head)
    if header.last >= seq:
        return
    for body, decoded in zip(batch.bodies[:known], canonical.decode_each(batch.bodies[:known]), strict=True):
        op_id = decoded.get("id") if isinstance(decoded, dict) else None
        if not isinstance(op_id, str):
            continue
        row = turn.one(
            "SELECT digest FROM op_seen WHERE op_bucket = ? AND op_id = ?", (op_bucket(op_id), op_id)
        )
        if row is not None and bytes(row[0]) != chain.body_digest16(body):
            raise Fork(at=header.first, hub_hash=head)


def next_arrival(turn: Turn) -> int:
    """The number of this arrival; batches are numbered for the feeds in this order."""
    row = turn.one("SELECT coalesce(max(arrived), 0) + 1 FROM batches")
    assert row is not None
    return int(row[0])


def _known_outcomes(turn: Turn, lane: tuple[str, str, int], first: int, last: int) -> dict[Place, Outcome]:
    if first > last:
        return {}
    rows = turn.run(
        "SELECT seq, letter, detail FROM told WHERE store = ? AND till = ? AND epoch = ?"
        " AND seq BETWEEN ? AND ? AND later = 0",
        (*lane, first, last),
    )
    return {(*lane, seq): Outcome(letter, json.loads(detail)) for seq, letter, detail in rows}


def _told(outcomes: dict[Place, Outcome]) -> Sequence[ack.Outcome]:
    return [
        ack.Outcome(place[3], outcome.letter, outcome.detail) for place, outcome in sorted(outcomes.items())
    ]


def keep_outcomes(turn: Turn, office: Office, done: Judgement) -> None:
    """Keep what is told of operations and open the cases that people work through."""

    def rows(outcomes: dict[Place, Outcome], later: int) -> list[tuple[Any, ...]]:
        return [
            (*place, outcome.letter, json.dumps(outcome.detail, ensure_ascii=False), later)
            for place, outcome in outcomes.items()
            if (place[0], place[1]) != (HUB_STORE, HUB_TILL)
        ]

    turn.put(schema.told, rows(done.outcomes, 0), on_conflict="replace")
    turn.put(schema.told, rows(done.later, 1), on_conflict="replace")
    now = office.clock()
    turn.put(schema.cases, [(*case, now, None) for case in done.cases])

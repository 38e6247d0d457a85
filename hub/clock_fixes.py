"""A time that cannot be true is set right once, by a fact of headquarters' lane.

What a till recorded while its PC believed in 1970 or 2099 counts, at the time at which it really happened:
its points end when they should, and a day's cap is of that day. The true time is found from the bytes of the
till's lane alone (``points.true_time``), so it is the same whenever they arrive; it is decided once, and what
was decided stays. Each lane is a case while it is open, so that somebody has the PC looked after.

Nearly every batch has nothing of this, and is looked over in a millisecond: its bodies are not read again.
"""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta

from hub.decisions import decide, listens
from hub.office import Office
from hub.store import device_keys, schema
from hub.store.engine import Turn
from points.fold import FOLDED
from points.identifiers import HUB_STORE, bucket, op_bucket
from points.order import CLOCK_FIX
from points.true_time import BEYOND_BELIEF_MS, Heard, Told, at, fixed, true_times
from points.wire import canonical, envelope
from points.wire.batch_header import Anchor, Header
from points.wire.envelope import Batch
from points.wire.faults import WireFault

REASON = "clock"
EARLIER_MAX, CONTEXT_MAX = 64, 4
"""Batches before one that are asked for their anchors, and of these the latest for their operations too."""
_CLOCKS = re.compile(rb'"boot":"([^"]{1,64})".*"mono":([0-9]{1,16}),.*"st":([0-9]{1,15}),"t":"').search


def settle(turn: Turn, office: Office, arrived: Sequence[str], batch: Batch | None) -> None:
    """Set right what is posted now: operations of ``batch``, and those that waited from earlier ones."""
    if not arrived or listens(turn):
        return
    moved: dict[str, int] = {}
    seen = set(arrived)
    if batch is not None and _is_odd(batch):
        moved |= _moves(turn, office, batch)
    if batch is None or len(arrived) > batch.header.count:
        for one in _earlier_of(turn, office, seen):
            moved |= _moves(turn, office, one) if _is_odd(one) else {}
    moved = {op_id: ms for op_id, ms in moved.items() if op_id in seen}
    if moved:
        _decide(turn, office, moved)


def _is_odd(batch: Batch) -> bool:
    """Whether a time of it may be beyond belief: by the anchor, or because that says nothing of it."""
    moment = batch.header.moment
    if moment.anchor is None or batch.header.lane.store == HUB_STORE:
        return False
    anchor = Heard(*_read(moment.anchor))
    boot = anchor.boot.encode()
    for body in batch.bodies:
        told = _CLOCKS(body)
        if told is None or told[1] != boot:
            return True
        if abs(int(told[3]) - at(anchor, int(told[2]))) > BEYOND_BELIEF_MS:
            return True
    return False


def _read(anchor: Anchor) -> tuple[int, str, int]:
    return anchor.hub_ms, anchor.boot, anchor.mono


def _moves(look: Turn, office: Office, batch: Batch) -> dict[str, int]:
    """Operation id -> the time at which it really happened, of those whose own cannot be true."""
    moment, before = batch.header.moment, _before(look, batch.header)
    anchors = [Heard(*_read(anchor)) for header, _ in before if (anchor := header.moment.anchor) is not None]
    context = [
        told for _, raw in before[-CONTEXT_MAX:] for told, _, _ in _clocks_of(_open(look, office, raw))
    ]
    own = _clocks_of(batch)
    found = true_times(
        [*context, *(told for told, _, _ in own)],
        Told(moment.boot, moment.mono, moment.wall),
        None if moment.anchor is None else Heard(*_read(moment.anchor)),
        anchors,
    )[len(context) :]
    times = ((op_id, fixed(st, time)) for (_, op_id, st), time in zip(own, found, strict=True))
    return {op_id: ms for op_id, ms in times if ms is not None}


def _clocks_of(batch: Batch) -> list[tuple[Told, str, int]]:
    """What operations say of their clocks, their ids and store times; without what says nothing of it."""
    found = []
    for raw in batch.bodies:
        try:
            body = canonical.decode(raw)
            op_id, boot, mono, st = body["id"], body["boot"], body["mono"], body["st"]
            wall = body.get("at", st)
        except (WireFault, KeyError):
            continue
        if all(type(number) is int for number in (mono, st, wall)) and type(op_id) is type(boot) is str:
            found.append((Told(boot, mono, wall), op_id, st))
    return found


def _before(look: Turn, header: Header) -> list[tuple[Header, bytes]]:
    """The batches of the lane before this one, the latest of them, in order."""
    lane = header.lane
    rows = look.run(
        "SELECT envelope FROM batches WHERE store = ? AND till = ? AND epoch = ? AND last < ?"
        " ORDER BY first DESC LIMIT ?",
        (lane.store, lane.till, lane.epoch, header.first, EARLIER_MAX),
    )
    return [(envelope.peek(bytes(raw))[0], bytes(raw)) for (raw,) in reversed(rows)]


def _open(look: Turn, office: Office, raw: bytes) -> Batch:
    record = device_keys.find(look, envelope.peek(raw)[1], office.chain)
    assert record is not None, "who has delivered has a key"
    return envelope.open_batch(raw, record)


def _earlier_of(look: Turn, office: Office, ids: Iterable[str]) -> list[Batch]:
    """The batches by which operations came that are posted only now."""
    keys = [(op_bucket(op_id), op_id) for op_id in ids]
    places = look.find(schema.op_seen, ["store", "till", "epoch", "seq"], ["op_bucket", "op_id"], keys)
    wanted: dict[tuple[str, str, int], set[int]] = defaultdict(set)
    for store, till, epoch, seq in places:
        if store != HUB_STORE:
            wanted[store, till, epoch].add(seq)
    found = []
    for lane, seqs in wanted.items():
        rows = look.run(
            "SELECT first, last, envelope FROM batches WHERE store = ? AND till = ? AND epoch = ?"
            " AND last >= ? AND first <= ?",
            (*lane, min(seqs), max(seqs)),
        )
        for first, last, raw in rows:
            if not seqs.isdisjoint(range(first, last + 1)):
                found.append(_open(look, office, bytes(raw)))
    return found


def _decide(turn: Turn, office: Office, moved: Mapping[str, int]) -> None:
    keys = [(op_bucket(op_id), op_id) for op_id in moved]
    rows = turn.find(
        schema.op_seen, ["op_id", "store", "till", "epoch", "m", "posted"], ["op_bucket", "op_id"], keys
    )
    posted = {row[0]: row[1:5] for row in rows if row[5] and row[4] is not None}
    folded, done = _folded(turn, {row[3] for row in posted.values()})
    facts, lanes = [], dict[tuple[str, str, int], list[tuple[int, str]]]()
    for op_id, (store, till, epoch, m) in sorted(posted.items()):
        if op_id in folded and op_id not in done:
            true = moved[op_id]
            body = {"m": m, "refs": [op_id], "true_st": true, "true_day": office.rules().today(true)}
            facts.append((CLOCK_FIX, body))
            lanes.setdefault((store, till, epoch), []).append((folded[op_id], op_id))
    if not facts:
        return
    decide(turn, office, facts)
    for lane, ops in lanes.items():
        _tell_people(turn, office, lane, sorted(ops), moved)


def _folded(look: Turn, ms: Iterable[int]) -> tuple[dict[str, int], set[str]]:
    """Of members: the folded facts and their times, and which of them were set right already."""
    folded, done = dict[str, int](), set[str]()
    for kind, op_id, body in look.find(
        schema.facts, ["kind", "op_id", "body"], ["bucket", "m"], [(bucket(m), m) for m in set(ms)]
    ):
        if kind == CLOCK_FIX:
            done.add(canonical.read_own(body)["refs"][0])
        elif kind in FOLDED:
            folded[op_id] = canonical.read_own(body)["st"]
    return folded, done


def _tell_people(
    turn: Turn,
    office: Office,
    lane: tuple[str, str, int],
    ops: Sequence[tuple[int, str]],
    moved: Mapping[str, int],
) -> None:
    """One open case a lane, which tells of the first operation and how many there are."""
    store, till, epoch = lane
    for number, raw in turn.run(
        "SELECT id, detail FROM cases WHERE reason = ? AND store = ? AND closed_ms IS NULL", (REASON, store)
    ):
        detail = json.loads(raw)
        if (detail["till"], detail["epoch"]) == (till, epoch):
            detail["set_right"] += len(ops)
            told = json.dumps(detail, ensure_ascii=False)
            turn.run("UPDATE cases SET detail = ? WHERE id = ?", (told, number))
            return
    said, op_id = ops[0]
    detail = {
        "till": till, "epoch": epoch, "said": _clock(office, said), "true": _clock(office, moved[op_id]),
        "set_right": len(ops),
    }  # fmt: skip
    told = json.dumps(detail, ensure_ascii=False)
    turn.put(schema.cases, [(REASON, op_id, None, store, told, office.clock(), None)])


def _clock(office: Office, ms: int) -> str:
    """A time as people read it, in the chain's zone."""
    zone = office.rules().zone
    minutes = next((offset for since, offset in reversed(zone) if since <= ms), zone[0][1])
    return f"{datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=ms, minutes=minutes):%Y-%m-%d %H:%M}"

"""Taking in a batch: verified first, judged in bulk, answered by a signed receipt, all in one transaction.

The same bytes always get the same answer, because the answer is stored. A batch that overlaps what is
known adds only its new tail; one that leaves a gap, or tells another history, is refused with what
headquarters holds, and nothing of it is kept. Whatever an operation is like, its lane goes on.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from hub import late_word
from hub.arrivals import next_arrival
from hub.delivery import DOUBTED, REVOKED, Delivery
from hub.judgement import Judgement, judge
from hub.office import HUB_TILL, Office
from hub.opening import Opened
from hub.posting import Now, Place
from hub.store import device_keys, doubted_pcs, schema
from hub.store.engine import Turn
from points.identifiers import HUB_STORE
from points.judging import Outcome
from points.wire import ack, chain, envelope
from points.wire.batch_header import Header
from points.wire.envelope import Batch
from points.wire.faults import Fork, Gap, Problem, Revoked, UnknownKey, WireFault
from points.wire.lane import KeyRecord, Lane

log = logging.getLogger(__name__)


def key_record(turn: Turn, office: Office, kid: str) -> KeyRecord:
    """The record of a device key; it is never deleted, so old envelopes still verify."""
    if kid == office.keys.lane.kid:
        return KeyRecord(office.keys.lane.public_raw, office.lanes)
    record = device_keys.find(turn, kid, office.chain)
    if record is None:
        raise UnknownKey(kid=kid)
    return record


MISSING, HEARD = "missing:{}/{}/{}", "heard"
"""The setting that names a PC that is waited for since headquarters was put back; ``HEARD`` while what it has
told, with the close of its term, is kept and not posted."""
DOUBTED_MAX = 20_000
"""Operations that are kept of a PC that nobody believes; it keeps the rest until people have looked."""
TWICE_BYTES_MAX = 16 * 1024 * 1024
DURABLE = "durable:{}/{}/{}"
"""The setting that says how far a lane is in a copy that was proved."""


class Honoured(NamedTuple):
    """What headquarters answered to a batch in an earlier incarnation, and what that said of each number."""

    answer: bytes
    inc: int
    outcomes: Mapping[int, Outcome]

    @classmethod
    def read(cls, office: Office, header: Header, raw: bytes, answer: bytes) -> Honoured:
        """Its own answer to this envelope, by its own signature. Raises what ``ack`` raises."""
        told = ack.open_ack(answer, office.keys.receipt.public_raw)
        told.check_answers(header, envelope.batch_id(raw))
        return cls(
            answer, told.inc, {seq: Outcome(letter, dict(detail)) for seq, letter, detail in told.outcomes}
        )

    def tells(self, reason: str) -> bool:
        """Whether anything of it was kept for this reason."""
        return any(one.detail.get("reason") == reason for one in self.outcomes.values())

    def settle(self, lane: Lane, first: int, last: int, done: Judgement, inc: int) -> None:
        """What was answered stands; what is found otherwise now, in incarnation ``inc``, is told as a later
        word.

        So is what is kept as it was then: it may have been posted meanwhile, and its till was told so. And
        all of it, if headquarters was put back twice since: in between it may have been kept, and told so.
        """
        was_put_back_twice = self.inc < inc - 1
        now, done.outcomes = done.outcomes, {}
        for seq in range(first, last + 1):
            place, then = (*lane.columns, seq), self.outcomes.get(seq)
            found = now.pop(place, None)
            if then is not None:
                done.outcomes[place] = then
            if _custody(found) or _custody(then) or was_put_back_twice:
                stands = then if then is not None and not _custody(then) else Outcome("A", {})
                done.later.setdefault(place, found or stands)
        done.outcomes |= now


def _durable(look: Turn, columns: tuple[str, str, int]) -> int | None:
    """How far a lane is in a copy of the database that was proved; None: in none."""
    row = look.one("SELECT value FROM settings WHERE name = ?", (DURABLE.format(*columns),))
    return None if row is None else int(row[0])


def keep_twice(turn: Turn, store: str, till: str, since: int = 0) -> None:
    """Write to the journal what this till has told, in lanes from ``since`` on, and no proved copy holds: its
    PC may be gone.

    What is in no copy and on no PC is nowhere else. Bounded: who never makes a copy loses the rest.
    """
    size = 0
    for epoch, first, last, raw, answer in turn.run(
        "SELECT epoch, first, last, envelope, ack FROM batches WHERE store = ? AND till = ?"
        " AND epoch >= ? ORDER BY epoch, first",
        (store, till, since),
    ):
        if last > (_durable(turn, (store, till, epoch)) or 0):
            size += len(raw) + len(answer)
            if size > TWICE_BYTES_MAX:
                log.warning("%s/%s: only a copy keeps what it told from %d/%d on", store, till, epoch, first)
                return
            turn.decided.append(("batch", bytes(raw), bytes(answer)))


def _custody(outcome: Outcome | None) -> str:
    """Why an operation is not posted; nothing for one that is."""
    return outcome.letter if outcome is not None and outcome.letter != "J" else ""


def post_batch(
    turn: Turn,
    office: Office,
    opened: Opened,
    raw: bytes,
    record: KeyRecord,
    *,
    hopeful: bool = False,
    honoured: Honoured | None = None,
) -> tuple[bytes, Judgement]:
    """Judge, post and answer an opened batch inside ``turn``: (the receipt, what was judged by it).

    ``hopeful`` is said in ``judgement.judge``. What was ``honoured`` is answered so again, and what was kept
    from being posted then is not posted now. Raises ``Collision``, and the fault that the store shall hear.
    """
    batch = opened.batch
    header = batch.header
    lane = header.lane
    stored = turn.one(
        "SELECT ack FROM batches WHERE store = ? AND till = ? AND epoch = ? AND first = ? AND batch_id = ?",
        (*lane.columns, header.first, batch.batch_id),
    )
    if stored is not None:
        return bytes(stored[0]), Judgement()
    seq, head, before_st = lane_head(turn, lane, record)
    is_late = not record.vouches_for(header.last) or (honoured is not None and honoured.tells(REVOKED))
    if is_late and late_word.is_void(turn, lane):
        raise Revoked()
    if header.first > seq + 1:
        raise Gap(next=seq + 1, head=head)
    known = min(header.last, seq) - header.first + 1
    if known <= 0 and header.prev != head:
        raise Fork(at=header.first, hub_hash=head)
    if known > 0:
        _check_overlap(turn, batch, record, known)
    start = max(known, 0)
    arrived = next_arrival(turn)
    today = office.today()
    # Drafts know nothing of what is known already, nor of what was recorded before a fork.
    is_first = record.parent_head == chain.NO_PARENT
    drafts = office.recent.still_good(opened.drafts, today) if hopeful and not start and is_first else {}
    delivery = Delivery(opened, start, drafts)
    if not is_first:
        doubted_pcs.begin(turn, lane)
        if honoured is not None and honoured.tells(DOUBTED) and not doubted_pcs.thought(turn, lane):
            doubted_pcs.keep(turn, lane, doubted_pcs.ASKED)  # it was not believed, and that is lost
    if is_late and late_word.hear(turn, office, lane):
        delivery.doubt(doubted_pcs.pc(lane), is_late=True)
    # What gets here of one that was turned down was posted before: else its key does not vouch for it.
    elif not is_first and not doubted_pcs.is_trusted(turn, lane) and not late_word.is_void(turn, lane):
        delivery.doubt(doubted_pcs.pc(lane))
    if delivery.doubted is not None and doubted_pcs.keeps(turn, lane, DOUBTED_MAX):
        raise WireFault(Problem.BUSY, retry_after_s=3_600)
    if honoured is not None:
        delivery.honour(honoured.outcomes)
    done = judge(
        turn, delivery, office.books, Now(arrived, today, office.chain, office.kinds), hopeful=hopeful
    )
    office.recent.note(done.touched, arrived)
    if honoured is not None:
        honoured.settle(lane, header.first + start, header.last, done, office.inc)
        answer = honoured.answer
    else:
        if header.moment.inc < office.inc:
            # A late copy, perhaps, of what its till was answered otherwise before headquarters was put back.
            for seq in range(header.first + start, header.last + 1):
                place = (*lane.columns, seq)
                done.later.setdefault(place, done.outcomes.get(place, Outcome("A", {})))
        outcomes = _known_outcomes(turn, lane, header.first, min(header.last, seq)) | done.outcomes
        answer = ack.issue(
            ack.Ack(
                office.name, office.inc, batch.batch_id, lane, header.first, header.last, header.head,
                office.clock(), tuple(_told(outcomes)), durable_seq=_durable(turn, lane.columns),
            ),
            office.keys.receipt,
        )  # fmt: skip
    if start < header.count:
        # A clock that runs ahead must not make a day look passed.
        st = min(max(done.latest_st, before_st), office.clock())
        turn.put(schema.lanes, [(*lane.columns, header.last, header.head, st)], on_conflict="replace")
    turn.put(
        schema.batches,
        [(*lane.columns, header.first, header.last, batch.batch_id, raw, answer, None, arrived)],
    )
    keep_outcomes(turn, office, done)
    if header.moment.inc == office.inc > 1:  # all before it was heard, and the term that it had is closed
        if delivery.doubted is None:
            turn.run("DELETE FROM settings WHERE name = ?", (MISSING.format(*lane.columns),))
        else:
            turn.run("UPDATE settings SET value = ? WHERE name = ?", (HEARD, MISSING.format(*lane.columns)))
    return answer, done


def judge_waiting(turn: Turn, office: Office, unlocked: Iterable[str]) -> Judgement:
    """Judge again what waited for something that became known by other ways than a batch."""
    arrived = next_arrival(turn)
    done = judge(turn, None, office.books, Now(arrived, office.today(), office.chain, office.kinds), unlocked)
    office.recent.note(done.touched, arrived)
    keep_outcomes(turn, office, done)
    return done


def lane_head(turn: Turn, lane: Lane, record: KeyRecord) -> tuple[int, str, int]:
    """(last sequence number, its hash, store time it has reached); its genesis when nothing arrived yet."""
    row = turn.one(
        "SELECT seq, head, st FROM lanes WHERE store = ? AND till = ? AND epoch = ?",
        lane.columns,
    )
    if row is not None:
        return row[0], row[1], row[2]
    return 0, genesis(lane, record).hex(), 0


def genesis(lane: Lane, record: KeyRecord) -> bytes:
    """The hash before the first operation of a lane, which may continue another one."""
    parent = (record.parent_head, record.parent_seq)
    return chain.genesis(lane.chain, lane.store, lane.till, lane.epoch, record.public_raw, *parent)


def _check_overlap(turn: Turn, batch: Batch, record: KeyRecord, known: int) -> None:
    """What overlaps must be what is known; else it is another history.

    Each hash covers all before it, so the last one of the overlap speaks for the whole of it.
    """
    header = batch.header
    last = header.first + known - 1
    ours = hash_at(turn, header.lane, record, last)
    if batch.hashes[known - 1] != ours:
        raise Fork(at=last, hub_hash=ours.hex())


def hash_at(turn: Turn, lane: Lane, record: KeyRecord, seq: int) -> bytes:
    """The chain's hash at an operation that was accepted, from the envelope that brought it."""
    row = turn.one(
        "SELECT first, envelope FROM batches WHERE store = ? AND till = ? AND epoch = ?"
        " AND first <= ? AND last >= ? ORDER BY first DESC LIMIT 1",
        (*lane.columns, seq, seq),
    )
    assert row is not None, "every accepted operation lies in a stored envelope"
    first, raw = row
    hashes = envelope.open_batch(bytes(raw), record).hashes
    return hashes[seq - int(first)]


def _known_outcomes(turn: Turn, lane: Lane, first: int, last: int) -> dict[Place, Outcome]:
    if first > last:
        return {}
    rows = turn.run(
        "SELECT seq, letter, detail FROM told WHERE store = ? AND till = ? AND epoch = ?"
        " AND seq BETWEEN ? AND ? AND later = 0",
        (*lane.columns, first, last),
    )
    return {(*lane.columns, seq): Outcome(letter, json.loads(detail)) for seq, letter, detail in rows}


def _told(outcomes: dict[Place, Outcome]) -> Sequence[ack.Outcome]:
    return [
        ack.Outcome(place[3], outcome.letter, outcome.detail) for place, outcome in sorted(outcomes.items())
    ]


def keep_outcomes(turn: Turn, office: Office, done: Judgement) -> None:
    """Keep what is told of operations and open the cases that people work through."""

    def rows(outcomes: dict[Place, Outcome], later: int, g: int | None) -> list[tuple[Any, ...]]:
        return [
            (*place, outcome.letter, json.dumps(outcome.detail, ensure_ascii=False), later, g)
            for place, outcome in outcomes.items()
            if (place[0], place[1]) != (HUB_STORE, HUB_TILL)
        ]

    turn.put(schema.told, rows(done.outcomes, 0, 0), on_conflict="replace")
    turn.put(schema.told, rows(done.later, 1, None), on_conflict="replace")
    now = office.clock()
    turn.put(schema.cases, [(*case, now, None) for case in done.cases])

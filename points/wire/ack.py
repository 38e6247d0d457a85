"""`JFR1`: headquarters' signed answer to a batch, the promise that it is kept and how it was judged.

    box with T = application/vnd.jifen.receipt+json;v=1
    header  = {v, suite, hub, inc, batch_id, chain, store, till, epoch, first, last, head, n, outd,
               g0, g1, ms, durable_seq}                    all keys, always
    payload = the outcomes array, canonical JSON, as it is; `[]` if every operation was accepted
    outd    = SHA256(payload)

Outcomes are sparse: `[seq, code, {…}]`, ascending, one an operation, J accepted with an
adjustment, D duplicate, Q quarantined, P parked; an operation without one was accepted.
All four are custody: the lane moves on. `g0` and `g1` are null until a sequencer has given
numbers; `durable_seq` is null until a backup was proved, and then nothing may be pruned.
An ack never changes: the same batch gets the same bytes again. It is a store's evidence for
ever, so the key that signed it stays published.
It refuses to know what an outcome does to points.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, NamedTuple

from points.wire import canonical, container
from points.wire.batch_header import OPS_MAX, Header
from points.wire.chain import HASH_BYTES
from points.wire.faults import Integrity, Malformed
from points.wire.fields import SUITE, U32_MAX, U48_MAX, VERSION, Fields, is_name
from points.wire.keys import SigningKey
from points.wire.lane import Lane

MAGIC = b"JFR1"
MEDIA_TYPE = "application/vnd.jifen.receipt+json;v=1"
OUTCOMES_BYTES_MAX = 4 * 1024 * 1024
ACK_BYTES_MAX = OUTCOMES_BYTES_MAX + 16 * 1024
CODES = frozenset("JDQP")

KEYS = frozenset(
    {
        *("v", "suite", "hub", "inc", "batch_id", "chain", "store", "till", "epoch", "first", "last"),
        *("head", "n", "outd", "g0", "g1", "ms", "durable_seq"),
    }
)


class Outcome(NamedTuple):
    """How one operation was judged; `detail` is plain JSON whose words belong to the hub."""

    seq: int
    code: str
    detail: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Ack:
    """One answer. `ms` is hub time, UTC; `head` the lane's head after `last`, hex."""

    hub: str
    inc: int
    batch_id: str
    lane: Lane
    first: int
    last: int
    head: str
    ms: int
    outcomes: tuple[Outcome, ...] = ()
    g0: int | None = None
    g1: int | None = None
    durable_seq: int | None = None

    def check_answers(self, header: Header, batch_id: str) -> None:
        """Raise Integrity unless this is the answer to exactly that batch."""
        mine = (batch_id, header.lane, header.first, header.last, header.head)
        if mine != (self.batch_id, self.lane, self.first, self.last, self.head):
            raise Integrity(what="ack")


def issue(ack: Ack, key: SigningKey) -> bytes:
    """The bytes of an answer, signed by the hub's receipt key."""
    payload = canonical.encode([list(outcome) for outcome in ack.outcomes])
    _check_outcomes(ack.outcomes, ack.first, ack.last)
    if not is_name(ack.hub):
        raise Malformed(why="hub")
    header = {
        "v": VERSION,
        "suite": SUITE,
        "hub": ack.hub,
        "inc": ack.inc,
        "batch_id": ack.batch_id,
        "chain": ack.lane.chain,
        "store": ack.lane.store,
        "till": ack.lane.till,
        "epoch": ack.lane.epoch,
        "first": ack.first,
        "last": ack.last,
        "head": ack.head,
        "n": ack.last - ack.first + 1,
        "outd": sha256(payload).hexdigest(),
        "g0": ack.g0,
        "g1": ack.g1,
        "ms": ack.ms,
        "durable_seq": ack.durable_seq,
    }
    return container.pack(MAGIC, header, payload, [key], MEDIA_TYPE)


def open_ack(raw: bytes, hub_public: bytes) -> Ack:
    """The verified answer; the outcomes are read only after they hash to what was signed."""
    box = container.unpack(MAGIC, raw, ACK_BYTES_MAX)
    container.check(box, MEDIA_TYPE, [hub_public])
    fields = Fields(canonical.decode(box.header, container.HEADER_BYTES_MAX))
    fields.speaks(KEYS)
    if fields.hex("outd", HASH_BYTES) != sha256(box.payload).hexdigest():
        raise Integrity(what="outd")
    first = fields.whole("first", 1, U32_MAX)
    last = fields.whole("last", first, U32_MAX)
    if fields.whole("n", 1, OPS_MAX) != last - first + 1:
        raise Malformed(why="n")
    return Ack(
        hub=fields.name("hub"),
        inc=fields.whole("inc", 1, U32_MAX),
        batch_id=fields.hex("batch_id", HASH_BYTES),
        lane=Lane(
            fields.name("chain"), fields.name("store"), fields.name("till"), fields.whole("epoch", 1, U32_MAX)
        ),
        first=first,
        last=last,
        head=fields.hex("head", HASH_BYTES),
        ms=fields.whole("ms", 0, U48_MAX),
        outcomes=_read_outcomes(box.payload, first, last),
        g0=fields.whole_or_none("g0"),
        g1=fields.whole_or_none("g1"),
        durable_seq=fields.whole_or_none("durable_seq"),
    )


def leaf_entry(raw: bytes) -> bytes:
    """What of an answer is its leaf in the hub's log: the header, as it was signed."""
    return container.unpack(MAGIC, raw, ACK_BYTES_MAX).header


def _read_outcomes(payload: bytes, first: int, last: int) -> tuple[Outcome, ...]:
    entries = canonical.decode_value(payload, OUTCOMES_BYTES_MAX)
    if type(entries) is not list:
        raise Malformed(why="outcomes")
    outcomes = []
    for entry in entries:
        if type(entry) is not list or len(entry) < 3:  # surplus at the end is a newer hub's
            raise Malformed(why="outcome")
        outcomes.append(Outcome(*entry[:3]))
    _check_outcomes(outcomes, first, last)
    return tuple(outcomes)


def _check_outcomes(outcomes: Sequence[Outcome], first: int, last: int) -> None:
    before = first - 1
    for seq, code, detail in outcomes:
        if type(seq) is not int or not before < seq <= last:
            raise Malformed(why="outcome order")
        if code not in CODES or type(detail) is not dict:
            raise Malformed(why="outcome")
        before = seq

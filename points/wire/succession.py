"""How a till goes on in a lane of its own after a fork: it was restored from an old copy, or copied.

    request = box "JFS1", T = application/vnd.jifen.succession+json;v=1, by the old device key and the new one
      header  {v, suite, chain, store, till, epoch, public, points: [[seq, hash]…], nonce, inst, agent, wall,
               x}
      payload empty
    answer  = box "JFS1", T = application/vnd.jifen.succession-answer+json;v=1, by the hub's receipt key
      header  {v, suite, hub, inc, request, chain, store, till, epoch, term, kid,
               parent: {epoch, head, seq}, next, ms, x}
      payload empty

`points` are places of the old lane with their hashes as the till has them, ascending: the hub finds the last
one that it holds too. There the old lane is sealed for this device (`parent`), and what the till recorded
behind it becomes the beginning of the new lane, with the same bodies and ids. `next` is where the old lane
stands at headquarters: what lies between was recorded by this till before it was put back, or by its copy.
Two that were one are two keys from then on. The old key's signature shows whose lane it is, the new key's
that the sender has it; the same request has the same answer, so both may be sent again.
It refuses to know how an operation is moved (`agent.store.volume`) and who is granted a lane
(`hub.succession`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from struct import Struct
from typing import Any

from points.wire import canonical, container
from points.wire.ack import ACK_BYTES_MAX
from points.wire.batch_header import INST_BYTES
from points.wire.chain import HASH_BYTES
from points.wire.envelope import ENVELOPE_BYTES_MAX
from points.wire.faults import BadSignature, Integrity, Malformed, WrongLane
from points.wire.fields import SUITE, U32_MAX, U48_MAX, VERSION, Fields, is_hex
from points.wire.keys import KID_CHARS, RAW_BYTES, SigningKey, kid_of
from points.wire.lane import Lane

MAGIC = b"JFS1"
REQUEST_MEDIA_TYPE = "application/vnd.jifen.succession+json;v=1"
ANSWER_MEDIA_TYPE = "application/vnd.jifen.succession-answer+json;v=1"
NONCE_BYTES = 16
POINTS_MAX = 64
SUCCESSION_BYTES_MAX = container.HEADER_BYTES_MAX + 1024
DELIVERED_BYTES_MAX = 4 + ENVELOPE_BYTES_MAX + ACK_BYTES_MAX

_REQUEST_KEYS = frozenset(
    {
        *("v", "suite", "chain", "store", "till", "epoch", "public", "points", "nonce"),
        *("inst", "agent", "wall", "x"),
    }
)
_ANSWER_KEYS = frozenset(
    {
        *("v", "suite", "hub", "inc", "request", "chain", "store", "till", "epoch", "term", "kid"),
        *("parent", "next", "ms", "x"),
    }
)

_U32 = Struct(">I")

Point = tuple[int, bytes]
"""A place of the old lane and its hash."""


@dataclass(frozen=True, slots=True)
class Claimed:
    """What a till asks: to go on after its `lane` with the key `public_raw`; `digest` names the request."""

    lane: Lane
    public_raw: bytes
    points: tuple[Point, ...]
    inst: str
    digest: str


@dataclass(frozen=True, slots=True)
class Parent:
    """Where the old lane ends for this device: its epoch, the last common operation and the hash there."""

    epoch: int
    seq: int
    head: bytes


@dataclass(frozen=True, slots=True)
class Granted:
    """The new lane and rights term of the key `kid`; `next` is what the hub wants next of the old lane."""

    hub: str
    inc: int
    lane: Lane
    term: int
    kid: str
    parent: Parent
    next: int
    ms: int


def ask(
    lane: Lane, old: SigningKey, new: SigningKey, points: Sequence[Point], nonce: bytes, inst: str,
    agent: str, wall: int,
) -> bytes:  # fmt: skip
    """The request of a till whose lane forked. `nonce` is 16 fresh random bytes."""
    header = {
        "v": VERSION,
        "suite": SUITE,
        "chain": lane.chain,
        "store": lane.store,
        "till": lane.till,
        "epoch": lane.epoch,
        "public": new.public_raw.hex(),
        "points": [[seq, link.hex()] for seq, link in points],
        "nonce": nonce.hex(),
        "inst": inst,
        "agent": agent,
        "wall": wall,
        "x": {},
    }
    raw = container.pack(MAGIC, header, b"", [old, new], REQUEST_MEDIA_TYPE)
    open_ask(raw, old.public_raw)
    return raw


def open_ask(raw: bytes, old_public: bytes) -> Claimed:
    """The request, signed by the key of its old lane and by the key that it brings, which is another one.

    The caller compares the lane with that of `old_public`. Raises what `container` raises, or Malformed.
    """
    box = container.unpack(MAGIC, raw, SUCCESSION_BYTES_MAX)
    fields = Fields(canonical.decode(box.header, container.HEADER_BYTES_MAX))
    fields.speaks(_REQUEST_KEYS)
    public = bytes.fromhex(fields.hex("public", RAW_BYTES))
    if public == old_public:
        raise BadSignature(needed=2)
    container.check(box, REQUEST_MEDIA_TYPE, [old_public, public], needed=2)
    if box.payload:
        raise Malformed(why="payload")
    fields.object("x")
    fields.hex("nonce", NONCE_BYTES)
    fields.plain("agent")
    fields.whole("wall", 0, U48_MAX)
    return Claimed(
        lane=_lane(fields),
        public_raw=public,
        points=_points(fields),
        inst=fields.hex("inst", INST_BYTES),
        digest=sha256(box.header).hexdigest(),
    )


def grant(claimed: Claimed, granted: Granted, receipt_key: SigningKey) -> bytes:
    """The hub's answer to one request."""
    header = {
        "v": VERSION,
        "suite": SUITE,
        "hub": granted.hub,
        "inc": granted.inc,
        "request": claimed.digest,
        "chain": granted.lane.chain,
        "store": granted.lane.store,
        "till": granted.lane.till,
        "epoch": granted.lane.epoch,
        "term": granted.term,
        "kid": granted.kid,
        "parent": {
            "epoch": granted.parent.epoch,
            "head": granted.parent.head.hex(),
            "seq": granted.parent.seq,
        },
        "next": granted.next,
        "ms": granted.ms,
        "x": {},
    }
    return container.pack(MAGIC, header, b"", [receipt_key], ANSWER_MEDIA_TYPE)


def open_grant(raw: bytes, request: bytes, new_public: bytes, lane: Lane, hub_public: bytes) -> Granted:
    """The answer to `request`, which was made for `lane` and brought `new_public`.

    Raises what `container` raises, Integrity for the answer to another request and for a parent that is none
    of its points, WrongLane for another till, another key, or an epoch that is not a later one.
    """
    told, digest = _read_granted(raw, hub_public)
    asked = container.unpack(MAGIC, request, SUCCESSION_BYTES_MAX).header
    if digest != sha256(asked).hexdigest():
        raise Integrity(what="request")
    points = _points(Fields(canonical.decode(asked, container.HEADER_BYTES_MAX)))
    if told.parent.seq and (told.parent.seq, told.parent.head) not in points:
        raise Integrity(what="parent")  # what lies before it would be told nobody
    is_same_till = (told.lane.chain, told.lane.store, told.lane.till) == (lane.chain, lane.store, lane.till)
    if not is_same_till or told.parent.epoch != lane.epoch or told.lane.epoch <= lane.epoch:
        raise WrongLane()
    if told.kid != kid_of(new_public):
        raise WrongLane(kid=told.kid)
    return told


def read_granted(raw: bytes, hub_public: bytes) -> Granted:
    """An answer that was accepted earlier. Raises what ``container`` raises, or Malformed."""
    return _read_granted(raw, hub_public)[0]


def _read_granted(raw: bytes, hub_public: bytes) -> tuple[Granted, str]:
    """What was granted, and to which request."""
    box = container.unpack(MAGIC, raw, SUCCESSION_BYTES_MAX)
    container.check(box, ANSWER_MEDIA_TYPE, [hub_public])
    fields = Fields(canonical.decode(box.header, container.HEADER_BYTES_MAX))
    fields.speaks(_ANSWER_KEYS)
    fields.object("x")
    parent = fields.inner("parent")
    parent.exactly(frozenset({"epoch", "head", "seq"}))
    told = Granted(
        hub=fields.name("hub"),
        inc=fields.whole("inc", 1, U32_MAX),
        lane=_lane(fields),
        term=fields.whole("term", 1, U32_MAX),
        kid=fields.hex("kid", KID_CHARS // 2),
        parent=Parent(
            parent.whole("epoch", 1, U32_MAX),
            parent.whole("seq", 0, U32_MAX),
            bytes.fromhex(parent.hex("head", HASH_BYTES)),
        ),
        next=fields.whole("next", 1, U32_MAX + 1),
        ms=fields.whole("ms", 0, U48_MAX),
    )
    if told.next <= told.parent.seq:
        raise Malformed(why="next")
    return told, fields.hex("request", HASH_BYTES)


def pack_delivered(envelope: bytes, ack: bytes) -> bytes:
    """A stored envelope and its ack, as they travel back to the till, or from it to a headquarters that was
    put back: ``u32 length | envelope | ack``."""
    return _U32.pack(len(envelope)) + envelope + ack


def unpack_delivered(raw: bytes) -> tuple[bytes, bytes]:
    """(envelope, ack); neither is trusted yet."""
    if len(raw) < 4:
        raise Malformed(why="torn")
    end = 4 + _U32.unpack_from(raw)[0]
    if end > len(raw):
        raise Malformed(why="torn")
    return raw[4:end], raw[end:]


def _lane(fields: Fields) -> Lane:
    return Lane(
        fields.name("chain"), fields.name("store"), fields.name("till"), fields.whole("epoch", 1, U32_MAX)
    )


def _points(fields: Fields) -> tuple[Point, ...]:
    """Ascending places with their hashes."""
    entries, points, before = fields.array("points"), [], 0
    if len(entries) > POINTS_MAX:
        raise Malformed(why="points")
    for entry in entries:
        seq, link = _pair(entry)
        if not before < seq <= U32_MAX or not is_hex(link, HASH_BYTES):
            raise Malformed(why="points")
        points.append((seq, bytes.fromhex(link)))
        before = seq
    return tuple(points)


def _pair(entry: Any) -> tuple[int, str]:
    if type(entry) is not list or len(entry) != 2 or type(entry[0]) is not int or type(entry[1]) is not str:
        raise Malformed(why="points")
    return entry[0], entry[1]

"""`JFX1`: what a store and headquarters carry to each other on a stick, sealed as a whole.

    file     = "JFX1" | kid[8] of the key that opens it | enc[32] | ciphertext        (HPKE, see `sealing`)
    plain    = u32 n | n x (u32 length | item) | manifest, to the end
    info     = "jifen/bundle/1" 00        aad = "JFX1" | kid[8]
    manifest = box, magic JFXM, T = application/vnd.jifen.bundle+json;v=1, signed by till or headquarters
               header  {v, suite, way, chain, store, till, epoch, n, list, seal, to, ms, x}
               payload canonical {items: [[kind, name, SHA-256, size]…]}; `list` is its SHA-256

`way` is `up` to headquarters or `down` to a till. `seal` is the key that a till wants its answer sealed to,
and `to` the id of the bundle that is answered: each stands one way only. The id of a bundle is SHA256 of the
signed header. An item is what travels otherwise too and carries its own signature; the manifest says that
these belong together and that none is missing. A stick that is lost tells nobody anything.
A file is opened whole or not at all; an item of a later version's kind is left alone, for what it is with
is still good. Randomness and time are arguments.
It refuses to know what is done with an item.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from hashlib import sha256
from struct import Struct
from typing import Any

from points.wire import canonical, container, envelope, hello, sealing, succession
from points.wire.canonical import BODY_BYTES_MAX
from points.wire.faults import EnvelopeVersion, Integrity, Malformed, TooLarge, UnknownKey, WrongLane
from points.wire.fields import SUITE, U32_MAX, U48_MAX, VERSION, Fields, is_hex, is_name
from points.wire.keys import TAG_BYTES, SigningKey, kid_of
from points.wire.lane import Lane
from points.wire.sealing import PII_BLOB_BYTES_MAX, SealingKey

MAGIC, MANIFEST_MAGIC = b"JFX1", b"JFXM"
MEDIA_TYPE = "application/vnd.jifen.bundle+json;v=1"
BUNDLE_BYTES_MAX = 64 * 1024 * 1024
ITEMS_MAX = 100_000
LIST_BYTES_MAX = 24 * 1024 * 1024
BLOB_BYTES_MAX = BUNDLE_BYTES_MAX
ACK_BYTES_MAX = 16 * 1024 * 1024
HASH_BYTES, KID_BYTES, ID_BYTES = 32, 8, 16

UP, DOWN = "up", "down"
QUESTION, BATCH, OFFERED, SEALED, HELD = "question", "batch", "offered", "sealed", "held"
ANSWER, ACK, REFUSED, BLOB = "answer", "ack", "refused", "blob"

SIZES: dict[str, dict[str, int]] = {
    UP: {
        QUESTION: hello.QUESTION_BYTES_MAX,
        BATCH: envelope.ENVELOPE_BYTES_MAX,
        OFFERED: succession.DELIVERED_BYTES_MAX,
        SEALED: PII_BLOB_BYTES_MAX,
        HELD: HASH_BYTES * ITEMS_MAX,
    },
    DOWN: {
        ANSWER: hello.ANSWER_BYTES_MAX,
        ACK: ACK_BYTES_MAX,
        SEALED: HASH_BYTES,
        REFUSED: BODY_BYTES_MAX,
        BLOB: BLOB_BYTES_MAX,
    },
}
"""What goes which way, and how large one item of it may be. A sealed box that was taken is answered with its
SHA-256."""
EVERY_KIND = frozenset().union(*SIZES.values())
ONCE = frozenset({QUESTION, HELD, ANSWER})
"""Of these there is one, and it has no name."""

_INFO = b"jifen/bundle/1\0"
_KEYS = frozenset(
    ("v", "suite", "way", "chain", "store", "till", "epoch", "n", "list", "seal", "to", "ms", "x")
)
_U32 = Struct(">I")


@dataclass(frozen=True, slots=True)
class Item:
    """One thing that is carried. ``name``: a batch id, an operation's id, a blob's hash, or nothing."""

    kind: str
    name: str
    raw: bytes


@dataclass(frozen=True, slots=True)
class Bundle:
    """What one file carries. ``ms`` is the writer's clock; ``id`` is known once it is signed."""

    way: str
    lane: Lane
    ms: int
    items: tuple[Item, ...]
    seal: str | None = None
    to: str | None = None
    id: str = ""

    def named(self, kind: str) -> dict[str, bytes]:
        """The items of one kind by name, in the order in which they lie."""
        return {item.name: item.raw for item in self.items if item.kind == kind}

    def only(self, kind: str) -> bytes:
        """The one item of a kind. Raises ``Malformed`` if there is none."""
        found = self.named(kind).get("")
        if found is None:
            raise Malformed(why=kind)
        return found


@dataclass(frozen=True, slots=True)
class Parcel:
    """A bundle that was opened and is not trusted yet: whose signature it needs depends on its header."""

    box: container.Container
    fields: Fields
    raws: tuple[bytes, ...]

    @property
    def kid(self) -> str:
        """The key that the manifest says it was signed with: a hint where to look."""
        return self.box.signatures[0][0]


def bundle_id(header: bytes) -> str:
    """What a bundle is called in its answer: SHA-256 of its signed header."""
    return sha256(header).hexdigest()


def write(bundle: Bundle, key: SigningKey, public_x: bytes, ephemeral_random32: bytes) -> tuple[str, bytes]:
    """The id and the bytes of a file that only the owner of ``public_x`` can open.

    Raises ``TooLarge`` when a limit is passed and ``Malformed`` for items that do not go this way.
    """
    listed = [[item.kind, item.name, sha256(item.raw).hexdigest(), len(item.raw)] for item in bundle.items]
    if len(listed) > ITEMS_MAX:
        raise TooLarge(max=ITEMS_MAX, what="items")
    if any(item.kind not in EVERY_KIND for item in bundle.items):
        raise Malformed(why="items")
    payload = canonical.encode({"items": listed})
    header = {
        "v": VERSION,
        "suite": SUITE,
        "way": bundle.way,
        "chain": bundle.lane.chain,
        "store": bundle.lane.store,
        "till": bundle.lane.till,
        "epoch": bundle.lane.epoch,
        "n": len(listed),
        "list": sha256(payload).hexdigest(),
        "seal": bundle.seal,
        "to": bundle.to,
        "ms": bundle.ms,
        "x": {},
    }
    _read(Fields(header), payload, tuple(item.raw for item in bundle.items))
    manifest = container.pack(MANIFEST_MAGIC, header, payload, [key], MEDIA_TYPE)
    framed = [part for item in bundle.items for part in (_U32.pack(len(item.raw)), item.raw)]
    plain = b"".join((_U32.pack(len(listed)), *framed, manifest))
    if len(plain) + len(MAGIC) + KID_BYTES + sealing.ENC_BYTES + TAG_BYTES > BUNDLE_BYTES_MAX:
        raise TooLarge(max=BUNDLE_BYTES_MAX, what="bundle")
    front = MAGIC + bytes.fromhex(kid_of(public_x))
    return bundle_id(canonical.encode(header)), front + sealing.seal(
        public_x, _INFO, front, plain, ephemeral_random32
    )


def unseal(raw: bytes, private_x: SealingKey) -> Parcel:
    """Open a file without trusting who wrote it.

    Raises ``EnvelopeVersion`` for another kind of file, ``UnknownKey`` for one that is sealed to another key,
    ``Integrity`` for a damaged one, ``TooLarge`` and ``Malformed``.
    """
    if len(raw) > BUNDLE_BYTES_MAX:
        raise TooLarge(max=BUNDLE_BYTES_MAX, what="bundle")
    if raw[: len(MAGIC)] != MAGIC:
        raise EnvelopeVersion(magic=raw[: len(MAGIC)].hex())
    front = raw[: len(MAGIC) + KID_BYTES]
    if len(front) != len(MAGIC) + KID_BYTES:
        raise Malformed(why="torn")
    if front[len(MAGIC) :].hex() != private_x.kid:
        raise UnknownKey(kid=front[len(MAGIC) :].hex())
    plain = sealing.open_sealed(private_x, _INFO, front, raw[len(front) :])
    count, at = _number(plain, 0), _U32.size
    if count > ITEMS_MAX:
        raise TooLarge(max=ITEMS_MAX, what="items")
    raws = []
    for _ in range(count):
        size = _number(plain, at)
        at += _U32.size
        raws.append(plain[at : at + size])
        if len(raws[-1]) != size:
            raise Malformed(why="torn")
        at += size
    limit = container.HEADER_BYTES_MAX + LIST_BYTES_MAX + 1024
    box = container.unpack(MANIFEST_MAGIC, plain[at:], limit)
    return Parcel(box, Fields(canonical.decode(box.header, container.HEADER_BYTES_MAX)), tuple(raws))


def verify(parcel: Parcel, public: bytes) -> Bundle:
    """What the owner of ``public`` packed, nothing missing and nothing moved.

    Raises what ``container.check`` raises, ``Integrity`` for items that the manifest does not tell.
    """
    container.check(parcel.box, MEDIA_TYPE, [public])
    bundle = _read(parcel.fields, parcel.box.payload, parcel.raws)
    return replace(bundle, id=bundle_id(parcel.box.header))


def open_answer(
    raw: bytes, private_x: SealingKey, hub_public: bytes, lane: Lane, written: frozenset[str]
) -> Bundle:
    """A return bundle for this till that answers one of those it wrote.

    Raises what ``unseal`` and ``verify`` raise, ``WrongLane`` for another till's, and ``Integrity`` for the
    answer to a bundle that this till does not remember.
    """
    bundle = verify(unseal(raw, private_x), hub_public)
    if bundle.way != DOWN or bundle.lane != lane:
        raise WrongLane(store=bundle.lane.store, till=bundle.lane.till)
    if bundle.to not in written:
        raise Integrity(what="question")
    return bundle


def _read(fields: Fields, payload: bytes, raws: Sequence[bytes]) -> Bundle:
    fields.speaks(_KEYS)
    fields.object("x")
    way = fields.raw["way"]
    if type(way) is not str or way not in SIZES:
        raise Malformed(why="way")
    seal, to = fields.hex_or_none("seal", HASH_BYTES), fields.hex_or_none("to", HASH_BYTES)
    if (seal is not None) != (way == UP) or (to is not None) != (way == DOWN):
        raise Malformed(why="way")
    if sha256(payload).hexdigest() != fields.hex("list", HASH_BYTES):
        raise Integrity(what="list")
    told = Fields(canonical.decode(payload, LIST_BYTES_MAX))
    told.exactly(frozenset({"items"}))
    listed = told.array("items")
    if fields.whole("n", 0, ITEMS_MAX) != len(listed) or len(listed) != len(raws):
        raise Integrity(what="count")
    found = [_item(way, entry, raw) for entry, raw in zip(listed, raws, strict=True)]
    items = tuple(item for item in found if item is not None)
    if len({(item.kind, item.name) for item in items}) != len(items):
        raise Malformed(why="twice")
    lane = Lane(
        fields.name("chain"), fields.name("store"), fields.name("till"), fields.whole("epoch", 1, U32_MAX)
    )
    return Bundle(way, lane, fields.whole("ms", 0, U48_MAX), items, seal, to)


def _item(way: str, entry: Any, raw: bytes) -> Item | None:
    """One item; None for a kind of a later version, which is whole and passed over."""
    if type(entry) is not list or len(entry) < 4:
        raise Malformed(why="items")
    kind, name, sha, size = entry[:4]
    if not is_name(kind) or (kind in SIZES[way] and not _is_named(kind, name)):
        raise Malformed(why="items")
    if kind in EVERY_KIND and kind not in SIZES[way]:
        raise Malformed(why="items")  # what goes the other way
    if kind in SIZES[way] and len(raw) > SIZES[way][kind]:
        raise TooLarge(max=SIZES[way][kind], what=kind)
    if type(size) is not int or size != len(raw) or sha256(raw).hexdigest() != sha:
        raise Integrity(what="item")
    return Item(kind, name, raw) if kind in SIZES[way] else None


def _is_named(kind: str, name: Any) -> bool:
    if kind in ONCE:
        return bool(name == "" and type(name) is str)
    return is_hex(name, ID_BYTES if kind == SEALED else HASH_BYTES)


def _number(plain: bytes, at: int) -> int:
    raw = plain[at : at + _U32.size]
    if len(raw) != _U32.size:
        raise Malformed(why="torn")
    number: int = _U32.unpack(raw)[0]
    return number

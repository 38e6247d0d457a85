"""`JFM1`: what one shard of the feed holds at one moment, signed by headquarters.

    box with T = application/vnd.jifen.manifest+json;v=1 and an empty payload
    header = {v, suite, hub, inc, chain, topic, shard, gen, schema, ver, g, issued, not_after,
              snap: {ver, chunks: [[sha, size, usize, n, lo, hi]…]},
              deltas: sha|null, lanes: sha|null, enc: {alg, kid, nonce}|null, x: {}}
    the private topic `till`, shard `{store}/{till}`, also has term, sess_until|null,
    next: [[epoch, next, head]…]

`g` is the hub's apply number: every operation up to it is in, none above. A reader says what
it asked for, and anything else is refused, however well signed: a manifest is not to be
moved to another shard. `Manifest.order` never goes down for a reader; a lower one is an old
copy, is ignored and reported.
It refuses to know what the blobs say (`chunk`) and when they are fetched (`uplink`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from points.wire import canonical, container
from points.wire.chain import HASH_BYTES
from points.wire.faults import Malformed, WrongLane
from points.wire.fields import SUITE, U32_MAX, U48_MAX, VERSION, Fields, is_hex, is_name, is_shard
from points.wire.keys import KID_CHARS, SigningKey

MAGIC = b"JFM1"
MEDIA_TYPE = "application/vnd.jifen.manifest+json;v=1"
MANIFEST_BYTES_MAX = container.HEADER_BYTES_MAX + 512
CHUNKS_MAX = 56  # what surely fits into a header of 8 KiB; a larger shard is split into a new gen
PRIVATE_TOPIC = "till"
CHAIN_WIDE = "all"  # the shard of a topic that is the same for every store
ENC_ALG, ENC_NONCE = "aes-256-gcm", "derived"

KEYS = frozenset(
    {
        *("v", "suite", "hub", "inc", "chain", "topic", "shard", "gen", "schema", "ver", "g"),
        *("issued", "not_after", "snap", "deltas", "lanes", "enc", "x"),
    }
)
PRIVATE_KEYS = KEYS | {"term", "sess_until", "next"}


@dataclass(frozen=True, slots=True)
class Chunk:
    """One blob of the snapshot: name, size as it lies there and unpacked, rows, first and last key."""

    sha: str
    size: int
    usize: int
    n: int
    lo: int | str | None = None
    hi: int | str | None = None


@dataclass(frozen=True, slots=True)
class LaneNext:
    """Where the hub stands in one of the reader's own lanes: the sequence number it wants, and its head."""

    epoch: int
    next: int
    head: str


@dataclass(frozen=True, slots=True)
class Private:
    """What only the manifest of one till says. `sess_until` None never closes."""

    term: int
    sess_until: int | None
    next: tuple[LaneNext, ...]


@dataclass(frozen=True, slots=True)
class Manifest:
    """One manifest. `enc_kid` names the key that its blobs are sealed with, None if they lie open."""

    hub: str
    inc: int
    chain: str
    topic: str
    shard: str
    gen: int
    schema: int
    ver: int
    g: int
    issued: int
    not_after: int
    snap_ver: int
    chunks: tuple[Chunk, ...]
    deltas: str | None = None
    lanes: str | None = None
    enc_kid: str | None = None
    private: Private | None = None
    x: dict[str, Any] = field(default_factory=dict)

    @property
    def order(self) -> tuple[int, int, int]:
        """(inc, gen, ver): never goes down. A restored hub begins a new `inc`, whatever its `ver`."""
        return self.inc, self.gen, self.ver

    @property
    def blobs(self) -> tuple[str, ...]:
        """The names of every blob that this manifest speaks of."""
        return (*(chunk.sha for chunk in self.chunks), *filter(None, (self.deltas, self.lanes)))


def issue(manifest: Manifest, signers: Sequence[SigningKey]) -> bytes:
    """The bytes of a manifest; rules, staff and freeze lists have two signers, the rest one."""
    header: dict[str, Any] = {
        "v": VERSION,
        "suite": SUITE,
        "hub": manifest.hub,
        "inc": manifest.inc,
        "chain": manifest.chain,
        "topic": manifest.topic,
        "shard": manifest.shard,
        "gen": manifest.gen,
        "schema": manifest.schema,
        "ver": manifest.ver,
        "g": manifest.g,
        "issued": manifest.issued,
        "not_after": manifest.not_after,
        "snap": {
            "ver": manifest.snap_ver,
            "chunks": [[c.sha, c.size, c.usize, c.n, c.lo, c.hi] for c in manifest.chunks],
        },
        "deltas": manifest.deltas,
        "lanes": manifest.lanes,
        "enc": manifest.enc_kid and {"alg": ENC_ALG, "kid": manifest.enc_kid, "nonce": ENC_NONCE},
        "x": manifest.x,
    }
    if manifest.private is not None:
        header["term"] = manifest.private.term
        header["sess_until"] = manifest.private.sess_until
        header["next"] = [[lane.epoch, lane.next, lane.head] for lane in manifest.private.next]
    _read(Fields(canonical.decode(canonical.encode(header), container.HEADER_BYTES_MAX)))
    return container.pack(MAGIC, header, b"", signers, MEDIA_TYPE)


def open_manifest(
    raw: bytes, hub_public: bytes | Sequence[bytes], chain: str, topic: str, shard: str, needed: int = 1
) -> Manifest:
    """The verified manifest of exactly this chain, topic and shard; WrongLane if it is another's.

    `hub_public` is one key, or the keys that may sign this topic, of which `needed` must have.
    """
    box = container.unpack(MAGIC, raw, MANIFEST_BYTES_MAX)
    publics = [hub_public] if isinstance(hub_public, bytes) else hub_public
    container.check(box, MEDIA_TYPE, publics, needed)
    if box.payload:
        raise Malformed(why="payload")
    manifest = _read(Fields(canonical.decode(box.header, container.HEADER_BYTES_MAX)))
    if (manifest.chain, manifest.topic, manifest.shard) != (chain, topic, shard):
        raise WrongLane(topic=manifest.topic, shard=manifest.shard)
    return manifest


def private_shard(store: str, till: str) -> str:
    """The shard of the private topic that belongs to this till."""
    if not (is_name(store) and is_name(till)):
        raise Malformed(why="shard")
    return f"{store}/{till}"


def _read(fields: Fields) -> Manifest:
    is_private = fields.raw.get("topic") == PRIVATE_TOPIC
    fields.speaks(PRIVATE_KEYS if is_private else KEYS)
    snap = fields.inner("snap")
    snap.exactly(frozenset({"ver", "chunks"}))
    manifest = Manifest(
        hub=fields.name("hub"),
        inc=fields.whole("inc", 1, U32_MAX),
        chain=fields.name("chain"),
        topic=fields.name("topic"),
        shard=fields.shard("shard"),
        gen=fields.whole("gen", 1, U32_MAX),
        schema=fields.whole("schema", 1, U32_MAX),
        ver=fields.whole("ver"),
        g=fields.whole("g"),
        issued=fields.whole("issued", 0, U48_MAX),
        not_after=fields.whole("not_after", 0, U48_MAX),
        snap_ver=snap.whole("ver"),
        chunks=tuple(_read_chunk(entry) for entry in snap.array("chunks")),
        deltas=fields.hex_or_none("deltas", HASH_BYTES),
        lanes=fields.hex_or_none("lanes", HASH_BYTES),
        enc_kid=None if fields.raw["enc"] is None else _read_enc(fields.inner("enc")),
        private=_read_private(fields) if is_private else None,
        x=fields.object("x"),
    )
    if is_private and not is_shard(manifest.shard):
        raise Malformed(why="shard")
    return manifest


def _read_chunk(entry: Any) -> Chunk:
    if type(entry) is not list or len(entry) < 6 or not is_hex(entry[0], HASH_BYTES):
        raise Malformed(why="chunk")
    sha, size, usize, n, lo, hi = entry[:6]
    if any(type(number) is not int or number < 0 for number in (size, usize, n)):
        raise Malformed(why="chunk")
    if any(key is not None and type(key) not in (int, str) for key in (lo, hi)):
        raise Malformed(why="chunk")
    return Chunk(sha, size, usize, n, lo, hi)


def _read_enc(fields: Fields) -> str:
    fields.exactly(frozenset({"alg", "kid", "nonce"}))
    if (fields.raw["alg"], fields.raw["nonce"]) != (ENC_ALG, ENC_NONCE):
        raise Malformed(why="enc")
    return fields.hex("kid", KID_CHARS // 2)


def _read_private(fields: Fields) -> Private:
    lanes = []
    for entry in fields.array("next"):
        if type(entry) is not list or len(entry) < 3 or not is_hex(entry[2], HASH_BYTES):
            raise Malformed(why="next")
        if any(type(number) is not int or not 1 <= number <= U32_MAX + 1 for number in entry[:2]):
            raise Malformed(why="next")
        lanes.append(LaneNext(*entry[:3]))
    return Private(
        fields.whole("term", 1, U32_MAX), fields.whole_or_none("sess_until", 0, U48_MAX), tuple(lanes)
    )

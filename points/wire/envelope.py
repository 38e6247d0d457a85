"""`JFB1`: a batch of one lane's operations, the same bytes as a file, a request or on a stick.

    box with T = application/vnd.jifen.batch+json;v=1
    header  = {v, suite, chain, store, till, epoch, first, last, prev, head, root, psha, psize, usize,
               wall, boot, mono, inst, agent, inc, anchor: {hub_ms, boot, mono}|null,
               sth: {size, root}|null, x: {}}              all keys, always
    payload = one zstd frame of the bodies joined by 0A
    batch id = SHA256(header)

`prev` and `head` are the chain before `first` and after `last`, `root` the tree over the
operation hashes, `psha` the hash of the payload as it lies there. A batch is cut once and
stored; a retry sends the same bytes. The order of the checks is the law of this file: sizes,
key, header, lane and suite, signature, payload hash, bounds, decompression, count, chain,
root. The decompressor never sees a byte that the key's owner has not vouched for.
It refuses to read the bodies, and it does not judge revocation: what a revoked or fenced key
signed is still taken into custody, and the hub decides with `KeyRecord.vouches_for`.
This file is the only door to zstd.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any

from points.wire import canonical, container
from points.wire.canonical import BODY_BYTES_MAX
from points.wire.chain import HASH_BYTES, links, merkle_root
from points.wire.faults import EnvelopeVersion, Integrity, Malformed, TooLarge, UnknownKey, WrongLane
from points.wire.fields import SUITE, U32_MAX, U48_MAX, VERSION, Fields
from points.wire.keys import SigningKey
from points.wire.lane import KeyRecord, Lane

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

MAGIC = b"JFB1"
MEDIA_TYPE = "application/vnd.jifen.batch+json;v=1"
OPS_MAX = 1000
USIZE_MAX = 8 * 1024 * 1024
RATIO_MAX = 200
RATIO_FREE_BYTES = 2 * BODY_BYTES_MAX  # one largest body may repeat itself as much as it likes
ENVELOPE_BYTES_MAX = USIZE_MAX + 64 * 1024
LEVEL = 9
_WINDOW_LOG_MAX = 23  # 8 MiB: a frame may not ask the reader for more memory than the largest payload
BOOT_BYTES, INST_BYTES = 8, 16

KEYS = frozenset(
    "v suite chain store till epoch first last prev head root psha psize usize "
    "wall boot mono inst agent inc anchor sth x".split()
)


@dataclass(frozen=True, slots=True)
class Anchor:
    """The last signed hub answer this agent heard: hub time, and the boot and monotone ms it came at."""

    hub_ms: int
    boot: str
    mono: int


@dataclass(frozen=True, slots=True)
class TreeHead:
    """The last head of the hub's log that this agent saw."""

    size: int
    root: str


@dataclass(frozen=True, slots=True)
class Moment:
    """Where the writer stands when it cuts: its clocks, its start, its version, the hub's incarnation.

    `wall` UTC ms as the PC believes, `boot` 16 hex a boot of the system, `mono` ms since then
    counting sleep, `inst` 32 hex a start of the agent, `agent` its version.
    """

    wall: int
    boot: str
    mono: int
    inst: str
    agent: str
    inc: int
    anchor: Anchor | None = None
    sth: TreeHead | None = None


@dataclass(frozen=True, slots=True)
class Header:
    """Everything a batch says of itself; hashes are hex."""

    lane: Lane
    first: int
    last: int
    prev: str
    head: str
    root: str
    psha: str
    psize: int
    usize: int
    moment: Moment
    suite: str = SUITE
    x: dict[str, Any] = field(default_factory=dict)

    @property
    def count(self) -> int:
        return self.last - self.first + 1


@dataclass(frozen=True, slots=True)
class Batch:
    """A verified batch: bodies as they were written, and the chain hash of each."""

    header: Header
    batch_id: str
    kid: str
    bodies: tuple[bytes, ...]
    hashes: tuple[bytes, ...]


def fitting(body_sizes: Iterable[int]) -> int:
    """How many of the coming bodies go into one batch, counted from the first; at least one."""
    count, usize = 0, 0
    for size in body_sizes:
        usize += size + 1
        if count == OPS_MAX or (count and usize > USIZE_MAX):
            break
        count += 1
    return count


def cut(
    lane: Lane,
    first: int,
    prev: bytes,
    bodies: Sequence[bytes],
    key: SigningKey,
    moment: Moment,
    x: dict[str, Any] | None = None,
) -> bytes:
    """The envelope of operations `first`…, whose predecessor's hash is `prev`.

    Raises TooLarge if a limit is passed (`what`: ops, body, usize or ratio): cut fewer. One
    operation alone always fits.
    """
    if not 1 <= len(bodies) <= OPS_MAX:
        raise TooLarge(max=OPS_MAX, what="ops")
    _check_bodies(bodies)
    plain = b"\n".join(bodies)
    payload = compress(plain)
    _check_sizes(len(payload), len(plain))
    hashes = links(prev, first, bodies)
    return container.pack(
        MAGIC,
        _header_object(
            Header(
                lane=lane,
                first=first,
                last=first + len(bodies) - 1,
                prev=prev.hex(),
                head=hashes[-1].hex(),
                root=merkle_root(hashes).hex(),
                psha=sha256(payload).hexdigest(),
                psize=len(payload),
                usize=len(plain),
                moment=moment,
                x=x or {},
            )
        ),
        payload,
        [key],
        MEDIA_TYPE,
    )


def batch_id(raw: bytes) -> str:
    """The name of an envelope, which is also its Idempotency-Key: SHA-256 of its header, hex."""
    return sha256(container.unpack(MAGIC, raw, ENVELOPE_BYTES_MAX).header).hexdigest()


def peek(raw: bytes) -> tuple[Header, str]:
    """What an envelope says of itself, and the kid it names. Nothing of it is trusted yet."""
    box = container.unpack(MAGIC, raw, ENVELOPE_BYTES_MAX)
    return _read_header(box.header), _only_kid(box)


def open_batch(raw: bytes, record: KeyRecord) -> Batch:
    """The verified batch, by the key that `record` describes.

    Raises TooLarge, Malformed, EnvelopeVersion, UnknownKey (the envelope names another key),
    WrongLane, BadSignature or Integrity (`what`: psize, psha, usize, ratio, frame, count, chain, root).
    """
    box = container.unpack(MAGIC, raw, ENVELOPE_BYTES_MAX)
    kid = _only_kid(box)
    if kid != record.kid:
        raise UnknownKey(kid=kid)
    header = _read_header(box.header)
    if header.lane not in record.lanes:
        raise WrongLane()
    if header.suite != record.suite:
        raise EnvelopeVersion(suite=header.suite)
    container.check(box, MEDIA_TYPE, [record.public_raw])
    if header.psize != len(box.payload):
        raise Integrity(what="psize")
    if header.psha != sha256(box.payload).hexdigest():
        raise Integrity(what="psha")
    _check_sizes(header.psize, header.usize)
    bodies = decompress(box.payload, header.usize).split(b"\n")
    if len(bodies) != header.count:
        raise Integrity(what="count")
    _check_bodies(bodies)
    hashes = links(bytes.fromhex(header.prev), header.first, bodies)
    if hashes[-1].hex() != header.head:
        raise Integrity(what="chain")
    if merkle_root(hashes).hex() != header.root:
        raise Integrity(what="root")
    return Batch(header, sha256(box.header).hexdigest(), kid, tuple(bodies), tuple(hashes))


def compress(plain: bytes, level: int = LEVEL) -> bytes:
    """One zstd frame that states its content size."""
    return zstd.compress(plain, level)


def decompress(frame: bytes, usize: int) -> bytes:
    """Exactly `usize` bytes out of exactly one frame, or Integrity. Never more memory than that asks for.

    Call it only with bytes that were authenticated before.
    """
    reader = zstd.ZstdDecompressor(options={zstd.DecompressionParameter.window_log_max: _WINDOW_LOG_MAX})
    try:
        plain = reader.decompress(frame, max_length=usize + 1)
    except zstd.ZstdError as error:
        raise Integrity(what="frame") from error
    if len(plain) != usize or not reader.eof or reader.unused_data:
        raise Integrity(what="usize")
    return bytes(plain)


def _only_kid(box: container.Container) -> str:
    if len(box.signatures) != 1:  # two come with the next suite; this program speaks one
        raise EnvelopeVersion(signatures=len(box.signatures))
    return box.signatures[0][0]


def _check_sizes(psize: int, usize: int) -> None:
    if usize > USIZE_MAX:
        raise TooLarge(max=USIZE_MAX, what="usize")
    if usize > max(RATIO_FREE_BYTES, RATIO_MAX * psize):
        raise TooLarge(max=RATIO_MAX, what="ratio")


def _check_bodies(bodies: Sequence[bytes]) -> None:
    for body in bodies:
        if len(body) > BODY_BYTES_MAX:
            raise TooLarge(max=BODY_BYTES_MAX, what="body")
        if not body or b"\n" in body:
            raise Malformed(why="body")


def _header_object(header: Header) -> dict[str, Any]:
    lane, moment = header.lane, header.moment
    anchor, sth = moment.anchor, moment.sth
    return {
        "v": VERSION,
        "suite": header.suite,
        "chain": lane.chain,
        "store": lane.store,
        "till": lane.till,
        "epoch": lane.epoch,
        "first": header.first,
        "last": header.last,
        "prev": header.prev,
        "head": header.head,
        "root": header.root,
        "psha": header.psha,
        "psize": header.psize,
        "usize": header.usize,
        "wall": moment.wall,
        "boot": moment.boot,
        "mono": moment.mono,
        "inst": moment.inst,
        "agent": moment.agent,
        "inc": moment.inc,
        "anchor": anchor and {"hub_ms": anchor.hub_ms, "boot": anchor.boot, "mono": anchor.mono},
        "sth": sth and {"size": sth.size, "root": sth.root},
        "x": header.x,
    }


def _read_header(raw: bytes) -> Header:
    fields = Fields(canonical.decode(raw, container.HEADER_BYTES_MAX))
    fields.speaks(KEYS)
    first = fields.whole("first", 1, U32_MAX)
    last = fields.whole("last", first, U32_MAX)
    if last - first >= OPS_MAX:
        raise TooLarge(max=OPS_MAX, what="ops")
    return Header(
        lane=Lane(
            fields.name("chain"), fields.name("store"), fields.name("till"), fields.whole("epoch", 1, U32_MAX)
        ),
        first=first,
        last=last,
        prev=fields.hex("prev", HASH_BYTES),
        head=fields.hex("head", HASH_BYTES),
        root=fields.hex("root", HASH_BYTES),
        psha=fields.hex("psha", HASH_BYTES),
        psize=fields.whole("psize", 1),
        usize=fields.whole("usize", 1),
        moment=_read_moment(fields),
        suite=SUITE,
        x=fields.object("x"),
    )


def _read_moment(fields: Fields) -> Moment:
    return Moment(
        wall=fields.whole("wall", 0, U48_MAX),
        boot=fields.hex("boot", BOOT_BYTES),
        mono=fields.whole("mono"),
        inst=fields.hex("inst", INST_BYTES),
        agent=fields.plain("agent"),
        inc=fields.whole("inc", 1, U32_MAX),
        anchor=None if fields.raw["anchor"] is None else _read_anchor(fields.inner("anchor")),
        sth=None if fields.raw["sth"] is None else _read_tree_head(fields.inner("sth")),
    )


def _read_anchor(fields: Fields) -> Anchor:
    fields.exactly(frozenset({"hub_ms", "boot", "mono"}))
    return Anchor(fields.whole("hub_ms", 0, U48_MAX), fields.hex("boot", BOOT_BYTES), fields.whole("mono"))


def _read_tree_head(fields: Fields) -> TreeHead:
    fields.exactly(frozenset({"size", "root"}))
    return TreeHead(fields.whole("size"), fields.hex("root", HASH_BYTES))

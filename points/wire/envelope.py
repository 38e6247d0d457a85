"""`JFB1`: a batch of one lane's operations, the same bytes as a file, a request or on a stick.

    box with T = application/vnd.jifen.batch+json;v=1
    header  = see `batch_header`
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
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from points.wire import container, tree
from points.wire.batch_header import OPS_MAX, Header, Moment, header_object, read_header
from points.wire.canonical import BODY_BYTES_MAX
from points.wire.chain import links
from points.wire.faults import EnvelopeVersion, Integrity, Malformed, TooLarge, UnknownKey, WrongLane
from points.wire.keys import SigningKey
from points.wire.lane import KeyRecord, Lane

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

MAGIC = b"JFB1"
MEDIA_TYPE = "application/vnd.jifen.batch+json;v=1"
USIZE_MAX = 8 * 1024 * 1024
RATIO_MAX = 200
RATIO_FREE_BYTES = 2 * BODY_BYTES_MAX  # one largest body may repeat itself as much as it likes
ENVELOPE_BYTES_MAX = USIZE_MAX + 64 * 1024
LEVEL = 9
_WINDOW_LOG_MAX = 23  # 8 MiB: a frame may not ask the reader for more memory than the largest payload


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
        header_object(
            Header(
                lane=lane,
                first=first,
                last=first + len(bodies) - 1,
                prev=prev.hex(),
                head=hashes[-1].hex(),
                root=tree.merkle_root(hashes).hex(),
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


def without_payload(raw: bytes) -> bytes:
    """The signed part of an envelope: what it says of its operations, and not they."""
    return raw[: len(raw) - len(container.unpack(MAGIC, raw, ENVELOPE_BYTES_MAX).payload)]


def peek(raw: bytes) -> tuple[Header, str]:
    """What an envelope says of itself, and the kid it names. Nothing of it is trusted yet."""
    box = container.unpack(MAGIC, raw, ENVELOPE_BYTES_MAX)
    return read_header(box.header), _only_kid(box)


def open_batch(raw: bytes, record: KeyRecord) -> Batch:
    """The verified batch, by the key that `record` describes.

    Raises TooLarge, Malformed, EnvelopeVersion, UnknownKey (the envelope names another key),
    WrongLane, BadSignature or Integrity (`what`: psize, psha, usize, ratio, frame, count, chain, root).
    """
    box = container.unpack(MAGIC, raw, ENVELOPE_BYTES_MAX)
    kid = _only_kid(box)
    if kid != record.kid:
        raise UnknownKey(kid=kid)
    header = read_header(box.header)
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
    plain = decompress(box.payload, header.usize)
    if len(plain) != header.usize:
        raise Integrity(what="usize")
    bodies = plain.split(b"\n")
    if len(bodies) != header.count:
        raise Integrity(what="count")
    _check_bodies(bodies)
    hashes = links(bytes.fromhex(header.prev), header.first, bodies)
    if hashes[-1].hex() != header.head:
        raise Integrity(what="chain")
    if tree.merkle_root(hashes).hex() != header.root:
        raise Integrity(what="root")
    return Batch(header, sha256(box.header).hexdigest(), kid, tuple(bodies), tuple(hashes))


def compress(plain: bytes, level: int = LEVEL) -> bytes:
    """One zstd frame that states its content size."""
    return zstd.compress(plain, level)


def decompress(frame: bytes, usize_max: int) -> bytes:
    """What exactly one whole frame unpacks to, if it is at most `usize_max` bytes; Integrity otherwise.

    Stops at the bound, whatever the frame claims. Call it only with bytes that were authenticated before.
    """
    reader = zstd.ZstdDecompressor(options={zstd.DecompressionParameter.window_log_max: _WINDOW_LOG_MAX})
    try:
        plain = reader.decompress(frame, max_length=usize_max + 1)
    except zstd.ZstdError as error:
        raise Integrity(what="frame") from error
    if len(plain) > usize_max:
        raise Integrity(what="usize")
    if not reader.eof or reader.unused_data:
        raise Integrity(what="frame")
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

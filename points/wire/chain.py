"""The hash chain of a lane and the tree over a batch.

Each operation's hash covers the one before it, its number and its bytes, so that
nothing can be taken out, put in, changed or moved without every later hash
telling. The genesis covers the lane's name, its key and where it continues from.
The tree (RFC 9162, as in certificate transparency) lets one operation be proved
with at most ten hashes, without showing the others.
    genesis = SHA256("jifen/lane/1" 00 | lp(chain) lp(store) lp(till) | u32 epoch
                     | public key[32] | parent_head[32] | u64 parent_seq)
    hash_n  = SHA256("jifen/op/1" 00 | hash_n-1 | u64 seq | u32 len(body) | body)
    lp      = u16 length, then the bytes; every number big-endian
It refuses to know what a body says.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from hashlib import sha256
from struct import Struct

from points.wire.faults import Malformed
from points.wire.lane import Lane

HASH_BYTES = 32
NO_PARENT = bytes(HASH_BYTES)

_LANE = b"jifen/lane/1\0"
_OP = b"jifen/op/1\0"
_BODY = b"jifen/body/1\0"
_U16, _U32, _U64 = Struct(">H").pack, Struct(">I").pack, Struct(">Q").pack
_SEQ_LEN = Struct(">QI").pack


def genesis(
    chain: str,
    store: str,
    till: str,
    epoch: int,
    public_raw: bytes,
    parent_head: bytes = NO_PARENT,
    parent_seq: int = 0,
) -> bytes:
    """The hash before operation 1. A first lane has no parent; a later epoch continues one."""
    lane = Lane(chain, store, till, epoch)
    if len(public_raw) != HASH_BYTES or len(parent_head) != HASH_BYTES:
        raise Malformed(why="genesis")
    names = b"".join(_U16(len(name)) + name.encode() for name in (lane.chain, lane.store, lane.till))
    return sha256(_LANE + names + _U32(epoch) + public_raw + parent_head + _U64(parent_seq)).digest()


def link(prev: bytes, seq: int, body: bytes) -> bytes:
    """The hash of operation `seq`, whose predecessor's hash is `prev`."""
    return sha256(_OP + prev + _SEQ_LEN(seq, len(body)) + body).digest()


def links(prev: bytes, first: int, bodies: Iterable[bytes]) -> list[bytes]:
    """The hashes of consecutive operations from `first` on: `link` in one tight loop."""
    hashes = []
    for seq, body in enumerate(bodies, first):
        prev = sha256(_OP + prev + _SEQ_LEN(seq, len(body)) + body).digest()
        hashes.append(prev)
    return hashes


def body_digest16(body: bytes) -> bytes:
    """Which bytes an operation has, wherever it stands: what a paper claim cites."""
    return sha256(_BODY + body).digest()[:16]


def merkle_root(entries: Sequence[bytes]) -> bytes:
    """RFC 9162 MTH: leaves are SHA256(00 | entry), nodes SHA256(01 | left | right)."""
    if not entries:
        return sha256(b"").digest()
    level = [sha256(b"\0" + entry).digest() for entry in entries]
    while len(level) > 1:
        level = _level_above(level)
    return level[0]


def inclusion(entries: Sequence[bytes], index: int) -> list[bytes]:
    """The hashes that prove entry `index`, leaf's sister first (RFC 9162 §2.1.3.1)."""
    if not 0 <= index < len(entries):
        raise Malformed(why="index")
    level = [sha256(b"\0" + entry).digest() for entry in entries]
    proof = []
    while len(level) > 1:
        sister = index ^ 1
        if sister < len(level):
            proof.append(level[sister])
        level, index = _level_above(level), index // 2
    return proof


def is_included(entry: bytes, index: int, size: int, proof: Sequence[bytes], root: bytes) -> bool:
    """RFC 9162 §2.1.3.2: whether the proof leads from this entry to this root."""
    if not 0 <= index < size:
        return False
    node, last = sha256(b"\0" + entry).digest(), size - 1
    for sister in proof:
        if last == 0:
            return False
        if index & 1 or index == last:
            node = sha256(b"\1" + sister + node).digest()
            while index and not index & 1:
                index, last = index >> 1, last >> 1
        else:
            node = sha256(b"\1" + node + sister).digest()
        index, last = index >> 1, last >> 1
    return last == 0 and node == root


def _level_above(level: list[bytes]) -> list[bytes]:
    above = [
        sha256(b"\1" + left + right).digest() for left, right in zip(level[::2], level[1::2], strict=False)
    ]
    if len(level) & 1:
        above.append(level[-1])  # an odd one rises unchanged, which is RFC 9162's split
    return above

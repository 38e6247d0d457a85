"""The hash chain of a lane.

Each operation's hash covers the one before it, its number and its bytes, so that
nothing can be taken out, put in, changed or moved without every later hash
telling. The genesis covers the lane's name, its key and where it continues from.
The tree over a batch is in `tree`.
    genesis = SHA256("jifen/lane/1" 00 | lp(chain) lp(store) lp(till) | u32 epoch
                     | public key[32] | parent_head[32] | u64 parent_seq)
    hash_n  = SHA256("jifen/op/1" 00 | hash_n-1 | u64 seq | u32 len(body) | body)
    lp      = u16 length, then the bytes; every number big-endian
It refuses to know what a body says.
"""

from __future__ import annotations

from collections.abc import Iterable
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

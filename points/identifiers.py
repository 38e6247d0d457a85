"""Names of things: operations, lanes, members. No name carries personal data.

An operation's id is a UUIDv7 (32 lower hex): its first 48 bits are the store time, so ids sort as
they were made. A member is a number below 2^40 issued by the hub in blocks of 1,024 for a store;
its bucket is computed from the number once and stored.
"""

from __future__ import annotations

import re
from typing import NewType

OpId = NewType("OpId", str)
Member = NewType("Member", int)

MEMBER_MAX = 2**40
MEMBERS_PER_BLOCK = 1024
BUCKETS = 256
HUB_STORE = "hq"

_NAME = re.compile(r"[a-z0-9-]{1,16}\Z")
_OP_ID = re.compile(r"[0-9a-f]{32}\Z")


class BadName(ValueError):
    """A chain, store, till or operation is not named by the rules."""


def name(value: object) -> str:
    """A chain, store or till name: 1 to 16 of ``a-z 0-9 -``."""
    if not isinstance(value, str) or not _NAME.match(value):
        raise BadName(f"{value!r} is not a name of 1 to 16 characters a-z 0-9 -")
    return value


def op_id(value: object) -> OpId:
    """A checked operation id."""
    if not isinstance(value, str) or not _OP_ID.match(value):
        raise BadName(f"{value!r} is not an operation id of 32 hexadecimal digits")
    return OpId(value)


def new_op_id(st_ms: int, chance: bytes) -> OpId:
    """UUIDv7 (RFC 9562 §5.7) from store time in ms and 10 random bytes."""
    assert len(chance) == 10
    assert 0 <= st_ms < 2**48
    tail = bytearray(chance)
    tail[0] = 0x70 | (tail[0] & 0x0F)
    tail[2] = 0x80 | (tail[2] & 0x3F)
    return OpId(st_ms.to_bytes(6, "big").hex() + tail.hex())


def bucket(member: int) -> int:
    """The shard of everything that belongs to a member, 0..255."""
    return (member // MEMBERS_PER_BLOCK) % BUCKETS


def op_bucket(op_id: str) -> int:
    """Where an operation id is deduplicated: by the id alone, never inside a member's shard."""
    try:
        return int(op_id[-2:], 16)
    except ValueError:
        return 0

"""Reads a decoded header key by key, and refuses what is not in the agreed form.

A header has all of its keys, always, and no others: extensions live in `x`.
Whoever takes a value out of a header through here has the type and the range
that the table of that header states.
It refuses to know which header it reads.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from points.wire.canonical import WHOLE_MAX
from points.wire.faults import EnvelopeVersion, Malformed

VERSION = 1
SUITE = "s1"  # Ed25519, SHA-256, zstd, AES-256-GCM, HPKE with X25519
U16_MAX, U32_MAX, U40_MAX, U48_MAX = 2**16 - 1, 2**32 - 1, 2**40 - 1, 2**48 - 1
AGENT_CHARS_MAX = 64

_NAME = re.compile(r"[a-z0-9-]{1,16}").fullmatch
_SHARD = re.compile(r"[a-z0-9-]{1,16}(?:/[a-z0-9-]{1,16})?").fullmatch
_HEX = re.compile(r"[0-9a-f]*").fullmatch
_PLAIN = re.compile(r"[\x20-\x7e]+").fullmatch


def is_name(text: object) -> bool:
    """Chain, store, till, hub, topic: 1 to 16 of a-z, 0-9 and the hyphen."""
    return isinstance(text, str) and _NAME(text) is not None


def is_shard(text: object) -> bool:
    """One name, or two with a slash between: the private shard is `store/till`."""
    return isinstance(text, str) and _SHARD(text) is not None


def is_hex(text: object, size: int) -> bool:
    """Lower-case hexadecimal of `size` bytes."""
    return isinstance(text, str) and len(text) == 2 * size and _HEX(text) is not None


class Fields:
    """One header. Every reading method raises Malformed and names the key."""

    __slots__ = ("raw",)

    def __init__(self, raw: Any) -> None:
        if type(raw) is not dict:
            raise Malformed(why="not an object")
        self.raw: Mapping[str, Any] = raw

    def speaks(self, keys: frozenset[str]) -> None:
        """Refuse another version or suite by its own name, then anything but exactly `keys`."""
        if self.raw.get("v") != VERSION or type(self.raw["v"]) is not int:
            raise EnvelopeVersion(v=self.raw.get("v"))
        if self.raw.get("suite") != SUITE:
            raise EnvelopeVersion(suite=self.raw.get("suite"))
        self.exactly(keys)

    def exactly(self, keys: frozenset[str]) -> None:
        if self.raw.keys() != keys:
            raise Malformed(why="keys", keys=sorted(self.raw.keys() ^ keys))

    def whole(self, key: str, low: int = 0, high: int = WHOLE_MAX) -> int:
        value = self.raw.get(key)
        if type(value) is not int or not low <= value <= high:
            raise Malformed(why=key)
        return value

    def whole_or_none(self, key: str, low: int = 0, high: int = WHOLE_MAX) -> int | None:
        return None if self.raw.get(key) is None else self.whole(key, low, high)

    def hex(self, key: str, size: int) -> str:
        value = self.raw.get(key)
        if not isinstance(value, str) or not is_hex(value, size):
            raise Malformed(why=key)
        return value

    def hex_or_none(self, key: str, size: int) -> str | None:
        return None if self.raw.get(key) is None else self.hex(key, size)

    def name(self, key: str) -> str:
        value = self.raw.get(key)
        if not isinstance(value, str) or not is_name(value):
            raise Malformed(why=key)
        return value

    def shard(self, key: str) -> str:
        value = self.raw.get(key)
        if not isinstance(value, str) or not is_shard(value):
            raise Malformed(why=key)
        return value

    def plain(self, key: str, chars_max: int = AGENT_CHARS_MAX) -> str:
        """Printable ASCII, not empty."""
        value = self.raw.get(key)
        if not isinstance(value, str) or len(value) > chars_max or _PLAIN(value) is None:
            raise Malformed(why=key)
        return value

    def array(self, key: str) -> list[Any]:
        value = self.raw.get(key)
        if type(value) is not list:
            raise Malformed(why=key)
        return value

    def object(self, key: str) -> dict[str, Any]:
        value = self.raw.get(key)
        if type(value) is not dict:
            raise Malformed(why=key)
        return value

    def inner(self, key: str) -> Fields:
        return Fields(self.object(key))

"""JSON as it is signed: one way to write it, a strict way to read it.

Writers sort keys, use `,` and `:` without spaces, UTF-8 unescaped, NFC, whole
numbers of at most 2**53 - 1, no surrogates. Readers refuse what two programs
could read differently: a key twice, a float, NaN, a number beyond 2**53 - 1, a
lone surrogate, a string that is not NFC, more than 32 levels. Readers never
write again what they read: the stored bytes are what was hashed.
It refuses to know what an object means.

What is written the canonical way is read the short way: `orjson` reads it, writes
it again, and equal bytes prove that no key stands twice and nothing is spaced or
spelt otherwise; what equal bytes do not prove (fractions, numbers too long,
nesting, NFC) is asked of the raw bytes. Everything else takes the strict way: the
standard library's scanner with a hook for duplicate keys, and a walk over the
value. Both ways accept and refuse the same; a test holds them against each other.
This file is the only door to orjson.
"""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Iterable
from typing import Any, NoReturn

import orjson

from points.wire.faults import Malformed, TooLarge, WireFault

WHOLE_MAX = 2**53 - 1
DEPTH_MAX = 32
BODY_BYTES_MAX = 64 * 1024

# Sixteen digits in a row are found with two C calls.
_DIGITS_ALIKE = bytes.maketrans(b"123456789", b"000000000")
_SIXTEEN_DIGITS = b"0" * 16
_NESTING = bytes.maketrans(b"{}", b"[]")
_NO_NESTING = bytes(set(range(256)) - set(b"[]{}"))


def encode(value: Any) -> bytes:
    """The canonical bytes of a value made of dict, list, tuple, str, int, bool and None.

    Raises Malformed for anything that the reader would refuse: what is signed must be readable.
    """
    _walk(value)
    return _dump(value)


def encode_checked(value: Any) -> bytes:
    """``encode`` for a value whose fields were checked one by one: only foreign texts are walked again.

    Plain ASCII without an escape cannot hold a text that the reader would refuse.
    """
    raw = _dump(value)
    if not raw.isascii() or b"\\" in raw:
        _walk(value)
    return raw


def decode(raw: bytes, max_bytes: int = BODY_BYTES_MAX) -> dict[str, Any]:
    """The object in `raw`; Malformed if it is not one, TooLarge beyond `max_bytes`."""
    value = decode_value(raw, max_bytes)
    if type(value) is not dict:
        raise Malformed(why="not an object")
    return value


def decode_value(raw: bytes, max_bytes: int) -> Any:
    """Like `decode`, for arrays too: feed rows and outcome lists."""
    if len(raw) > max_bytes:
        raise TooLarge(max=max_bytes)
    value = _read_canonical(raw)
    return _read_strictly(raw) if value is None else value


def decode_plain(raw: bytes) -> dict[str, Any] | None:
    """The object in `raw` if it is found at once that it is written the canonical way; None asks nothing
    further: `decode` says what is wrong with it, if anything is."""
    value = _read_canonical(raw) if len(raw) <= BODY_BYTES_MAX else None
    return value if type(value) is dict else None


def write_own(value: Any) -> str:
    """The text of a value that only this program reads again, as in a database of its own."""
    return _dump(value).decode()


def read_own(text: str | bytes) -> Any:
    """What ``write_own`` wrote, or ``decode`` has read before; nothing is asked of it."""
    return orjson.loads(text)


def decode_each(bodies: Iterable[bytes]) -> list[dict[str, Any] | WireFault]:
    """Every body's object, or the fault that it alone has: one poison row spoils no other."""
    found: list[dict[str, Any] | WireFault] = []
    for body in bodies:
        try:
            found.append(decode(body))
        except WireFault as fault:
            found.append(fault)
    return found


def is_canonical(raw: bytes, value: Any) -> bool:
    """Whether `raw` is exactly how a writer writes `value`, which `decode` returned."""
    try:
        return _dump(value) == raw
    except Malformed:
        return False


def _dump(value: Any) -> bytes:
    try:
        return orjson.dumps(value, option=_AS_SIGNED)
    except orjson.JSONEncodeError as error:
        raise Malformed(why="not a JSON value") from error


def _read_canonical(raw: bytes) -> Any:
    """The value, if `raw` is plainly canonical; None if that must be found out the strict way."""
    if b"\\" in raw:
        return None
    outside_strings = b"".join(raw.split(b'"')[::2])
    if (
        b"." in outside_strings
        or b"e" in outside_strings  # 1e5; `true` and `false` share its fate
        or _SIXTEEN_DIGITS in outside_strings.translate(_DIGITS_ALIKE)
        or _is_deep(outside_strings)
    ):
        return None
    try:
        value = orjson.loads(raw)
        same = orjson.dumps(value, option=_AS_SIGNED) == raw
    except (orjson.JSONDecodeError, orjson.JSONEncodeError):
        return None
    if not same or not (raw.isascii() or unicodedata.is_normalized("NFC", raw.decode())):
        return None
    return value


def _read_strictly(raw: bytes) -> Any:
    try:
        value = _scan(raw.decode("utf-8"))
    except (ValueError, RecursionError) as error:  # JSONDecodeError and UnicodeDecodeError are ValueErrors
        raise Malformed(why="not JSON") from error
    _walk(value)
    return value


def _is_deep(outside_strings: bytes) -> bool:
    """Whether JSON without its strings nests deeper than DEPTH_MAX: each pass takes off one level."""
    if outside_strings.count(b"[") + outside_strings.count(b"{") <= DEPTH_MAX:
        return False
    marks = outside_strings.translate(_NESTING, _NO_NESTING)
    for _ in range(DEPTH_MAX):
        marks = marks.replace(b"[]", b"")
        if not marks:
            return False
    return True


def _pairs(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) != len(pairs):
        raise Malformed(why="duplicate key")
    return value


def _no_fraction(text: str) -> NoReturn:
    raise Malformed(why="not a whole number")


_AS_SIGNED = orjson.OPT_SORT_KEYS | orjson.OPT_PASSTHROUGH_DATACLASS | orjson.OPT_PASSTHROUGH_DATETIME
_scan = json.JSONDecoder(
    object_pairs_hook=_pairs, parse_float=_no_fraction, parse_constant=_no_fraction, strict=True
).decode


def _walk(value: Any) -> None:
    """Check a value level by level; never recursive, since depth is what may be wrong with it."""
    level: list[Any] = [value]
    for depth in range(DEPTH_MAX + 2):
        below: list[Any] = []
        for node in level:
            kind = type(node)
            if kind is dict:
                for key in node:
                    _check_text(key)
                below.extend(node.values())
            elif kind is list or kind is tuple:
                below.extend(node)
            elif isinstance(node, str):
                _check_text(node)
            elif isinstance(node, int):
                if not -WHOLE_MAX <= node <= WHOLE_MAX:
                    raise Malformed(why="number too large")
            elif node is not None:
                raise Malformed(why="not a whole number" if kind is float else "not a JSON value")
            if depth >= DEPTH_MAX and kind in (dict, list, tuple):
                raise Malformed(why="too deep")
        if not below:
            return
        level = below


def _check_text(text: object) -> None:
    if not isinstance(text, str):
        raise Malformed(why="a key is not text")
    if text.isascii():
        return
    if any("\ud800" <= mark <= "\udfff" for mark in text):
        raise Malformed(why="surrogate")
    if not unicodedata.is_normalized("NFC", text):
        raise Malformed(why="not NFC")

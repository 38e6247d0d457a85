"""Checks of single fields of a body, which any kind of operation may say.

Each gives the value or raises and says what it should have been; who reads the body names the field.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from points.amounts import BadAmount, whole
from points.identifiers import BadName, name

ST_MAX_MS = 249_931_094_400_000
"""The first of January 9890. The calendar ends with 9999, and points earned at this time end in it by every
plan that a book may have: a hundred years, to the end of that year, and the days of grace."""
WORD_MAX = 64
HASH_DIGITS = 64
LINES_MAX = 500
TERM_MAX = 2**31
EPOCH_MAX, SEQ_MAX = 2**32, 2**53 - 1

Check = Callable[[Any], object]


class BadOperation(ValueError):
    """A body that cannot be believed as it stands. ``field`` names what is wrong."""

    def __init__(self, field: str, why: str) -> None:
        super().__init__(f"{field}: {why}")
        self.field = field


def word(value: object, length_max: int = WORD_MAX) -> str:
    """A short text without control characters."""
    if not isinstance(value, str) or not 0 < len(value) <= length_max or not value.isprintable():
        raise BadName(f"{value!r} is not a text of 1 to {length_max} characters")
    return value


def digest(value: object) -> str:
    """A SHA-256 in 64 lower hex digits."""
    if not isinstance(value, str) or _HASH(value) is None:
        raise BadName(f"{value!r} is not a hash of {HASH_DIGITS} hexadecimal digits")
    return value


_HASH = re.compile(rf"[0-9a-f]{{{HASH_DIGITS}}}").fullmatch


def code_digest(value: object) -> str:
    """What stands for a code whose member is not known: ``codes.who``, 32 lower hex digits."""
    if not isinstance(value, str) or _WHO(value) is None:
        raise BadName(f"{value!r} does not stand for a code: 32 hexadecimal digits")
    return value


_WHO = re.compile(r"[0-9a-f]{32}").fullmatch


def many(value: object, count_max: int, check: Check, least: int = 0) -> list[Any]:
    """A list of ``least..count_max`` things that each pass ``check``."""
    if not isinstance(value, list) or not least <= len(value) <= count_max:
        raise BadAmount(f"a list of {least} to {count_max} entries is needed")
    for item in value:
        check(item)
    return value


def agent(value: Any) -> None:
    """A till as ``[store, till]``; what stands behind is of a later version."""
    name(value[0])
    name(value[1])


def term(body: Mapping[str, Any]) -> None:
    """The term of rights that a body speaks of."""
    whole(body["inc"], 1, TERM_MAX)
    whole(body["term"], 1, TERM_MAX)


def return_line(line: Any) -> None:
    """What comes back of a line: ``[line, units, fen]``."""
    whole(line[0], 0, 10**6)
    whole(line[1], 0, 10**6)
    whole(line[2], 0)


def numbered_once(lines: list[Any]) -> None:
    """Lines are named by their first entry, each once."""
    if len({line[0] for line in lines}) != len(lines):
        raise BadOperation("lines", "a line number stands twice")


def one_ref(body: Mapping[str, Any]) -> None:
    """Exactly one other operation is meant."""
    if len(body["refs"]) != 1:
        raise BadOperation("refs", "exactly one operation is meant")

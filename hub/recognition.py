"""The two commonest operations, recognised at sight: by one pattern over their bytes.

Nearly all that a chain records is a sale that only earns, or points spent from a till's own. Written the
canonical way, such a body is so regular that one pattern proves its form and nearly all of its fields at
once. What is not recognised is not wrong: it is read field by field (``points.operations.read``), which says
what is wrong with it if anything is. What is recognised, that reading accepts too: a test holds them
against each other.
"""

from __future__ import annotations

import re
from typing import Any

from points.days import BadDay, day
from points.wire import canonical

_WORD = r'"[ !#-\[\]-~]{1,64}"'
_AMOUNT = r"(?:0|[1-9][0-9]{0,11})"
_COUNT = r"[1-9][0-9]{0,5}"
_SMALL = rf"(?:0|{_COUNT})"
_TERM = r"[1-9][0-9]{0,8}"
_TIME = r"(?:0|[1-9][0-9]{0,13})"
_LINE = rf"\[{_SMALL},{_WORD},{_COUNT},{_AMOUNT}\]"

_EVERY = {
    "at": _TIME,
    "boot": _WORD,
    "by": _WORD,
    "day": r"[1-9][0-9]{7}",
    "id": r'"[0-9a-f]{32}"',
    "inc": _TERM,
    "m": _AMOUNT,
    "mono": _TIME,
    "pts": _AMOUNT,
    "rule": r'"[0-9a-f]{64}"',
    "st": _TIME,
    "term": _TERM,
    "tv": "1",
}
"""Narrower than what is allowed, never wider: twelve digits are less than any amount's or member's limit."""
_SALE = {
    "day_used": _AMOUNT,
    "desired": _AMOUNT,
    "feed_g": _AMOUNT,
    "fund": rf'\[\["add",{_TERM}\]\]',
    "lines": rf"\[{_LINE}(?:,{_LINE}){{0,499}}\]",
    "m_bp": _SMALL,
    "receipt": r'"[ !#-\[\]-~]{1,32}"',
    "t": r'"sale\.earn"',
    "tenders": rf'\[\["(?!points")[a-z]{{1,32}}",{_AMOUNT}\]\]',
    "tier": "(?:0|[1-9][0-9]?)",
}
_REDEMPTION = {
    "fen": _AMOUNT,
    "fund": rf'\[\["local",{_TERM}\]\]',
    "pts": _TERM,
    "t": r'"redeem\.cash"',
}


def _pattern(fields: dict[str, str], *, funded: bool) -> str:
    """An object of these fields, in order. A clock's own time is said only where it differs; the edition that
    a till knew is said since tills say it; the term only with a fund, which is always there if ``funded``."""
    parts = []
    for name, value in sorted(fields.items()):
        part = f'"{name}":{value},'
        if name in ("at", "feed_g"):
            part = f"(?:{part})?"
        elif name == "fund" and not funded:
            part = f"({part})?"
        elif name in ("inc", "term") and not funded:
            part = f"(?(1){part})"
        parts.append(part)
    return "".join(parts)


_is_sale = re.compile(rf"\{{{_pattern(_EVERY | _SALE, funded=False)[:-1]}\}}".encode()).fullmatch
_is_redemption = re.compile(rf"\{{{_pattern(_EVERY | _REDEMPTION, funded=True)[:-1]}\}}".encode()).fullmatch


def recognised(raw: bytes) -> dict[str, Any] | None:
    """The body of such an operation, canonical and well-formed; None for every other."""
    try:
        if _is_sale(raw):
            return _adding_up(canonical.read_own(raw))
        if _is_redemption(raw):
            return _as_funded(canonical.read_own(raw))
    except BadDay:
        pass
    return None


def _adding_up(body: dict[str, Any]) -> dict[str, Any] | None:
    """A sale whose sums are right, else None."""
    day(body["day"])
    lines, pts = body["lines"], body["pts"]
    paid = 0
    for line in lines:
        paid += line[3]
    if (
        paid != body["tenders"][0][1]
        or pts > body["desired"]
        or ("fund" in body and body["fund"][0][1] > pts)
        or len({line[0] for line in lines}) != len(lines)
    ):
        return None
    return body


def _as_funded(body: dict[str, Any]) -> dict[str, Any] | None:
    """A redemption that is funded whole, else None."""
    day(body["day"])
    return body if body["fund"][0][1] == body["pts"] else None

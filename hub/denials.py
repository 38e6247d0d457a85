"""Members with whom no risk is taken: no till trusts them, and nothing is promised beyond what is there.

A person at headquarters says so, and why; another day it is taken back the same way. A till that may trust
at all (``hub.trust``) is told the list with its budget. Points that are a member's own are spent as ever.
"""

from __future__ import annotations

from typing import Any

from hub.office import Office
from hub.store import schema
from hub.store.engine import Turn
from points.identifiers import bucket

DENIED_MAX = 2_000
"""Longer than this the list is no list of people any more; nobody is put on it then."""
LATEST = "at_ms = (SELECT max(l.at_ms) FROM denied l WHERE l.bucket = d.bucket AND l.m = d.m)"


def deny(turn: Turn, office: Office, m: int, by: str, note: str) -> bool:
    """Put a member on the list. False for one who is on it, or when it is full."""
    if is_denied(turn, m) or len(every(turn)) >= DENIED_MAX:
        return False
    _say(turn, office, m, 1, by, note)
    return True


def allow(turn: Turn, office: Office, m: int, by: str, note: str) -> bool:
    """Take a member from the list. False for one who is not on it."""
    if not is_denied(turn, m):
        return False
    _say(turn, office, m, 0, by, note)
    return True


def _say(turn: Turn, office: Office, m: int, denied: int, by: str, note: str) -> None:
    last = max((at for at, *_ in said(turn, m)), default=0)
    row = (bucket(m), m, max(office.clock(), last + 1), denied, by, note)
    turn.put(schema.denied, [row], twice=True)


def every(look: Turn) -> list[int]:
    """The members on the list."""
    return [m for (m,) in look.run(f"SELECT m FROM denied d WHERE denied = 1 AND {LATEST} ORDER BY m")]


def is_denied(look: Turn, m: int) -> bool:
    """Whether a member is on the list."""
    found = look.one(
        "SELECT denied FROM denied WHERE bucket = ? AND m = ? ORDER BY at_ms DESC LIMIT 1", (bucket(m), m)
    )
    return found is not None and bool(found[0])


def said(look: Turn, m: int) -> list[tuple[Any, ...]]:
    """(when, by whom, denied or allowed, note) of everything that was said of a member, in order."""
    return look.run(
        'SELECT at_ms, "by", denied, note FROM denied WHERE bucket = ? AND m = ? ORDER BY at_ms',
        (bucket(m), m),
    )

"""How many more points a day may give one member.

A cap takes from what the rules earn and never from what was given: what was trimmed is said on the paper. A
till counts what it knows of the day and records it (``day_used``), so that anybody recomputes the same.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from points.rulebook import RuleBook


def cap_room(book: RuleBook, day_used: int) -> int:
    """How many more points this day may give the member."""
    return max(0, book.day_cap_pts - max(0, day_used)) if book.day_cap_pts else 10**12


def under_cap(full: int, book: RuleBook, body: Mapping[str, Any]) -> int:
    """What is left of the points of a sale by the cap of its day."""
    return min(full, cap_room(book, body.get("day_used", 0)))

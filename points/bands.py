"""How many points somebody has, coarsely: the band that a balance lies in.

    0 | 1–9 | 10–11 | 12–14 | 15–19 | 20–24 | 25–29 | 30–39 | 40–49 | 50–59 | 60–79 | 80–99 | 100–119 | …

Bands are about a quarter of their lower end wide, so what is told of a member says what a person would say
who remembers, and changes seldom. The number of a band is stored in stores' files for long: the ladder only
grows at its end.
"""

from __future__ import annotations

from bisect import bisect_right
from typing import NamedTuple

_MANTISSAS = (10, 12, 15, 20, 25, 30, 40, 50, 60, 80)
_DECADES = 11
_FLOORS = (0, 1, *(mantissa * 10**decade for decade in range(_DECADES) for mantissa in _MANTISSAS))
BANDS = len(_FLOORS)


class Range(NamedTuple):
    """A band's points, both ends in it; ``most`` None for the last one."""

    least: int
    most: int | None


def band(points: int) -> int:
    """The number of the band that so many points lie in; less than none is none."""
    return bisect_right(_FLOORS, max(points, 0)) - 1


def range_of(number: int) -> Range:
    """The points of a band. Raises ``IndexError`` for a number that is no band's."""
    if not 0 <= number < BANDS:
        raise IndexError(number)
    return Range(_FLOORS[number], _FLOORS[number + 1] - 1 if number + 1 < BANDS else None)

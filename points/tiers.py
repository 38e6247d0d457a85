"""A member's level, and what multiplies what is earned.

Tier points rise by earning and fall by returns; a tier is entered at once and left only at headquarters. A
till records the tier that it knew, and the multiplier is what the book gives that tier.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Tier:
    """A member level: reached at ``min_pts`` tier points, multiplies what is earned."""

    min_pts: int
    m_bp: int
    name: str


def reached(minima: Sequence[int], tier_pts: int) -> int:
    """The index of the highest tier that these tier points reach; ``minima`` rise from 0."""
    return bisect_right(minima, max(0, tier_pts)) - 1

"""Points and money: whole numbers that cannot be spent as one another.

An amount is an ``int`` between -10^12 and 10^12. There is no fraction anywhere: a rate is a pair
of integers and the one floor is taken at the end. A sum that is split keeps every last fen.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NewType

Pts = NewType("Pts", int)
Fen = NewType("Fen", int)
BasisPoints = NewType("BasisPoints", int)

AMOUNT_MAX = 10**12
ONE = BasisPoints(10_000)


class BadAmount(ValueError):
    """Not a whole number within the bounds; whoever wrote it must write it again."""


def whole(value: object, low: int = -AMOUNT_MAX, high: int = AMOUNT_MAX) -> int:
    """``value`` if it is an integer within ``low..high``; a boolean is not a number here."""
    if type(value) is not int or not low <= value <= high:
        raise BadAmount(f"{value!r} is not a whole number from {low} to {high}")
    return value


def spread(total: int, weights: Sequence[int]) -> list[int]:
    """Split ``total`` in proportion to ``weights`` by largest remainder, the lower line first.

    The parts are whole, never exceed their fair share by one, and add up to ``total`` exactly.
    All weights zero gives everything to the first line, for money must lie somewhere.
    """
    if not weights:
        return []
    whole_weight = sum(weights)
    if whole_weight == 0:
        return [total] + [0] * (len(weights) - 1)
    parts = [total * weight // whole_weight for weight in weights]
    order = sorted(range(len(weights)), key=lambda i: (-(total * weights[i] % whole_weight), i))
    for i in order[: total - sum(parts)]:
        parts[i] += 1
    return parts

"""A point that moves, as both sides of the books see it."""

from __future__ import annotations

from typing import NamedTuple

MEM, OWED = "mem.avail", "mem.debt"


class Leg(NamedTuple):
    """A derived movement: ``pts`` from ``debit`` to ``credit``, caused by ``op``.

    ``ref`` is the lot, or for settlement accounts the rule book whose rate values the points.
    """

    op: str
    debit: str
    credit: str
    ref: str
    pts: int

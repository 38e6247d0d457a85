"""Regions: which stores are told of which members.

A store belongs to a region from the day it is opened, and every block of numbers that its tills give to new
members belongs to that region. So a member's home is known from the number alone, and the members of a region
lie in few stretches of the table. Only blocks outside ``MAIN`` are written down: a chain of one region has
none, and nothing is looked for.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from hub.store import schema
from hub.store.engine import Turn
from points.identifiers import MEMBERS_PER_BLOCK, bucket

MAIN = "main"


def are_many(look: Turn) -> bool:
    """Whether any member is at home outside ``MAIN``."""
    return look.one("SELECT 1 FROM blocks LIMIT 1") is not None


def every(look: Turn) -> list[str]:
    """The regions in which members may be at home, ``MAIN`` first."""
    rows = look.run("SELECT DISTINCT region FROM blocks ORDER BY region")
    return [MAIN, *(region for (region,) in rows)]


def of_store(look: Turn, store: str) -> str:
    """A store's region; ``MAIN`` for one that nobody has opened."""
    row = look.one("SELECT region FROM stores WHERE store = ?", (store,))
    return MAIN if row is None else str(row[0])


def is_settled(look: Turn, store: str) -> bool:
    """Whether a till of this store was opened: what it holds is of one region, so that stays."""
    return look.one("SELECT 1 FROM agents WHERE store = ? LIMIT 1", (store,)) is not None


def note_block(turn: Turn, first: int, store: str) -> None:
    """A block of numbers is this store's from now on."""
    region = of_store(turn, store)
    if region != MAIN:
        turn.put(schema.blocks, [(bucket(first), first, region)], on_conflict="replace", twice=True)


@dataclass(frozen=True, slots=True)
class Homes:
    """The blocks outside ``MAIN``: the first number of each, and its region."""

    blocks: dict[int, str]

    def of(self, m: int) -> str:
        """The region in which a member is at home."""
        return self.blocks.get(m - m % MEMBERS_PER_BLOCK, MAIN)


def homes(look: Turn, ms: Iterable[int]) -> Homes:
    """The homes of these members."""
    firsts = {m - m % MEMBERS_PER_BLOCK for m in ms}
    rows = look.find(
        schema.blocks, ["first", "region"], ["bucket", "first"], [(bucket(n), n) for n in sorted(firsts)]
    )
    return Homes(dict(rows))


def rows(look: Turn, region: str, shard: int, after: int = -1, upto: int = 2**62) -> list[str]:
    """The rows of the members of a region in a bucket whose last change has a number above ``after``, up to
    ``upto``."""
    asked = 'SELECT "row", m FROM members WHERE bucket = ? AND touched > ? AND touched <= ?'
    blocks = look.run("SELECT first, region FROM blocks WHERE bucket = ? ORDER BY first", (shard,))
    if region == MAIN:
        found = look.run(asked, (shard, after, upto))
        away = Homes(dict(blocks))
        return [row for row, m in found if away.of(m) == MAIN] if blocks else [row for row, _ in found]
    return [
        row
        for first, home in blocks
        if home == region
        for row, _ in look.run(
            asked + " AND m >= ? AND m < ?", (shard, after, upto, first, first + MEMBERS_PER_BLOCK)
        )
    ]

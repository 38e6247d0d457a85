"""A store's visitors: rows of members who are at home in another region, in parts.

    topic "visitors", shard the store; a blob is [number, parts], then the rows of the members of that part

A member is in the part of its number modulo `parts`, a power of two. An edition has a blob for every part;
one that does not name a member says that it is a visitor no more. It is replaced part by part, and sealed
with a key of its store. It refuses to know what a row means (`points.members`).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from points.wire.faults import Malformed
from points.wire.lane import Lane
from points.wire.manifest import PRIVATE_TOPIC, private_shard

TOPIC = "visitors"
OF_A_STORE = ("phones", TOPIC)
"""Topics that one store's tills share with no other's."""
PARTS_MAX = 32
ROWS_A_PART = 64


def own_shards(lane: Lane) -> dict[str, str]:
    """The shard of each topic that is not for everybody, as a till of this lane may have it."""
    return {PRIVATE_TOPIC: private_shard(lane.store, lane.till), **dict.fromkeys(OF_A_STORE, lane.store)}


def parts_of(count: int) -> int:
    """How many parts so many visitors are told in."""
    parts = 1
    while parts < PARTS_MAX and count > parts * ROWS_A_PART:
        parts *= 2
    return parts


def read(rows: Sequence[Sequence[Any]]) -> tuple[int, int, Sequence[Sequence[Any]]]:
    """(number, parts, rows of members) of a blob. Malformed if it is none, or a member is of another part."""
    head = rows[0] if rows else ()
    if len(head) < 2 or not all(type(one) is int for one in head[:2]):
        raise Malformed(why="visitors")
    number, parts = int(head[0]), int(head[1])
    if not (0 <= number < parts <= PARTS_MAX) or parts & (parts - 1):
        raise Malformed(why="part")
    for row in rows[1:]:
        if not row or type(row[0]) is not int or row[0] % parts != number:
            raise Malformed(why="visitor")
    return number, parts, rows[1:]

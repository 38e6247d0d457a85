"""A store's visitors: members of other regions who were seen there within 180 days, told to that store alone.

Seen is who bought or used points there, and whom a till asked for. They are few, and told in parts: of an
edition only the parts travel in which somebody has changed. A part begins with a row of its own,
``[number, parts]``, and whoever leaves is told no more: a store that takes a part has no visitor of it but
those. The edition carries the ``g`` of the region's that is told beside it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from hub import editions, member_editions, regions, shard_secrets
from hub.office import Office
from hub.store import schema
from hub.store.engine import Turn
from points.days import Day, plus_days
from points.identifiers import bucket
from points.wire import chunk, keys
from points.wire.manifest import Chunk
from points.wire.visitors import TOPIC, parts_of

SEEN_DAYS = 180


def saw(turn: Turn, office: Office, store: str, ms: Iterable[int]) -> None:
    """Members were seen at a store; those who are at home there are nothing new."""
    if not regions.are_many(turn):
        return
    own, seen = regions.of_store(turn, store), sorted(set(ms))
    homes = regions.homes(turn, seen)
    away = [m for m in seen if homes.of(m) != own]
    rows = [(store, bucket(m), m, office.today()) for m in away]
    turn.put(schema.visits, rows, on_conflict="replace")


def forget_unseen(turn: Turn, office: Office) -> None:
    """Who was not seen for ``SEEN_DAYS`` days is no visitor any more."""
    turn.run("DELETE FROM visits WHERE day < ?", (int(plus_days(Day(office.today()), -SEEN_DAYS)),))


def publish(turn: Turn, office: Office, store: str, g: int) -> None:
    """The next edition of a store's visitors, if one of them has changed, or the region's is newer."""
    held = editions.held_edition(turn, TOPIC, store)
    row = turn.one(
        "SELECT count(*), coalesce(sum(t.m), 0), coalesce(max(t.touched), 0) FROM visits v"
        " JOIN members t ON t.bucket = v.bucket AND t.m = v.m WHERE v.store = ?",
        (store,),
    )
    of = [int(told) for told in row or (0, 0, 0)]  # how many, who, and as of when
    if held is None and not of[0]:  # nearly always
        return
    secret = shard_secrets.secret_now(turn, office, TOPIC, store)
    kid, said = keys.kid_of(secret), {} if held is None else held[2]
    is_same = said.get("of") == [*of, kid]
    region = editions.held_edition(turn, member_editions.TOPIC, regions.of_store(turn, store))
    if held is not None and is_same and (region is None or region[1] <= held[1]):
        return
    chunks = []
    for piece, blob in _parts(turn, office, store, secret):
        editions.keep_blob(turn, piece.sha, blob, TOPIC, store)
        chunks.append(piece)
    editions.keep_edition(turn, office, TOPIC, store, g, chunks, {"of": [*of, kid]}, kid)


def _parts(turn: Turn, office: Office, store: str, secret: bytes) -> Iterator[tuple[Chunk, bytes]]:
    told = [
        member_editions.told_row(office, row)
        for (row,) in turn.run(
            'SELECT t."row" FROM visits v JOIN members t ON t.bucket = v.bucket AND t.m = v.m'
            " WHERE v.store = ? ORDER BY t.m",
            (store,),
        )
    ]
    parts = parts_of(len(told))
    for number in range(parts):
        rows = [[number, parts], *(row for row in told if row[0] % parts == number)]
        yield chunk.make(TOPIC, store, rows, secret)

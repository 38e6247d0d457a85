"""The editions of a region's members: a snapshot that is cut seldom, and steps that lead on from it.

Each edition is one step more: the rows of whoever changed since the one before. Steps are joined as a log
structured tree joins its runs: ``FAN`` of a size to one of the next, so that a list of few names leads from
long ago to now, a till that asks often fetches little, and one that was away not much more than what changed.
Joining reads no blob: the members whose last change lies in the steps that are joined are told as they are,
and who has changed again stands in a later step. A step that is reached from further back than a snapshot
weighs is forgotten. The snapshot itself is cut anew when what follows it has grown to a good part of it, when
the secret of the region has changed, and for tills of a version that knows no steps.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator
from dataclasses import astuple, dataclass, field
from typing import Any

from hub import editions, regions, shard_secrets
from hub.office import Office
from hub.store.engine import Turn
from points.identifiers import BUCKETS
from points.members import ROW_ENTRIES
from points.wire import chunk, deltas, keys
from points.wire.deltas import Step, weight
from points.wire.manifest import Chunk, Manifest, open_manifest

TOPIC = "members"
CHUNKS = 48
FAN = 4
SMALL_ROWS = 16
"""Up to so many rows a step is of the smallest size; the next ones are ``FAN`` times as large each."""
STEP_ROWS_MAX = 32_768
"""What one blob surely holds; who is told more than that at once fetches the snapshot."""
BY_DAY, AT_NIGHT = 2, 8
"""The part of a snapshot's bytes, one in so many, that its steps may reach before it is cut anew."""
KEPT_REPLACED_MS = 3_600_000
"""How long a blob outlives its being replaced by a later step's, for who is just fetching it."""


@dataclass(frozen=True, slots=True)
class Cut:
    """A step, and the numbers of the changes that it tells: above ``since``, up to ``until``."""

    since: int
    until: int
    step: Step

    @property
    def size(self) -> int:
        """How often a small step's rows must grow by ``FAN`` to hold its own."""
        size, most = 0, SMALL_ROWS
        while self.step.chunk.n > most:
            size, most = size + 1, most * FAN
        return size


@dataclass(slots=True)
class Kept:
    """What is remembered of the edition that is published: its snapshot by chunk, cut at version ``snap_ver``
    after the change ``snap_touched``; its steps, and the blob that lists them."""

    ver: int = 0
    touched: int = 0
    secret: str = ""
    snap_ver: int = 0
    snap_touched: int = 0
    listed: str | None = None
    chunks: dict[int, Chunk] = field(default_factory=dict)
    cuts: list[Cut] = field(default_factory=list)

    @property
    def snapshot_weight(self) -> int:
        """What the snapshot costs who fetches it."""
        return sum(map(weight, self.chunks.values()))

    @property
    def steps_weight(self) -> int:
        """What the steps that follow it cost."""
        return sum(weight(cut.step.chunk) for cut in self.cuts if cut.step.upto > self.snap_ver)

    def told(self) -> dict[str, Any]:
        """As it is written down."""
        return {
            "touched": self.touched, "secret": self.secret, "snap": [self.snap_ver, self.snap_touched],
            "list": self.listed, "chunks": {str(n): astuple(piece) for n, piece in self.chunks.items()},
            "steps": [
                [cut.since, cut.until, cut.step.after, cut.step.upto, cut.step.kid, *astuple(cut.step.chunk)]
                for cut in self.cuts
            ],
        }  # fmt: skip


def kept(look: Turn, region: str) -> Kept | None:
    """What is published of a region. Of an edition that a program without steps has kept, nothing: it is cut
    anew."""
    held = editions.held_edition(look, TOPIC, region)
    if held is None:
        return None
    ver, _, told = held
    if "snap" not in told:
        return Kept(ver)
    snap_ver, snap_touched = told["snap"]
    return Kept(
        ver, told["touched"], told["secret"], snap_ver, snap_touched, told["list"],
        {int(n): Chunk(*piece) for n, piece in told["chunks"].items()},
        [
            Cut(since, until, Step(after, upto, Chunk(*piece), kid))
            for since, until, after, upto, kid, *piece in told["steps"]
        ],
    )  # fmt: skip


def publish(
    turn: Turn,
    office: Office,
    region: str,
    g: int,
    *,
    is_due: bool = True,
    is_whole: bool = False,
    part: int = BY_DAY,
) -> None:
    """The next edition of a region, which counts everything up to ``g``.

    Unless it ``is_due`` it is made only when there is something to tell: members of the region have changed,
    their secret is another one, or the snapshot is to be of now. With ``is_whole`` its snapshot is cut anew
    in any case, else when the steps behind it reach one in ``part`` of its weight.
    """
    held = kept(turn, region)
    next_one = held or Kept()
    secret = shard_secrets.secret_now(turn, office, TOPIC, region)
    kid, latest = keys.kid_of(secret), _latest(turn)
    is_due |= held is None or next_one.secret != kid or (is_whole and next_one.snap_ver != next_one.ver)
    if not is_due and latest == next_one.touched:
        return
    fresh = _changed(turn, office, region, next_one.touched, latest) if next_one.snap_ver else []
    if not (is_due or fresh):
        next_one.touched = latest
        editions.remember(turn, TOPIC, region, next_one.told())
        return
    ver = editions.next_ver(turn, office, TOPIC, region)
    replaced: list[str | None] = [next_one.listed]
    leads = bool(next_one.snap_ver) and len(fresh) <= STEP_ROWS_MAX
    if leads:
        step = _step(turn, secret, region, fresh, next_one.ver, ver)
        next_one.cuts.append(Cut(next_one.touched, latest, step))
        replaced += _join(turn, office, secret, region, next_one.cuts)
    else:
        replaced += [cut.step.chunk.sha for cut in next_one.cuts]
        next_one.cuts.clear()
    is_outgrown = next_one.steps_weight * part > next_one.snapshot_weight
    if is_whole or not leads or next_one.secret != kid or is_outgrown:
        _snapshot(turn, office, secret, region, next_one)
        next_one.snap_ver, next_one.snap_touched, next_one.secret = ver, latest, kid
    replaced += _forget(next_one, shard_secrets.kids_told(turn, office, TOPIC, region))
    next_one.touched, next_one.listed = latest, None
    if next_one.cuts:
        blob = deltas.make([cut.step for cut in next_one.cuts])
        next_one.listed = chunk.blob_name(blob)
        editions.keep_blob(turn, next_one.listed, blob, TOPIC, region)
    editions.keep_edition(
        turn, office, TOPIC, region, g, [next_one.chunks[n] for n in sorted(next_one.chunks)],
        next_one.told(), kid, snap_ver=next_one.snap_ver, deltas=next_one.listed,
    )  # fmt: skip
    named = names(next_one)
    gone = {sha for sha in replaced if sha is not None and sha not in named}
    editions.leave(turn, office, TOPIC, region, gone, KEPT_REPLACED_MS)


def inline(look: Turn, office: Office, region: str, raw: bytes, held: int) -> Iterator[bytes]:
    """The list of steps that this manifest names, and the blobs of those that lead there from edition
    ``held``; no other blob when the snapshot must be fetched."""
    manifest = open_manifest(raw, office.keys.manifest.public_raw, office.chain, TOPIC, region)
    if manifest.deltas is None:
        return
    listed = editions.blob_of(look, manifest.deltas, {})
    yield listed
    shas = _taken(manifest, listed, held)
    if {piece.sha for piece in manifest.chunks}.isdisjoint(shas):
        for sha in shas:
            yield editions.blob_of(look, sha, {})


def taken(look: Turn, manifest: Manifest, held: int) -> tuple[str, ...]:
    """The blobs that a till which holds edition ``held`` takes for this one, the list of steps first."""
    if manifest.deltas is None:
        return _taken(manifest, None, held)
    return (manifest.deltas, *_taken(manifest, editions.blob_of(look, manifest.deltas, {}), held))


def _taken(manifest: Manifest, listed: bytes | None, held: int) -> tuple[str, ...]:
    steps = deltas.read(manifest, listed)
    return tuple(piece.chunk.sha for piece in deltas.pieces(manifest, steps, held))


def names(one: Kept | None) -> set[str]:
    """Every blob of an edition."""
    if one is None:
        return set()
    listed = {one.listed} if one.listed else set()
    return listed | {c.sha for c in one.chunks.values()} | {cut.step.chunk.sha for cut in one.cuts}


def _latest(turn: Turn) -> int:
    """The number of the last change of any member."""
    row = turn.one("SELECT coalesce(max(touched), 0) FROM changed")
    assert row is not None
    return int(row[0])


def _step(turn: Turn, secret: bytes, region: str, rows: list[list[Any]], after: int, upto: int) -> Step:
    piece, blob = chunk.make(TOPIC, region, sorted(rows, key=lambda row: row[0]), secret)
    editions.keep_blob(turn, piece.sha, blob, TOPIC, region)
    return Step(after, upto, piece, keys.kid_of(secret))


def _changed(turn: Turn, office: Office, region: str, since: int, until: int) -> list[list[Any]]:
    """The rows of a region's members whose last change has a number above ``since``, up to ``until``."""
    return [
        told_row(office, row)
        for (shard,) in turn.run("SELECT bucket FROM changed WHERE touched > ?", (since,))
        for row in regions.rows(turn, region, shard, since, until)
    ]


def _join(turn: Turn, office: Office, secret: bytes, region: str, cuts: list[Cut]) -> list[str]:
    """Join the latest steps as long as ``FAN`` of them are of one size, or one is smaller than the last.

    Gives the blobs that were.
    """
    replaced: list[str] = []
    while True:
        size, count = cuts[-1].size, 0
        while count < len(cuts) and cuts[-count - 1].size <= size:
            count += 1
        run = cuts[len(cuts) - count :]
        is_small = sum(cut.step.chunk.n for cut in run) <= STEP_ROWS_MAX
        if not is_small or (count < FAN and all(cut.size == size for cut in run)):
            return replaced
        replaced += [cut.step.chunk.sha for cut in run]
        since, until, after, upto = run[0].since, run[-1].until, run[0].step.after, run[-1].step.upto
        fresh = _changed(turn, office, region, since, until)
        step = _step(turn, secret, region, fresh, after, upto)
        cuts[len(cuts) - count :] = [Cut(since, until, step)]


def _snapshot(turn: Turn, office: Office, secret: bytes, region: str, one: Kept) -> None:
    """Cut the chunks of members that changed since the last snapshot; all, under another secret."""
    touched = turn.run("SELECT bucket FROM changed WHERE touched > ?", (one.snap_touched,))
    stale = {shard % CHUNKS for (shard,) in touched}
    if one.secret != keys.kid_of(secret):
        stale |= one.chunks.keys()
    for number in sorted(stale):
        rows = [row for shard in range(number, BUCKETS, CHUNKS) for row in regions.rows(turn, region, shard)]
        if not rows and number not in one.chunks:  # of those only other regions have changed
            continue
        told = sorted((told_row(office, row) for row in rows), key=lambda row: row[0])
        one.chunks[number], blob = chunk.make(TOPIC, region, told, secret)
        editions.keep_blob(turn, one.chunks[number].sha, blob, TOPIC, region)


def _forget(one: Kept, kids: Collection[str]) -> list[str]:
    """Drop the steps before the snapshot that nobody takes: it weighs less, or their secret is told no more.

    Gives their blobs.
    """
    gone = []
    while one.cuts and one.cuts[0].step.upto <= one.snap_ver:
        is_lighter = sum(weight(cut.step.chunk) for cut in one.cuts) <= one.snapshot_weight
        if is_lighter and one.cuts[0].step.kid in kids:
            break
        gone.append(one.cuts.pop(0).step.chunk.sha)
    return gone


def told_row(office: Office, row: str) -> list[Any]:
    """Headquarters' row of a member as stores are told it."""
    m, ver, *rest = json.loads(row)[:ROW_ENTRIES]
    return [m, office.told_version(ver), *rest]

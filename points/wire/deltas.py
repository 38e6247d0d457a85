"""The steps from one edition of a shard to the next: a blob of its own, which its manifest names (`deltas`).

    row  [after, upto, sha, size, usize, n, kid|null]

A step holds the rows of what changed in the editions above `after` up to `upto`, as they are after that;
`kid` names the secret that its blob is sealed with, which may be the one before the snapshot's. Steps lie end
to end, the last ends at the manifest's own version, and from the snapshot's version on none is missing; those
before it are for who holds an edition that old. A later step wins over an earlier one and any step over the
snapshot, so **the newest is taken first**: a row that no newer blob tells is then as it is in this edition.
It refuses to know what a row means.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from points.wire import chunk
from points.wire.canonical import WHOLE_MAX
from points.wire.chain import HASH_BYTES
from points.wire.faults import Malformed
from points.wire.fields import is_hex
from points.wire.keys import KID_CHARS
from points.wire.manifest import Chunk, Manifest

STEPS_MAX = 512
ASKING_BYTES = 512
"""What a request and its answer weigh beside the blob."""


@dataclass(frozen=True, slots=True)
class Step:
    """What changed above version ``after`` up to ``upto``; ``kid`` None for a blob that lies open."""

    after: int
    upto: int
    chunk: Chunk
    kid: str | None = None


@dataclass(frozen=True, slots=True)
class Piece:
    """A blob of an edition that is to be taken, and the secret it is sealed with."""

    chunk: Chunk
    kid: str | None


def make(steps: Sequence[Step]) -> bytes:
    """The blob of these steps, from the oldest to the newest."""
    return chunk.encode_rows(
        [step.after, step.upto, step.chunk.sha, step.chunk.size, step.chunk.usize, step.chunk.n, step.kid]
        for step in steps
    )


def read(manifest: Manifest, blob: bytes | None) -> tuple[Step, ...]:
    """The steps that a verified manifest names, checked to lead where it says; none where it names none.

    Raises ``Integrity`` for a blob that is not the named one, ``Malformed`` for steps that lead nowhere.
    """
    if manifest.deltas is None:
        if manifest.snap_ver != manifest.ver:
            raise Malformed(why="deltas")
        return ()
    if blob is None:
        raise Malformed(why="deltas")
    rows = chunk.open_named(manifest.deltas, blob, manifest.topic, manifest.shard)
    if not 0 < len(rows) <= STEPS_MAX:
        raise Malformed(why="deltas")
    steps = tuple(_step(row) for row in rows)
    ends = [step.upto for step in steps]
    if [step.after for step in steps[1:]] != ends[:-1] or ends[-1] != manifest.ver:
        raise Malformed(why="deltas")
    if steps[0].after > manifest.snap_ver:
        raise Malformed(why="deltas")
    return steps


def pieces(manifest: Manifest, steps: Sequence[Step], held: int) -> tuple[Piece, ...]:
    """What who holds edition ``held`` (0 for none) takes for this one, in the order in which it is taken.

    Steps alone, if they lead from there and weigh less than all of it; else the snapshot behind the steps
    that follow it.
    """
    if held >= manifest.ver:
        return ()
    onward = [step for step in steps if step.upto > held]
    whole = (
        *(Piece(step.chunk, step.kid) for step in reversed(steps) if step.upto > manifest.snap_ver),
        *(Piece(piece, manifest.enc_kid) for piece in manifest.chunks),
    )
    leads = bool(held and onward) and onward[0].after <= held
    by_steps = tuple(Piece(step.chunk, step.kid) for step in reversed(onward))
    return by_steps if leads and _weight(by_steps) <= _weight(whole) else whole


def weight(piece: Chunk) -> int:
    """What it costs to fetch a blob, in bytes: it is asked for, and waited for."""
    return piece.size + ASKING_BYTES


def _weight(taken: Sequence[Piece]) -> int:
    return sum(weight(piece.chunk) for piece in taken)


def _step(row: list[Any]) -> Step:
    if len(row) < 7:
        raise Malformed(why="deltas")
    after, upto, sha, size, usize, n, kid = row[:7]
    numbers = (after, upto, size, usize, n)
    if any(type(number) is not int or not 0 <= number <= WHOLE_MAX for number in numbers) or after >= upto:
        raise Malformed(why="deltas")
    if not is_hex(sha, HASH_BYTES) or not (kid is None or is_hex(kid, KID_CHARS // 2)):
        raise Malformed(why="deltas")
    return Step(after, upto, Chunk(sha, size, usize, n), kid)

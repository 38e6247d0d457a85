"""Steps from one edition to the next: what they must be, and which of them is taken."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from typing import Any

import pytest

from points.wire import chunk, deltas
from points.wire.deltas import Step
from points.wire.faults import Integrity, Malformed
from points.wire.manifest import Chunk, Manifest

KID = "ab" * 8


def blob(number: int, size: int = 1_000) -> Chunk:
    return Chunk(f"{number:064x}", size, 3 * size, size // 20)


def steps(*ends: int, size: int = 1_000) -> list[Step]:
    """Steps that lie end to end, from the first of these versions to the last."""
    return [Step(a, b, blob(b, size), KID) for a, b in pairwise(ends)]


def manifest(ver: int, snap_ver: int, told: list[Step] | None, snapshot: int = 40) -> tuple[Manifest, bytes]:
    """One of this version whose snapshot has so many chunks; and the blob that lists its steps."""
    listed = deltas.make(told or [])
    made = Manifest(
        "hub", 1, "demo", "members", "main", 1, 1, ver, 7, 0, 1, snap_ver,
        tuple(blob(1_000_000 + n) for n in range(snapshot)),
        None if told is None else chunk.blob_name(listed), None, KID,
    )  # fmt: skip
    return made, listed


def taken(ver: int, snap_ver: int, told: list[Step], held: int, snapshot: int = 40) -> list[str]:
    made, listed = manifest(ver, snap_ver, told, snapshot)
    names = {step.chunk.sha: f"{step.after}-{step.upto}" for step in told}
    read = deltas.read(made, listed)
    assert list(read) == told
    return [names.get(piece.chunk.sha, "chunk") for piece in deltas.pieces(made, read, held)]


def test_who_is_a_few_editions_behind_takes_the_steps_from_there_the_newest_first() -> None:
    assert taken(9, 4, steps(2, 4, 7, 8, 9), held=7) == ["8-9", "7-8"]


def test_a_step_that_begins_before_the_edition_held_leads_from_it_too() -> None:
    assert taken(9, 4, steps(2, 4, 7, 9), held=5) == ["7-9", "4-7"]


def test_steps_before_the_snapshot_are_for_who_holds_an_edition_that_old() -> None:
    assert taken(9, 8, steps(2, 4, 7, 8, 9), held=3) == ["8-9", "7-8", "4-7", "2-4"]


@pytest.mark.parametrize("held", [0, 1])
def test_who_holds_nothing_or_something_too_old_takes_the_snapshot_behind_what_follows_it(held: int) -> None:
    assert taken(9, 4, steps(2, 4, 7, 9), held, snapshot=2) == ["7-9", "4-7", "chunk", "chunk"]


def test_the_snapshot_is_taken_when_it_is_lighter_than_the_way_there() -> None:
    assert taken(9, 8, steps(2, 4, 7, 8, 9), held=2, snapshot=2) == ["8-9", "chunk", "chunk"]
    assert taken(9, 8, steps(2, 4, 7, 8, 9), held=2, snapshot=3) == ["8-9", "7-8", "4-7", "2-4"]


def test_a_request_has_a_weight_of_its_own() -> None:
    """Forty small chunks are forty requests."""
    told = steps(2, 9, size=30_000)
    made, listed = manifest(9, 2, told)
    small = replace(made, chunks=tuple(replace(piece, size=300) for piece in made.chunks))
    assert len(deltas.pieces(small, deltas.read(small, listed), held=2)) == 1


def test_nothing_is_taken_of_an_edition_that_is_held() -> None:
    assert taken(9, 4, steps(4, 9), held=9) == []
    assert taken(9, 4, steps(4, 9), held=12) == []


def test_an_edition_that_is_its_snapshot_has_no_steps() -> None:
    made, _ = manifest(9, 9, None)
    assert deltas.read(made, None) == ()
    assert len(deltas.pieces(made, (), held=8)) == 40


@pytest.mark.parametrize(
    ("told", "snap_ver"),
    [
        ([], 9),
        (steps(4, 7, 8), 4),  # they end before the edition
        (steps(5, 9), 4),  # the snapshot lies before them
        ([*steps(4, 6), *steps(7, 9)], 4),  # one is missing
        ([*steps(4, 7), *steps(6, 9)], 4),  # they overlap
        (list(reversed(steps(4, 7, 9))), 4),
        ([Step(9, 9, blob(1), KID)], 9),
        ([Step(4, 9, blob(1), "no kid")], 4),
        ([Step(4, 9, replace(blob(1), sha="x"), KID)], 4),
        ([Step(4, 9, replace(blob(1), size=-1), KID)], 4),
        (steps(*range(deltas.STEPS_MAX + 2)), 4),
    ],
)
def test_steps_that_lead_nowhere_are_refused(told: list[Step], snap_ver: int) -> None:
    made, listed = manifest(told[-1].upto if len(told) > deltas.STEPS_MAX else 9, snap_ver, told)
    with pytest.raises(Malformed):
        deltas.read(made, listed)


def test_another_list_than_the_named_one_is_refused() -> None:
    made, _ = manifest(9, 4, steps(4, 9))
    with pytest.raises(Integrity):
        deltas.read(made, deltas.make(steps(4, 8, 9)))
    with pytest.raises(Malformed):
        deltas.read(made, None)


def test_a_manifest_without_steps_must_be_its_own_snapshot() -> None:
    made, _ = manifest(9, 4, None)
    with pytest.raises(Malformed):
        deltas.read(made, None)


@pytest.mark.parametrize("row", [[4, 9], [4, 9, "ab" * 32, 1, 1, 1], [4, "9", "ab" * 32, 1, 1, 1, KID]])
def test_a_row_of_another_shape_is_refused(row: list[Any]) -> None:
    made, _ = manifest(9, 4, None)
    listed = chunk.encode_rows([row])
    with pytest.raises(Malformed):
        deltas.read(replace(made, deltas=chunk.blob_name(listed)), listed)


def test_a_row_may_grow_at_its_end() -> None:
    made, _ = manifest(9, 4, None)
    listed = chunk.encode_rows([[4, 9, "ab" * 32, 1, 1, 1, None, "later"]])
    (step,) = deltas.read(replace(made, deltas=chunk.blob_name(listed)), listed)
    assert (step.after, step.upto, step.kid) == (4, 9, None)

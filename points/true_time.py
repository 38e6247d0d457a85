"""When something really happened at a till, from the bytes of its lane alone.

A PC may believe that it is 1970 or 2099; the clock that counts how long it has been on does not lie. Every
operation says its boot and that clock (``mono``), every batch at which reading of it headquarters' signed
time was heard last (the anchor), so for operations of the same boot the time is headquarters' own, whatever
the wall says. Those of a boot in which nobody was heard lie between what is known before and after it, with
their own distances kept. Nothing is taken from when a batch arrived, so every replay finds the same time.
Times never fall along a lane.

Milliseconds everywhere. It refuses to know who asks, and changes no operation: ``clock.fix`` does.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import StrEnum
from itertools import groupby
from typing import NamedTuple

STEADY_MS = 60_000
"""How far the wall may have moved against the clock that counts sleep, and both still be called exact."""
BEYOND_BELIEF_MS = 24 * 3_600_000
"""How far a store time may be from the true one before it cannot be true: what a till believes of a wall."""


class Quality(StrEnum):
    """How well a time is known: by the same boot, from both sides, or from one."""

    EXACT = "exact"
    INTERPOLATED = "interpolated"
    BOUNDED = "bounded"


class Heard(NamedTuple):
    """Headquarters' signed time, and the boot and reading at which it was heard."""

    hub_ms: int
    boot: str
    mono: int


class Told(NamedTuple):
    """What an operation, or whoever cut a batch, says of its clocks."""

    boot: str
    mono: int
    wall: int


class Found(NamedTuple):
    """A time and how well it is known; not before ``low`` and not after ``high``, where that is known."""

    ms: int
    quality: Quality
    low: int | None = None
    high: int | None = None


def true_times(
    ops: Sequence[Told], cut: Told, anchor: Heard | None, earlier: Sequence[Heard] = ()
) -> list[Found | None]:
    """The time of each operation of a stretch of a lane, in order; None where nothing is known of it.

    ``cut`` is the reading at which the last batch of it was cut, ``anchor`` its own, ``earlier`` those of
    batches before that. The first anchor of a boot speaks for that boot: what is found never depends on what
    comes later. When an earlier batch was cut says nothing of what this one holds, for a backlog is cut at
    once: only the order of the operations' own boots does.
    """
    by_boot: dict[str, Heard] = {}
    for one in (*earlier, *([anchor] if anchor else ())):
        by_boot.setdefault(one.boot, one)
    runs = [list(run) for _, run in groupby(ops, key=lambda op: op.boot)]
    low, before, after = None, 0, None
    if anchor is not None and anchor.boot == cut.boot and anchor.boot not in {run[0].boot for run in runs}:
        after = anchor.hub_ms  # headquarters was heard again after all of it
    found: list[Found | None] = []
    for run, limit in zip(runs, _known_after(runs, by_boot, after), strict=True):
        own = by_boot.get(run[0].boot)
        for time in _anchored(run, own, cut) if own else _between(run, low, limit):
            if time is not None:  # where it is only thought to be bounds nothing, but times never fall
                before = max(time.ms, before)
                time = time._replace(ms=before)
            found.append(time)
        if own is not None:  # that boot is over
            low = max(low or 0, before, own.hub_ms)
    return found


def at(anchor: Heard, mono: int) -> int:
    """Headquarters' time at a reading of the same boot, before the anchor or after it."""
    return anchor.hub_ms - (anchor.mono - mono)


def fixed(st: int, found: Found | None) -> int | None:
    """The time that a store time is moved to; None where it may be true."""
    if found is None:
        return None
    is_early = found.low is not None and st < found.low - BEYOND_BELIEF_MS
    is_late = found.high is not None and st > found.high + BEYOND_BELIEF_MS
    return found.ms if is_early or is_late else None


def _anchored(run: Sequence[Told], anchor: Heard, cut: Told) -> Sequence[Found | None]:
    found = []
    for op in run:
        ms = max(0, at(anchor, op.mono))
        quality = Quality.EXACT if _is_steady(op, cut) else Quality.INTERPOLATED
        found.append(Found(ms, quality, ms, ms))
    return found


def _is_steady(op: Told, cut: Told) -> bool:
    """Whether the wall and the clock that counts sleep say the same of how long it was until the cut."""
    return op.boot == cut.boot and abs((cut.wall - op.wall) - (cut.mono - op.mono)) <= STEADY_MS


def _between(run: Sequence[Told], before: int | None, after: int | None) -> Sequence[Found | None]:
    """A boot in which nobody was heard: by its own wall where that can be, else in the middle of what can be,
    its own distances kept."""
    first, lasted = run[0], max(0, run[-1].mono - run[0].mono)
    match before, after:
        case None, None:
            return [None] * len(run)
        case int(low), None:
            is_near = low <= first.wall <= low + BEYOND_BELIEF_MS
            begin, highest, quality = first.wall if is_near else low, None, Quality.BOUNDED
        case None, int(high):
            begin, highest, quality = high - lasted, high, Quality.BOUNDED
        case int(low), int(high):
            fits = low <= first.wall and first.wall + lasted <= high
            begin = first.wall if fits else low + max(0, (high - low - lasted) // 2)
            highest, quality = high, Quality.INTERPOLATED
    times = [max(0, begin + max(0, op.mono - first.mono)) for op in run]
    capped = times if highest is None else [min(ms, max(0, highest)) for ms in times]
    return [Found(ms, quality, before, after) for ms in capped]


def _known_after(
    runs: Sequence[Sequence[Told]], by_boot: Mapping[str, Heard], last: int | None
) -> list[int | None]:
    """For each boot, the first time that is known behind it; ``last`` for the last one."""
    limits: list[int | None] = []
    for run in reversed(runs):
        limits.append(last)
        own = by_boot.get(run[0].boot)
        last = at(own, run[0].mono) if own else last
    return limits[::-1]

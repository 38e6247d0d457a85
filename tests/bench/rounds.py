"""How we measure: the same work done in several ways, in turns, in one run; ratios first.

A bench names its contenders, the bare baseline first. Each round runs every contender, beginning with
another one each time, so that a machine that slows down slows all of them. Reported are medians over the
rounds with the least and the greatest, and the CPU an operation beside the wall time. A bench never
asserts a time; it knows no product, only callables.
"""

from __future__ import annotations

import gc
import os
import platform
import statistics
import tempfile
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

Work = Callable[[int], object]
"""One call of a contender; it is given the number of the call, from 0."""

ROUNDS_MIN = 5


@dataclass(frozen=True, slots=True)
class Contender:
    """One way of doing the work. ``open`` prepares a folder and gives the work, outside the measured time."""

    name: str
    open: Callable[[Path], AbstractContextManager[Work]]


@dataclass(frozen=True, slots=True)
class Bench:
    """``calls`` calls a round, each of ``operations`` operations; the first contender is the baseline."""

    title: str
    contenders: Sequence[Contender]
    calls: int = 200
    operations: int = 1
    note: str = ""


@dataclass
class Score:
    """What one contender did: a figure a round, in nanoseconds an operation."""

    name: str
    p50: list[int] = field(default_factory=list)
    p99: list[int] = field(default_factory=list)
    per_second: list[int] = field(default_factory=list)
    cpu: list[int] = field(default_factory=list)

    def add(self, samples: list[int], cpu_ns: int, operations: int) -> None:
        ordered = sorted(samples)
        self.p50.append(quantile(ordered, 50) // operations)
        self.p99.append(quantile(ordered, 99) // operations)
        self.per_second.append(len(samples) * operations * 10**9 // max(1, sum(samples)))
        self.cpu.append(cpu_ns // (len(samples) * operations))


def quantile(ordered: Sequence[int], per_cent: int) -> int:
    """The smallest value that at least ``per_cent`` of the samples do not exceed."""
    return ordered[max(0, (len(ordered) * per_cent + 99) // 100 - 1)]


def measure(
    bench: Bench,
    rounds: int = ROUNDS_MIN,
    wall: Callable[[], int] = time.perf_counter_ns,
    cpu: Callable[[], int] = time.process_time_ns,
    told: Callable[[str], object] = lambda text: None,
) -> list[Score]:
    """Run all rounds; scores in the order of the contenders."""
    scores = {contender.name: Score(contender.name) for contender in bench.contenders}
    assert len(scores) == len(bench.contenders), "contenders have names of their own"
    for number in range(rounds):
        turn = number % len(bench.contenders)
        for contender in [*bench.contenders[turn:], *bench.contenders[:turn]]:
            told(f"{bench.title}: round {number + 1} of {rounds}, {contender.name}")
            with (
                tempfile.TemporaryDirectory(prefix="jifen-bench-") as folder,
                contender.open(Path(folder)) as work,
            ):
                scores[contender.name].add(*_one_round(work, bench.calls, wall, cpu), bench.operations)
    return list(scores.values())


def _one_round(
    work: Work, calls: int, wall: Callable[[], int], cpu: Callable[[], int]
) -> tuple[list[int], int]:
    samples = []
    gc.collect()
    busy = cpu()
    before = getattr(work, "before", None)  # what happens between calls, outside the measured time
    for i in range(calls):
        if before is not None:
            before(i)
        begun = wall()
        work(i)
        samples.append(wall() - begun)
    return samples, cpu() - busy


def report(bench: Bench, scores: Sequence[Score]) -> dict[str, Any]:
    """The figures of a bench as they are written to its result file."""
    base = scores[0]
    return {
        "title": bench.title,
        "note": bench.note,
        "rounds": len(base.p50),
        "calls": bench.calls,
        "operations_a_call": bench.operations,
        "contenders": [
            {
                "name": score.name,
                "p50_ns": spread(score.p50),
                "p99_ns": spread(score.p99),
                "per_second": spread(score.per_second),
                "cpu_ns": spread(score.cpu),
                "p50_ratio": ratio(score.p50, base.p50),
                "p99_ratio": ratio(score.p99, base.p99),
                "cpu_ratio": ratio(score.cpu, base.cpu),
            }
            for score in scores
        ],
        "machine": machine(),
    }


def spread(values: Sequence[int]) -> dict[str, int]:
    return {"median": int(statistics.median(values)), "min": min(values), "max": max(values)}


def ratio(values: Sequence[int], base: Sequence[int]) -> dict[str, float]:
    """Round by round against the baseline of the same round: what slowed both does not count."""
    each = [value / max(1, other) for value, other in zip(values, base, strict=True)]
    return {
        name: round(of, 3)
        for name, of in zip(
            ("median", "min", "max"), (statistics.median(each), min(each), max(each)), strict=True
        )
    }


def machine() -> dict[str, Any]:
    return {
        "system": platform.system(),
        "machine": platform.machine(),
        "python": platform.python_version(),
        "cores": os.cpu_count(),
        "load": [round(load, 2) for load in os.getloadavg()] if hasattr(os, "getloadavg") else [],
    }


def table(reports: Iterable[dict[str, Any]]) -> str:
    """One table for people: ratios first, then what they are made of."""
    head = ("", "p50 ×", "p99 ×", "p50 (min–max)", "p99 (min–max)", "op/s", "CPU an op")
    rows: list[tuple[str, ...]] = []
    for one in reports:
        rows.append((one["title"], *[""] * 6))
        for entry in one["contenders"]:
            figures = [f"{entry[key]['median']:.2f}" for key in ("p50_ratio", "p99_ratio")]
            times = [
                f"{us(entry[k]['median'])} ({us(entry[k]['min'])}–{us(entry[k]['max'])})"
                for k in ("p50_ns", "p99_ns")
            ]
            last = [f"{entry['per_second']['median']:,}", us(entry["cpu_ns"]["median"])]
            rows.append((f"  {entry['name']}", *figures, *times, *last))
    widths = [max(len(row[i]) for row in [head, *rows]) for i in range(len(head))]
    lines = [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in [head, *rows]
    ]
    return "\n".join([lines[0], "-" * len(lines[0]), *lines[1:]])


def us(nanoseconds: int) -> str:
    if nanoseconds >= 10_000_000:
        return f"{nanoseconds / 1_000_000:,.1f} ms"
    return f"{nanoseconds / 1_000:,.1f} µs"

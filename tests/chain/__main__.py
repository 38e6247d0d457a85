"""Play pretend chains from the command line: one seed, many, for a time, or for so many store-days.

    python -m tests.chain --seed 7
    python -m tests.chain --seeds 200
    python -m tests.chain --minutes 20 --jobs 2
    python -m tests.chain --store-days 100000 --jobs 2

A chain that breaks a law is made short and told: its seed, the commit, the law in words, what remains of the
schedule. Then the program ends with 1; so it does when a long run has not met every rare thing often enough.
"""

from __future__ import annotations

import argparse
import itertools
import logging
import subprocess
import sys
import time
from collections.abc import Iterator

from tests.chain.marks import Marks, table, too_seldom
from tests.chain.plan import START_MS, Plan, draw
from tests.chain.runs import Ran, many, run
from tests.chain.shrink import shrink

LONG_STORE_DAYS = 50_000
"""From here on every mark must have been met ``RARE_TIMES``."""
RARE_TIMES = 100
TOLD_MAX = 40
BROKEN_MAX = 5


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.chain", description=__doc__.split("\n")[0])
    parser.add_argument("--seed", type=int, help="play one seed, twice, and compare")
    parser.add_argument("--first", type=int, default=0, help="begin with this seed")
    parser.add_argument("--seeds", type=int, default=0, help="play so many seeds")
    parser.add_argument("--minutes", type=float, default=0.0, help="play for so long")
    parser.add_argument("--store-days", type=int, default=0, help="play until so many store-days are done")
    parser.add_argument("--jobs", type=int, default=1, help="on so many cores")
    asked = parser.parse_args()
    logging.disable(logging.CRITICAL)
    if asked.seed is not None:
        return _one(draw(asked.seed))
    return _many(asked)


def _one(plan: Plan) -> int:
    print(plan)
    ran, again = run(plan), run(plan)
    print(table(ran.marks))
    print(f"{ran.store_days} store-days, {ran.operations} operations, fingerprint {ran.fingerprint}")
    if ran.law:
        _tell(plan)
        return 1
    if ran.fingerprint != again.fingerprint:
        print(f"played again it is another chain: {again.fingerprint}")
        return 1
    return 0


def _seeds(asked: argparse.Namespace) -> Iterator[int]:
    if asked.seeds or not (asked.minutes or asked.store_days):
        return iter(range(asked.first, asked.first + (asked.seeds or 200)))
    return itertools.count(asked.first)


def _many(asked: argparse.Namespace) -> int:
    began = shown = time.monotonic()
    marks, store_days, operations, cpu_s, count = Marks(), 0, 0, 0.0, 0
    broken: list[Ran] = []

    def line() -> str:
        speed = store_days / max(cpu_s, 1e-9) * 60
        return (
            f"{count} seeds, {store_days} store-days, {operations / max(1, store_days):.1f} operations a"
            f" store-day, {speed:.0f} store-days a minute and core, {len(broken)} broken"
        )

    def due() -> Iterator[int]:
        for seed in _seeds(asked):
            if asked.minutes and time.monotonic() - began > asked.minutes * 60:
                return
            if asked.store_days and store_days >= asked.store_days:
                return
            if len(broken) >= BROKEN_MAX:
                return
            yield seed

    for ran in many(due(), asked.jobs):
        count += 1
        marks += ran.marks
        store_days += ran.store_days
        operations += ran.operations
        cpu_s += ran.cpu_s
        if ran.law:
            broken.append(ran)
            print(f"seed {ran.seed}: {ran.law}", flush=True)
        if time.monotonic() - shown > 10:
            shown = time.monotonic()
            print(line(), flush=True)
        if len(broken) >= BROKEN_MAX:
            break
    print(table(marks, RARE_TIMES if store_days >= LONG_STORE_DAYS else 0))
    print(line())
    for ran in broken:
        _tell(draw(ran.seed))
    seldom = too_seldom(marks, RARE_TIMES) if store_days >= LONG_STORE_DAYS else []
    if seldom:
        print(f"met less than {RARE_TIMES} times: {', '.join(seldom)}")
    return int(bool(broken or seldom))


def _tell(plan: Plan) -> None:
    short, law = shrink(plan)
    commit = subprocess.run(["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True)
    print(f"\nseed {plan.seed}, commit {commit.stdout.strip() or 'unknown'}, {len(short.items)} items remain")
    print(f"broken: {law}")
    for item in short.items[:TOLD_MAX]:
        hours = (item.at_ms - START_MS) / 3_600_000
        at = f"s{item.store}/{item.till + 1:02}" if item.kind != "hub night" else ""
        print(f"  {hours:7.2f} h  {item.kind} {at} customer {item.member} {item.more or ''}  (item {item.n})")


if __name__ == "__main__":
    sys.exit(main())

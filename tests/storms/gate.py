"""The gate: every bug of the table is put in, and storms must break a law within their bound.

    python -m tests.storms.gate                 the whole table
    python -m tests.storms.gate --seconds 60 "a grant heard again is added"

The program ends with 1 when one survives that is not known to be harmless.
"""

from __future__ import annotations

import argparse
import itertools
import logging
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass

from tests.chain.plan import Plan
from tests.chain.runs import run, sisters, small
from tests.storms.mutants import KNOWN_HARMLESS, MUTANTS, WEATHER, Surgery

SECONDS = 60.0
WEATHERS: dict[str, Callable[[int], Plan]] = {
    "": small,
    "losses": lambda n: small(8 * n + 6),
    "sisters": sisters,
}
"""The chains that are played: by number, and what only some bugs need."""


@dataclass(frozen=True, slots=True)
class Hunt:
    """How a bug fared. ``law`` is what found it, "" when it survived."""

    name: str
    law: str
    seeds: int
    seconds: float


def hunt(name: str, seconds: float = SECONDS, seeds: int = 10**9) -> Hunt:
    """Put one bug in and play small chains until a law breaks, or the CPU time or the seeds are used up."""
    began = time.process_time()
    surgery, plan = Surgery(), WEATHERS[WEATHER.get(name, "")]
    MUTANTS[name](surgery)
    try:
        for count in itertools.count(1):
            law = run(plan(count - 1)).law
            spent = time.process_time() - began
            if law or spent > seconds or count >= seeds:
                return Hunt(name, law, count, spent)
    finally:
        surgery.undo()
    raise AssertionError("counting does not end")


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.storms.gate")
    parser.add_argument("names", nargs="*", help="only these bugs")
    parser.add_argument("--seconds", type=float, default=SECONDS, help="CPU time for each")
    asked = parser.parse_args()
    logging.disable(logging.CRITICAL)
    alive = []
    for name in asked.names or MUTANTS:
        found = hunt(name, asked.seconds)
        if not found.law:
            alive.append(name)
        fate = found.law[:90] or f"ALIVE {KNOWN_HARMLESS.get(name, '')}"
        print(f"{found.seconds:6.1f} s {found.seeds:4} seeds  {name}: {fate}", flush=True)
    killed = len(asked.names or MUTANTS) - len(alive)
    print(f"{killed} killed, {len(alive)} alive: {', '.join(alive) or 'none'}")
    return int(any(name not in KNOWN_HARMLESS for name in alive))


if __name__ == "__main__":
    sys.exit(main())

"""`make bench`: every bench_*.py beside this file, one table, and a result file each in results/.

    python tests/bench/run.py [--rounds N] [--calls N] [name ...]

A bench module holds a `rounds.Bench` named BENCH. Measures only; says nothing about good or bad.
"""

from __future__ import annotations

import argparse
import importlib
import json
import sys
from dataclasses import replace
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parents[1])]

from rounds import ROUNDS_MIN, Bench, measure, report, table  # noqa: E402  (needs the path above)


def found(names: list[str]) -> dict[str, Bench]:
    """Benches by module; all of them when no name is given."""
    known = sorted(path.stem.removeprefix("bench_") for path in HERE.glob("bench_*.py"))
    unknown = sorted(set(names) - set(known))
    if unknown:
        raise SystemExit(f"no bench named {', '.join(unknown)}; there are: {', '.join(known)}")
    return {name: importlib.import_module(f"bench_{name}").BENCH for name in names or known}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("names", nargs="*", help="benches to run, without bench_; all if none is named")
    parser.add_argument("--rounds", type=int, default=ROUNDS_MIN)
    parser.add_argument("--calls", type=int, default=0, help="calls a round, instead of each bench's own")
    wish = parser.parse_args()
    reports = []
    for name, bench in found(wish.names).items():
        if wish.calls:
            bench = replace(bench, calls=wish.calls)
        done = report(bench, measure(bench, wish.rounds, told=progress))
        (HERE / "results").mkdir(exist_ok=True)
        text = json.dumps(done, ensure_ascii=False, indent=1, sort_keys=True)
        (HERE / "results" / f"{name}.json").write_text(text + "\n", "utf-8")
        reports.append(done)
    progress("")
    print(table(reports))


def progress(text: str) -> None:
    if sys.stderr.isatty():
        print(f"\r\033[K{text}", end="", file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()

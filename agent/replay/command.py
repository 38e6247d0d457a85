"""``jifen replay``: real purchases through real stores and a real headquarters, counted twice."""

from __future__ import annotations

import argparse
import shutil
import signal
import sys
import tempfile
from pathlib import Path

from agent.replay import generator, purchases, report, visits
from agent.replay.baskets import Basket, busiest_stores, in_order
from agent.replay.rehearsal import LEDGER, as_json, rehearse
from config.faults import Fault


def main(argv: list[str]) -> int:
    """Run one rehearsal; 0 when every number agreed."""
    parser = argparse.ArgumentParser(prog="jifen replay", description="rehearse a chain's year · 全年回放")
    parser.add_argument("--stores", type=int, default=20, help="the busiest stores (20)")
    parser.add_argument("--months", type=int, default=12, help="from the first of January on (12)")
    parser.add_argument("--seed", type=int, default=1, help="everything that chance decides (1)")
    parser.add_argument(
        "--kills", type=int, default=20, help="kill the busiest store's process so often (20)"
    )
    parser.add_argument("--once", action="store_true", help="do not deliver everything again")
    parser.add_argument("--generated", action="store_true", help="drawn baskets instead of real purchases")
    parser.add_argument("--out", type=Path, default=Path(".replay"), help="where the report goes (.replay)")
    parser.add_argument("--keep", action="store_true", help="keep the stores' and headquarters' folders")
    parser.add_argument("--visits", type=Path, help="only write these purchases as visits (CSV), and end")
    chosen = parser.parse_args(argv)
    if chosen.visits is not None:
        return _write_visits(chosen)
    if not LEDGER.exists():
        print("the second opinion lies in the project's tests and is not here", file=sys.stderr)
        return 2
    try:
        baskets = _baskets(chosen)
    except Fault as fault:
        print(fault, file=sys.stderr)
        return 2
    for sign in (
        signal.SIGTERM,
        signal.SIGHUP,
    ):  # as Ctrl+C: headquarters is a process of its own, and is ended
        signal.signal(sign, _end)
    folder = Path(tempfile.mkdtemp(prefix="jifen-replay-"))
    try:
        verdict = rehearse(
            folder,
            baskets,
            purchases.new_york(),
            seed=chosen.seed,
            kills=chosen.kills,
            redeliver=not chosen.once,
            say=lambda text: print(f"\n{text}", file=sys.stderr, flush=True),
            tell=_bar,
        )
    except KeyboardInterrupt:
        print("\n没有做完 · not finished", file=sys.stderr)
        return 130
    finally:
        if chosen.keep:
            print(f"\nkept: {folder}", file=sys.stderr)
        else:
            shutil.rmtree(folder, ignore_errors=True)
    path = report.write(chosen.out, verdict)
    (chosen.out / "report.json").write_text(as_json(verdict), "utf-8")
    print(path.read_text("utf-8"))
    return 1 if verdict.faults else 0


def _end(_number: int, _frame: object) -> None:
    raise KeyboardInterrupt


def _write_visits(chosen: argparse.Namespace) -> int:
    try:
        count = visits.write(chosen.visits, _baskets(chosen), purchases.new_york())
    except (Fault, OSError) as fault:
        print(fault, file=sys.stderr)
        return 2
    print(count)
    return 0


def _baskets(chosen: argparse.Namespace) -> list[Basket]:
    every = list(generator.baskets(seed=chosen.seed)) if chosen.generated else list(purchases.baskets())
    stores = set(busiest_stores(every, chosen.stores))
    first = min(basket.day for basket in every)
    last = first // 10_000 * 10_000 + chosen.months * 100 + 31
    return in_order(basket for basket in every if basket.store in stores and basket.day <= last)


def _bar(what: str, done: int, of: int) -> None:
    width = 40
    full = width * done // of
    print(f"\r[{'#' * full}{'.' * (width - full)}] {what} {done}/{of}", end="", file=sys.stderr, flush=True)

"""Sales at the counter while an edition of the members is taken beside them, against the same till in peace.

    python tests/bench/feed_beside_counter.py [ROUNDS]

A till that knows 100,000 members takes an edition in which all of them changed, from blobs that are here
already, as `agent.replica` does: paced because somebody is at the counter. Meanwhile a sale is confirmed each
ten milliseconds. Beside it the same without pacing, as when nobody is there, and the same sales in peace.
Medians over the rounds, interleaved.
"""

from __future__ import annotations

import json
import statistics
import sys
import tempfile
import threading
import time
from itertools import count
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parents[1]), str(HERE.parent / "agent")]

from bench_counter import FIRST, MEMBERS, shop  # noqa: E402  (needs the path above)
from shopfloor import GOODS  # noqa: E402

from agent import replica  # noqa: E402
from agent.recorder import Recorded  # noqa: E402
from config.memory import collect_seldom  # noqa: E402
from config.threads import share_evenly  # noqa: E402
from points.identifiers import bucket  # noqa: E402
from points.wire import chunk  # noqa: E402
from points.wire.manifest import Manifest  # noqa: E402

CHUNKS = 48
PEACE_S = 8.0
BETWEEN_S = 0.01
"""Between two sales: a hundred a second are what hundreds of cashiers ring up."""
BAR_RATIO, BAR_ROWS = 4.0, 25_000


def edition(ver: int) -> tuple[Manifest, dict[str, bytes]]:
    """All members anew, as chunks of one snapshot."""
    pieces, blobs = [], {}
    for number in range(CHUNKS):
        rows = [
            [m, ver, "active", 0, 500 + ver, "王*", "8000", 0, [[f"{m:032x}.0", 500, 0, 20271118, 0, "s009"]],
             [0, 0], [0, 0], [], [f"{m * 2654435761 % 2**63:016x}"]]
            for m in range(FIRST, FIRST + MEMBERS)
            if bucket(m) % CHUNKS == number
        ]  # fmt: skip
        piece, blob = chunk.make("members", "main", rows)
        pieces.append(piece)
        blobs[piece.sha] = blob
    return Manifest(
        "hub", 1, "demo", "members", "main", 1, 1, ver, ver, 0, 1, ver, tuple(pieces)
    ), blobs  # fmt: skip


def measure(folder: Path, ver: int, mode: str) -> dict[str, Any]:
    manifest, blobs = edition(ver)
    with shop(folder) as (counter, clock, comers):
        till, took, taken = counter.till, list[float](), list[float]()
        till.looked_mono_ms = clock.now().mono_ms
        if mode == "as when nobody is there":
            replica.IN_USE_ROWS, replica.IN_USE_REST_MS = replica.IDLE_ROWS, 0

        def take() -> None:
            began = time.perf_counter()
            replica.fill(till, manifest, b"", blobs, lambda ms: time.sleep(ms / 1000), lambda _left: None)
            taken.append(time.perf_counter() - began)

        beside = threading.Thread(target=take)
        if mode == "in peace":
            until = time.perf_counter() + PEACE_S
        else:
            beside.start()
        for i in count():
            if not (beside.is_alive() or (mode == "in peace" and time.perf_counter() < until)):
                break
            m = comers[i % len(comers)]
            counter.card(m)
            counter.quote(m, GOODS)
            began = time.perf_counter()
            assert isinstance(counter.sell(m, GOODS, "c1"), Recorded)
            took.append(1000 * (time.perf_counter() - began))
            clock.now_ms += 5
            time.sleep(BETWEEN_S)
        if mode != "in peace":
            beside.join()
    took.sort()
    return {
        "sales": len(took), "p50_ms": took[len(took) // 2], "p99_ms": took[len(took) * 99 // 100],
        "worst_ms": took[-1], "rows_s": MEMBERS / taken[0] if taken else 0,
    }  # fmt: skip


def main() -> None:
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 3
    modes = ("in peace", "paced", "as when nobody is there")
    paced = (replica.IN_USE_ROWS, replica.IN_USE_REST_MS)
    found: dict[str, list[dict[str, Any]]] = {mode: [] for mode in modes}
    collect_seldom()
    share_evenly()
    for _ in range(rounds):
        for mode in modes:
            replica.IN_USE_ROWS, replica.IN_USE_REST_MS = paced
            with tempfile.TemporaryDirectory(prefix="jifen-bench-") as name:
                found[mode].append(measure(Path(name), 2, mode))
    told = {
        mode: {key: round(statistics.median(one[key] for one in ones), 2) for key in ones[0]}
        for mode, ones in found.items()
    }
    (HERE / "results").mkdir(exist_ok=True)
    (HERE / "results" / "feed_beside_counter.json").write_text(json.dumps(told, indent=1) + "\n", "utf-8")
    peace = told["in peace"]
    for mode, one in told.items():
        print(
            f"{mode:>24}: {one['sales']:>6.0f} sales, p50 {one['p50_ms']:6.2f} ms,"
            f" p99 {one['p99_ms']:7.2f} ms ({one['p99_ms'] / peace['p99_ms']:.1f} times;"
            f" bar {BAR_RATIO} at {BAR_ROWS:,} rows/s), worst {one['worst_ms']:7.1f} ms;"
            f" {one['rows_s']:>9,.0f} rows/s"
        )


if __name__ == "__main__":
    main()

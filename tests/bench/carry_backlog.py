"""Fourteen days of a store without a network, told over a slow line: 28,000 operations of real purchases, of
a real till, through 256 kbit/s with 600 ms there and back to a real headquarters, until all is acknowledged.

Not a race: one number against its bar. Needs the extra ``data``.
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent / part) for part in ("", "agent", "hub")]

from headquarters import RULES, Shop, headquarters  # noqa: E402  (needs the path above)
from slow_line import slow_line  # noqa: E402

from agent import enrolment  # noqa: E402
from agent.ahead import AT_ONCE  # noqa: E402
from agent.recorder import Recorded  # noqa: E402
from agent.replay import purchases  # noqa: E402

OPERATIONS, KBIT_S, ROUND_TRIP_MS, BAR_S = 28_000, 256, 600, 60


def record(shop: Shop, operations: int = OPERATIONS) -> tuple[int, int]:
    """Sell and redeem until there is a backlog; (operations, lines)."""
    members: dict[int, int] = {}
    visits: Counter[int] = Counter()
    lines = 0
    for basket in purchases.baskets():
        if shop.till.log.seq >= operations:
            break
        if basket.household not in members:
            new = enrolment.enrol(shop.till, "c1")
            if not isinstance(new, enrolment.Enrolled):
                continue  # its stock of numbers is used up; the others come again
            members[basket.household] = new.m
        m = members[basket.household]
        visits[m] += 1
        if visits[m] % 5 == 0:
            card = shop.counter.card(m)
            if card is not None and card.points > 1:
                shop.counter.redeem(m, card.points // 2, "c1")
        assert isinstance(shop.counter.sell(m, basket.lines, "c1", receipt=str(basket.basket)), Recorded)
        lines += len(basket.lines)
    return shop.till.log.seq, lines


def main() -> None:
    folder = Path(tempfile.mkdtemp(prefix="jifen-bench-"))
    with headquarters(folder, {**RULES, "zone": purchases.new_york()}) as hq:
        hq.office.code_pool = 1_000
        shop = hq.shop("s001")
        for _ in range(8):
            shop.sync()
        shop.uplink.connected = False
        operations, lines = record(shop)
        shop.uplink.connected, shop.uplink.at_once = True, AT_ONCE
        with slow_line(int(hq.url.rpartition(":")[2]), KBIT_S, ROUND_TRIP_MS) as line:
            shop.uplink.hub_url = f"http://127.0.0.1:{line.port}"
            began = time.perf_counter()
            done = shop.night.contact()
            took_s = time.perf_counter() - began
            assert done.settled, done.alarms
            shop.uplink.close()
    line_s = line.up / (KBIT_S * 125)
    told = {
        "bar_s": BAR_S, "batches": done.batches, "bytes_down": line.down, "bytes_up": line.up,
        "kbit_s": KBIT_S,
        "line_s": round(line_s, 1), "lines": lines, "operations": operations, "round_trip_ms": ROUND_TRIP_MS,
        "seconds": round(took_s, 1),
    }  # fmt: skip
    (HERE / "results" / "backlog.json").write_text(json.dumps(told, indent=1) + "\n", "utf-8")
    print(
        f"{operations:,} operations with {lines:,} lines, {KBIT_S} kbit/s, {ROUND_TRIP_MS} ms: {took_s:.1f} s"
        f" (bar {BAR_S}); the line alone {line_s:.1f} s for {line.up:,} B up; {line.down:,} B down"
    )


if __name__ == "__main__":
    main()

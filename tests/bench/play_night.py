"""Ten thousand stores in one night, on a clock of their own: when they begin, how they wait, what is put off.

The minutes and the pauses are the product's (``timetable.slot``, ``calls.pause_ms``), headquarters is a
model: two workers, 15 ms for a batch of 800 operations and 5 for a hello, 20 contacts admitted at a time, any
other told to come again in 2 to 9 seconds. Beside it, on the same model, a cron job at one o'clock that tries
again every minute, and a fixed retry after an outage. Not a race: counts and peaks against their bars.
"""

from __future__ import annotations

import heapq
import itertools
import json
import random
import sys
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parents[1])]

from agent.pulse import FRESH_S  # noqa: E402  (needs the path above)
from hub.api.devices import TILLS_A_SECOND  # noqa: E402
from points.wire.calls import Pause, pause_ms  # noqa: E402
from points.wire.endpoints import SPREAD_S_MAX  # noqa: E402
from points.wire.timetable import slot  # noqa: E402

STORES, ADMITTED, WORKERS = 10_000, 20, 2
HELLO_MS, BATCH_MS, ROUND_TRIP_MS = 5, 15, 60
WINDOW, LONG = 30, 240
HOUR_MS, FRESH_MS = 3_600_000, int(FRESH_S * 1000)
PEAK_BAR = 50
U32 = 2**32

Retry = Callable[[random.Random, int, int], int]
"""How long a store waits that failed so often and was told to wait so long at least, in ms."""


def by_product(draw: random.Random, tries: int, at_least_ms: int) -> int:
    return pause_ms(Pause(at_least_ms, tries), draw.randrange(U32))


def each(ms: int) -> Retry:
    return lambda _draw, _tries, _at_least_ms: ms


@dataclass
class Night:
    """What happened: requests a second, what was refused, how late each store was done."""

    requests: Counter[int] = field(default_factory=Counter)
    refused: int = 0
    unanswered: int = 0
    late_ms: list[int] = field(default_factory=list)

    def told(self) -> dict[str, int]:
        late = sorted(self.late_ms)
        return {
            "done": len(late),
            "refused": self.refused,
            "unanswered": self.unanswered,
            "peak_requests_a_second": max(self.requests.values()),
            "p99_late_s": late[len(late) * 99 // 100] // 1000,
            "last_s": late[-1] // 1000,
        }


def play(
    begins: list[int], retry: Retry, *, down: tuple[int, int] = (0, 0), spread_s: int = 0, seed: int = 1
) -> Night:
    """One night: ``begins`` says when each store wants to, ``down`` when headquarters answers nobody.

    A store asks whether headquarters answers, says hello, sends its batch: three requests. Who is answered
    by nobody or put off waits and asks again; who finds that it answers again comes within ``spread_s``, as
    it asks. ``late`` counts from when a store wanted to.
    """
    draw, night, ties = random.Random(seed), Night(), itertools.count()
    free_at, inside = [0] * WORKERS, 0
    events = [(at, next(ties), "ask", at, 0) for at in begins]
    heapq.heapify(events)
    while events:
        now, _, what, began, tries = heapq.heappop(events)
        if what == "done":
            inside -= 1
            night.late_ms.append(now - began)
            continue
        if down[0] <= now < down[1]:
            night.unanswered += 1
            heapq.heappush(events, (now + retry(draw, tries, 0), next(ties), "ask", began, tries + 1))
            continue
        if what == "ask":
            night.requests[now // 1000] += 1  # whether it answers
        if what == "ask" and tries and spread_s and now < down[1] + SPREAD_S_MAX * 1000:
            wait = draw.randrange(min(spread_s * 1000, max(1, now - began)))
            heapq.heappush(events, (now + wait, next(ties), "come", began, tries))
            continue
        night.requests[(now + ROUND_TRIP_MS) // 1000] += 1  # hello
        if inside >= ADMITTED:
            night.refused += 1
            wait = retry(draw, tries, draw.randrange(2, 10) * 1000)
            heapq.heappush(events, (now + max(1, wait), next(ties), "ask", began, tries + 1))
            continue
        inside += 1
        at = now + ROUND_TRIP_MS
        for work_ms in (HELLO_MS, BATCH_MS):
            worker = min(range(WORKERS), key=free_at.__getitem__)
            free_at[worker] = max(at, free_at[worker]) + work_ms
            at = free_at[worker] + ROUND_TRIP_MS
            if work_ms == HELLO_MS:
                night.requests[at // 1000] += 1  # its batch
        heapq.heappush(events, (at, next(ties), "done", began, 0))
    return night


def slots(minutes: int, night: int = 20261124) -> list[int]:
    """When each store begins: its minute of the window, and the second in which its PC happens to look."""
    draw = random.Random(night)
    return [slot(f"s{n:05d}", night, minutes) * 60_000 + draw.randrange(60_000) for n in range(STORES)]


def main() -> None:
    outage = (0, 2 * HOUR_MS)
    draw = random.Random(5)
    met = [draw.randrange(FRESH_MS) for _ in range(STORES)]  # when each finds that nobody answers
    nights = {
        "cron at one o'clock, again every minute": play([0] * STORES, each(60_000)),
        f"slots of {WINDOW} minutes": play(slots(WINDOW), by_product),
        f"slots of {LONG} minutes": play(slots(LONG), by_product),
        "two hours of outage, again every 5 s": play(met, each(5_000), down=outage),
        "two hours of outage, drawn pauses": play(met, by_product, down=outage),
        "two hours of outage, and spread": play(
            met, by_product, down=outage, spread_s=min(SPREAD_S_MAX, STORES // TILLS_A_SECOND)
        ),
        "all at once, drawn pauses": play([0] * STORES, by_product),
    }
    told = {name: night.told() for name, night in nights.items()}
    (HERE / "results").mkdir(exist_ok=True)
    (HERE / "results" / "night.json").write_text(json.dumps(told, indent=1) + "\n", "utf-8")
    print(f"{STORES:,} stores (bar: none refused, peak < {PEAK_BAR}/s)")
    print(f"  {'':<44} {'refused':>12} {'peak/s':>8} {'p99 late':>9} {'last':>8}")
    for name, row in told.items():
        print(
            f"  {name:<44} {row['refused']:>12,} {row['peak_requests_a_second']:>8,}"
            f" {row['p99_late_s']:>7,} s {row['last_s']:>6,} s"
        )


if __name__ == "__main__":
    main()

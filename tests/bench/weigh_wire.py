"""Bytes on the wire for an operation and for a line, on real purchases: envelopes as a till sends them.

Not a race but a weighing: the busiest store's baskets are sold at a real counter, the recorded operations
are cut into batches of 100 and of 1,000, and bytes = a · operations + b · lines is fitted over the batches
by least squares. Needs the extra ``data``.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "agent"))

from shopfloor import HandClock, counter_of, open_till

from agent import enrolment
from agent.recorder import Recorded
from agent.replay import purchases
from agent.replay.baskets import busiest_stores
from agent.replay.rehearsal import RULES
from points.wire import canonical, chain, envelope
from points.wire.batch_header import Moment
from points.wire.keys import SigningKey
from points.wire.lane import Lane

BASKETS = 3_000
BARS = {100: (52, 6), 1_000: (45, 5)}


def recorded() -> tuple[list[bytes], Lane, SigningKey]:
    """What the busiest store recorded of its first baskets, enrolments too, and whose it is."""
    every = purchases.baskets()
    store = busiest_stores(every, 1)[0]
    members: dict[int, int] = {}
    visits: dict[int, int] = {}
    with tempfile.TemporaryDirectory(prefix="jifen-bench-") as folder:
        clock = HandClock()
        till = open_till(Path(folder), clock, {**RULES, "zone": purchases.new_york()})
        with till.book.turn() as turn:
            turn.executemany(
                "INSERT INTO pool (m, code) VALUES (?, ?) ON CONFLICT DO NOTHING",
                [(4096 + i, f"M{i:021d}") for i in range(2000)],
            )
        counter = counter_of(till)
        for basket in [one for one in every if one.store == store][:BASKETS]:
            clock.now_ms = max(basket.at_ms, clock.now_ms + 1)
            if basket.household not in members:
                new = enrolment.enrol(till, "c1")
                assert isinstance(new, enrolment.Enrolled)
                members[basket.household] = new.m
            m = members[basket.household]
            visits[m] = visits.get(m, 0) + 1
            card = counter.card(m)
            if visits[m] % 5 == 0 and card is not None and card.points > 1:
                counter.redeem(m, card.points // 2, "c1")
            assert isinstance(counter.sell(m, basket.lines, "c1", receipt=str(basket.basket)), Recorded)
        made = [entry.body for entry in till.log.between(till.log.pos(1), till.log.pos(till.log.seq))]
        lane, key = till.identity.lane, till.identity.key
        till.book.close()
    return made, lane, key


def weigh(made: list[bytes], lane: Lane, key: SigningKey) -> None:
    """Cut, weigh, fit and print."""
    moment = Moment(0, "0" * 16, 0, "0" * 32, "jifen/0.1.0", 1)
    for size, (bar_op, bar_line) in BARS.items():
        points = []
        prev = chain.NO_PARENT
        for start in range(0, len(made) - size + 1, size):
            part = made[start : start + size]
            raw = envelope.cut(lane, start + 1, prev, part, key, moment)
            prev = chain.links(prev, start + 1, part)[-1]
            lines = sum(len(canonical.decode(body).get("lines", ())) for body in part)
            points.append((len(part), lines, len(raw)))
        per_op, per_line = fit(points)
        ops, lines, total = (sum(column) for column in zip(*points, strict=True))
        allowed = bar_op * ops + bar_line * lines
        print(
            f"{size:>5} a batch: {total:,} B for {ops:,} operations with {lines:,} lines;"
            f" fitted {per_op:.1f} B an operation + {per_line:.2f} B a line;"
            f" bar {bar_op} + {bar_line}: {total / allowed:.2f} of what is allowed"
        )


def fit(points: list[tuple[int, int, int]]) -> tuple[float, float]:
    """Least squares of bytes = a · operations + b · lines."""
    oo = sum(o * o for o, _, _ in points)
    ol = sum(o * n for o, n, _ in points)
    ll = sum(n * n for _, n, _ in points)
    ob = sum(o * b for o, _, b in points)
    lb = sum(n * b for _, n, b in points)
    det = oo * ll - ol * ol
    return ((ob * ll - lb * ol) / det, (oo * lb - ol * ob) / det) if det else (ob / oo, 0.0)


if __name__ == "__main__":
    weigh(*recorded())

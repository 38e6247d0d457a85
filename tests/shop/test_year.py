"""The driver of a year holds every till to what it asked: each other thing that one records is seen."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from agent.replay import opinion
from agent.replay.baskets import Basket
from agent.replay.rehearsal import LEDGER, RULES
from agent.replay.stall import Answer
from agent.replay.year import DAY_MS, REDEEM_EVERY, REFUND_EVERY, Told, Year
from points.days import local_day

ZONE = [[0, -300]]
BEGIN_MS = 17_200 * DAY_MS + 16 * 3_600_000
Body = dict[str, Any]
Bend = Callable[[Body], Body]


class PretendTill:
    """Records what it is asked, bent by ``bend``."""

    def __init__(self, bend: Bend) -> None:
        self.bend, self.seq, self.kills, self.cut_off = bend, 0, 0, 0
        self.members: dict[str, int] = {}

    def act(self, name: str, now_ms: int, connected: bool, **asked: Any) -> Answer:
        body: Body = {"st": now_ms, "day": local_day(now_ms, ZONE), "rule": "r"}
        if name == "enrol":
            code = f"c{len(self.members)}"
            self.members[code] = len(self.members) + 7
            return self._record({**body, "t": "member.enrol", "m": self.members[code]}, code=code)
        if name == "card":
            return {"known": True, "m": self.members[asked["code"]], "points": 10, "ops": []}
        if name == "sell":
            cash = [["cash", sum(line[3] for line in asked["lines"])]]
            sale = {"t": "sale.earn", "m": self.members[asked["code"]], "lines": asked["lines"]}
            return self._record({**body, **sale, "tenders": cash})
        if name == "redeem":
            return self._record({**body, "t": "redeem.cash", "m": asked["m"], "pts": 5, "fen": 5})
        if name == "refund":
            back = {"t": "sale.refund", "refs": [asked["sale"]], "lines": asked["lines"]}
            return self._record({**body, **back})
        return {"ops": [], "alarms": [], "batches": 0}

    def _record(self, body: Body, **more: Any) -> Answer:
        bent = self.bend(body)
        if not bent:
            return {"no": "refund_too_much", "ops": []}
        self.seq += 1
        bent["id"] = f"{self.seq:032x}"
        told = {"m": body["m"]} if body["t"] == "member.enrol" else {}
        return {"id": bent["id"], "ops": [[self.seq, bent]], **told, **more}

    def close(self) -> None:
        """Nothing to close."""


def driven(bend: Bend, count: int = REFUND_EVERY, seed: int = 1) -> Told:
    """What a year with one busy day came to, of two households."""
    lines = ((1, "all", 1, 500), (2, "all", 1, 700))
    day = local_day(BEGIN_MS, ZONE)
    baskets = [Basket(n % 2, 1, n, BEGIN_MS + n * 60_000, day, lines) for n in range(count)]
    year = Year({"s1": PretendTill(bend)}, {1: "s1"}, ZONE, seed, lambda _ms: None)
    year.run(baskets, lambda _done, _of: None)
    return year.told


def only(kind: str, **other: Any) -> Bend:
    return lambda body: {**body, **(other if body["t"] == kind else {})}


def test_a_till_that_records_what_it_was_asked_has_no_fault() -> None:
    told = driven(dict)
    assert told.faults == []
    assert len(told.wishes) == REFUND_EVERY // REDEEM_EVERY


@pytest.mark.parametrize(
    "bend",
    [
        only("sale.earn", lines=[[1, "all", 1, 500]]),
        only("sale.earn", tenders=[["cash", 1_199]]),
        only("sale.earn", m=99),
        only("sale.earn", day=19990101),
        only("redeem.cash", pts=6),
        only("redeem.cash", fen=4),
        only("redeem.cash", m=99),
        only("sale.refund", refs=["0" * 32]),
        only("sale.refund", lines=[[1, 1, 1]]),
        only("sale.refund", day=19990101),
        lambda body: {} if body["t"] == "sale.refund" else dict(body),
    ],
)
def test_what_is_recorded_otherwise_is_a_fault(bend: Bend) -> None:
    assert driven(bend).faults


def test_goods_come_back_on_days_without_a_purchase() -> None:
    for seed in range(12):
        assert driven(dict, seed=seed).counts["sale.refund"] == 1


def test_the_ledger_goes_by_the_members_that_the_driver_knows() -> None:
    earns = only("sale.earn", m=99, tier=0, m_bp=10_000, day_used=0, desired=12, pts=12)
    told = driven(earns, count=1)
    said = opinion.ask(LEDGER, told, {**RULES, "zone": ZONE}, "r", 20180101)
    assert (said[7]["balance"], 99 in said) == (12, False)

"""The product's fold and the independent ledger agree to the point, also on histories no honest chain sees.

Several stores and tills, categories with rates of their own, minimum orders, tiers, capped sales, mixed rule
books with their own settlement rates, redemptions beyond what there is, returns by line, by unit and beyond
what was sold, voids, redemptions undone, grace dates and expiry; then told shuffled and twice over.
"""

from __future__ import annotations

import json
import random
from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from ledger import Ledger, canonical, fold
from ledger_sale import number, wall_date

from points import rulebook
from points.fold import fold as product_fold
from points.operations import Operation

START = datetime(2026, 1, 5, 1, tzinfo=UTC)
PLANS: list[list[Any]] = [
    ["rolling", 1],
    ["rolling", 12],
    ["rolling_year_end", 2],
    ["never"],
    ["calendar_end", "quarter"],
]


def books(dice: random.Random) -> dict[str, dict[str, Any]]:
    """Two or three rule books of one chain, by their hash; a chain has one zone."""
    found = {}
    zone = dice.choice([[[0, 480]], [[0, -300], [int(START.timestamp()) * 1000 + 10**10, -240]]])
    for edition in range(dice.randrange(2, 4)):
        raw = {
            "v": 1,
            "name": f"edition {edition}",
            "zone": zone,
            "rates": [[1, dice.choice((100, 1000))], [3, dice.choice((70, 500))], [0, 1]],
            "category_rate": {"fresh": 1, "nothing": 2, "gift card": -1},
            "min_order_fen": dice.choice((0, 0, 5_000)),
            "day_cap_pts": 0,
            "tiers": [[0, 10_000, "普通"], [101, 12_000, "银卡"], [501, 15_000, "金卡"]],
            "expiry": dice.choice(PLANS),
            "redeem": {"pts": 1, "fen": 10, "step": 1},
            "grace_days": dice.choice((0, 30)),
            "settle": [dice.choice((800, 1000)), 100],
        }
        blob = json.dumps(raw, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()
        found[rulebook.read(blob).hash] = raw
    return found


def product_books(rules: dict[str, dict[str, Any]]) -> dict[str, rulebook.RuleBook]:
    blobs = [
        json.dumps(raw, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()
        for raw in rules.values()
    ]
    return {book.hash: book for book in map(rulebook.read, blobs)}


class Told:
    """A random history of one member, as events."""

    def __init__(self, seed: int, steps: int, overspend: bool) -> None:
        self.dice = dice = random.Random(seed)
        self.rules = books(dice)
        self.now = START
        self.events: list[dict[str, Any]] = []
        self.ledger = Ledger(self.rules)
        self.sales: list[dict[str, Any]] = []
        self.redeems: list[str] = []
        for _ in range(steps):
            self.now += timedelta(days=dice.choice((0, 0, 1, 3, 20)), minutes=1)
            self.rule = dice.choice(list(self.rules))
            today = wall_date(self.st, self.rules[self.rule]["zone"])
            beyond = dice.randrange(0, 60) if overspend and dice.random() < 0.2 else 0
            self.held = beyond + sum(n for _, n in self.ledger.spendable(today))
            chance = dice.random()
            if chance < 0.5 or not self.sales:
                self.sell()
            elif chance < 0.65 and self.held:
                body = {"pts": dice.randrange(1, self.held + 1), "fen": 0}
                self.redeems.append(self.write("redeem.cash", body))
            elif chance < 0.7 and self.redeems:
                self.write("sale.void", {"refs": [self.redeems.pop(dice.randrange(len(self.redeems)))]})
            else:
                self.give_back(dice.choice(self.sales))

    @property
    def st(self) -> int:
        return int(self.now.timestamp()) * 1000 + len(self.events)

    def write(self, kind: str, body: dict[str, Any]) -> str:
        key = f"{self.dice.getrandbits(128):032x}"
        day = number(wall_date(self.st, self.rules[self.rule]["zone"]))
        op = {"id": key, "t": kind, "tv": 1, "day": day, "st": self.st, "m": 7, "rule": self.rule, **body}
        self.events.append({"store": self.dice.choice("abc"), "till": self.dice.choice("12"), "op": op})
        self.ledger.take(self.events[-1]["store"], op)
        return key

    def sell(self) -> None:
        dice = self.dice
        kinds = ("all", "fresh", "nothing", "gift card")
        lines = [
            [place, dice.choice(kinds), dice.randrange(1, 4), dice.choice((0, dice.randrange(1, 20_000)))]
            for place in dice.sample(range(1, 9), dice.randrange(1, 5))
        ]
        total = sum(line[3] for line in lines)
        use = min(dice.randrange(0, self.held + 1) if dice.random() < 0.5 else 0, total // 10)
        tenders: list[list[Any]] = [["cash", total - use * 10]]
        if use:
            tenders.append(["points", use * 10, use])
        cap = dice.choice((10**9, 10**9, dice.randrange(0, 50)))
        body = {"lines": lines, "tenders": tenders, "m_bp": dice.choice((10_000, 12_000, 15_000)), "pts": cap}
        key = self.write("sale.earn", body)
        self.sales.append({"id": key, "lines": lines})

    def give_back(self, sale: dict[str, Any]) -> None:
        dice = self.dice
        if dice.random() < 0.2:
            self.write("sale.void", {"refs": [sale["id"]]})
            return
        lines = []
        for place, _, units, net in dice.sample(sale["lines"], dice.randrange(1, len(sale["lines"]) + 1)):
            more = dice.random() < 0.1  # now and then more than was sold
            lines.append(
                [place, dice.randrange(0, units + 1), dice.randrange(0, net * (2 if more else 1) + 1)]
            )
        self.write("sale.refund", {"refs": [sale["id"]], "lines": lines})


def compared(told: Told, mixed: bool) -> tuple[dict[str, Any], dict[str, Any]]:
    """Both sides' answers in one shape: (ours, the product's)."""
    events = canonical(told.events)
    last = told.events[-1]["op"]
    today = number(wall_date(last["st"], told.rules[last["rule"]]["zone"]))
    ours = fold(events, told.rules, today)
    known = product_books(told.rules)
    ops = [Operation(event["op"], event["store"], event["till"]) for event in told.events]
    if mixed:
        ops = told.dice.sample(ops * 2, len(ops) * 2)
    account = product_fold(7, ops, known)
    settled: Counter[tuple[str, str, int, int]] = Counter()
    for (payer, store, rule), n in account.settlement().items():
        settled[payer, store, *known[rule].settle] += n
    theirs = {
        "balance": account.balance(today),
        "lots": [[lot.remaining, lot.expires_on, lot.issuer] for lot in account.in_order(today)],
        "debt": account.debt,
        "settlement": sorted([*key, n] for key, n in settled.items() if n),
        "tier_pts": account.tier_pts,
        "returns": {
            op.id: list(account.returned[op.id]) for op in ops if op.refs and op.id in account.returned
        },
    }
    return {key: ours[key] for key in theirs}, theirs


@pytest.mark.parametrize("overspend", [False, True])
def test_the_fold_agrees_with_the_independent_ledger(overspend: bool) -> None:
    debts = settled = 0
    for seed in range(400):
        told = Told(seed + 10_000 * overspend, 24, overspend)
        ours, theirs = compared(told, mixed=bool(seed % 2))
        assert ours == theirs, f"seed {seed}, overspend {overspend}"
        debts += ours["debt"] > 0
        settled += bool(ours["settlement"])
    assert settled > 200
    assert debts > (40 if overspend else 10)


def test_one_lost_point_is_seen() -> None:
    told = Told(5, 24, overspend=False)
    ours, theirs = compared(told, mixed=False)
    assert ours == theirs
    first = next(event for event in told.events if event["op"]["t"] == "sale.earn")
    granted = told.ledger.sales[first["op"]["id"]].granted
    first["op"] = {**first["op"], "pts": granted - 1}
    poorer, _ = compared(told, mixed=False)
    assert granted > 0
    assert poorer != theirs

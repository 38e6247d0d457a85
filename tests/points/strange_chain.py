"""A strange little chain told at random: three stores, two rates, a minimum, expiry, and many returns.

The same seed tells the same history. Each operation is what an honest till would have written by what the
member had then; what becomes of the points is left to whoever folds them.
"""

from __future__ import annotations

import random
from typing import Any

from programme import FIRST_MS, MS_PER_DAY, Story, book

from points.fold import Account
from points.operations import Operation
from points.quoting import quote_earn

RULES = book(
    rates=[[1, 1000], [3, 700]],
    category_rate={"wine": 1, "giftcard": -1},
    min_order_fen=3000,
    expiry=["rolling", 2],
    tiers=[[0, 10_000, "普通"], [40, 12_000, "银卡"], [150, 15_000, "金卡"]],
)
BOOKS = {RULES.hash: RULES}
STORES = ("s001", "s002", "s003")
SEEDS = range(120)
EARN_KEYS = ("receipt", "lines", "tenders", "tier", "m_bp", "day_used", "desired", "pts")


def tell(seed: int, steps: int = 45) -> list[Operation]:
    """A random history: sales with points tender, redemptions, refunds, voids, at three stores."""
    chance = random.Random(seed)
    story = Story(RULES)
    account = Account(story.m, BOOKS)
    ops: list[Operation] = []
    now = FIRST_MS
    for _ in range(steps):
        now += chance.choice((0, 1, 1, 5, 20)) * MS_PER_DAY + 1000
        today = RULES.today(now)
        spendable = 0 if account.debt else account.balance(today)
        kind = chance.random()
        sold = [op for op in ops if op.kind in ("sale.earn", "redeem.cash")]
        if kind < 0.5 or not sold:
            op = sale(story, chance, now, spendable, account)
        elif kind < 0.65 and spendable:
            pts = chance.randrange(1, spendable + 1)
            op = story.op(
                "redeem.cash", now, store=chance.choice(STORES), pts=pts, fen=pts, fund=[["local", pts]]
            )
        elif kind < 0.9:
            op = refund(story, chance, now, account, chance.choice(sold))
        else:
            op = story.op("sale.void", now, store=chance.choice(STORES), refs=[chance.choice(sold).id])
        ops.append(op)
        account.take(op)
    return ops


def sale(story: Story, chance: random.Random, now: int, spendable: int, account: Account) -> Operation:
    lines = [
        [i, chance.choice(("food", "wine", "giftcard")), chance.randrange(1, 5), chance.randrange(0, 9000)]
        for i in range(1, chance.randrange(2, 6))
    ]
    due = sum(line[3] for line in lines)
    used = min(chance.randrange(0, spendable + 1), due // 10) if chance.random() < 0.4 else 0
    tenders: list[list[Any]] = [["cash", due - used * 10]] + ([["points", used * 10, used]] if used else [])
    quote = quote_earn(RULES, lines, tenders, account.tier, 0)
    body = {
        "receipt": str(story.n), "lines": lines, "tenders": tenders, "tier": quote.tier, "m_bp": quote.m_bp,
        "day_used": 0, "desired": quote.desired, "pts": quote.pts,
    }  # fmt: skip
    fund = [["local", used]] if used else None
    return story.op("sale.earn", now, store=chance.choice(STORES), fund=fund, **body)


def refund(story: Story, chance: random.Random, now: int, account: Account, sold: Operation) -> Operation:
    lines = [
        [line[0], chance.randrange(0, line[2] + 1), chance.randrange(0, line[3] + 1)]
        for line in sold.body.get("lines", [])
        if chance.random() < 0.7
    ]
    lines = lines or [[1, 0, 0]]
    return story.op("sale.refund", now, store=chance.choice(STORES), refs=[sold.id], lines=lines)


def last_day(ops: list[Operation]) -> int:
    return RULES.today(max(op.st for op in ops))

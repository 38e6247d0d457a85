"""The published claw-back program, written by other hands, agrees with the fold point for point."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from programme import FIRST_MS, MS_PER_DAY, Story, book

from points.fold import Account
from points.operations import Operation
from points.order import canonical

HISTORIES = 1_000
PLANS = {90: ["rolling", 3], 365: ["rolling", 12], None: ["never"]}


def oracle() -> Path:
    folder = os.environ.get("JIFEN_ORACLES")
    if not folder:
        pytest.skip("JIFEN_ORACLES is not set: the published claw-back oracle is not compared")
    return Path(folder) / "clawback.py"


def history(seed: int) -> tuple[list[dict[str, Any]], list[Operation], Account]:
    """A random history as the oracle's events and as our operations, and our account of it."""
    chance = random.Random(seed)
    books = {plan[0] + str(plan[1:]): book(expiry=plan) for plan in PLANS.values()}
    by_hash = {rules.hash: rules for rules in books.values()}
    story = Story(next(iter(by_hash.values())))
    account = Account(story.m, by_hash)
    events: list[dict[str, Any]] = []
    ops: list[Operation] = []
    open_sales: list[str] = []
    now = FIRST_MS
    day = 0
    for _ in range(60):
        step = chance.choice((0, 0, 1, 3, 20))
        day, now = day + step, FIRST_MS + (day + step) * MS_PER_DAY + len(ops) * 1000
        events.append({"op": "day", "days": step})
        today = story.rules.today(now)
        if chance.random() < 0.6 or not open_sales:
            plan = chance.choice(list(PLANS.values()))
            rules = books[plan[0] + str(plan[1:])]
            spendable = account.balance(today) if not account.debt else 0
            cash, used = chance.randrange(500, 40_000), 0
            if chance.random() < 0.5 and spendable:
                used = min(chance.randrange(0, spendable + 1), cash // 10)
            op = story.sale(now, cash + used * 10, used, used * 10, store=chance.choice("abc"), rule=rules)
            expires = rules.expires_on(today)
            events.append(
                {
                    "op": "sale", "id": op.id, "fen": cash + used * 10, "store": op.store, "use": used,
                    "exp_days": (_date(expires) - _date(today)).days if expires else None,
                }
            )  # fmt: skip
            open_sales.append(op.id)
        else:
            target = chance.choice(open_sales)
            sale = account.sale(target)
            assert sale is not None
            fen = sale.kept_fen[0] if chance.random() < 0.4 else chance.randrange(0, sale.kept_fen[0] + 1)
            base, tendered = sum(sale.base_by_rate()), sale.tendered()
            op = story.op("sale.refund", now, refs=[target], lines=[[1, 0, fen]], store=chance.choice("abc"))
            account.take(op)  # already here, for what it changes of the sale is told; twice is once
            events.append(
                {
                    "op": "refund", "id": target, "fen": base - sum(sale.base_by_rate()),
                    "restore": tendered - sale.tendered(),
                }
            )  # fmt: skip
            if not sale.kept_fen[0]:
                open_sales.remove(target)
        ops.append(op)
        account.take(op)
    return events, ops, account


def _date(number: int) -> date:
    return date(number // 10_000, number // 100 % 100, number % 100)


def ask(lines: list[str]) -> list[dict[str, Any]]:
    done = subprocess.run(
        [sys.executable, str(oracle()), "--stdin"],
        input="\n".join(lines),
        capture_output=True,
        text=True,
        check=True,
    )
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_the_fold_agrees_with_the_published_oracle_on_random_histories() -> None:
    oracle()
    told = [history(seed) for seed in range(HISTORIES)]
    answers = ask([json.dumps(events) for events, _, _ in told])
    debts = 0
    for seed, ((_events, ops, account), answer) in enumerate(zip(told, answers, strict=True)):
        today = account.books[ops[-1].rule].today(max(op.st for op in ops))
        assert account.balance(today) == answer["rem"], seed
        assert account.debt == answer["debt"], seed
        ours = [lot.remaining for lot in account.in_order(today)]
        assert ours == [lot[0] for lot in answer["lots"]], seed
        debts += account.debt > 0
    assert debts > HISTORIES // 100  # a comparison that never met a debt would say little


def test_the_canonical_order_of_a_history_is_the_order_in_which_it_was_told() -> None:
    _, ops, _ = history(7)
    shuffled = random.Random(1).sample(ops, len(ops))
    assert canonical([*shuffled, *ops]) == ops

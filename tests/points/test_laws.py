"""The laws of points, each by its number, on random histories of a strange little chain."""

from __future__ import annotations

import math
import random
from collections import Counter
from fractions import Fraction
from typing import Any

import pytest
from programme import FIRST_MS, MS_PER_DAY, Story, book

from points.debt import DEBT
from points.fold import Account, fold
from points.holding import Standing, available, move_rights
from points.judging import extends, post
from points.members import end, read_row
from points.operations import Operation
from points.order import canonical
from points.postings import correction, totals, trial_balance
from points.quoting import quote_earn, recompute_earn
from points.returns import Sale
from points.rights import Rights, earn, give_back, hear_grant, spend

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


@pytest.fixture(scope="module", params=SEEDS)
def ops(request: pytest.FixtureRequest) -> list[Operation]:
    return tell(request.param)


@pytest.fixture(scope="module")
def account(ops: list[Operation]) -> Account:
    return fold(1024, ops, BOOKS)


def draws_on(account: Account) -> Counter[str]:
    on: Counter[str] = Counter()
    for draws in account.draws.values():
        for draw in draws:
            assert draw.pts > 0
            on[draw.home] += draw.pts
    return on


def test_p1_every_point_of_a_lot_is_left_or_drawn(account: Account) -> None:
    on = draws_on(account)
    for lot in account.lots.values():
        assert lot.remaining >= 0
        assert lot.pts == lot.remaining + on[lot.id]


def test_p2_who_owes_has_nothing_to_spend(ops: list[Operation]) -> None:
    account = Account(1024, BOOKS)
    for op in canonical(ops):
        account.take(op)
        assert not (account.debt and account.balance(RULES.today(op.st)))


def test_p3_lots_hold_what_kept_sales_earn(account: Account) -> None:
    earned = sum(sale.earned() for _, sale in account.sales.values() if sale is not None)
    assert sum(lot.pts for lot in account.lots.values()) == earned


def test_p4_returning_everything_in_any_order_leaves_nothing(ops: list[Operation]) -> None:
    chance = random.Random(1)
    story = Story(RULES)
    story.n = 10_000
    open_ = [op for op in ops if op.kind in ("sale.earn", "redeem.cash")]
    chance.shuffle(open_)
    now = max(op.st for op in ops)
    back = [story.op("sale.void", now + i, refs=[op.id]) for i, op in enumerate(open_)]
    account = fold(1024, [*ops, *back], BOOKS)
    assert account.debt == 0
    assert account.balance(last_day([*ops, *back])) == 0
    assert account.settlement() == {}
    assert sum(trial_balance(account.legs).values()) == 0
    assert not any(trial_balance(account.legs).values())


def test_p5_settlement_is_the_projection_of_where_draws_are_homed(account: Account) -> None:
    wanted: Counter[tuple[str, str, str]] = Counter()
    for redeem, draws in account.draws.items():
        spent = account.sales[redeem][0]
        for draw in draws:
            issuer = draw.bearer if draw.home == DEBT else account.lots[draw.home].issuer
            if issuer != spent.store:
                wanted[issuer, spent.store, spent.rule] += draw.pts
    assert account.settlement() == dict(wanted)


def test_p6_and_p7_neither_order_nor_repetition_changes_anything(
    ops: list[Operation], account: Account
) -> None:
    chance = random.Random(3)
    mixed = [*ops, *chance.sample(ops, len(ops) // 2)]
    chance.shuffle(mixed)
    other = fold(1024, mixed, BOOKS)
    assert [lot.row() for lot in other.lots.values()] == [lot.row() for lot in account.lots.values()]
    assert (other.debt, other.tier, other.tier_pts) == (account.debt, account.tier, account.tier_pts)
    assert totals(other.legs) == totals(account.legs)


def test_p8_no_more_comes_back_of_a_line_than_was_sold(ops: list[Operation], account: Account) -> None:
    """Counted from the operations alone: what came back of each line, of its points and of its tender."""
    for sold in [op for op in ops if op.kind == "sale.earn"]:
        returns = [op for op in ops if op.refs == [sold.id]]
        voided = any(op.kind == "sale.void" for op in returns)
        sale = account.sale(sold.id)
        assert sale is not None
        for number, _, units, net in sold.body["lines"]:
            lines = [line for op in returns for line in op.body.get("lines", ()) if line[0] == number]
            all_units = voided or sum(line[1] for line in lines) >= units
            kept = 0 if all_units else max(0, net - sum(line[2] for line in lines))
            assert sale.kept_fen[sale.place[number]] == kept
        claws = [account.returned[op.id][0] for op in returns]
        restores = [account.returned[op.id][1] for op in returns]
        used = sum(tender[2] for tender in sold.body["tenders"] if tender[0] == "points")
        assert 0 <= sum(claws) <= sold.body["pts"]
        assert 0 <= sum(restores) <= used
        if voided:
            assert (sum(claws), sum(restores)) == (sold.body["pts"], used)


def test_p11_tier_points_never_move_by_redeeming(ops: list[Operation]) -> None:
    account = Account(1024, BOOKS)
    for op in canonical(ops):
        before = account.tier_pts
        account.take(op)
        if op.kind == "redeem.cash":
            assert account.tier_pts == before


def test_p13_every_leg_cites_an_operation_of_the_history(ops: list[Operation], account: Account) -> None:
    assert {leg.op for leg in account.legs} <= {op.id for op in ops}


def test_p15_an_earn_recomputes_from_its_own_body_and_its_book(ops: list[Operation]) -> None:
    """By fractions and one floor, from the body and the numbers of the book, without the product's code."""
    rates, multipliers = (Fraction(1, 1000), Fraction(3, 700)), (10_000, 12_000, 15_000)
    groups = {"food": 0, "wine": 1}
    earns = [op.body for op in ops if op.kind == "sale.earn"]
    for body in earns:
        nets = [line[3] for line in body["lines"]]
        paid_by_points = sum(fen for kind, fen, *_ in body["tenders"] if kind == "points")
        shares = [Fraction(paid_by_points * net, max(1, sum(nets))) for net in nets]
        whole = [math.floor(share) for share in shares]
        largest = sorted(range(len(nets)), key=lambda i: (whole[i] - shares[i], i))
        for i in largest[: paid_by_points - sum(whole)]:
            whole[i] += 1
        bases = [
            (groups[line[1]], net - part)
            for line, net, part in zip(body["lines"], nets, whole, strict=True)
            if line[1] in groups
        ]
        exact = sum(rates[group] * base for group, base in bases) * multipliers[body["tier"]] / 10_000
        due = math.floor(exact) if sum(base for _, base in bases) >= 3000 else 0
        assert body["pts"] == due == recompute_earn(RULES, body)
    assert any(body["pts"] for body in earns)


def test_p16_debits_equal_credits_and_balances_are_what_the_member_has(account: Account) -> None:
    balance = trial_balance(account.legs)
    assert sum(balance.values()) == 0
    assert balance.get("mem.avail", 0) == sum(lot.remaining for lot in account.lots.values())
    assert -balance.get("mem.debt", 0) == account.debt


def test_a_late_fact_posts_only_the_difference(ops: list[Operation], account: Account) -> None:
    late = ops[len(ops) // 3]
    if any(late.id in op.refs for op in ops):
        return
    first = fold(1024, [op for op in ops if op.id != late.id], BOOKS)
    posted = totals(first.legs)
    for leg in correction(account.legs, posted):
        posted[leg.op, leg.debit, leg.credit, leg.ref] += leg.pts
    assert {k: v for k, v in posted.items() if v} == {k: v for k, v in totals(account.legs).items() if v}


def test_a_history_continued_from_its_checkpoint_is_the_whole_fold(ops: list[Operation]) -> None:
    """Posted one by one on the member's row wherever that is allowed: the same row, the same legs."""
    standing, legs, history = Standing(1024), Counter(), []
    continued = 0
    for ver, op in enumerate(canonical(ops), 1):
        extending = extends(standing, [op], BOOKS)
        continued += extending and standing.row is not None
        result = post(standing, [op], None if extending else history, BOOKS)
        fresh = result.legs if extending else correction(result.legs, legs)
        for leg in fresh:
            legs[leg.op, leg.debit, leg.credit, leg.ref] += leg.pts
        history.append(op)
        standing.row = read_row(end(result.account, ver, "", ""))
    whole = fold(1024, ops, BOOKS)
    assert {k: v for k, v in legs.items() if v} == {k: v for k, v in totals(whole.legs).items() if v}
    assert standing.row is not None
    assert list(standing.row.lots) == [lot.row() for lot in whole.lots.values() if lot.remaining]
    assert (standing.row.debt, standing.row.tier_pts) == (whole.debt, whole.tier_pts)
    assert continued


def test_p10_what_tills_may_spend_never_exceeds_the_balance() -> None:
    for seed in range(200):
        _rights_story(seed)


def _rights_story(seed: int) -> None:
    """Two tills, grants only of what headquarters holds; each spends only its own rights."""
    chance = random.Random(seed)
    story = Story(RULES)
    standing, account = Standing(1024), Account(1024, BOOKS)
    tills = {"s001": Rights(), "s002": Rights()}
    granted = dict.fromkeys(tills, 0)
    sched: dict[str, dict[int, int]] = {store: {} for store in tills}
    now = FIRST_MS
    for _ in range(60):
        now += MS_PER_DAY // 4
        store = chance.choice(list(tills))
        today = RULES.today(now)
        act = chance.random()
        op: Operation | None = None
        if act < 0.4:
            body = dict(sale(story, chance, now, 0, account).body)
            op = story.op(
                "sale.earn", now, store=store,
                **{key: body[key] for key in EARN_KEYS},
                fund=[["add", body["pts"]]] if body["pts"] else None,
            )  # fmt: skip
            tills[store] = earn(tills[store], body["pts"], RULES.expires_on(today))
        elif act < 0.65:
            wish = chance.randrange(1, 40)
            after, fund, short = spend(tills[store], wish, today)
            if not short:
                tills[store] = after
                op = story.op("redeem.cash", now, store=store, pts=wish, fen=wish, fund=fund)
        elif act < 0.8:
            after, fund = give_back(tills[store])
            if fund:
                tills[store] = after
                op = story.op("rights.return", now, store=store, fund=fund)
        else:
            free = available(account, standing, today)
            if free > 0 and not account.debt:
                expires = RULES.expires_on(today)
                granted[store] += free
                sched[store][expires] = sched[store].get(expires, 0) + free
                entries = [[day, n] for day, n in sorted(sched[store].items())]
                op = story.op(
                    "rights.grant", now, store="hq", till="w1", to=[store, "01"], g=granted[store],
                    sched=entries, inc=1, term=1,
                )  # fmt: skip
                tills[store] = hear_grant(tills[store], 1, 1, granted[store], entries)
        if op is not None:
            account.take(op)
            _, short = move_rights(standing, op)
            assert short == 0
        held = sum(sum(rights.left(0)) for rights in tills.values())
        assert held == standing.held
        assert standing.held <= sum(lot.remaining for lot in account.lots.values())
        assert account.debt == 0


def test_the_worked_numbers_of_the_brochure() -> None:
    gold = book(tiers=[[0, 10_000, "普通"], [1, 20_000, "双倍"]], min_order_fen=5000)
    body = {
        "lines": [[1, "all", 1, 25_860], [2, "all", 1, 10_000]],
        "tenders": [["cash", 35_860]],
        "m_bp": 20_000,
    }
    sold = Sale({**body, "pts": 71}, gold)
    assert sold.desired() == 71
    assert sold.take_back([[2, 0, 5_000]]) == (10, 0)
    assert sold.take_back([[2, 1, 5_000]]) == (10, 0)
    assert sold.earned() == 51
    assert sold.take_back([[1, 0, 20_870]]) == (51, 0)  # 49.90 is kept: below the minimum
    assert Sale({**body, "m_bp": 30_000, "pts": 10**6}, gold).desired() == 107
    assert Sale({**body, "m_bp": 25_000, "pts": 10**6}, gold).desired() == 89


def test_negative_control_a_fold_that_forgets_to_repay_breaks_p2(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Account, "_repay", lambda *_: None)
    broken = 0
    for seed in SEEDS:
        account = Account(1024, BOOKS)
        for op in canonical(tell_plain(seed)):
            account.take(op)
            broken += bool(account.debt and account.balance(RULES.today(op.st)))
    assert broken


def tell_plain(seed: int) -> list[Operation]:
    return tell(seed, 30)

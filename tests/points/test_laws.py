"""The laws of points, each by its number, on random histories of a strange little chain."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable

import pytest
from law_checks import LAWS, History
from programme import FIRST_MS, MS_PER_DAY, Story, book
from strange_chain import BOOKS, EARN_KEYS, RULES, SEEDS, sale, tell

from points.fold import Account, fold
from points.holding import Standing, available, move_rights
from points.judging import extends, post
from points.members import end, read_row
from points.operations import Operation
from points.order import canonical
from points.postings import correction, totals
from points.returns import Sale
from points.rights import Rights, earn, give_back, hear_grant, spend


@pytest.fixture(scope="module", params=SEEDS)
def ops(request: pytest.FixtureRequest) -> list[Operation]:
    return tell(request.param)


@pytest.fixture(scope="module")
def account(ops: list[Operation]) -> Account:
    return fold(1024, ops, BOOKS)


@pytest.mark.parametrize("law", LAWS, ids=lambda law: law.__name__)
def test_the_law_holds(law: Callable[[History, Account], None], ops: History, account: Account) -> None:
    law(ops, account)


def test_the_histories_are_worth_asking(ops: History) -> None:
    assert any(op.body["pts"] for op in ops if op.kind == "sale.earn")


def test_a_late_fact_posts_only_the_difference(ops: list[Operation], account: Account) -> None:
    cited = {ref for op in ops for ref in op.refs}
    late = next(op for op in ops[len(ops) // 3 :] if op.id not in cited)
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

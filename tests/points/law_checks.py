"""The laws of points as checks, one a law: given a history and the account folded from it, true or a failure.

``test_laws`` asks them of many histories, ``test_laws_can_fail`` of histories that were folded by broken
rules, which each of them must notice. A check that recounts does so from the operations, not by the product.
"""

from __future__ import annotations

import math
import random
from collections import Counter
from fractions import Fraction

from programme import Story
from strange_chain import BOOKS, RULES, last_day

from points.debt import DEBT
from points.fold import Account, fold
from points.operations import Operation
from points.order import canonical
from points.postings import totals, trial_balance
from points.quoting import recompute_earn

History = list[Operation]


def p1_every_point_of_a_lot_is_left_or_drawn(_ops: History, account: Account) -> None:
    on: Counter[str] = Counter()
    for draws in account.draws.values():
        for draw in draws:
            assert draw.pts > 0
            on[draw.home] += draw.pts
    for lot in account.lots.values():
        assert lot.remaining >= 0
        assert lot.pts == lot.remaining + on[lot.id]


def p2_who_owes_has_nothing_to_spend(ops: History, _account: Account) -> None:
    account = Account(1024, BOOKS)
    for op in canonical(ops):
        account.take(op)
        assert not (account.debt and account.balance(RULES.today(op.st)))


def p3_lots_hold_what_kept_sales_earn(_ops: History, account: Account) -> None:
    earned = sum(sale.earned() for _, sale in account.sales.values() if sale is not None)
    assert sum(lot.pts for lot in account.lots.values()) == earned


def p4_returning_everything_in_any_order_leaves_nothing(ops: History, _account: Account) -> None:
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
    assert not any(trial_balance(account.legs).values())


def p5_settlement_is_the_projection_of_where_draws_are_homed(_ops: History, account: Account) -> None:
    wanted: Counter[tuple[str, str, str]] = Counter()
    for redeem, draws in account.draws.items():
        spent = account.sales[redeem][0]
        for draw in draws:
            issuer = draw.bearer if draw.home == DEBT else account.lots[draw.home].issuer
            if issuer != spent.store:
                wanted[issuer, spent.store, spent.rule] += draw.pts
    assert account.settlement() == dict(wanted)


def p6_the_order_of_arrival_changes_nothing(ops: History, account: Account) -> None:
    same_account(fold(1024, random.Random(3).sample(ops, len(ops)), BOOKS), account)


def p7_an_operation_that_comes_twice_changes_nothing(ops: History, account: Account) -> None:
    same_account(fold(1024, [op for op in ops for _ in range(2)], BOOKS), account)
    again = fold(1024, ops, BOOKS)
    for op in random.Random(3).sample(ops, len(ops) // 2):
        again.take(op)
    same_account(again, account)


def same_account(one: Account, other: Account) -> None:
    assert [lot.row() for lot in one.lots.values()] == [lot.row() for lot in other.lots.values()]
    assert (one.debt, one.tier, one.tier_pts) == (other.debt, other.tier, other.tier_pts)
    assert totals(one.legs) == totals(other.legs)


def p8_no_more_comes_back_of_a_line_than_was_sold(ops: History, account: Account) -> None:
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


def p11_tier_points_never_move_by_redeeming(ops: History, _account: Account) -> None:
    account = Account(1024, BOOKS)
    for op in canonical(ops):
        before = account.tier_pts
        account.take(op)
        if op.kind == "redeem.cash":
            assert account.tier_pts == before


def p13_every_leg_cites_an_operation_of_the_history(ops: History, account: Account) -> None:
    """Here by its id; that its signature verifies is asked where signatures are kept (tests/hub)."""
    assert {leg.op for leg in account.legs} <= {op.id for op in ops}


def p15_an_earn_recomputes_from_its_own_body_and_its_book(ops: History, _account: Account) -> None:
    """By fractions and one floor, from the body and the numbers of the book, without the product's code."""
    rates, multipliers = (Fraction(1, 1000), Fraction(3, 700)), (10_000, 12_000, 15_000)
    groups = {"food": 0, "wine": 1}
    for body in [op.body for op in ops if op.kind == "sale.earn"]:
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


def p16_debits_equal_credits_and_balances_are_what_the_member_has(_ops: History, account: Account) -> None:
    balance = trial_balance(account.legs)
    assert sum(balance.values()) == 0
    assert balance.get("mem.avail", 0) == sum(lot.remaining for lot in account.lots.values())
    assert -balance.get("mem.debt", 0) == account.debt


LAWS = (
    p1_every_point_of_a_lot_is_left_or_drawn,
    p2_who_owes_has_nothing_to_spend,
    p3_lots_hold_what_kept_sales_earn,
    p4_returning_everything_in_any_order_leaves_nothing,
    p5_settlement_is_the_projection_of_where_draws_are_homed,
    p6_the_order_of_arrival_changes_nothing,
    p7_an_operation_that_comes_twice_changes_nothing,
    p8_no_more_comes_back_of_a_line_than_was_sold,
    p11_tier_points_never_move_by_redeeming,
    p13_every_leg_cites_an_operation_of_the_history,
    p15_an_earn_recomputes_from_its_own_body_and_its_book,
    p16_debits_equal_credits_and_balances_are_what_the_member_has,
)

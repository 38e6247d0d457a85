"""Each law is broken once on purpose, and the check that keeps it goes red.

The histories are told by the rules as they are; only then is one rule broken, and the same check asked of
what the broken rule makes of them. What is broken is one line of the product, as a slip would break it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import law_checks
import pytest
from law_checks import History
from strange_chain import BOOKS, RULES, tell

from points.fold import Account, fold
from points.legs import Leg
from points.lots import Lot
from points.operations import Operation
from points.quoting import recompute_earn
from points.returns import Sale
from points.rulebook import RuleBook
from points.settlement import settle

Break = pytest.MonkeyPatch
HISTORIES = 12


@pytest.fixture(scope="module")
def histories() -> list[History]:
    return [tell(seed) for seed in range(HISTORIES)]


def goes_red(law: Callable[[History, Account], None], histories: list[History]) -> bool:
    """Whether the check notices, in any of the histories, the rule that is broken now."""
    for ops in histories:
        account = fold(1024, ops, BOOKS)
        try:
            law(ops, account)
        except AssertionError:
            return True
    return False


def test_no_law_is_red_before_a_rule_is_broken(histories: list[History]) -> None:
    assert not [law.__name__ for law in law_checks.LAWS if goes_red(law, histories)]


def test_p1_a_claw_back_that_leaves_the_lot_its_size(histories: list[History], monkeypatch: Break) -> None:
    clawed = Account._claw_unspent

    def broken(self: Account, op: Operation, lot: Lot, pts: int, expired: bool) -> int:
        size = lot.pts
        done = clawed(self, op, lot, pts, expired)
        lot.pts = size
        return done

    monkeypatch.setattr(Account, "_claw_unspent", broken)
    assert goes_red(law_checks.p1_every_point_of_a_lot_is_left_or_drawn, histories)


def test_p2_a_fold_that_forgets_to_repay(histories: list[History], monkeypatch: Break) -> None:
    monkeypatch.setattr(Account, "_repay", lambda *_: None)
    assert goes_red(law_checks.p2_who_owes_has_nothing_to_spend, histories)


def test_p3_a_return_that_claws_nothing(histories: list[History], monkeypatch: Break) -> None:
    monkeypatch.setattr(Account, "_claw", lambda *_: None)
    assert goes_red(law_checks.p3_lots_hold_what_kept_sales_earn, histories)


def test_p4_a_return_that_keeps_the_points_it_was_paid_with(
    histories: list[History], monkeypatch: Break
) -> None:
    monkeypatch.setattr(Account, "_restore", lambda *_: None)
    assert goes_red(law_checks.p4_returning_everything_in_any_order_leaves_nothing, histories)


def test_p5_a_draw_that_moves_home_and_leaves_its_bill_behind(
    histories: list[History], monkeypatch: Break
) -> None:
    def broken(cause: str, issuer: str, store: str, rule: str, pts: int) -> list[Leg]:
        return list(settle(cause, issuer, store, rule, pts)) if pts > 0 else []

    monkeypatch.setattr("points.fold.settle", broken)
    assert goes_red(law_checks.p5_settlement_is_the_projection_of_where_draws_are_homed, histories)


def test_p6_a_fold_in_the_order_of_arrival(histories: list[History], monkeypatch: Break) -> None:
    monkeypatch.setattr("points.fold.canonical", lambda ops: list({op.id: op for op in ops}.values()))
    assert goes_red(law_checks.p6_the_order_of_arrival_changes_nothing, histories)
    assert not goes_red(law_checks.p7_an_operation_that_comes_twice_changes_nothing, histories)


def test_p7_a_fold_that_does_not_know_what_it_took(histories: list[History], monkeypatch: Break) -> None:
    take = Account.take

    def broken(self: Account, op: Operation) -> None:
        self.seen.clear()
        take(self, op)

    monkeypatch.setattr(Account, "take", broken)
    assert goes_red(law_checks.p7_an_operation_that_comes_twice_changes_nothing, histories)
    assert not goes_red(law_checks.p6_the_order_of_arrival_changes_nothing, histories)


def test_p8_a_line_that_gives_back_more_than_was_sold(histories: list[History], monkeypatch: Break) -> None:
    # The name is looked up in the module before it is found among the built-in ones.
    monkeypatch.setattr("points.returns.max", lambda _least, n: n, raising=False)
    assert goes_red(law_checks.p8_no_more_comes_back_of_a_line_than_was_sold, histories)


def test_p8_a_return_that_restores_what_was_never_used(histories: list[History], monkeypatch: Break) -> None:
    taken = Sale.take_back_as

    def broken(self: Sale, kind: str, body: Any) -> tuple[int, int]:
        claw, restore = taken(self, kind, body)
        return claw, restore + 1

    monkeypatch.setattr(Sale, "take_back_as", broken)
    assert goes_red(law_checks.p8_no_more_comes_back_of_a_line_than_was_sold, histories)


def test_p11_a_redemption_that_costs_tier_points(histories: list[History], monkeypatch: Break) -> None:
    spent = Account._spend

    def broken(self: Account, op: Operation, pts: int, today: int, book: RuleBook) -> None:
        self.tier_pts -= pts
        spent(self, op, pts, today, book)

    monkeypatch.setattr(Account, "_spend", broken)
    assert goes_red(law_checks.p11_tier_points_never_move_by_redeeming, histories)


def test_p13_a_leg_that_cites_the_lot_it_moves(histories: list[History], monkeypatch: Break) -> None:
    monkeypatch.setattr(
        "points.fold.Leg", lambda op, debit, credit, ref, pts: Leg(ref, debit, credit, ref, pts)
    )
    assert goes_red(law_checks.p13_every_leg_cites_an_operation_of_the_history, histories)


def test_p15_a_book_that_rounds_up(histories: list[History], monkeypatch: Break) -> None:
    """Told and recomputed by the same broken rule, so only the count by fractions can notice."""
    whole = RuleBook.earned

    def broken(self: RuleBook, base_by_rate: list[int], m_bp: int) -> int:
        return whole(self, base_by_rate, m_bp) + (sum(base_by_rate) >= self.min_order_fen)

    monkeypatch.setattr(RuleBook, "earned", broken)
    told = [tell(seed) for seed in range(HISTORIES)]
    assert all(
        op.body["pts"] == recompute_earn(RULES, op.body)
        for ops in told
        for op in ops
        if op.kind == "sale.earn"
    )
    assert goes_red(law_checks.p15_an_earn_recomputes_from_its_own_body_and_its_book, told)


def test_p16_a_claw_back_that_is_not_written_down(histories: list[History], monkeypatch: Break) -> None:
    clawed = Account._claw_unspent

    def broken(self: Account, op: Operation, lot: Lot, pts: int, expired: bool) -> int:
        done = clawed(self, op, lot, pts, expired)
        if done:
            self.legs.pop()
        return done

    monkeypatch.setattr(Account, "_claw_unspent", broken)
    assert goes_red(law_checks.p16_debits_equal_credits_and_balances_are_what_the_member_has, histories)


def test_p16_a_posting_with_one_side(histories: list[History], monkeypatch: Break) -> None:
    def broken(legs: list[Leg]) -> dict[str, int]:
        return {leg.credit: leg.pts for leg in legs}

    monkeypatch.setattr("law_checks.trial_balance", broken)
    assert goes_red(law_checks.p16_debits_equal_credits_and_balances_are_what_the_member_has, histories)

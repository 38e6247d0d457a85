"""The second opinion can say no: each kind of fault is planted once and seen."""

from __future__ import annotations

from typing import Any

from agent.replay import opinion
from agent.replay.opinion import HubFacts
from agent.replay.rehearsal import LEDGER, RULES
from agent.replay.year import DAY_MS, Told, Wish
from points import rulebook
from points.wire import canonical

SAID: dict[int, Any] = {
    7: {
        "lots": [[50, 20271118, "s1"]],
        "balance": 50,
        "debt": 0,
        "tier_pts": 50,
        "settlement": [["s1", "s2", 1000, 100, 5]],
        "doubts": [],
        "bearers": {},
        "accounts": {"issue": {"s1": 62}, "redeem": {"s2": 5}, "expire": {"s1": 7}},
    }
}
ACCOUNTS = {
    "mem.avail": 33, "mem.local:s1/01": 20, "x.issue:s1": -62, "x.redeem:s2": 5, "x.expire:s1": 4,
    "settle:s1": -5, "settle:s2": 5,
}  # fmt: skip
GONE = ["x.1", 3, 20261231, "s1"]
"""Expired, and not posted so yet."""


def hub(**changes: Any) -> dict[str, Any]:
    lots = [["x.0", 50, 20271118, "s1"], GONE]
    member = {"lots": lots, "debt": 0, "tier_pts": 50, **changes.pop("member", {})}
    books = {**ACCOUNTS, **changes.pop("accounts", {})}
    return {
        "members": {"7": member}, "settlement": {"s1|s2|r": 5}, "accounts": books, "cases": {}, **changes,
    }  # fmt: skip


def differ(state: dict[str, Any]) -> list[str]:
    return opinion.differences(SAID, state, "r", [1000, 100], 20270101)


def test_two_that_agree_have_no_difference() -> None:
    assert differ(hub()) == []


def test_each_number_that_differs_is_seen() -> None:
    assert differ(hub(member={"lots": [["x.0", 49, 20271118, "s1"], GONE]}))
    assert differ(hub(member={"lots": [["x.0", 50, 20271118, "s2"], GONE]}))
    assert differ(hub(member={"debt": 1}))
    assert differ(hub(member={"tier_pts": 51}))
    assert differ(hub(settlement={}))
    assert differ(hub(accounts={"mem.avail": 34}))
    assert differ({**hub(), "members": {**hub()["members"], "8": hub()["members"]["7"]}})


def test_each_account_that_differs_is_seen_though_all_add_up() -> None:
    assert differ(hub(accounts={"x.issue:s1": -61, "x.issue:s2": -1}))
    assert differ(hub(accounts={"x.redeem:s2": 6, "x.redeem:s1": -1}))
    assert differ(hub(accounts={"x.expire:s1": 5, "mem.avail": 32}))
    assert differ(hub(accounts={"mem.debt": -1, "mem.avail": 34}))
    assert differ(hub(member={"lots": [["x.0", 50, 20271118, "s1"]]})), "breakage that was lost"


def test_a_sale_that_gave_other_points_than_the_rules_is_seen() -> None:
    doubted = {7: {**SAID[7], "doubts": [["a", "earned", 1, 2]]}}
    assert opinion.differences(doubted, hub(), "r", [1000, 100], 20270101)
    assert differ(hub(cases={"earn-differs": 1}))
    assert not differ(hub(cases={"uncovered": 1}))


def body(op_id: str, st: int, **more: Any) -> dict[str, Any]:
    return {"id": op_id, "t": "redeem.cash", "st": st, "m": 7, **more}


def test_a_spend_that_no_right_covered_is_seen() -> None:
    told = Told(
        ops=[("s1", 1, body("a", 1, fund=[["add", 5]])), ("s1", 2, body("b", 2, fund=[["local", 6]]))]
    )
    assert opinion.overspent(told, HubFacts())
    told = Told(ops=[("s1", 1, body("a", 1, fund=[["allowance", 6]]))])
    assert opinion.overspent(told, HubFacts(grants={("s1", 7): [(0, 5)]}))
    assert not opinion.overspent(told, HubFacts(grants={("s1", 7): [(0, 6)]}))


def test_what_was_not_reserved_and_what_is_trusted_is_overspent() -> None:
    spent = Told(ops=[("s1", 1, body("a", 1, fund=[["auth", 6]]))])
    assert opinion.overspent(spent, HubFacts())
    assert opinion.overspent(spent, HubFacts(reserved={7: [(0, "a", 5)]}))
    assert opinion.overspent(spent, HubFacts(reserved={7: [(0, "b", 6)]}))
    assert not opinion.overspent(spent, HubFacts(reserved={7: [(0, "a", 6)]}))
    assert opinion.overspent(Told(ops=[("s1", 1, body("a", 1, fund=[["trust", 1]]))]), HubFacts())


def test_a_debt_that_headquarters_bears_is_seen() -> None:
    bears = {7: {**SAID[7], "bearers": {"hq": 1}}}
    assert opinion.differences(bears, hub(), "r", [1000, 100], 20270101)


def test_a_draw_on_other_points_is_seen() -> None:
    sales = [
        body(f"{n:032x}", n * DAY_MS, t="sale.earn", lines=[[1, "all", 1, 5000]], tenders=[["cash", 5000]],
             tier=0, m_bp=10_000, day_used=0, desired=50, pts=50, day=19700101 + n, rule="r")
        for n in range(2)
    ]  # fmt: skip
    told = Told(ops=[("s1", 1, sales[0]), ("s1", 2, sales[1])])
    told.ops.append(("s1", 3, body("b" * 32, 9 * DAY_MS, pts=60, rule="r", day=19700110)))
    books = {"r": rulebook.read(canonical.encode({**RULES, "zone": [[0, 0]]}))}
    said = opinion.ask(LEDGER, told, {**RULES, "zone": [[0, 0]]}, "r", 19700201)
    assert [n for _, n in said[7]["draws"]["b" * 32]] == [50, 10]
    assert not opinion.draws_differ(said, told, books)
    for bent in (
        lambda runs: runs[::-1],
        lambda runs: [[runs[0][0], 49], [runs[1][0], 11]],
        lambda runs: [[[home[0], "s2", home[2]], n] for home, n in runs],
    ):
        assert opinion.draws_differ(
            {7: {**said[7], "draws": {"b" * 32: bent(said[7]["draws"]["b" * 32])}}}, told, books
        )


def test_a_refusal_of_a_till_that_had_the_rights_is_seen() -> None:
    wish = Wish(7, "s1", 100, 5, 10, False, "not_here_offline")
    told = Told(ops=[("s1", 1, body("a", 1, fund=[["add", 5]]))], wishes=[wish])
    assert opinion.needless(told, HubFacts(), lambda asked: [0 for _ in asked])
    short = Told(ops=[("s1", 1, body("a", 1, fund=[["add", 4]]))], wishes=[wish])
    assert not opinion.needless(short, HubFacts(), lambda asked: [0 for _ in asked])


def test_a_refusal_of_headquarters_that_held_the_points_is_seen() -> None:
    wish = Wish(7, "s1", 10**6, 5, 10, True, "not_enough_points")
    earned = ("s2", 1, body("a", 1, fund=[["add", 9]]))
    told = Told(
        ops=[earned, ("s2", 2, body("b", 2, fund=[["back_l", 9]]))], wishes=[wish], contacts=[("s2", 10, 2)]
    )
    assert opinion.needless(told, HubFacts(), lambda asked: [9 for _ in asked])
    granted = HubFacts(grants={("s3", 7): [(5, 9)]})
    assert not opinion.needless(told, granted, lambda asked: [9 for _ in asked])

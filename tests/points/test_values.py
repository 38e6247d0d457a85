"""Days, amounts, names and bodies: what is accepted, and what says which field is wrong."""

from __future__ import annotations

import json
import random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from programme import FIRST_MS, PLAIN, Story, book

from points import operations, rulebook
from points.amounts import BadAmount, spread, whole
from points.days import Day, days_between, local_day, month_end, plus_days, plus_months, quarter_end, year_end
from points.expiry import is_past
from points.fields import BadOperation
from points.fold import fold
from points.identifiers import bucket, new_op_id
from points.members import begin, end, read_row
from points.operations import known, read
from points.quoting import check_redeem
from points.refusals import Refusal
from points.rights import Rights, burn, close, earn, give_back, hear_grant, spend
from points.rulebook import BadRuleBook


@given(st.integers(0, 10**12), st.lists(st.integers(0, 10**9), min_size=1, max_size=40))
def test_a_sum_that_is_split_keeps_every_fen(total: int, weights: list[int]) -> None:
    parts = spread(total, weights)
    assert sum(parts) == total
    if sum(weights):
        for part, weight in zip(parts, weights, strict=True):
            assert abs(part * sum(weights) - total * weight) < sum(weights)


@pytest.mark.parametrize("wrong", [True, 1.0, "5", None, 10**12 + 1, -(10**12) - 1])
def test_an_amount_is_a_whole_number_within_bounds(wrong: object) -> None:
    with pytest.raises(BadAmount):
        whole(wrong)


def test_days_of_the_calendar() -> None:
    assert plus_months(Day(20260131), 1) == 20260228
    assert plus_months(Day(20281130), 15) == 20300228
    assert (month_end(Day(20260214)), quarter_end(Day(20260214)), year_end(Day(20260214))) == (
        20260228, 20260331, 20261231,
    )  # fmt: skip
    assert plus_days(Day(20261231), 1) == 20270101
    assert days_between(Day(20261231), Day(20270101)) == 1
    assert days_between(Day(20240301), Day(20240228)) == -2
    assert not is_past(20261231, 20261231)
    assert is_past(20261231, 20270101)
    assert not is_past(0, 99991231)


def test_the_local_day_goes_by_the_table_of_the_book() -> None:
    zone = [[0, -300], [1_489_302_000_000 // 1000 * 1000, -240]]
    assert local_day(1_489_302_000_000 - 1, zone) == 20170312
    assert local_day(1_489_290_000_000, [[0, -300]]) == 20170311


ENDLESS = (
    ["rolling", 1200], ["rolling_year_end", 1200], ["calendar_end", "month"], ["calendar_end", "quarter"],
    ["calendar_end", "year"], ["fixed", 99991231], ["never"],
)  # fmt: skip


@pytest.mark.parametrize("plan", ENDLESS)
def test_no_store_time_that_is_accepted_lies_beyond_the_calendar(plan: list[Any]) -> None:
    for minutes in (-1440, 1440):
        rules = book(expiry=plan, grace_days=366, zone=[[0, minutes]])
        for last_ms in (0, operations.ST_MAX_MS - 10):
            story = Story(rules)
            first = story.sale(last_ms, 100_000, pts=100)
            then = story.sale(last_ms, 5_000, used=100, used_fen=1_000, pts=4)
            back = [story.op("sale.void", last_ms, refs=[op.id]) for op in (then, first)]
            ops = [first, then, *back]
            account = fold(1024, ops, {rules.hash: rules})
            assert (account.debt, account.returned[back[0].id]) == (0, (4, 100))
            row = read_row(end(account, 1, "", ""))
            assert fold(1024, ops[:2], {rules.hash: rules}).debt == begin(row, {rules.hash: rules}).debt == 0


def test_a_clock_that_runs_seventy_years_ahead_is_still_a_clock() -> None:
    story, in_2099_ms = Story(book()), 4_086_200_000_000
    assert story.rules.today(story.sale(in_2099_ms, 100).st) == 20990626


def test_ids_sort_as_they_were_made() -> None:
    chance = random.Random(2)
    ids = [new_op_id(FIRST_MS + i, chance.randbytes(10)) for i in range(50)]
    assert ids == sorted(ids)
    assert bucket(1024 * 257 + 5) == 1


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"id": "x"}, "id"),
        ({"st": -1}, "st"),
        ({"st": 1.5}, "st"),
        ({"day": 20260230}, "day"),
        ({"rule": "zz"}, "rule"),
        ({"m": 2**40}, "m"),
        ({"pts": True}, "body"),
        ({"fund": [["steal", 5]], "inc": 1, "term": 1}, "fund"),
        ({"fund": [["local", 0]], "inc": 1, "term": 1}, "fund"),
        ({"fund": [["local", 4]], "inc": 1, "term": 1}, "fund"),
        ({"fund": [["local", 5]]}, "inc"),
        ({"by": "a\nb"}, "by"),
        ({"at": "x"}, "at"),
        ({"at": 1.0}, "at"),
        ({"who": "zz"}, "who"),
        ({"who": "A" * 32}, "who"),
        ({"Key": 1}, "keys"),
        ({"": 1}, "keys"),
        ({"a b": 1}, "keys"),
        ({"m2": 1}, "keys"),
        ({"lots": []}, "lots"),
        ({"draws": []}, "draws"),
        ({"homes": []}, "homes"),
        ({"debt": 5}, "debt"),
    ],
)
def test_a_bad_field_names_itself(change: dict[str, Any], field: str) -> None:
    good = Story(book()).op("redeem.cash", FIRST_MS, pts=5, fen=50, fund=[["local", 5]]).body
    body = {**good, **change}
    if "fund" in change and "inc" not in change:
        body = {key: value for key, value in body.items() if key not in ("inc", "term")}
    with pytest.raises(BadOperation) as wrong:
        read(body, "s001", "01")
    assert wrong.value.field == field


ODD: list[Any] = [
    *(-1, 0, 1, 255, 256, 2**31, 2**31 + 1, 2**40 - 1, 2**40, 2**53 - 1, 2**53, 20260228, 20260229, 99991231),
    *(
        operations.ST_MAX_MS,
        operations.ST_MAX_MS + 1,
        True,
        None,
        1.5,
        "",
        "a b",
        "a\n",
        "会员",
        [],
        ["f" * 32],
    ),
    *(
        "f" * 32,
        "g" * 32,
        "F" * 32,
        "f" * 31,
        "f" * 64,
        "f" * 65,
        "x" * 64,
        "x" * 65,
        "sale.earn",
        "sale earn",
    ),
]
FIELDS = (
    "id",
    "t",
    "tv",
    "st",
    "mono",
    "boot",
    "day",
    "by",
    "rule",
    "m",
    "at",
    "who",
    "pii",
    "refs",
    "pts",
    "fund",
)


@pytest.mark.parametrize("field", FIELDS)
def test_the_one_question_and_the_field_by_field_ones_agree(
    field: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    good = Story(book()).op("redeem.cash", FIRST_MS, pts=5, fen=50, fund=[["local", 5]]).body
    bodies = [{**good, field: odd} for odd in ODD]
    bodies.append({key: value for key, value in good.items() if key != field})

    def told(body: dict[str, Any]) -> object:
        try:
            return dict(read(body, "s001", "01").body)
        except BadOperation as error:
            return error.field

    quick = [told(body) for body in bodies]
    monkeypatch.setattr(operations, "_is_plain", lambda _: False)
    assert [told(body) for body in bodies] == quick


def test_a_missing_field_names_itself_and_an_unknown_key_is_kept() -> None:
    good = dict(Story(book()).op("redeem.cash", FIRST_MS, pts=5, fen=50, fund=[["local", 5]]).body)
    with pytest.raises(BadOperation) as missing:
        read({key: value for key, value in good.items() if key != "pts"}, "s001", "01")
    assert missing.value.field == "pts"
    assert read({**good, "later": [1]}, "s001", "01").body["later"] == [1]
    later = {**good, "t": "coupon.redeem", "debt": 5}, {**good, "tv": 2, "lots": "of another meaning"}
    assert [known(body) for body in later] == [False, False]
    assert [read(body, "s001", "01").body for body in later] == list(later), "what is parked is not judged"
    assert read({**good, "at": -1}, "s001", "01").body["at"] == -1, "a clock may say what it likes"


def test_more_is_never_added_than_was_earned_and_what_is_paid_is_what_is_sold() -> None:
    story = Story(book())
    with pytest.raises(BadOperation, match="added"):
        story.sale(FIRST_MS, 10_000, pts=10, fund=[["add", 11]])
    for odd in ({"feed_g": -1}, {"feed_g": "7"}, {"week_used": 0.5}, {"segment": ""}, {"segment": 3}):
        with pytest.raises(BadOperation):
            story.sale(FIRST_MS, 10_000, **odd)
    story.sale(FIRST_MS, 10_000, feed_g=7, week_used=3, segment="gold")
    with pytest.raises(BadOperation, match="paid"):
        story.sale(FIRST_MS, 10_000, tenders=[["cash", 9_999]])


def test_points_that_would_pay_nothing_are_not_taken() -> None:
    little = book(redeem={"pts": 100, "fen": 10, "step": 5})
    refused = Refusal.below_step
    assert [check_redeem(little, pts, 100, 0) for pts in (5, 9, 10)] == [refused, refused, None]
    assert check_redeem(book(redeem={"pts": 1, "fen": 0, "step": 1}), 50, 100, 0) is refused


@pytest.mark.parametrize(
    "change",
    [
        {"v": 2}, {"rates": []}, {"rates": [[1, 0]]}, {"tiers": [[5, 10_000, "x"]]},
        {"expiry": ["sometimes"]},
        {"expiry": ["rolling", 0]}, {"expiry": ["calendar_end", "week"]}, {"zone": []},
        {"redeem": {"pts": 0}},
        {"min_order_fen": "50"}, {"category_rate": {"a": 7}}, {"tiers": [[0, 1.5, "x"]]},
        {"v": True}, {"v": 1.0}, {"grace_days": 30.0}, {"grace_days": float("nan")},
        {"settle": [1000, 100, 5]}, {"campaigns": [{"double": "friday"}]}, {"manager": {"sell_fen": 1}},
        {"refund_elsewhere": {"week_fen": 1}}, {"manager": []},
        {"redeem": {"pts": 1, "fen": 10, "step": 1, "max_share_bp": 5000}}, {"redeem": None},
    ],
)  # fmt: skip
def test_a_book_that_cannot_be_kept_is_refused_whole(change: dict[str, Any]) -> None:
    with pytest.raises(BadRuleBook):
        rulebook.read(json.dumps({**PLAIN, **change}).encode())


def test_a_book_that_two_readers_could_read_as_two_promises_is_refused() -> None:
    text = json.dumps(PLAIN)
    assert rulebook.read(text.encode()).min_order_fen == 0
    for twice in (
        text.replace('"min_order_fen": 0', '"min_order_fen": 0, "min_order_fen": 5000'),
        text.replace('"step": 1', '"step": 1, "step": 100'),
        text.replace('"giftcard": -1', '"giftcard": -1, "gift\\u0063ard": 0'),
    ):
        assert twice != text
        with pytest.raises(BadRuleBook, match="twice"):
            rulebook.read(twice.encode())
    for other in (text.encode("utf-16"), text.encode("utf-32-le"), b"\xef\xbb\xbf" + text.encode()):
        with pytest.raises(BadRuleBook):
            rulebook.read(other)


def test_a_book_leaves_out_only_what_has_a_default() -> None:
    least = {key: value for key, value in PLAIN.items() if key != "not_earning"}
    assert rulebook.read(json.dumps(least).encode()).not_earning == {"points"}
    for key in least:
        with pytest.raises(BadRuleBook):
            rulebook.read(json.dumps({rule: value for rule, value in least.items() if rule != key}).encode())


def test_expiry_plans() -> None:
    earned = Day(20260305)
    plans = {
        ("rolling", 12): 20270305, ("rolling_year_end", 12): 20271231, ("calendar_end", "year"): 20261231,
        ("fixed", 20280101): 20280101, ("never",): 0,
    }  # fmt: skip
    for plan, day in plans.items():
        assert book(expiry=list(plan)).expires_on(earned) == day


def test_rights_are_spent_soonest_first_and_a_grant_heard_again_changes_nothing() -> None:
    rights = earn(earn(Rights(), 5, 20270101), 3, 20261201)
    rights = hear_grant(rights, 1, 1, 10, [[20261130, 4], [20270630, 6]])
    assert hear_grant(rights, 1, 1, 10, [[20261130, 4], [20270630, 6]]) == rights
    assert hear_grant(rights, 1, 1, 7, [[20261130, 7]]) == rights  # an older one, heard late
    after, fund, short = spend(rights, 12, 20261120)
    assert (fund, short) == ([["local", 8], ["allowance", 4]], 0)
    assert after.left(20261120) == (0, 6)
    _, fund, short = spend(rights, 12, 20261202)  # 1 December has passed, and so has 30 November
    assert (fund, short) == ([["local", 5], ["allowance", 6]], 1)
    assert give_back(rights)[1] == [["back_l", 8], ["back_a", 10]]  # what has passed still goes home
    assert burn(rights, 9)[1] == [["burn_l", 8], ["burn_a", 1]]


def test_a_closed_term_spends_no_allowance_and_never_opens_again() -> None:
    rights = close(hear_grant(earn(Rights(), 5, 0), 1, 1, 10, [[0, 10]]))
    assert rights.left(20260101) == (5, 0)
    assert hear_grant(rights, 1, 1, 20, [[0, 20]]).left(20260101) == (5, 0)
    assert hear_grant(rights, 1, 2, 4, [[0, 4]]).left(20260101) == (5, 4)

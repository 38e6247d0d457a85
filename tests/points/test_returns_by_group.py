"""Goods of a sale whose lines were not known come back by the groups on its paper, exact all the same."""

from __future__ import annotations

import random
from typing import Any

import pytest
from programme import FIRST_MS, Story, book

from points.operations import BadOperation
from points.returns import Sale

TWO_RATES = book(rates=[[1, 1000], [3, 1000]], category_rate={"giftcard": -1, "wine": 1})
LINES = [[1, "food", 3, 3000], [2, "wine", 1, 5000], [3, "giftcard", 1, 9000], [4, "food", 1, 7000]]


def sale(lines: list[list[Any]], used: int = 0) -> Sale:
    net = sum(line[3] for line in lines)
    tenders = [["cash", net - used], ["points", used, used]] if used else [["cash", net]]
    return Sale({"lines": lines, "tenders": tenders, "tier": 0, "m_bp": 10_000, "pts": 10**9}, TWO_RATES)


def test_a_group_takes_kept_money_in_line_order() -> None:
    sold = sale(LINES)
    assert sold.granted == 10 + 15
    assert sold.take_back_groups([[0, 4000]]) == (4, 0)
    assert sold.rest() == [[1, 3, 0], [2, 1, 5000], [3, 1, 9000], [4, 1, 6000]]
    assert sold.take_back([[1, 3, 0], [4, 0, 1000]]) == (1, 0), "lines go on from there"
    assert sold.take_back_groups([[1, 5000], [0, 5000]]) == (20, 0)
    assert not sold.over_refunded
    assert sold.take_back_groups([[0, 1]]) == (0, 0)
    assert sold.over_refunded


@pytest.mark.parametrize("seed", range(50))
def test_any_split_by_groups_and_lines_takes_exactly_everything(seed: int) -> None:
    dice = random.Random(seed)
    lines = [
        [n, dice.choice(["food", "wine", "giftcard"]), dice.randrange(1, 4), dice.randrange(0, 9000)]
        for n in range(1, dice.randrange(2, 7))
    ]
    sold = sale(lines, dice.randrange(0, 1 + sum(line[3] for line in lines) // 2))
    granted, used, claw, restore = sold.earned(), sold.tendered(), 0, 0
    for _ in range(dice.randrange(1, 6)):
        if dice.random() < 0.5:
            number, _, fen = dice.choice(sold.rest() or [[1, 0, 0]])
            more = sold.take_back([[number, 0, dice.randrange(0, fen + 1)]])
        else:
            rate = dice.randrange(2)
            left = sum(k for k, r in zip(sold.kept_fen, sold.rate, strict=True) if r == rate)
            more = sold.take_back_groups([[rate, dice.randrange(0, left + 1)]])
        claw, restore = claw + more[0], restore + more[1]
    last = sold.take_back_all()
    assert (claw + last[0], restore + last[1]) == (granted, used)
    assert not sold.over_refunded


def returned(dice: random.Random, sold: Sale) -> tuple[str, dict[str, Any]]:
    """A part of what is left, by lines or by a group."""
    if dice.random() < 0.3:
        rate = dice.randrange(2)
        return "sale.refund", {"groups": [[rate, dice.randrange(1, 2 + sold.kept_of(rate))]]}
    rest = sold.rest() or [[1, 0, 0]]
    chosen = dice.sample(rest, dice.randrange(1, len(rest) + 1))
    return "sale.refund", {
        "lines": [
            [number, dice.randrange(units + 1), dice.randrange(fen + 1)] for number, units, fen in chosen
        ]
    }


@pytest.mark.parametrize("seed", range(100))
def test_a_sale_that_is_told_by_what_is_left_goes_on_as_one_that_was_followed(seed: int) -> None:
    """So another till that is told the sale and its rest claws to the point, whoever refunded before."""
    dice = random.Random(seed)
    lines = [
        [n, dice.choice(["food", "wine", "giftcard"]), dice.randrange(1, 4), dice.randrange(0, 9000)]
        for n in range(1, dice.randrange(2, 7))
    ]
    used = dice.randrange(0, 1 + sum(line[3] for line in lines) // 2)
    followed = sale(lines, used)
    whole = (followed.earned(), followed.tendered())
    claw = restore = 0
    for _ in range(dice.randrange(1, 6)):
        told = sale(lines, used)
        told.keep_only(followed.rest())
        assert (told.rest(), told.earned(), told.tendered()) == (
            followed.rest(), followed.earned(), followed.tendered(),
        )  # fmt: skip
        kind, body = returned(dice, followed)
        there = told.take_back_as(kind, body)
        assert there == followed.take_back_as(kind, body)
        assert told.over_refunded is followed.over_refunded
        claw, restore = claw + there[0], restore + there[1]
    last = followed.take_back_all()
    assert (claw + last[0], restore + last[1]) == whole, "nothing twice, nothing forgotten"


RESERVED: dict[str, Any] = {"refs": ["0" * 32], "sale": "1" * 32, "to": ["s001", "01"], "inc": 1, "term": 1}


@pytest.mark.parametrize(
    ("kind", "what"),
    [
        ("refund.cede", {}),
        ("refund.cede", {"refs": ["0" * 32, "1" * 32]}),
        ("refund.cede", {"refs": ["x"]}),
        ("refund.reserve", {**RESERVED}),
        ("refund.reserve", {**RESERVED, "lines": []}),
        ("refund.reserve", {**RESERVED, "lines": [[1, 1, 100], [1, 1, 100]]}),
        ("refund.reserve", {**RESERVED, "lines": [[1, 1, -100]]}),
        ("refund.reserve", {**RESERVED, "lines": [[1, 1, 100]], "sale": "x"}),
        ("refund.reserve", {**RESERVED, "lines": [[1, 1, 100]], "to": ["s001"]}),
        ("refund.reserve", {**RESERVED, "lines": [[1, 1, 100]], "term": 0}),
        ("refund.void", {"refs": ["0" * 32]}),
        ("refund.void", {"refs": [], "sale": "1" * 32}),
    ],
)
def test_who_may_refund_is_said_whole(kind: str, what: dict[str, Any]) -> None:
    story = Story(TWO_RATES)
    with pytest.raises(BadOperation):
        story.op(kind, FIRST_MS, **what)
    good = {
        "refund.cede": {"refs": ["0" * 32]},
        "refund.reserve": {**RESERVED, "lines": [[1, 1, 100]]},
        "refund.void": {"refs": ["0" * 32], "sale": "1" * 32},
    }
    assert story.op(kind, FIRST_MS, **good[kind]).kind == kind


@pytest.mark.parametrize(
    "what",
    [
        {},
        {"lines": [[1, 1, 100]], "groups": [[0, 100]]},
        {"groups": []},
        {"groups": [[0, 0]]},
        {"groups": [[8, 100]]},
        {"groups": [[0, 100], [0, 100]]},
        {"groups": [[0, True]]},
        {"groups": [[0]]},
    ],
)
def test_a_refund_says_lines_or_groups(what: dict[str, Any]) -> None:
    story = Story(TWO_RATES)
    with pytest.raises(BadOperation):
        story.op("sale.refund", FIRST_MS, refs=["0" * 32], **what)
    assert story.op("sale.refund", FIRST_MS, refs=["0" * 32], groups=[[0, 100], [7, 1]]).kind == "sale.refund"

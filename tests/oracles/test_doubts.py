"""What a till wrote of a sale and what the ledger doubts of it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from test_ledger import Counter


@pytest.mark.parametrize(
    ("second", "doubted"),
    [
        ({"pts": 7, "day_used": 90}, ["day_cap"]),  # less than was due
        ({"pts": 15, "day_used": 90}, ["earned"]),
        ({"pts": 10, "day_used": 90, "tier": 0, "m_bp": 10_000}, []),
        ({"pts": 10, "day_used": 89}, ["day_cap", "day_used"]),
        ({"pts": 14, "day_used": 0}, ["day_used"]),  # the till forgot what it gave this morning
        ({"pts": 9, "day_used": 91}, ["day_used"]),  # and here it withholds what nobody has given
        ({"pts": 10, "day_used": 90, "tier": 1, "m_bp": 12_000}, ["tier"]),
        ({"pts": 10, "day_used": 90, "tier": 0, "m_bp": 10_001}, ["tier"]),
    ],
)
def test_a_sale_that_its_own_inputs_or_the_day_do_not_explain_is_doubted(
    second: dict[str, Any], doubted: list[str]
) -> None:
    shop = Counter()
    shop.sale("a", 90_000, 90, day_used=0)
    shop.sale("a", 14_000, **second)
    assert [doubt[1] for doubt in shop.now()["doubts"]] == doubted


def test_a_tier_that_its_own_till_has_seen_reached_is_not_withheld() -> None:
    shop = Counter()
    for n in range(14):
        shop.day += timedelta(days=1)
        shop.sale("a", 100_000, 100, day_used=0, tier=0, m_bp=10_000)
        assert [doubt[1] for doubt in shop.now()["doubts"]] == ["tier"] * max(0, n - 10)
    other = Counter()
    for store in "abcdefghijklmn":  # each has given too little to know
        other.day += timedelta(days=1)
        other.sale(store, 100_000, 100, day_used=0, tier=0, m_bp=10_000)
    assert other.now()["doubts"] == []


def test_what_came_back_may_be_earned_again_the_same_day() -> None:
    shop = Counter()
    sale = shop.sale("a", 100_000, 100, day_used=0)
    shop.void("a", sale)
    shop.sale("a", 90_000, 90, day_used=0)
    assert shop.now()["doubts"] == []

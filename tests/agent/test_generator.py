"""Drawn baskets are the same from the same seed and look like real ones where it matters."""

from __future__ import annotations

from collections import defaultdict
from datetime import date, datetime
from zoneinfo import ZoneInfo

from agent.replay.baskets import Basket
from agent.replay.generator import VISITS_A_YEAR, Dice, baskets

YEAR = baskets(7, households=300, stores=40, start=date(2026, 1, 1), days=365)


def test_the_same_seed_gives_the_same_baskets() -> None:
    assert baskets(7, households=20, days=40) == baskets(7, households=20, days=40)
    assert baskets(7, households=20, days=40) != baskets(8, households=20, days=40)


def test_baskets_come_in_order_on_their_local_days() -> None:
    keys = [(basket.at_ms, basket.basket) for basket in YEAR]
    assert keys == sorted(keys)
    place = ZoneInfo("America/New_York")
    for basket in YEAR[::23]:
        assert int(datetime.fromtimestamp(basket.at_ms // 1000, place).strftime("%Y%m%d")) == basket.day
    assert (YEAR[0].day, YEAR[-1].day) == (20260101, 20261231)


def test_a_year_has_the_shape_of_a_real_one() -> None:
    stores_of: dict[int, set[int]] = defaultdict(set)
    days_of: dict[tuple[int, int], set[int]] = defaultdict(set)
    for basket in YEAR:
        stores_of[basket.household].add(basket.store)
        days_of[basket.household, basket.day].add(basket.store)
    per_household = len(YEAR) // len(stores_of)
    assert 50 <= per_household <= 80, "63 in the real year"
    assert 2_300 <= sum(b.net_fen for b in YEAR) // len(YEAR) <= 3_500, "2949 in the real year"
    assert 8 <= sum(len(b.lines) for b in YEAR) // len(YEAR) <= 11, "9.4 in the real year"
    several = sum(len(stores) > 1 for stores in stores_of.values()) * 100 // len(stores_of)
    assert 78 <= several <= 95, "86.7 % in the real year"
    same_day = sum(len(stores) > 1 for stores in days_of.values()) * 1000 // len(days_of)
    assert 20 <= same_day <= 90, "3.8 % in the real year"


def test_lines_are_whole_numbers_within_bounds() -> None:
    for basket in YEAR[::11]:
        assert basket.lines
        assert all(units >= 1 and fen >= 1 for _, _, units, fen in basket.lines)
        assert basket.net_fen == sum(line[3] for line in basket.lines)


def test_a_short_run_has_its_part_of_the_year() -> None:
    month = baskets(7, households=300, stores=3, days=31)
    assert 300 * 3 <= len(month) <= 300 * 9
    assert {basket.store for basket in month} == {1, 2, 3}
    assert isinstance(month[0], Basket)


def test_dice_stay_inside_their_deciles() -> None:
    dice = Dice(1)
    drawn = [dice.between_deciles(VISITS_A_YEAR) for _ in range(2_000)]
    assert min(drawn) >= VISITS_A_YEAR[0]
    assert max(drawn) <= VISITS_A_YEAR[-1]
    middle = sum(value <= VISITS_A_YEAR[5] for value in drawn)
    assert 900 <= middle <= 1_100

"""The year of real purchases is whole, exact and in order; and its absence is a fault with a remedy."""

from __future__ import annotations

import importlib.util
from collections import defaultdict
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from agent.replay import purchases
from agent.replay.baskets import LINES_MAX, Basket, busiest_stores, in_order, numbered
from config.faults import Fault

needs_data = pytest.mark.skipif(
    importlib.util.find_spec(purchases.PACKAGE) is None or importlib.util.find_spec("pyarrow") is None,
    reason="SKIPPED, missing: the extra `data`, so the real purchases are not read",
)


@pytest.fixture(scope="module")
def year() -> tuple[Basket, ...]:
    return purchases.baskets()


@needs_data
def test_the_year_is_whole(year: tuple[Basket, ...]) -> None:
    assert len(year) == 155_848
    assert len({basket.store for basket in year}) == 457
    assert len({basket.household for basket in year}) == 2_469
    assert sum(len(basket.lines) for basket in year) == 1_469_307
    assert sum(basket.net_fen for basket in year) == 459_603_958
    assert (year[0].day, year[-1].day) == (20170101, 20171231)
    assert purchases.baskets() is year, "read once and kept"


@needs_data
def test_baskets_come_in_order_of_time_and_then_of_number(year: tuple[Basket, ...]) -> None:
    keys = [(basket.at_ms, basket.basket) for basket in year]
    assert keys == sorted(keys)
    assert len({moment for moment, _ in keys}) < len(keys), "some share a moment, so the number decides"


@needs_data
def test_every_line_is_whole_numbers_within_bounds(year: tuple[Basket, ...]) -> None:
    assert max(len(basket.lines) for basket in year) == 161
    for basket in year[::97]:
        assert [line[0] for line in basket.lines] == list(range(1, len(basket.lines) + 1))
        assert all(
            type(n) is int and n >= low
            for _, _, *two in basket.lines
            for n, low in zip(two, (1, 0), strict=True)
        )


@needs_data
def test_business_days_are_new_york_days(year: tuple[Basket, ...]) -> None:
    place = ZoneInfo("America/New_York")
    moved = 0
    for basket in year[::31]:
        local = datetime.fromtimestamp(basket.at_ms // 1000, place)
        assert basket.day == int(local.strftime("%Y%m%d"))
        moved += basket.day != int(datetime.fromtimestamp(basket.at_ms // 1000, UTC).strftime("%Y%m%d"))
    assert moved > 500, "an evening in New York is another day in UTC"


@needs_data
def test_the_busiest_stores_hold_what_is_known_of_them(year: tuple[Basket, ...]) -> None:
    busy = busiest_stores(year, 20)
    assert busy[:3] == [367, 406, 343]
    share = sum(basket.store in set(busy) for basket in year) * 100 // len(year)
    assert share == 32
    stores_of = defaultdict(set)
    for basket in year:
        stores_of[basket.household].add(basket.store)
    several = sum(len(stores) > 1 for stores in stores_of.values())
    assert several * 1000 // len(stores_of) == 866


def test_a_missing_extra_is_a_fault_that_names_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(purchases, "PACKAGE", "no_such_package_of_purchases")
    with pytest.raises(Fault, match=r"jifen\[data\]") as caught:
        purchases._folder()
    assert caught.value.remedy == "fault.data_extra"


def test_prices_become_fen_by_their_decimal_text() -> None:
    texts = {
        0.5: 50,
        0.29: 29,
        1.1: 110,
        2.675: 268,
        2.665: 266,
        0.005: 0,
        0.015: 2,
        840.0: 84_000,
        1.776357e-15: 0,
    }
    assert {price: purchases.fen(price) for price in texts} == texts


def test_the_zone_table_of_new_york_changes_at_two_in_the_night() -> None:
    table = purchases.new_york()
    assert table[0] == [1_451_606_400_000, -300]
    assert len(table) == 9
    assert [1_489_302_000_000, -240] in table, "12 March 2017, 07:00 UTC"
    assert [1_509_861_600_000, -300] in table, "5 November 2017, 06:00 UTC"


def test_a_long_basket_is_merged_at_its_end_and_loses_nothing() -> None:
    items = [("a" if n % 2 else "b", 1, n) for n in range(LINES_MAX + 40)]
    lines = numbered(items)
    assert len(lines) == LINES_MAX
    assert sum(line[3] for line in lines) == sum(item[2] for item in items)
    assert sum(line[2] for line in lines) == LINES_MAX + 40
    assert numbered(items[:3]) == ((1, "b", 1, 0), (2, "a", 1, 1), (3, "b", 1, 2))


def test_equal_moments_go_by_number() -> None:
    baskets = [Basket(1, 1, number, moment, 20170101, ()) for number, moment in ((3, 5), (1, 5), (2, 4))]
    assert [basket.basket for basket in in_order(baskets)] == [2, 1, 3]
    assert busiest_stores([], 3) == []

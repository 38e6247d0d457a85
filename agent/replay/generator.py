"""Baskets of nobody: drawn from a seed, shaped like a year of real ones, holding no row of any data set.

Calibrated to published statistics of a real chain (2,469 households, 457 stores, 155,848 baskets a year):
deciles of visits a household, of lines a basket and of a line's price, the share of visits at the household's
favourite store, the hours of the day and the days of the week. Weights are whole numbers and the dice are the
standard library's, so the same seed gives the same baskets on every machine.
"""

from __future__ import annotations

import random
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from itertools import accumulate

from agent.replay.baskets import NEW_YORK, Basket, in_order, numbered, zone_table

# Deciles: a tenth of all households (baskets, lines) lies between two neighbours.
VISITS_A_YEAR = (1, 9, 16, 24, 32, 43, 55, 73, 95, 137, 400)
LINES_A_BASKET = (1, 1, 1, 2, 3, 5, 7, 10, 15, 24, 48)
LINE_FEN = (1, 88, 100, 150, 189, 200, 257, 300, 399, 589, 1600)
FAVOURITE_PER_CENT = (15, 36, 45, 53, 60, 68, 75, 83, 89, 94, 98)
SAME_STORE_AGAIN_PER_CENT = 60
# Visits per local hour of the day (0 to 23), and Monday to Sunday.
HOURS = (45, 27, 16, 9, 6, 8, 16, 30, 46, 67, 90, 105, 112, 115, 124, 138, 149, 150, 141, 120, 97, 82, 68, 55)
WEEKDAYS = (22, 21, 20, 21, 21, 25, 26)
UNITS = (1, 2, 3, 4, 6)
UNITS_WEIGHTS = (80, 14, 3, 2, 1)
CATEGORIES = ("grocery", "produce", "drug gm", "meat", "deli", "pastry")
CATEGORY_WEIGHTS = (62, 13, 12, 7, 3, 3)
# Stores that a household tries beside its favourite: none, one, two …
OTHER_STORES = (2, 14, 16, 16, 14, 12, 10, 9, 7)


@lru_cache(maxsize=64)
def _sums(weights: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(accumulate(weights))


class Dice:
    """Draws by weights and by deciles, whole numbers only."""

    def __init__(self, seed: int) -> None:
        self._dice = random.Random(seed)

    def below(self, bound: int) -> int:
        """A whole number from 0 to ``bound - 1``, all alike."""
        return self._dice.randrange(bound)

    def weighed(self, weights: tuple[int, ...]) -> int:
        """The place of one of the weights."""
        sums = _sums(weights)
        return bisect_right(sums, self.below(sums[-1]))

    def between_deciles(self, deciles: Sequence[int]) -> int:
        """A value between two neighbours of a row of deciles."""
        tenth = self.below(len(deciles) - 1)
        low, high = deciles[tenth], deciles[tenth + 1]
        return low + self.below(high - low + 1)


def baskets(
    seed: int,
    households: int = 200,
    stores: int = 5,
    start: date = date(2026, 1, 1),
    days: int = 31,
) -> list[Basket]:
    """``days`` days of baskets of ``households`` at ``stores`` stores, in order of time."""
    assert households > 0
    assert stores > 0
    assert days > 0
    dice = Dice(seed)
    table = zone_table(NEW_YORK, start.year, (start + timedelta(days=days)).year)
    open_days = [start + timedelta(days=n) for n in range(days)]
    day_weights = tuple(WEEKDAYS[day.weekday()] for day in open_days)
    found: list[Basket] = []
    for household in range(1, households + 1):
        near = _stores_near(dice, stores)
        loyal = dice.between_deciles(FAVOURITE_PER_CENT)
        been: dict[date, int] = {}
        for _ in range(_visits(dice, days)):
            day = open_days[dice.weighed(day_weights)]
            at_ms = _moment(dice, day, table)
            away = len(near) > 1 and dice.below(100) >= loyal
            store = near[1 + dice.below(len(near) - 1)] if away else near[0]
            if day in been and dice.below(100) < SAME_STORE_AGAIN_PER_CENT:
                store = been[day]
            been[day] = store
            number = day.year * 10_000 + day.month * 100 + day.day
            found.append(
                Basket(household, store, len(found) + 1, at_ms, number, numbered(list(_items(dice))))
            )
    return in_order(found)


def _visits(dice: Dice, days: int) -> int:
    """Visits in so many days: the year's number, its broken part by chance."""
    whole, rest = divmod(dice.between_deciles(VISITS_A_YEAR) * days, 365)
    return whole + (dice.below(365) < rest)


def _stores_near(dice: Dice, stores: int) -> list[int]:
    """The household's stores, its favourite first. Stores of low numbers are the busy ones."""
    weights = tuple(1000 // (n + 3) + 1 for n in range(stores))
    near: list[int] = []
    for _ in range(1 + dice.weighed(OTHER_STORES)):
        store = 1 + dice.weighed(weights)
        if store not in near:
            near.append(store)
    return near


def _moment(dice: Dice, day: date, table: list[list[int]]) -> int:
    """An instant of the local ``day``, in UTC milliseconds; an hour that a clock skips counts as the next."""
    second = dice.weighed(HOURS) * 3600 + dice.below(3600)
    wall = datetime(day.year, day.month, day.day, tzinfo=UTC) + timedelta(seconds=second)
    wall_ms = int(wall.timestamp()) * 1000
    fits = [wall_ms - minutes * 60_000 for since, minutes in table if wall_ms - minutes * 60_000 >= since]
    return fits[-1] if fits else wall_ms - table[0][1] * 60_000


def _items(dice: Dice) -> Iterator[tuple[str, int, int]]:
    for _ in range(dice.between_deciles(LINES_A_BASKET)):
        category = CATEGORIES[dice.weighed(CATEGORY_WEIGHTS)]
        yield category, UNITS[dice.weighed(UNITS_WEIGHTS)], dice.between_deciles(LINE_FEN)

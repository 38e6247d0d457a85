"""Calendar days as whole numbers ``yyyymmdd``, and the local day of an instant.

The zone of a chain is part of its rule book, as a table of offsets: a machine with an older time
zone database must not reach another day than the one that signed. An instant is UTC milliseconds.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from datetime import date, timedelta
from functools import lru_cache
from typing import NewType

Day = NewType("Day", int)

NEVER = Day(0)
"""An expiry day that never comes; it sorts after every day by ``expiry_rank``."""

_MINUTE_MS = 60_000
_DAY_MS = 86_400_000
_EPOCH_ORDINAL = date(1970, 1, 1).toordinal()


class BadDay(ValueError):
    """Not a day of the calendar."""


def day(value: object) -> Day:
    """A checked ``yyyymmdd`` up to 9999, from the day that the first instant of 1970 is in the west."""
    if type(value) is not int or not 19691231 <= value <= 99991231:
        raise BadDay(f"{value!r} is not a day written yyyymmdd")
    _date(value)
    return Day(value)


@lru_cache(maxsize=4096)
def _date(value: int) -> date:
    try:
        return date(value // 10_000, value // 100 % 100, value % 100)
    except ValueError as error:
        raise BadDay(f"{value} is not a day of the calendar") from error


def _number(value: date) -> Day:
    return Day(value.year * 10_000 + value.month * 100 + value.day)


@lru_cache(maxsize=4096)
def _day_of_ordinal(ordinal: int) -> Day:
    return _number(date.fromordinal(ordinal))


def local_day(instant_ms: int, zone: Sequence[Sequence[int]]) -> Day:
    """The day on the wall of a chain whose ``zone`` is ``[[from_utc_ms, offset_minutes], …]``."""
    return _day_of_ordinal(_local_ms(instant_ms, zone) // _DAY_MS + _EPOCH_ORDINAL)


def local_minute(instant_ms: int, zone: Sequence[Sequence[int]]) -> int:
    """How many minutes after midnight it is on that wall."""
    return _local_ms(instant_ms, zone) % _DAY_MS // _MINUTE_MS


def _local_ms(instant_ms: int, zone: Sequence[Sequence[int]]) -> int:
    row = 0
    if len(zone) > 1:
        row = max(0, bisect_right(zone, instant_ms, key=lambda entry: entry[0]) - 1)
    return instant_ms + zone[row][1] * _MINUTE_MS


def plus_days(start: Day, days: int) -> Day:
    """``start`` moved by whole days."""
    return _number(_date(start) + timedelta(days=days))


@lru_cache(maxsize=16_384)
def days_between(first: Day, last: Day) -> int:
    """Whole days from ``first`` to ``last``; below zero when ``last`` comes first."""
    return _date(last).toordinal() - _date(first).toordinal()


@lru_cache(maxsize=4096)
def plus_months(start: Day, months: int) -> Day:
    """``start`` moved by whole months; the 31st becomes the last day of a shorter month."""
    moved = start // 10_000 * 12 + start // 100 % 100 - 1 + months
    first = date(moved // 12, moved % 12 + 1, 1)
    last = (first.replace(day=28) + timedelta(days=4)).replace(day=1) - timedelta(days=1)
    return _number(first.replace(day=min(start % 100, last.day)))


def year_end(of: Day) -> Day:
    """31 December of that year."""
    return Day(of // 10_000 * 10_000 + 1231)


def month_end(of: Day) -> Day:
    """The last day of that month."""
    return plus_days(plus_months(Day(of // 100 * 100 + 1), 1), -1)


def quarter_end(of: Day) -> Day:
    """The last day of that quarter."""
    month = of // 100 % 100
    last_month = (month + 2) // 3 * 3
    return month_end(Day(of // 10_000 * 10_000 + last_month * 100 + 1))

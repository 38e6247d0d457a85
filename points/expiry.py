"""When points end: the plan of the book gives the last day on which they may be spent.

Plans: ``rolling`` months, ``rolling_year_end`` months and on to the end of that year, ``calendar_end`` of a
month, quarter or year, ``fixed`` on a day, ``never``. Soonest first is spent first. What lay unspent past its
day is posted as breakage by headquarters alone, once that is final.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from points.days import NEVER, Day, month_end, plus_months, quarter_end, year_end

ENDS = {"month": month_end, "quarter": quarter_end, "year": year_end}
PLANS = {"rolling": 2, "rolling_year_end": 2, "calendar_end": 2, "fixed": 2, "never": 1}
"""How many entries each plan has in a book."""


def last_day(plan: Sequence[Any], earned: Day) -> Day:
    """The last day on which points earned on ``earned`` may be spent; ``NEVER`` if always."""
    match plan:
        case ("rolling", months):
            return plus_months(earned, months)
        case ("rolling_year_end", months):
            return year_end(plus_months(earned, months))
        case ("calendar_end", period):
            return Day(ENDS[period](earned))
        case ("fixed", last):
            return Day(last)
        case _:
            return NEVER


def expiry_rank(expires_on: int) -> int:
    """Sort key of an expiry day: soonest first, never last."""
    return expires_on or 99_999_999


def is_past(expires_on: int, today: int) -> bool:
    """The day itself still counts: points may be spent on the day they expire."""
    return expires_on != NEVER and expires_on < today

"""A history: who came to which till when, what they earned and what they wished to redeem. As a file, CSV.

Columns ``ms,member,store,till,earned,wish`` under a first line that names them. ``ms`` is the time on the
shop's wall, in milliseconds since 1970-01-01 00:00 there, so that a history needs no zone; ``member`` any
word, ``wish`` points that were or would be redeemed before the purchase, 0 for none. The store ``online`` is
no counter but headquarters' own channel. A history is in order of time once it has been read.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import NamedTuple

from points.amounts import AMOUNT_MAX
from points.days import Day, local_day
from points.identifiers import BadName, name

COLUMNS = ("ms", "member", "store", "till", "earned", "wish")
ONLINE = "online"
DAY_MS = 86_400_000
HOUR_MS = 3_600_000
MEMBER_CHARS_MAX = 64
MS_MAX = 253_370_764_800_000
"""The first of January 9999."""


class BadHistory(ValueError):
    """A file that is no history; says the line, and what is wrong with it."""


class Visit(NamedTuple):
    """One member at one till: points earned by the purchase, and wished to be redeemed before it."""

    ms: int
    member: str
    store: str
    till: str
    earned: int
    wish: int


def read(path: Path) -> list[Visit]:
    """The visits of a file, in order of time. Raises ``BadHistory``, and ``OSError`` of the file."""
    visits = []
    with path.open(encoding="utf-8-sig", newline="") as file:
        rows = csv.reader(file)
        try:
            if tuple(next(rows, ())) != COLUMNS:
                raise BadHistory(f"line 1: the columns are {','.join(COLUMNS)}")
            visits = [_visit(row, rows.line_num) for row in rows if row]
        except (csv.Error, UnicodeDecodeError) as error:
            raise BadHistory(f"line {rows.line_num + 1}: {error}") from error
    return sorted(visits)


def write(path: Path, visits: Iterable[Visit]) -> int:
    """Write a history; gives its visits."""
    count = 0
    with path.open("w", encoding="utf-8", newline="") as file:
        rows = csv.writer(file, lineterminator="\n")
        rows.writerow(COLUMNS)
        for visit in visits:
            rows.writerow(visit)
            count += 1
    return count


@cache
def day_of(number: int) -> Day:
    """A day as ``yyyymmdd``, by its number since 1970."""
    return local_day(number * DAY_MS, [[0, 0]])


def _visit(row: list[str], line: int) -> Visit:
    if len(row) != len(COLUMNS):
        raise BadHistory(f"line {line}: {len(row)} columns, {len(COLUMNS)} are needed")
    ms, member, store, till, earned, wish = row
    if not 0 < len(member) <= MEMBER_CHARS_MAX:
        raise BadHistory(f"line {line}: member is a word of 1 to {MEMBER_CHARS_MAX} characters")
    try:
        name(store)
        name(till)
    except BadName as error:
        raise BadHistory(f"line {line}: {error}") from error
    whole = [_whole(*one, line) for one in ((ms, MS_MAX), (earned, AMOUNT_MAX), (wish, AMOUNT_MAX))]
    return Visit(whole[0], member, store, till, whole[1], whole[2])


def _whole(text: str, most: int, line: int) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= 18 and int(text) <= most):
        raise BadHistory(f"line {line}: {text!r} is not a whole number from 0 to {most}")
    return int(text)

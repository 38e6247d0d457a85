"""A sale as the independent ledger sees it, and the calendar it needs.

Exact fractions and one floor; a line keeps what came back, not what is left, so that any order of
returns gives the same answer by construction. Dates are real dates here; the product counts in
whole numbers, which is one more way for the two to disagree.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from fractions import Fraction
from typing import Any

Book = Mapping[str, Any]


# -- days --------------------------------------------------------------------------------------------


def wall_date(st_ms: int, zone: Sequence[Sequence[int]]) -> date:
    """The date on the wall at ``st_ms``, by the last row of the zone table that has begun."""
    begun = [minutes for since, minutes in zone if since <= st_ms] or [zone[0][1]]
    return date(1970, 1, 1) + timedelta(days=(st_ms // 60_000 + begun[-1]) // 1440)


def later_by_months(start: date, months: int) -> date:
    index = start.year * 12 + start.month - 1 + months
    for last in (start.day, 30, 29, 28):
        try:
            return date(index // 12, index % 12 + 1, min(start.day, last))
        except ValueError:
            continue
    raise AssertionError("every month has 28 days")


def last_good_day(earned: date, plan: Sequence[Any]) -> date | None:
    """The last day on which points earned on ``earned`` may be spent; None for never ending."""
    if plan[0] == "never":
        return None
    if plan[0] == "fixed":
        return date.fromisoformat(str(plan[1]))
    if plan[0] == "rolling":
        return later_by_months(earned, plan[1])
    if plan[0] == "rolling_year_end":
        return date(later_by_months(earned, plan[1]).year, 12, 31)
    months = {"month": 1, "quarter": 3, "year": 12}[plan[1]]
    first_after = (earned.month - 1) // months * months + months
    return later_by_months(date(earned.year, 1, 1), first_after) - timedelta(days=1)


def number(day: date | None) -> int:
    return day.year * 10_000 + day.month * 100 + day.day if day else 0


# -- a sale and what is kept of it -------------------------------------------------------------------


def shared_out(total: int, weights: Sequence[int]) -> list[int]:
    """``total`` over ``weights`` by largest remainder, the lower place first among equals."""
    whole = sum(weights)
    if not whole:
        return [0] * len(weights)
    exact = [Fraction(total * weight, whole) for weight in weights]
    parts = [part.numerator // part.denominator for part in exact]
    by_remainder = sorted(range(len(weights)), key=lambda i: (parts[i] - exact[i], i))
    for i in by_remainder[: total - sum(parts)]:
        parts[i] += 1
    return parts


@dataclass
class SoldLine:
    rate: int
    units: int
    net: int
    base: int
    used: int
    units_back: int = 0
    fen_back: int = 0
    touched: bool = False

    def kept(self) -> int:
        if self.touched and self.units_back >= self.units:
            return 0
        return max(0, self.net - self.fen_back)

    def part(self, of: int) -> int:
        return of * self.kept() // self.net if self.net else 0


@dataclass
class Sold:
    store: str
    book: Book
    m_bp: int
    lines: dict[int, SoldLine]
    day: int
    granted: int = 0

    def would_earn(self) -> int:
        """What the kept goods earn before ``granted`` bounds it: exact fractions, one floor."""
        bases = [(line.rate, line.part(line.base)) for line in self.lines.values()]
        if sum(base for _, base in bases) < self.book["min_order_fen"]:
            return 0
        points = sum(
            (base * Fraction(*self.book["rates"][rate]) for rate, base in bases if base), Fraction(0)
        )
        exact = points * Fraction(self.m_bp, 10_000)
        return exact.numerator // exact.denominator

    def earns(self) -> int:
        return min(self.granted, self.would_earn())

    def uses(self) -> int:
        return sum(line.part(line.used) for line in self.lines.values())

    def take_back(self, lines: Iterable[Sequence[int]] | None) -> tuple[int, int]:
        """Return lines (None: all that is left). Gives (points to claw, points to restore)."""
        before = self.earns(), self.uses()
        if lines is None:
            for line in self.lines.values():
                line.units_back, line.fen_back, line.touched = line.units, line.net, True
        for place, units, fen, *_ in lines or ():
            if place in self.lines:
                line = self.lines[place]
                line.units_back, line.fen_back = line.units_back + units, line.fen_back + fen
                line.touched = True
        return before[0] - self.earns(), before[1] - self.uses()


def sold(op: Mapping[str, Any], store: str, book: Book) -> Sold:
    rows = sorted(op["lines"], key=lambda row: row[0])
    weights = [row[3] for row in rows]
    other, used = [0] * len(rows), [0] * len(rows)
    silent = {"points", *book.get("not_earning", ())}
    for tender in op.get("tenders", ()):
        if tender[0] in silent:
            other = [a + b for a, b in zip(other, shared_out(tender[1], weights), strict=True)]
        if tender[0] == "points":
            used = [a + b for a, b in zip(used, shared_out(tender[2], weights), strict=True)]
    lines = {}
    for (place, category, units, net), unearning, points in zip(rows, other, used, strict=True):
        rate = book["category_rate"].get(category, 0)
        base = 0 if rate < 0 else max(0, net - unearning)
        lines[place] = SoldLine(max(rate, 0), units, net, base, points)
    sale = Sold(store, book, op.get("m_bp", 10_000), lines, op.get("day", 0))
    cap = book.get("day_cap_pts", 0)
    room = max(0, cap - max(0, op.get("day_used", 0))) if cap else sale.would_earn()
    sale.granted = min(op["pts"], sale.would_earn(), room)
    return sale

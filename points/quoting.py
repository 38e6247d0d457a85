"""What a sale would earn and what points could pay, with the reasons line by line.

A quote is computed from the book and what the counter knows, shown, and recorded unchanged: what
was on the screen is what is on the paper. Every reason is a key with numbers, so that anybody can
be told why 12 and not 24, in any language.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from points.caps import cap_room, under_cap
from points.refusals import Refusal
from points.returns import Sale
from points.rulebook import EXCLUDED, RuleBook


@dataclass(frozen=True, slots=True)
class Reason:
    """One line of an explanation: ``reason.<key>`` filled with ``values``."""

    key: str
    values: Mapping[str, int | str]


@dataclass(frozen=True, slots=True)
class EarnQuote:
    """Points a sale earns. ``trimmed`` were earned by the rules and not given because of the day cap."""

    tier: int
    m_bp: int
    day_used: int
    desired: int
    pts: int
    reasons: tuple[Reason, ...]

    @property
    def trimmed(self) -> int:
        """Points above the cap."""
        return self.desired - self.pts


def quote_earn(
    book: RuleBook,
    lines: Sequence[Sequence[Any]],
    tenders: Sequence[Sequence[Any]],
    tier: int,
    day_used: int,
) -> EarnQuote:
    """The quote of a sale ``lines`` [[line, category, units, net_fen]…] paid by ``tenders``.

    ``tier`` and ``day_used`` are what this counter knows of the member: both are recorded with the
    operation, so that anybody recomputes the same number.
    """
    level = book.tiers[min(tier, len(book.tiers) - 1)]
    sale = Sale({"lines": lines, "tenders": tenders, "m_bp": level.m_bp, "pts": 0}, book)
    desired = sale.full
    pts = min(desired, cap_room(book, day_used))
    return EarnQuote(tier, level.m_bp, day_used, desired, pts, tuple(_reasons(book, sale, desired, pts)))


def _reasons(book: RuleBook, sale: Sale, desired: int, pts: int) -> list[Reason]:
    reasons = []
    groups = sale.base_by_rate()
    for (num, den), base in zip(book.rates, groups, strict=True):
        if base:
            reasons.append(Reason("base", {"fen": base, "pts": num, "per_fen": den}))
    excluded = sum(net for net, rate in zip(sale.net, sale.rate, strict=True) if rate == EXCLUDED)
    if excluded:
        reasons.append(Reason("excluded", {"fen": excluded}))
    if sum(groups) < book.min_order_fen:
        reasons.append(Reason("below_minimum", {"fen": sum(groups), "minimum_fen": book.min_order_fen}))
    elif sale.m_bp != 10_000:
        reasons.append(Reason("multiplier", {"bp": sale.m_bp}))
    if pts < desired:
        reasons.append(Reason("day_cap", {"trimmed": desired - pts, "cap": book.day_cap_pts}))
    return reasons


def recompute_earn(book: RuleBook, body: Mapping[str, Any]) -> int:
    """What an earn must have given by its own recorded inputs and the book it cites (P15).

    The multiplier is the book's for the recorded tier; what the body says of it is not believed.
    """
    return earn_due(Sale(body, book), body)


def earn_due(sale: Sale, body: Mapping[str, Any]) -> int:
    """The same, of a sale that was read already, however much of it has come back since."""
    return under_cap(sale.full, sale.book, body)


def check_redeem(book: RuleBook, pts: int, shown: int, debt: int) -> Refusal | None:
    """Whether the business says no to redeeming ``pts`` of ``shown`` points; rights are asked apart."""
    if debt:
        return Refusal.debt
    if pts < 1 or pts % book.redeem_step or not book.worth_fen(pts):
        return Refusal.below_step
    if pts > shown:
        return Refusal.not_enough_points
    return None

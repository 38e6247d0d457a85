"""What the counter shows of a member: one number, what may be used here now, and what expires next.

Values only; words and layout are the page's. ``here`` matters only where it is less than the
balance, so a page shows one number unless it must show two.
"""

from __future__ import annotations

from dataclasses import dataclass

from agent.store import feeds
from agent.till import Till
from points.receipts import next_to_expire


@dataclass(frozen=True, slots=True)
class Card:
    """A member at this counter. ``pending_pts`` is the difference to headquarters' last word."""

    m: int
    name: str
    tail: str
    status: str
    tier: int
    tier_name: str
    points: int
    here: int
    debt: int
    pending_pts: int
    as_of_ms: int
    expires_pts: int
    expires_on: int
    day_used: int


def card_of(till: Till, m: int) -> Card | None:
    """The card of a member; None when this till knows nothing of the member."""
    account = till.shown(m)
    if account is None:
        return None
    rules, row = till.rule(), till.row(m)
    shift = till.shift()
    today = rules.today(till.time().st_ms)
    local, allowance = till.rights(m).left(today)
    points = account.balance(today)
    confirmed = row.balance(today) if row else 0
    expires_pts, expires_on = next_to_expire(account, today)
    return Card(
        m=m,
        name=row.name_masked if row else "",
        tail=row.tail if row else "",
        status=account.status or "new",
        tier=account.tier,
        tier_name=rules.tiers[min(account.tier, len(rules.tiers) - 1)].name,
        points=points,
        here=0 if account.debt else min(points, local + allowance),
        debt=account.debt,
        pending_pts=points - confirmed,
        as_of_ms=int(feeds.fact(till.book, "members_as_of") or 0),
        expires_pts=expires_pts,
        expires_on=expires_on,
        day_used=account.days.get(shift.day, 0),
    )

"""What the counter shows of a member: one number, what may be used here now, and what expires next.

Values only; words and layout are the page's. ``here`` matters only where it is less than the
balance, so a page shows one number unless it must show two.
"""

from __future__ import annotations

from dataclasses import dataclass

from agent import trust
from agent.till import Till, View
from points.receipts import next_to_expire


@dataclass(frozen=True, slots=True)
class Card:
    """A member at this counter. ``pending_pts`` is the difference to headquarters' last word.

    ``is_shown``: that word, of ``as_of_ms``, came by the member's own token; ``trusted`` points may be used
    besides ``here`` while headquarters is out of reach.
    """

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
    is_shown: bool = False
    trusted: int = 0


def card_of(till: Till, view: View) -> Card:
    """The card of a member as it is seen now."""
    account, row, today = view.account, view.row, view.today
    tiers = till.rule().tiers
    points = account.balance(today)
    expires_pts, expires_on = next_to_expire(account, today)
    return Card(
        m=view.m,
        name=row.name_masked if row else "",
        tail=row.tail if row else "",
        status=account.status or "new",
        tier=account.tier,
        tier_name=tiers[min(account.tier, len(tiers) - 1)].name,
        points=points,
        here=0 if account.debt else min(points, sum(view.rights.left(today))),
        debt=account.debt,
        pending_pts=points - (row.balance(today) if row else 0),
        as_of_ms=view.as_of_ms,
        is_shown=view.rests_on_token,
        trusted=trust.left(till, view),
        expires_pts=expires_pts,
        expires_on=expires_on,
        day_used=account.days.get(till.shift().day, 0),
    )

"""What this till may spend beyond every right, because headquarters has budgeted the risk beforehand.

Off unless headquarters says otherwise. Only when headquarters is out of reach, only for whom the rule
(`points.trust`) allows it and who is not on headquarters' list of those whom it does not trust, and within
three limits: of one operation, of one member's day, and of this till in all. The last one rises only when
headquarters has posted what was spent, so an outage that lasts, or one that comes every night, never costs
more than what was budgeted.
"""

from __future__ import annotations

from collections.abc import Sequence

from agent.store import cells, feeds, trusts
from agent.till import Till, View
from config.sqlite import Connection
from points import trust as rule
from points.trust import Budget, Known

FACT, DENIED = "trust", "trust_denied"
DENIED_MAX = 10_000


def budget(till: Till) -> Budget:
    """What headquarters has budgeted for this till."""
    kept = feeds.fact(till.book, FACT)
    return Budget(*map(int, kept.split(","))) if kept else Budget()


def hear(turn: Connection, till: Till, operation: int, member_day: int, whole: int) -> None:
    """A newer budget; the whole of it only rises."""
    whole = max(whole, budget(till).whole)
    feeds.keep_fact(turn, FACT, f"{operation},{member_day},{whole}")


def hear_denied(turn: Connection, ms: Sequence[int]) -> None:
    """The members to whom headquarters denies it, all of them. Raises ValueError for what is no such list."""
    if type(ms) is not list or len(ms) > DENIED_MAX or any(type(m) is not int for m in ms):
        raise ValueError("denied")
    feeds.keep_fact(turn, DENIED, " ".join(map(str, sorted(ms))))


def is_denied(till: Till, m: int) -> bool:
    """Whether headquarters takes no risk with a member."""
    return str(m) in (feeds.fact(till.book, DENIED) or "").split()


def left(till: Till, view: View) -> int:
    """Points that may be spent by trust for this member now."""
    may = budget(till)
    if not may.whole or is_denied(till, view.m):
        return 0
    account, now_ms = view.account, till.time().st_ms
    known = Known(
        points=account.balance(view.today),
        debt=account.debt,
        is_frozen=account.status == "frozen",
        was_served=cells.was_served(till.book, view.m),
        row_age_ms=now_ms - till.as_of_ms if view.in_replica else None,
        shown_age_ms=now_ms - view.token.shown_ms if view.token else None,
    )
    return rule.left(may, known, *trusts.spent(till.book, view.m, till.shift().day))

"""What may be spent of a member beyond every right, because headquarters has budgeted the risk beforehand.

One pure rule, asked by a till that headquarters is out of reach of, and by whoever rehearses it. A member is
trusted who was served here before and is known freshly, or who shows headquarters' own word, a token, at this
counter now; nobody who owes, and nobody for more than is known to be there. What it costs never depends on
what was shown, which may be a photograph: it is bounded by the budget alone.
"""

from __future__ import annotations

from dataclasses import dataclass

VIEW_MS_MAX = 7 * 86_400_000
"""How old what is known of members may be."""
SHOWN_MS_MAX = 15 * 60_000
"""How long a member who has shown a token stands at the counter."""


@dataclass(frozen=True, slots=True)
class Budget:
    """Points of one operation, of one member's day, and of all that this PC may ever have spent so."""

    operation: int = 0
    member_day: int = 0
    whole: int = 0


@dataclass(frozen=True, slots=True)
class Known:
    """What a till knows of a member. ``points`` are those that it shows.

    ``row_age_ms`` is the age of the edition that holds the member's row, ``shown_age_ms`` how long ago a
    valid token was shown here that is no older than that row; None where there is none.
    """

    points: int
    debt: int
    is_frozen: bool
    was_served: bool
    row_age_ms: int | None
    shown_age_ms: int | None


def left(budget: Budget, known: Known, spent: int, spent_today: int) -> int:
    """Points that may be spent by trust now, after ``spent`` in all and ``spent_today`` of this member."""
    is_regular = known.was_served and known.row_age_ms is not None and known.row_age_ms <= VIEW_MS_MAX
    is_shown = known.shown_age_ms is not None and known.shown_age_ms <= SHOWN_MS_MAX
    if known.debt or known.is_frozen or not (is_regular or is_shown):
        return 0
    room = min(budget.operation, budget.member_day - spent_today, budget.whole - spent, known.points)
    return max(0, room)

"""The risk that a rehearsed chain takes with tills out of reach: the product's own rule, and what it came to.

Who is trusted, and with how much, is `points.trust`, as at a real counter. A till's budget is refilled when
headquarters has heard of what was spent, so all that a till spends by trust between two contacts shares one.
Members are played one after another, so within an outage whoever is played first comes first, not
whoever came first; the sum is the same. It refuses to know where points lie.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from itertools import accumulate

from points.trust import Budget, Known, left

NOTHING = Budget()


@dataclass(frozen=True, slots=True)
class Terms:
    """What is tried: a budget, whether members show tokens, and of 100 trusted redemptions how many are made
    once more where the same points lie."""

    budget: Budget = NOTHING
    has_tokens: bool = False
    twice: int = 0

    def __str__(self) -> str:
        if self.budget == NOTHING:
            return "–"
        said = f"{self.budget.operation},{self.budget.member_day},{self.budget.whole}"
        said += " 出示 token" if self.has_tokens else ""
        return said + (f" 重花 twice {self.twice} %" if self.twice else "")


NO_TRUST = Terms()


@dataclass
class Trusted:
    """What was trusted in one run, in points, and what became of it.

    When headquarters posts it, the points are *at hand*, lie *elsewhere* with another till, or are *owed*: it
    has no such points any more. ``overspent`` are all points owed at the time something was posted, whatever
    spent them; ``again`` those that were spent a second time on purpose.
    """

    terms: Terms = NO_TRUST
    count: int = 0
    pts: int = 0
    at_hand: int = 0
    elsewhere: int = 0
    owed: int = 0
    again: int = 0
    overspent: int = 0
    in_the_end: int = 0
    """What is still owed when everything has been told."""
    _unheard: Counter[tuple[int, int]] = field(default_factory=Counter)
    _moves: Counter[int] = field(default_factory=Counter)

    def may(self, known: Known, till: int, heard_ms: int, spent_today: int) -> int:
        """Points that this till may spend by trust, if headquarters next hears of it at ``heard_ms``."""
        return left(self.terms.budget, known, self._unheard[till, heard_ms], spent_today)

    def spend(self, pts: int, till: int, ms: int, heard_ms: int) -> None:
        """A redemption was trusted."""
        self.count += 1
        self.pts += pts
        self._unheard[till, heard_ms] += pts
        self._moves[ms] += pts
        self._moves[heard_ms] -= pts

    def post(self, pts: int, available: int, owed: int) -> None:
        """It was posted, when so many points were headquarters' to give; ``owed`` of it nobody has."""
        at_hand = min(pts, max(0, available))
        owed = min(pts - at_hand, owed)
        self.at_hand += at_hand
        self.owed += owed
        self.elsewhere += pts - at_hand - owed

    @property
    def largest_till(self) -> int:
        """The most that one till had spent by trust before it was heard."""
        return max(self._unheard.values(), default=0)

    @property
    def most(self) -> int:
        """The most that all tills together had spent so at one moment."""
        return max(accumulate(pts for _, pts in sorted(self._moves.items())), default=0)

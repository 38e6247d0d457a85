"""What a rehearsal counted: wishes and how they ended, by hour of the day, and what was out at every hour.

A wish is counted where the member really owned the points, wherever they lay; what was refused then was
refused because they lay elsewhere (stranded), or because nobody could be asked. Exposure is what headquarters
has let out by its own books, allowances and local rights, at every full hour.
"""

from __future__ import annotations

from array import array
from collections import Counter
from dataclasses import dataclass, field
from itertools import accumulate

from hub.rehearsal.history import DAY_MS, HOUR_MS
from hub.rehearsal.overnight import AS_BUILT
from hub.rehearsal.trusting import Trusted

HOURS = 24
OFFLINE, COUNTER, CHANNEL = "offline", "counter", "channel"
"""Where somebody wishes: at a counter without a line, at one with it, in headquarters' own channel."""
AWAY, UNFETCHED, UNNAMED, SHORT = "away", "unfetched", "unnamed", "short"
"""Why a counter without a line refuses: the policy names another till; it names this one, or a sister till
that can be asked, and the points were at headquarters when the line was cut; it names nobody; there was some
of it here and not enough."""


@dataclass
class Outcome:
    """One run: a policy, with or without recall, at so many tills a store.

    ``has_lan``: sister tills meet while their line is cut.
    """

    policy: str
    has_recall: bool
    tills: int
    first_day: int
    days: int
    till_count: int
    has_lan: bool = True
    overnight: str = AS_BUILT
    trusted: Trusted = field(default_factory=Trusted)
    wished: dict[str, list[int]] = field(default_factory=lambda: _by_hour())
    refused: dict[str, list[int]] = field(default_factory=lambda: _by_hour())
    why_offline: Counter[str] = field(default_factory=Counter)
    not_owned: int = 0
    recalls: int = 0
    came_home: int = 0
    given: int = 0
    """How often a sister till gave."""
    overspent: int = 0
    redeemed: int = 0
    """Points, wherever they were redeemed."""
    _hours: int = field(init=False)
    _moved: array[int] = field(init=False)

    def __post_init__(self) -> None:
        self._hours = self.days * HOURS + 1
        self._moved = array("q", bytes(8 * self.till_count * self._hours))

    def wish(self, where: str, ms: int, *, is_refused: bool) -> None:
        """Count a wish of points that the member owned."""
        hour = ms % DAY_MS // HOUR_MS
        self.wished[where][hour] += 1
        self.refused[where][hour] += is_refused

    def refuse_offline(self, why: str) -> None:
        """Say why a counter without a line refused."""
        self.why_offline[why] += 1

    def let_out(self, till: int, ms: int, pts: int) -> None:
        """Points went out to a till at this moment, or came home when below zero."""
        hour = (ms - self.first_day * DAY_MS + HOUR_MS - 1) // HOUR_MS
        if hour < self._hours:
            self._moved[till * self._hours + hour] += pts

    def asked(self, where: str) -> int:
        """Wishes at such a place."""
        return sum(self.wished[where])

    def denied(self, where: str) -> int:
        """Those of them that were refused."""
        return sum(self.refused[where])

    def exposure(self) -> Exposure:
        """What was out, over all hours."""
        whole, largest = [0] * self._hours, 0
        for till in range(self.till_count):
            out = list(accumulate(self._moved[till * self._hours : (till + 1) * self._hours]))
            largest = max(largest, *out)
            whole = [a + b for a, b in zip(whole, out, strict=True)]
        whole = whole[: self.days * HOURS]
        mean = [sum(whole[hour::HOURS]) // self.days for hour in range(HOURS)]
        return Exposure(tuple(mean), max(whole), largest)


@dataclass(frozen=True, slots=True)
class Exposure:
    """Points out of headquarters' hands: the mean of each hour of the day, the most of all, of one till."""

    mean: tuple[int, ...]
    most: int
    largest_till: int


def _by_hour() -> dict[str, list[int]]:
    return {where: [0] * HOURS for where in (OFFLINE, COUNTER, CHANNEL)}

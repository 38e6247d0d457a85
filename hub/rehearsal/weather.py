"""When each till is on, can be reached, and is switched off as it should be: drawn from a seed.

A PC is on from 09:00 to 22:00, or from its first to its last visit of a day where these lie outside. A
store's line is cut once in 20 days, for two hours at the median (1.2 % of all time), and all its tills with
it. One closing in ten is a pulled plug: nothing is given back and the rights stay on a PC that is off. A till
that is on and connected makes a contact when it is opened, when its line comes back, and every ten minutes.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from random import Random

from hub.rehearsal.history import DAY_MS, HOUR_MS, ONLINE, Visit
from hub.rehearsal.workload import CLOSES, OPENS, between

MINUTE_MS = 60_000
CONTACT_EVERY_MS = 10 * MINUTE_MS
OUTAGE_EVERY_DAYS = 20
PULLED_EVERY = 10
OUTAGE_MINUTES = (
    *(3, 11, 18, 26, 35, 45, 56, 68, 83, 100, 120, 144, 174, 211, 259, 323, 414, 551, 789, 1347, 4000),
)
"""Twentieths of a lognormal distribution with a median of 2 hours; 5.6 hours at the mean."""
NEVER_MS = 1 << 62

Agent = tuple[str, str]


class Line:
    """A store's line: when it is cut, as (from, to) in order of time."""

    def __init__(self, cuts: Sequence[tuple[int, int]] = ()) -> None:
        self.cuts = tuple(cuts)
        self._starts = [start for start, _ in cuts]

    @classmethod
    def drawn(cls, chance: Random, first_day: int, days: int) -> Line:
        """A line whose cuts chance decides."""
        cuts: list[tuple[int, int]] = []
        end = 0
        for day in range(first_day, first_day + days):
            if chance.randrange(OUTAGE_EVERY_DAYS):
                continue
            start = day * DAY_MS + chance.randrange(DAY_MS // MINUTE_MS) * MINUTE_MS
            stop = start + between(chance, OUTAGE_MINUTES) * MINUTE_MS
            if stop > end:
                cuts.append((max(start, end), stop))
                end = stop
        return cls(cuts)

    def back_at(self, ms: int) -> int:
        """When a line that is cut at ``ms`` is back; 0 if it is not cut."""
        at = bisect_right(self._starts, ms) - 1
        return self.cuts[at][1] if at >= 0 and ms < self.cuts[at][1] else 0

    def last_cut(self, ms: int) -> tuple[int, int]:
        """The latest cut that began up to ``ms``; (0, 0) for none."""
        at = bisect_right(self._starts, ms) - 1
        return self.cuts[at] if at >= 0 else (0, 0)


class Till:
    """One till's days: when its PC is on, and how it is switched off. Days are counted since 1970.

    ``pulled`` says of each day whether its plug is pulled.
    """

    def __init__(
        self, number: int, line: Line, first_day: int, pulled: Sequence[int], offset_ms: int = 0
    ) -> None:
        self.number = number
        self.line = line
        self.first_day, self.days = first_day, len(pulled)
        self.on = [(first_day + n) * DAY_MS + OPENS * HOUR_MS for n in range(self.days)]
        self.off = [(first_day + n) * DAY_MS + CLOSES * HOUR_MS for n in range(self.days)]
        self.pulled = pulled
        self._offset_ms = offset_ms
        self._fetched: list[int] = []

    def run_always(self) -> None:
        """Its PC runs day and night, and no day is closed."""
        self.on = [(self.first_day + n) * DAY_MS for n in range(self.days)]
        self.off = [(self.first_day + n + 1) * DAY_MS for n in range(self.days)]
        self.pulled = b"\1" * self.days

    def serve(self, ms: int) -> None:
        """Somebody comes at this moment: the PC is on, whatever the hour."""
        n = ms // DAY_MS - self.first_day
        self.on[n] = min(self.on[n], ms)
        self.off[n] = max(self.off[n], ms + 1)

    def is_connected(self, ms: int) -> bool:
        """Whether headquarters can reach it now: on, and its line is not cut."""
        return self.is_on(ms) and not self.line.back_at(ms)

    def is_on(self, ms: int) -> bool:
        """Whether its PC is on."""
        n = ms // DAY_MS - self.first_day
        return n < self.days and self.on[n] <= ms < self.off[n]

    def next_contact(self, after_ms: int) -> int:
        """Its first contact later than ``after_ms``."""
        ms, is_fresh = max(after_ms, self.first_day * DAY_MS), False
        while (n := ms // DAY_MS - self.first_day) < self.days:
            if ms < self.on[n]:
                ms, is_fresh = self.on[n], True
            elif ms >= self.off[n]:
                ms, is_fresh = (self.first_day + n + 1) * DAY_MS, True
            elif back := self.line.back_at(ms):
                ms, is_fresh = back, True
            elif is_fresh:
                return ms
            else:
                ms, is_fresh = ms + CONTACT_EVERY_MS - (ms - self._offset_ms) % CONTACT_EVERY_MS, True
        return NEVER_MS

    def last_contact(self, ms: int) -> int:
        """Its last contact up to ``ms``; 0 when there was none."""
        for n in range(min(ms // DAY_MS - self.first_day, self.days - 1), -1, -1):
            last_ms = min(ms, self.off[n] - 1)
            while last_ms >= self.on[n]:
                begun, back = self.line.last_cut(last_ms)
                if last_ms < back:
                    last_ms = begun - 1
                    continue
                return max(self.on[n], back, last_ms - (last_ms - self._offset_ms) % CONTACT_EVERY_MS)
        return 0

    def next_closing(self, after_ms: int) -> int:
        """The next time, later than ``after_ms``, that its day is closed by hand, line or no line."""
        n = after_ms // DAY_MS - self.first_day
        while n < self.days and (self.pulled[n] or self.off[n] <= after_ms):
            n += 1
        return self.off[n] if n < self.days else NEVER_MS

    def off_ms(self, day: int) -> int:
        """When it is switched off on this day."""
        return self.off[day - self.first_day]

    def is_evening(self, ms: int, before_ms: int) -> bool:
        """Whether it is on and will be switched off within ``before_ms``."""
        n = ms // DAY_MS - self.first_day
        return n < self.days and self.off[n] - before_ms <= ms < self.off[n]

    def next_turn(self, after_ms: int, before_ms: int) -> int:
        """The next time, later than ``after_ms``, that an evening begins or ends."""
        n = after_ms // DAY_MS - self.first_day
        for end_ms in self.off[n : n + 2]:
            for ms in (end_ms - before_ms, end_ms):
                if ms > after_ms:
                    return ms
        return NEVER_MS

    def home_ms(self, day: int, before_ms: int) -> int:
        """When all it holds comes home on this day: at the first contact of its evening, or its closing."""
        n = day - self.first_day
        if before_ms and (ms := self.next_contact(self.off[n] - before_ms - 1)) < self.off[n]:
            return ms
        return NEVER_MS if self.pulled[n] or self.line.back_at(self.off[n]) else self.off[n]

    def fetched_ms(self, day: int) -> int:
        """Its first contact of a day, or of a later one."""
        if not self._fetched:
            starts = range(self.first_day * DAY_MS, (self.first_day + self.days) * DAY_MS, DAY_MS)
            self._fetched = [self.next_contact(start - 1) for start in starts]
        n = day - self.first_day
        return self._fetched[n] if n < self.days else NEVER_MS


def weather(
    visits: Iterable[Visit], seed: int, *, is_always_on: bool = False
) -> tuple[dict[Agent, Till], int, int]:
    """Every till that is visited, with the first day and the days of all; one day more, so that all ends.

    ``is_always_on``: PCs run day and night, and no day is closed.
    """
    seen: dict[Agent, list[int]] = {}
    first = last = 0
    for visit in visits:
        day = visit.ms // DAY_MS
        first = min(first or day, day)
        last = max(last, day)
        if visit.store != ONLINE:
            seen.setdefault((visit.store, visit.till), []).append(visit.ms)
    days = last - first + 2
    lines: dict[str, Line] = {}
    tills: dict[Agent, Till] = {}
    for store, till in sorted(seen):
        if store not in lines:
            lines[store] = Line.drawn(Random(f"{seed} line of {store}"), first, days)
        chance = Random(f"{seed} till {store} {till}")
        pulled = bytes(chance.randrange(PULLED_EVERY) == 0 for _ in range(days))
        made = Till(len(tills), lines[store], first, pulled, chance.randrange(CONTACT_EVERY_MS))
        tills[store, till] = made
        if is_always_on:
            made.run_always()
        for ms in seen[store, till]:
            if not is_always_on and not OPENS * HOUR_MS <= ms % DAY_MS < CLOSES * HOUR_MS:
                made.serve(ms)
    return tills, first, days

"""The reference workload: a chain's visits drawn from a seed, the same on every machine.

1,000 stores and 60,000 members for 120 days: 72 of 100 visits are to the member's own store, 22 to its four
neighbours, the others anywhere. Members come once to forty times, and at one visit of seven wish to redeem
between half and all of what they have, from 100 points on. Only whole numbers are drawn. Several tills of a
store are visited alike; who comes when is the same for any number of tills.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from itertools import accumulate
from random import Random

from hub.rehearsal.history import DAY_MS, HOUR_MS, ONLINE, Visit

STORES, MEMBERS, DAYS = 1_000, 60_000, 120
FIRST_DAY = 20_454
"""2026-01-01, in days since 1970."""
AT_HOME, AT_NEIGHBOURS = 72, 22  # of 100 visits
NEIGHBOURS = (1, -1, 2, -2)
WISH_EVERY, WISH_LEAST, WISH_STEP = 7, 100, 10
OPENS, CLOSES = 9, 22
ONLINE_UNTIL = 24
# Deciles: a tenth of all members (visits) lies between two neighbours.
VISITS_OF_DAYS = 120
VISITS = (1, 3, 5, 7, 9, 11, 13, 16, 20, 26, 40)
EARNED = (0, 5, 10, 14, 18, 23, 29, 37, 50, 75, 150)
HOURS = (5, 7, 8, 9, 7, 6, 7, 8, 10, 12, 11, 8, 5)
"""Visits an hour, from 09 to 21 o'clock."""
_HOURS = tuple(accumulate(HOURS))


def drawn(stores: int, members: int, days: int, tills: int, seed: int) -> Iterator[list[Visit]]:
    """Every member's visits, in order of time; members one after another."""
    for member in range(members):
        chance, till = Random(f"{seed} member {member}"), Random(f"{seed} tills of {member}")
        owned, visits = 0, []
        home = chance.randrange(stores)
        for ms in sorted(_moment(chance, days) for _ in range(_visits(chance, days))):
            store = _store(chance, home, stores)
            wish = _wish(chance, owned)
            earned = between(chance, EARNED)
            owned += earned - wish
            number = till.randrange(tills) + 1
            visits.append(Visit(ms, f"m{member}", f"s{store:04d}", f"{number:02d}", earned, wish))
        yield visits


def with_online(visits: Sequence[Visit], per_cent: int, seed: int) -> list[Visit]:
    """One member's visits with some wishes made by the online channel, on the same day until midnight."""
    moved: list[Visit] = []
    chance = Random(f"{seed} online {visits[0].member}") if visits else Random(0)
    for visit in visits:
        if visit.wish and visit.store != ONLINE and chance.randrange(100) < per_cent:
            start = visit.ms // DAY_MS * DAY_MS + OPENS * HOUR_MS
            ms = start + chance.randrange((ONLINE_UNTIL - OPENS) * HOUR_MS)
            moved.append(Visit(ms, visit.member, ONLINE, "00", 0, visit.wish))
            visit = visit._replace(wish=0)
        moved.append(visit)
    return sorted(moved)


def between(chance: Random, knots: Sequence[int]) -> int:
    """A whole number between two neighbours of a row, each pair as likely as the others."""
    part = chance.randrange(len(knots) - 1)
    return knots[part] + chance.randrange(knots[part + 1] - knots[part] + 1)


def _visits(chance: Random, days: int) -> int:
    whole, rest = divmod(between(chance, VISITS) * days, VISITS_OF_DAYS)
    return whole + (chance.randrange(VISITS_OF_DAYS) < rest)


def _moment(chance: Random, days: int) -> int:
    hour = OPENS + bisect_right(_HOURS, chance.randrange(_HOURS[-1]))
    return (FIRST_DAY + chance.randrange(days)) * DAY_MS + hour * HOUR_MS + chance.randrange(HOUR_MS)


def _store(chance: Random, home: int, stores: int) -> int:
    drawn_of_100 = chance.randrange(100)
    if drawn_of_100 < AT_HOME:
        return home
    if drawn_of_100 < AT_HOME + AT_NEIGHBOURS:
        return (home + NEIGHBOURS[chance.randrange(len(NEIGHBOURS))]) % stores
    return chance.randrange(stores)


def _wish(chance: Random, owned: int) -> int:
    wishes = chance.randrange(WISH_EVERY) == 0
    wish = (owned - chance.randrange(owned // 2 + 1)) // WISH_STEP * WISH_STEP
    return wish if wishes and wish >= WISH_LEAST else 0

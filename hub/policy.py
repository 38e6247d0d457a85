"""Who may spend a member's points offline: pure functions of visits, by name, any of which may be replaced.

A policy is given a member's purchases and today, and names the till to which the whole balance is granted, or
nobody. It decides convenience and never safety: points are granted only while headquarters itself holds
them, whoever is named. What is rehearsed on a history (``jifen policy rehearse``) is what grants.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence

from points.days import Day, days_between

VISIT_DAYS = 90
VISITS_MIN = 2
WEIGHTS = (
    *(10000, 9772, 9548, 9330, 9117, 8909, 8706, 8507, 8312, 8123, 7937, 7756, 7579, 7405, 7236),
    *(7071, 6910, 6752, 6598, 6447, 6300, 6156, 6015, 5878, 5743, 5612, 5484, 5359, 5236, 5117),
    *(5000, 4886, 4774, 4665, 4559, 4454, 4353, 4253, 4156, 4061, 3969, 3878, 3789, 3703, 3618),
    *(3536, 3455, 3376, 3299, 3223, 3150, 3078, 3008, 2939, 2872, 2806, 2742, 2679, 2618, 2558),
    *(2500, 2443, 2387, 2333, 2279, 2227, 2176, 2127, 2078, 2031, 1984, 1939, 1895, 1851, 1809),
    *(1768, 1727, 1688, 1649, 1612, 1575, 1539, 1504, 1469, 1436, 1403, 1371, 1340, 1309, 1279),
    1250,
)
"""What a visit of so many days ago counts: 10000 · 2^(−days/30), to the nearest whole number. A table, so
that every machine reaches the same till."""

Agent = tuple[str, str]
Purchase = tuple[int, Agent]
"""The day, and the till."""
Policy = Callable[[Sequence[Purchase], int], Agent | None]
"""(purchases, today) → the till that is granted the balance, or nobody."""


def by_visits(purchases: Sequence[Purchase], today: int) -> Agent | None:
    """The till of the largest visit rate: 90 days, a visit of 30 days ago counts half; two visits at least.

    Ties go to the latest visit, then to the name. A day that has not come counts as today.
    """
    rate: dict[Agent, int] = defaultdict(int)
    latest: dict[Agent, int] = defaultdict(int)
    visits = 0
    for day, agent in purchases:
        ago = days_between(Day(day), Day(today))
        if ago <= VISIT_DAYS:
            visits += 1
            rate[agent] += WEIGHTS[ago] if ago > 0 else WEIGHTS[0]
            if day > latest[agent]:
                latest[agent] = day
    if visits < VISITS_MIN:
        return None
    return max(rate, key=lambda agent: (rate[agent], latest[agent], agent))


def by_latest(purchases: Sequence[Purchase], today: int) -> Agent | None:
    """The till of the last visit within 90 days, from the second one on; of one day's the greatest name."""
    counted = [one for one in purchases if days_between(Day(one[0]), Day(today)) <= VISIT_DAYS]
    return max(counted)[1] if len(counted) >= VISITS_MIN else None


def nobody(_purchases: Sequence[Purchase], _today: int) -> Agent | None:
    """No till: offline only what was earned at the counter itself may be spent."""
    return None


POLICIES: Mapping[str, Policy] = {"visits": by_visits, "latest": by_latest, "nobody": nobody}
"""By the name that the setting ``grant_policy`` chooses."""

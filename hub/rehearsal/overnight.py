"""What lies at a till overnight: pure functions of what headquarters knows of a member, by name.

The product brings every right home when its day is closed, and keeps it while the line is cut
(``cut-keeps``). What else could be done is rehearsed here and nowhere built: points stay at a till that is
off, or go home before it is closed. It decides convenience and never safety: whatever stays was granted to
that till and to nobody else. It refuses to know what will happen: who is out of reach tomorrow, and who will
spend where.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from hub.policy import Purchase
from hub.rehearsal.history import HOUR_MS

ALL = 100


class Known(NamedTuple):
    """What headquarters knows of a member: purchases it has heard of, wishes made online so far, today."""

    purchases: Sequence[Purchase]
    online: int
    today: int


Part = Callable[[Known], int]
"""Of a hundred of a member's points, how many lie at the till that the policy names."""


@dataclass(frozen=True, slots=True)
class Overnight:
    """``by_day`` and ``by_night``: the part that lies at the till.

    The night begins ``before_ms`` ahead of the closing, with the first contact from then on.
    ``keeps_when_cut``: a closing without a line gives nothing back, since nobody could use it before the
    till says so.
    """

    by_night: Part
    by_day: Part = lambda _known: ALL
    before_ms: int = 0
    keeps_when_cut: bool = True


def nothing(_known: Known) -> int:
    """Everything goes home."""
    return 0


def everything(_known: Known) -> int:
    """Nothing goes home."""
    return ALL


def half(_known: Known) -> int:
    """Each side has half."""
    return ALL // 2


def of_the_offline(known: Known) -> int:
    """Those who were never seen online leave everything at the till."""
    return 0 if known.online else ALL


def of_the_absent(known: Known) -> int:
    """Those who bought nothing today leave everything at the till."""
    came = any(day == known.today for day, _ in known.purchases[-1:])
    return 0 if came else ALL


ALL_HOME = Overnight(nothing, keeps_when_cut=False)
OVERNIGHT: Mapping[str, Overnight] = {
    "all-home": ALL_HOME,
    "cut-keeps": Overnight(nothing),
    "hour-before": Overnight(nothing, before_ms=HOUR_MS),
    "half": Overnight(half, before_ms=HOUR_MS),
    "never-online": Overnight(of_the_offline, before_ms=HOUR_MS),
    "never-online-only": Overnight(of_the_offline, by_day=of_the_offline, before_ms=HOUR_MS),
    "absent": Overnight(of_the_absent, before_ms=HOUR_MS),
    "stay": Overnight(everything),
}
"""By the name that ``--overnight`` chooses."""
AS_BUILT = "cut-keeps"
"""What the product does."""

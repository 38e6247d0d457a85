"""A basket: what one household carried out of one store, and when. The only thing a driver needs to know.

Baskets come in one order, by time and then by number, whatever their source; business days are the local
dates of the chain's zone. Knows no member, no points and no source.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

LINES_MAX = 500
"""Lines of one operation; a longer basket is merged at its end."""

NEW_YORK = "America/New_York"

Line = tuple[int, str, int, int]
"""(line number from 1, category, units ≥ 1, net fen)."""


@dataclass(frozen=True, slots=True)
class Basket:
    """One purchase. ``at_ms`` is UTC; ``day`` the local business day, yyyymmdd."""

    household: int
    store: int
    basket: int
    at_ms: int
    day: int
    lines: tuple[Line, ...]

    @property
    def net_fen(self) -> int:
        """What was paid, over all lines."""
        return sum(line[3] for line in self.lines)


def in_order(baskets: Iterable[Basket]) -> list[Basket]:
    """By time; purchases of the same moment by basket number, so that every run is the same run."""
    return sorted(baskets, key=lambda basket: (basket.at_ms, basket.basket))


def numbered(items: Sequence[tuple[str, int, int]]) -> tuple[Line, ...]:
    """Lines from (category, units, net fen), at most ``LINES_MAX``: the rest is merged into the last ones.

    A merged line takes the category of its first item, so that no fen is lost; real baskets have at most 161.
    """
    kept = list(items[:LINES_MAX])
    for category, units, net_fen in items[LINES_MAX:]:
        same = next((i for i in range(LINES_MAX - 1, -1, -1) if kept[i][0] == category), LINES_MAX - 1)
        first = kept[same]
        kept[same] = (first[0], first[1] + units, first[2] + net_fen)
    return tuple((i, *item) for i, item in enumerate(kept, start=1))


def busiest_stores(baskets: Iterable[Basket], how_many: int) -> list[int]:
    """Stores by number of baskets, the busiest first; equals by store number."""
    count = Counter(basket.store for basket in baskets)
    return sorted(count, key=lambda store: (-count[store], store))[:how_many]


def zone_table(zone: str, first_year: int, last_year: int) -> list[list[int]]:
    """``[[from_utc_ms, offset_minutes], …]`` of a zone: a row at the first year's start and at each change.

    A rule book carries this table instead of a zone's name, because two machines may hold different
    editions of the time zone database and must still reach the same day.
    """
    place = ZoneInfo(zone)
    moment = datetime(first_year, 1, 1, tzinfo=UTC)
    end = datetime(last_year + 1, 1, 1, tzinfo=UTC)
    table = [[_ms(moment), _offset(moment, place)]]
    while moment < end:
        later = moment + timedelta(hours=1)
        if (offset := _offset(later, place)) != table[-1][1]:
            low = moment  # the change lies within this hour: find its minute
            while _offset(low, place) != offset:
                low += timedelta(minutes=1)
            table.append([_ms(low), offset])
        moment = later
    return table


def _offset(moment: datetime, place: ZoneInfo) -> int:
    shift = moment.astimezone(place).utcoffset()
    assert shift is not None
    return int(shift.total_seconds()) // 60


def _ms(moment: datetime) -> int:
    return int(moment.timestamp()) * 1000

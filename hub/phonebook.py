"""Which phones a store knows: those of members who were seen there within 180 days, and no others.

Seen is who was enrolled there with a phone, or bought or used points there. The night looks at the
members who changed since the last one, so that intake has nothing to do with it; who was not seen for
180 days leaves the store's index again. Doing it twice changes nothing.
"""

from __future__ import annotations

from datetime import date
from typing import Any

from hub import personal
from hub.office import Office
from hub.store.engine import Turn
from points.days import Day, plus_days
from points.identifiers import BUCKETS

SEEN_DAYS = 180
LOOKED_AT = "phonebook"
"""The setting with the number of the last change of a member that was looked at."""


def remember_seen(office: Office) -> None:
    """Bring every store's index up to date."""
    with office.store.look() as look:
        kept = look.one("SELECT value FROM settings WHERE name = ?", (LOOKED_AT,))
        latest = look.one("SELECT coalesce(max(touched), 0) FROM changed")
    since, until = int(kept[0]) if kept else -1, int(latest[0]) if latest else 0
    oldest = plus_days(Day(office.today()), -SEEN_DAYS)
    for number in range(BUCKETS):
        with office.store.turn() as turn:
            _bucket(turn, office, number, since, int(oldest))
    with office.store.turn() as turn:
        turn.run("DELETE FROM phone_tags WHERE seen_ms < ?", (office.clock() - SEEN_DAYS * 86_400_000,))
        turn.run(
            "INSERT INTO settings (name, value) VALUES (?, ?)"
            " ON CONFLICT (name) DO UPDATE SET value = excluded.value",
            (LOOKED_AT, str(until)),
        )


def _bucket(turn: Turn, office: Office, number: int, since: int, oldest: int) -> None:
    rows = turn.run(
        "SELECT c.m, c.store, max(c.seen_on) FROM cells c"
        " JOIN members t ON t.bucket = c.bucket AND t.m = c.m"
        " JOIN personal p ON p.bucket = c.bucket AND p.m = c.m"
        " WHERE c.bucket = ? AND t.touched > ? AND c.seen_on >= ? GROUP BY c.m, c.store ORDER BY c.m",
        (number, since, oldest),
    )
    phones: dict[int, Any] = {}
    for m, store, day in rows:
        if m not in phones:
            phones[m] = personal.read(turn, office, m).get("phone", "")
        personal.saw(turn, office, m, store, phones[m], _noon_ms(day))


def _noon_ms(day: int) -> int:
    """A time within a day; which one makes no difference to 180 days."""
    then = date(day // 10_000, day // 100 % 100, day % 100)
    return (then - date(1970, 1, 1)).days * 86_400_000 + 43_200_000

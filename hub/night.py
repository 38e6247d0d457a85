"""Headquarters' night: expired points posted, phone books kept, cases opened of what is overdue, who
owes looked up, changes published, unnamed blobs swept, what no page tells any more forgotten.

The only door to APScheduler on this side. Jobs live in memory; the day whose night was last finished
stands in the database, so a hub that was off at night does its work when it is started. Every part may
be done twice, and stopped anywhere.
"""

from __future__ import annotations

import logging
import threading
from datetime import UTC, datetime

from apscheduler.schedulers.background import BackgroundScheduler

from config.night_window import NightWindow
from hub import (
    directory,
    editions,
    expiry,
    member_editions,
    overdue,
    owing,
    phonebook,
    private_page,
    publishing,
    regions,
    release,
    visitors,
)
from hub.office import Office
from points.days import plus_days

log = logging.getLogger(__name__)

LOOK_EVERY_S = 60
DONE = "night"


class Night:
    """Runs the nightly work of one office. ``run`` may be called from any thread."""

    def __init__(self, office: Office, window: NightWindow) -> None:
        self.office = office
        self.window = window
        self._one = threading.Lock()
        self._scheduler = BackgroundScheduler(timezone=UTC)

    def start(self) -> None:
        """Look every minute whether the night is due; and once now, for one that was missed."""
        self._scheduler.add_job(
            self.look,
            "interval",
            seconds=LOOK_EVERY_S,
            misfire_grace_time=None,
            coalesce=True,
            max_instances=1,
            next_run_time=datetime.now(UTC),
        )
        self._scheduler.start()

    def stop(self) -> None:
        """No more nights; one that runs is waited for."""
        if self._scheduler.running:
            self._scheduler.shutdown(wait=True)

    def look(self) -> None:
        """Run the night when it is due; what fails is tried again next time. And whatever the end of another
        process cut off is gone on with."""
        release.go_on(self.office)
        if not self.is_due():
            return
        try:
            self.run()
        except Exception:
            log.exception("the night stopped and will be tried again")

    def is_due(self) -> bool:
        """Whether the last night, however long ago its window opened, is not done."""
        with self.office.store.look() as look:
            row = look.one("SELECT value FROM settings WHERE name = ?", (DONE,))
        return row is None or int(row[0]) != self._last()  # also when a clock was far ahead at the last one

    def _last(self) -> int:
        """The local day on which the window opened last."""
        now, rules = self.office.clock(), self.office.rules()
        today = rules.today(now)
        return today if rules.minute(now) >= self.window.from_minute else plus_days(today, -1)

    def run(self) -> int:
        """One night; gives the points that were posted as expired."""
        with self._one:
            office = self.office
            night = self._last()
            expired = expiry.post_expiry(office)
            phonebook.remember_seen(office)
            overdue.open_cases(office)
            owing.note(office)
            publishing.publish(office, part=member_editions.AT_NIGHT)
            directory.publish(office)
            with office.store.turn() as turn:
                listed = directory.kept(turn)
                members = set[str]().union(
                    *(member_editions.names(member_editions.kept(turn, one)) for one in regions.every(turn))
                )
                editions.sweep(turn, office, members | (listed.names if listed else set()))
                visitors.forget_unseen(turn, office)
                private_page.forget_counted(turn)
                turn.run(
                    "INSERT INTO settings (name, value) VALUES (?, ?)"
                    " ON CONFLICT (name) DO UPDATE SET value = excluded.value",
                    (DONE, str(night)),
                )
            return expired

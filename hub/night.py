"""Headquarters' night: expired points posted, phone books kept, cases opened of what is overdue, who
owes looked up, changes published, unnamed blobs swept.

The only door to APScheduler on this side. Jobs live in memory; the day whose night was last finished
stands in the database, so a hub that was off at night does its work when it is started. Every part may
be done twice, and stopped anywhere.
"""

from __future__ import annotations

import logging
import threading
from datetime import UTC, datetime

from apscheduler.schedulers.background import BackgroundScheduler

from config.settings import NightWindow
from hub import expiry, overdue, owing, phonebook, publishing
from hub.office import Office

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
        """Run the night when it is due; what fails is tried again next time."""
        if not self.is_due():
            return
        try:
            self.run()
        except Exception:
            log.exception("the night stopped and will be tried again")

    def is_due(self) -> bool:
        """Whether today's night is not done and its window is open, or a whole night was missed."""
        office = self.office
        now = office.clock()
        today = office.rules().today(now)
        with office.store.look() as look:
            row = look.one("SELECT value FROM settings WHERE name = ?", (DONE,))
        done = int(row[0]) if row else 0
        if done >= today:
            return False
        yesterday = office.rules().today(now - 86_400_000)
        return done < yesterday or self.window.contains(self._minute(now))

    def _minute(self, now: int) -> int:
        zone = self.office.rules().zone
        offset = next((minutes for since, minutes in reversed(zone) if since <= now), zone[0][1])
        return (now // 60_000 + offset) % 1440

    def run(self) -> int:
        """One night; gives the points that were posted as expired."""
        with self._one:
            office = self.office
            today = office.today()
            expired = expiry.post_expiry(office)
            phonebook.remember_seen(office)
            overdue.open_cases(office)
            owing.note(office)
            publishing.publish(office)
            with office.store.turn() as turn:
                publishing.sweep(turn, office)
                turn.run(
                    "INSERT INTO settings (name, value) VALUES (?, ?)"
                    " ON CONFLICT (name) DO UPDATE SET value = excluded.value",
                    (DONE, str(today)),
                )
            return expired

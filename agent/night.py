"""The nightly reconciliation, and the contacts between: one at a time, caught up when missed.

The only door to APScheduler on this side. Its job store is not trusted with anything: jobs live in
memory, and the night that was last finished stands in the book, so a PC that was off at two in the
morning does its night when it is switched on. Without a misfire limit of its own the scheduler
would silently skip a night that began a second late.

Rights go home only when headquarters answers: in an outage they stay where they can be spent, however
many nights pass. If it answered and then did not take what was sent, nothing more goes home before it
takes everything. A night that cannot be finished is tried again in growing, drawn pauses.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from apscheduler.schedulers.background import BackgroundScheduler

from agent import day_close, intents, stick, till_night
from agent.contact import Contact, Contacted, Tell
from agent.patience import Patience
from agent.stick import Exchanged
from agent.store import feeds, outbox, prints
from agent.till import Till
from agent.uplink import Uplink
from config.faults import Fault
from config.night_window import NightWindow
from points.days import plus_days
from points.wire.timetable import slot

log = logging.getLogger(__name__)

LOOK_EVERY_S = 60
DONE = "night"
"""The fact that names the last night that was finished, by the local day on which its window opened."""
LEAVE_MS = 30 * 60 * 1000
"""A PC that is still on half an hour after its power was said to go has its power back."""


class Night:
    """Runs contacts for one till. ``run`` and ``contact`` may be called from any thread."""

    def __init__(self, till: Till, uplink: Uplink, window: NightWindow) -> None:
        self.till = till
        self.uplink = uplink
        self.window = window
        self.last: Contacted | None = None
        self.fault: Fault | None = None
        self._is_taken = True
        self._unfinished = Patience.of(till)
        self._one = threading.Lock()
        self._hurry = threading.Event()
        self._beside: list[Callable[[], None]] = []
        self._scheduler = BackgroundScheduler(timezone=UTC)

    def also(self, look: Callable[[], None]) -> None:
        """Do this every minute too, beside the nights. To be said before the start."""
        self._beside.append(look)

    def start(self) -> None:
        """Look every minute whether the night is due; and once now, for a night that was missed."""
        for look in (self.look, *self._beside):
            self._scheduler.add_job(
                look,
                "interval",
                seconds=LOOK_EVERY_S,
                misfire_grace_time=None,
                coalesce=True,
                max_instances=1,
                next_run_time=datetime.now(UTC),
            )
        self._scheduler.start()

    @property
    def is_hurried(self) -> bool:
        """Whether the program ends, or the power goes."""
        return self._hurry.is_set()

    def hurry(self) -> None:
        """No contact rests any more: the program ends, or the power goes."""
        self._hurry.set()

    def stop(self) -> None:
        """No more nights; a contact that runs is waited for, its pauses are not."""
        self.hurry()
        if self._scheduler.running:
            self._scheduler.shutdown(wait=True)

    def look(self) -> None:
        """Run the night when it is due; a fault is kept for the page and tried again next time."""
        if not (self.uplink.may_ask and self._unfinished.is_over and self.is_due()):
            return
        try:
            settled = self.run().settled
        except Fault as fault:
            settled = False
            self.fault = fault
            log.warning("the night stopped: %s", fault.remedy)
        except Exception:
            settled = False
            log.exception("the night stopped")
        if settled:
            self._unfinished.succeed()
        else:
            self._unfinished.fail(LOOK_EVERY_S * 1000)

    def is_due(self) -> bool:
        """Whether the last night whose minute has come, however long ago, is not finished."""
        if self.till.rules is None:
            return True  # the first contact brings the rules
        return feeds.fact(self.till.book, DONE) != str(self._last())

    def _last(self) -> int:
        """The last night whose minute has come, by the local day on which its window opened."""
        now, rules = self.till.time().st_ms, self.till.rule()
        minute, today, window = rules.minute(now), rules.today(now), till_night.window(self.till, self.window)
        night = today if minute >= window.from_minute else plus_days(today, -1)
        is_time = window.since(minute) >= slot(self.till.store, night, window.minutes)
        return night if is_time else plus_days(night, -1)

    def run(self, *, rest: Callable[[int], None] | None = None, tell: Tell | None = None) -> Contacted:
        """The night: everything is sent, rights go home if headquarters answers, new ones come."""
        till, is_first = self.till, self.till.rules is None
        done, is_home = self._go_home(rest, tell)
        if is_home or (is_first and done.settled and till.rules is not None):  # nothing lay here before
            night = self._last()
            with till.book.turn() as turn:
                feeds.keep_fact(turn, DONE, str(night))
                prints.forget_codes(turn)
        return done

    def send_home(self) -> bool:
        """The day is closed and headquarters answers: what still lies here goes home. Whether it has all."""
        return self._go_home(None, None)[1]

    def leave(self) -> bool:
        """This PC is about to be switched off: everything is sent and every right goes home to stay there.

        Gives whether headquarters has it all. Out of reach, rights stay where they can be spent.
        """
        self.till.leaving_until_mono_ms = self.till.clock.now().mono_ms + LEAVE_MS
        self.hurry()
        try:
            return self._go_home(None, None)[1]
        except Fault as fault:
            log.warning("rights could not go home: %s", fault.remedy)
            return False
        finally:
            if self._scheduler.running:  # it goes on as long as there is power
                self._hurry.clear()

    def _go_home(self, rest: Callable[[int], None] | None, tell: Tell | None) -> tuple[Contacted, bool]:
        """Send everything, then every right; gives how it ended, and whether all of it has arrived."""
        answers = self.till.rules is not None and self.uplink.reaches()
        if not (answers and self._is_taken):
            done = self.contact(rest=rest, tell=tell)
            if not (answers and done.settled):
                return done, False
        self._is_taken = False
        day_close.give_back(self.till, "agent")
        done = self.contact(rest=rest, tell=tell)
        self._is_taken = done.settled
        return done, done.settled

    def contact(self, *, rest: Callable[[int], None] | None = None, tell: Tell | None = None) -> Contacted:
        """One contact, without giving rights back; waits for another that is going on."""
        with self._one:
            self._end_intents()
            self.last = Contact(self.till, self.uplink, rest=rest or self.rest, tell=tell).run()
            self.fault = None
            return self.last

    def exchange(self, folder: Path, *, tell: Tell | None = None) -> Exchanged:
        """What a contact does, by a stick that is plugged in; waits for a contact that is going on."""
        with self._one:
            self._end_intents()
            return stick.exchange(self.till, self.uplink, folder, tell)

    def _end_intents(self) -> None:
        """What a failed act left behind; a disk that takes nothing keeps no contact from being made."""
        if self.till.rules is None:
            return
        try:
            intents.end_cut_off(self.till, "agent")
        except Fault as fault:
            log.warning("what was asked for could not be given up: %s", fault.remedy)

    def rest(self, ms: int) -> None:
        """Wait so long, not when somebody is in a hurry."""
        self._hurry.wait(ms / 1000)

    def unsent(self) -> int:
        """Operations that headquarters has not acknowledged."""
        delivered = outbox.delivered(self.till.book)
        return self.till.log.pos(self.till.log.seq) - max(delivered, self.till.log.pos(0))

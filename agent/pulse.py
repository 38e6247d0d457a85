"""Whether headquarters can be reached, and the contacts between the nights.

One thread looks every few seconds at what is known here; headquarters is asked whether it answers only
when nothing was heard of it lately, and after it did not answer in growing, drawn pauses (``patience``). When
it answers and something waits to be sent, or nothing was told for a while, it makes a contact. What was
just recorded goes ``UPLOAD_AFTER_S`` after the last of it, at the latest when ``UPLOAD_AT_ONCE`` wait or a
few such pauses have passed: a till that sells all day over a good line is never more than seconds behind,
and one contact carries a queue of customers. A contact that fails changes nothing but what the page says,
and the thread outlives whatever happens in one.
"""

from __future__ import annotations

import logging
import threading
from typing import Protocol

from agent.night import Night
from agent.patience import Patience
from config.faults import Fault

log = logging.getLogger(__name__)

LOOK_EVERY_S = 5.0
WAIT_MAX_S = 300.0
HEAR_AT_LEAST_EVERY_MS = 10 * 60 * 1000
FRESH_S = 45.0
"""How long an answer tells that the next will come; the bell's held question is heard every 20 seconds."""
UPLOAD_AFTER_S, UPLOAD_AT_ONCE, UPLOAD_PAUSES_MAX = 2.0, 50, 5


class Reach(Protocol):
    """What the pulse asks of the way to headquarters."""

    connected: bool

    @property
    def may_ask(self) -> bool:
        """Whether who asks by itself may do so now."""
        ...

    def has_answered(self, within_s: float) -> bool:
        """Whether the last that was heard is an answer, and not older than that."""
        ...

    def reaches(self) -> bool:
        """Whether headquarters answers now."""
        ...


class Pulse:
    """The beat of one till. ``every_s`` 0: never by itself; ``beat`` may still be called."""

    def __init__(self, night: Night, reach: Reach, every_s: float = LOOK_EVERY_S) -> None:
        self.night = night
        self.reach = reach
        self.every_s = every_s
        self.online = False
        self.last_contact_ms = 0
        self._was_shut = self._is_home = False
        self._news_mono_ms: int | None = None
        self._last_try_mono_ms = -HEAR_AT_LEAST_EVERY_MS
        self._unsettled = Patience.of(night.till)
        self._stop = threading.Event()
        self._wake = threading.Event()
        self._thread = threading.Thread(target=self._run, name="pulse", daemon=True)

    def start(self) -> None:
        """Begin to look."""
        if self.every_s:
            self._thread.start()

    def stop(self) -> None:
        """No more looks; a contact that runs is waited for."""
        self._stop.set()
        self._wake.set()
        if self._thread.is_alive():
            self._thread.join(timeout=10)

    def wake(self) -> None:
        """Look now: something was recorded, or the network was switched on."""
        self._wake.set()

    def hear_within(self, spread_s: int) -> None:
        """There is news at headquarters: make a contact within so many seconds, at a drawn time, so that a
        chain does not come all at once."""
        till = self.night.till
        wait_ms = int.from_bytes(till.chance(4), "big") % (spread_s * 1000 + 1)
        self._news_mono_ms = till.clock.now().mono_ms + wait_ms
        if not spread_s:
            self.wake()

    @property
    def network(self) -> str:
        """``online``, ``offline``, or ``network_off`` when this till was told not to talk."""
        if not self.reach.connected:
            return "network_off"
        return "online" if self.online else "offline"

    def reaches(self) -> bool:
        """Whether headquarters answers now."""
        self.online = self.reach.reaches()
        return self.online

    def beat(self) -> None:
        """One look, and a contact when there is a reason for one; a closed day's rights go home first."""
        is_shut = self.night.till.is_shut
        self._is_home = self._is_home and is_shut
        if not (self._answers() and self.reach.may_ask):
            return
        if is_shut and not self._is_home:
            self._is_home = self.night.send_home()
        if self._has_reason():
            self._contact()

    def contact(self) -> bool:
        """Make a contact now, if headquarters answers; whether everything recorded is acknowledged."""
        return self.reaches() and self._contact()

    def _answers(self) -> bool:
        """Whether headquarters answers, by what was heard lately or by asking when that is due."""
        if self.reach.has_answered(FRESH_S):
            self.online = True
        elif self.reach.may_ask:
            self.reaches()
        else:
            self.online = False
        return self.online

    def _contact(self) -> bool:
        till = self.night.till
        self._last_try_mono_ms, self._news_mono_ms = till.clock.now().mono_ms, None
        done = self.night.contact()
        if done.settled:
            self.last_contact_ms = till.time().st_ms
            self._unsettled.succeed()
        else:
            self._unsettled.fail()
        return done.settled

    def _has_reason(self) -> bool:
        till = self.night.till
        reopened, self._was_shut = self._was_shut and not till.is_shut, till.is_shut
        silent_ms = till.clock.now().mono_ms - self._last_try_mono_ms
        is_due = till.rules is None or self.night.unsent() > 0 or silent_ms >= HEAR_AT_LEAST_EVERY_MS
        is_due |= self._news_mono_ms is not None and till.clock.now().mono_ms >= self._news_mono_ms
        return reopened or (is_due and self._unsettled.is_over)

    def _run(self) -> None:
        waits_s = self.every_s
        while not self._stop.is_set():
            try:
                self.beat()
                waits_s = self.every_s
            except Fault as fault:
                self.night.fault = fault
                log.warning("a contact stopped: %s", fault.remedy)
            except Exception:
                log.exception("a contact stopped")
                waits_s = min(2 * waits_s, WAIT_MAX_S)
            if self._wake.wait(waits_s):
                self._gather()

    def _gather(self) -> None:
        """Something was recorded; more may follow at once."""
        for _ in range(UPLOAD_PAUSES_MAX):
            self._wake.clear()
            if self._stop.is_set() or self.night.unsent() >= UPLOAD_AT_ONCE:
                return
            if not self._wake.wait(UPLOAD_AFTER_S):
                return
        self._wake.clear()

"""Whether headquarters can be reached, and the contacts between the nights.

One thread looks every few seconds. When headquarters answers and something waits to be sent, or
nothing was heard for a while, it makes a contact; a till that sells all day over a good line is never
more than seconds behind. A contact that fails changes nothing but what the page says,
and the thread outlives whatever happens in one.
"""

from __future__ import annotations

import logging
import threading
from typing import Protocol

from agent.night import Night
from config.faults import Fault

log = logging.getLogger(__name__)

LOOK_EVERY_S = 5.0
WAIT_MAX_S = 300.0
HEAR_AT_LEAST_EVERY_MS = 10 * 60 * 1000


class Reach(Protocol):
    """What the pulse asks of the way to headquarters."""

    connected: bool

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
        self._last_try_mono_ms = -HEAR_AT_LEAST_EVERY_MS
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
        if not self.reaches():
            return
        if is_shut and not self._is_home:
            self._is_home = self.night.send_home()
        if self._has_reason():
            self.contact()

    def contact(self) -> bool:
        """Make a contact now, if headquarters answers; whether everything recorded is acknowledged."""
        if not self.reaches():
            return False
        till = self.night.till
        self._last_try_mono_ms = till.clock.now().mono_ms
        done = self.night.contact()
        if done.settled:
            self.last_contact_ms = till.time().st_ms
        return done.settled

    def _has_reason(self) -> bool:
        till = self.night.till
        reopened, self._was_shut = self._was_shut and not till.is_shut, till.is_shut
        silent_ms = till.clock.now().mono_ms - self._last_try_mono_ms
        return (
            till.rules is None or reopened or self.night.unsent() > 0 or silent_ms >= HEAR_AT_LEAST_EVERY_MS
        )

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
            self._wake.wait(waits_s)
            self._wake.clear()

"""Headquarters rings when somebody else needs what this till holds, and it goes home at once.

One thread keeps one question open. Rung for a member, the till records the return of all its rights of that
member and delivers it, so that who waits at another counter has them within a moment. A member who is
being authorised here right now is busy: what this counter is about to use stays. Rung for a sale, the till
makes a contact: that the right to refund it is wanted is said by its own page, which is signed. A ring that
is lost costs time and never points; what is wanted stands in the till's own page too. Of news the pulse
hears, which makes a contact in a time of its own.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Sequence
from typing import Protocol

from agent import day_close
from agent.night import Night
from agent.store import cells
from agent.uplink import OutOfReach
from config.faults import Fault
from points.wire.faults import WireFault

log = logging.getLogger(__name__)

WAIT_S = 5.0
WAIT_MAX_S = 300.0


class Rope(Protocol):
    """What the bell hangs on: a question that headquarters holds open."""

    connected: bool

    @property
    def may_ask(self) -> bool:
        """Whether who asks by itself may do so now."""
        ...

    def rung(self) -> list[int | str]:
        """Members whose rights are wanted back, and sales that are asked for; raises ``OutOfReach`` or
        ``WireFault``."""
        ...

    @property
    def news_s(self) -> int | None:
        """Within how many seconds the last ring asked for a contact; None when it did not."""
        ...


class Bell:
    """The listening of one till. ``answer`` may be called from any thread."""

    def __init__(self, night: Night, rope: Rope, news: Callable[[int], None] = lambda _s: None) -> None:
        self.night = night
        self.rope = rope
        self._news = news
        self._stop = threading.Event()
        self._one = threading.Lock()
        self._thread = threading.Thread(target=self._run, name="bell", daemon=True)

    def start(self) -> None:
        """Begin to listen."""
        self._thread.start()

    def stop(self) -> None:
        """Listen no more; an answer that is being given is waited for, an open question is not."""
        self._stop.set()
        with self._one:
            pass

    def answer(self, rung: Sequence[int | str]) -> int:
        """Give back what is held of members and deliver it; gives the points that went home."""
        till = self.night.till
        ms = {m for m in rung if isinstance(m, int)}
        with till.book.lock:
            busy = {m for op_id, m in cells.intents(till.book) if op_id in till.asking}
            gone = day_close.give_back(till, "agent", only=ms - busy)
        if gone or len(ms) < len(rung):
            self.night.contact()
        return gone

    def _run(self) -> None:
        waits_s = WAIT_S
        while not self._stop.is_set():
            if self.night.till.rules is None or not self.rope.connected or not self.rope.may_ask:
                self._stop.wait(WAIT_S)
                continue
            asked_s = time.monotonic()
            try:
                rung = self.rope.rung()
                with self._one:
                    if rung and not self._stop.is_set():
                        self.answer(rung)
                if self.rope.news_s is not None:
                    self._news(self.rope.news_s)
                if rung or self.rope.news_s is not None or time.monotonic() - asked_s > WAIT_S:
                    waits_s = WAIT_S
                    continue  # else another PC asks with this key, or headquarters ends
            except (OutOfReach, WireFault):
                pass
            except Fault as fault:
                log.warning("rights could not go home: %s", fault.remedy)
            except Exception:
                log.exception("a ring could not be answered")
            self._stop.wait(waits_s)
            waits_s = min(2 * waits_s, WAIT_MAX_S)

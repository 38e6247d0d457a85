"""How long who did not answer is left in peace: full jitter under a doubling roof, never less than was asked.

All that asks by itself - contacts, the night, the bell - waits together, so a chain that finds headquarters
again after hours comes back one after the other. An answer to anybody, the cashier's question too, ends the
wait. Who is told to ask now, by a person or for a customer, asks all the same.
"""

from __future__ import annotations

import threading
from collections.abc import Callable

from agent.till import Till
from points.wire.calls import Pause, pause_ms

MonoMs = Callable[[], int]
Chance = Callable[[], int]
"""32 random bits."""


class Patience:
    """Towards one party. Safe from any thread."""

    def __init__(self, mono_ms: MonoMs, chance: Chance) -> None:
        self._mono_ms, self._chance = mono_ms, chance
        self._tries, self._not_before_ms = 0, 0
        self._lock = threading.Lock()

    @classmethod
    def of(cls, till: Till) -> Patience:
        """By a till's own clock and chance."""
        return cls(lambda: till.clock.now().mono_ms, lambda: int.from_bytes(till.chance(4), "big"))

    @property
    def is_over(self) -> bool:
        """Whether it may be asked again."""
        return self._mono_ms() >= self._not_before_ms

    def fail(self, at_least_ms: int = 0) -> None:
        """It did not answer, or asked to be left alone for so long; several at once are one."""
        with self._lock:
            now_ms = self._mono_ms()
            if now_ms >= self._not_before_ms:
                pause = pause_ms(Pause(at_least_ms, self._tries), self._chance())
                self._not_before_ms = now_ms + pause
                self._tries += 1

    def rest(self, most_ms: int) -> None:
        """It answers again, and asks everybody to come in a time of their own, within so long."""
        with self._lock:
            self._not_before_ms = self._mono_ms() + (self._chance() * most_ms >> 32)

    def succeed(self) -> None:
        """It has answered."""
        with self._lock:
            self._tries, self._not_before_ms = 0, 0

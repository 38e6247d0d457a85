"""What the system tells a program, heard by its main thread: to end, or that the power goes.

A wait for ever would miss a signal that comes in the instant before it, or one that the system gives to
another thread: Python tells the main thread only when it next runs. So the wait wakes now and then.
"""

from __future__ import annotations

import queue
import signal

LOOK_EVERY_S = 0.5


class Signals:
    """The signals ``signs`` from now on. To be made and asked by the main thread."""

    def __init__(self, *signs: signal.Signals) -> None:
        self._said: queue.SimpleQueue[int] = queue.SimpleQueue()
        for sign in signs:
            signal.signal(sign, lambda number, _frame: self._said.put(number))

    @property
    def has_come(self) -> bool:
        """Whether one has come that was not asked for yet."""
        return not self._said.empty()

    def next(self) -> int:
        """The next one, whenever it comes."""
        while True:
            try:
                return self._said.get(timeout=LOOK_EVERY_S)
            except queue.Empty:
                continue

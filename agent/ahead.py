"""Batches that are on their way before the one in front is acknowledged, so that a slow line is never idle.

Only a backlog has any. The first goes alone, and says how slow the line is. Each is stored before it is sent,
heard in its order, and forgotten when the contact ends: whatever became of it, it is asked for again by the
same bytes. A headquarters that does not wait for what comes before answers with a gap; then nothing is sent
ahead any more. It refuses to know what a batch is.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from points.wire.faults import Problem, WireFault

AT_ONCE = 4
AT_ONCE_S = 15.0
"""No more than the line carries in so long: whoever waits for an answer gives up at twice that."""

Send = Callable[[], bytes]


class _Going:
    """One call under way."""

    def __init__(self, send: Send) -> None:
        self._send, self._raw = send, b""
        self._error: Exception | None = None
        self._thread = threading.Thread(target=self._run, name="ahead", daemon=True)
        self._thread.start()

    def _run(self) -> None:
        try:
            self._raw = self._send()
        except Exception as error:
            self._error = error

    def answer(self) -> bytes:
        """What was answered; raises what the call raised."""
        self._thread.join()
        if self._error is not None:
            raise self._error
        return self._raw


class Ahead:
    """The calls of one contact that are under way, by the names of their batches; at most ``at_once``."""

    def __init__(self, at_once: int, mono_s: Callable[[], float] = time.monotonic) -> None:
        self._at_once, self._mono_s = at_once, mono_s
        self._room = 0
        """How many may be under way; none before the line is known."""
        self._going: dict[str, _Going] = {}

    @property
    def has_room(self) -> bool:
        """Whether one more may be sent now."""
        return len(self._going) < self._room

    def start(self, name: str, send: Send) -> None:
        """Send this one, if it is not under way."""
        if name not in self._going:
            self._going[name] = _Going(send)

    def answer(self, name: str, send: Send) -> bytes:
        """The answer to this batch, of the call that is under way or of one that is made now."""
        going = self._going.pop(name, None)
        if going is None:
            return self._alone(send)
        try:
            return going.answer()
        except WireFault as fault:
            if fault.problem != Problem.GAP:
                raise
        self._at_once = self._room = 0
        return self._alone(send)

    def _alone(self, send: Send) -> bytes:
        began_s = self._mono_s()
        raw = send()
        took_s = max(self._mono_s() - began_s, 0.001)
        room = min(self._at_once, int(AT_ONCE_S / took_s))
        self._room = room if room > 1 else 0
        return raw

"""A scan: one code, read once, by one device.

What always holds: a scan has an id of its own (a ULID) that seeds whatever is done because of it, so a
request repeated for the same scan is the same request; and the same text from the same device within
1.2 s is one scan, however often the trigger fired, counted from the last time it was heard.

This module refuses to know what a text means. A text may be somebody's payment code, so it is never part
of a `repr` and nothing here logs.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol

REPEAT_MS = 1_200
CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
RANDOM_BYTES = 10


@dataclass(frozen=True, slots=True)
class Scan:
    """`text` as read, without its terminator; `at_ms` on the machine's monotonic clock."""

    id: str
    text: str = field(repr=False)
    device: str
    at_ms: int


Sink = Callable[[Scan], None]
"""Where scans go. It must return at once and never raise: put the scan into a queue."""


class Health(StrEnum):
    OK = "ok"
    CONNECTING = "connecting"
    UNAVAILABLE = "unavailable"


@dataclass(frozen=True, slots=True)
class Wellbeing:
    """How a device is, and the key of the sentence that says so (`state.*` or `fault.*` of the words)."""

    health: Health
    words: str
    detail: dict[str, str | int] = field(default_factory=dict)


WELL = Wellbeing(Health.OK, "state.scanner_ok")


class Scanner(Protocol):
    """What every scanner can do. `start` never raises: a device that fails is unwell, not the agent."""

    @property
    def address(self) -> str: ...

    def start(self, sink: Sink) -> None: ...

    def stop(self, timeout_s: float = 2.0) -> None: ...

    def wellbeing(self) -> Wellbeing: ...

    def counts(self) -> dict[str, int]: ...


def ulid(unix_ms: int, random: bytes) -> str:
    """26 characters that sort by time: 48 bits of milliseconds, then 80 random bits."""
    assert len(random) == RANDOM_BYTES
    value = (unix_ms & (1 << 48) - 1) << 80 | int.from_bytes(random, "big")
    return "".join(CROCKFORD[value >> shift & 31] for shift in range(125, -1, -5))


def monotonic_ms() -> int:
    return time.monotonic_ns() // 1_000_000


class Desk:
    """Where the texts of one device become scans: repeats are dropped, the rest get an id and go on."""

    def __init__(
        self,
        device: str,
        wall_ms: Callable[[], int] = lambda: time.time_ns() // 1_000_000,
        random: Callable[[int], bytes] = os.urandom,
    ) -> None:
        self.device = device
        self.delivered = 0
        self.repeats = 0
        self._wall_ms, self._random = wall_ms, random
        self._last: tuple[str, int] | None = None
        self._lock = threading.Lock()  # a page may deliver from several threads of its server

    def take(self, text: str, at_ms: int) -> Scan | None:
        """The scan to deliver, or None for a repeat."""
        with self._lock:
            repeat = self._last is not None and self._last[0] == text and at_ms - self._last[1] < REPEAT_MS
            self._last = (text, at_ms)
            if repeat:
                self.repeats += 1
                return None
            self.delivered += 1
        return Scan(ulid(self._wall_ms(), self._random(RANDOM_BYTES)), text, self.device, at_ms)


class ScannerThread:
    """The one thread of a scanner: started once, ended when it is told to."""

    def __init__(self, name: str, run: Callable[[Sink], None]) -> None:
        self.stopping = threading.Event()
        self._name, self._run = name, run
        self._thread: threading.Thread | None = None

    def start(self, sink: Sink) -> None:
        assert self._thread is None, "a scanner starts once"
        self._thread = threading.Thread(target=self._run, args=(sink,), name=self._name, daemon=True)
        self._thread.start()

    def stop(self, timeout_s: float) -> None:
        self.stopping.set()
        if self._thread is not None:
            self._thread.join(timeout_s)

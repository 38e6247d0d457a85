"""Headquarters' business time: the machine's, or a file's when a year is rehearsed in minutes.

Only business goes by it (the day of an expiry, the time of a decision). Signatures of requests are
always checked against real time.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

Clock = Callable[[], int]
"""Gives UTC milliseconds."""


def machine() -> int:
    """The time of this machine, UTC ms."""
    return time.time_ns() // 1_000_000


def file_clock(path: Path) -> Clock:
    """The number of milliseconds that stands in a file, written whole by whoever rehearses."""

    def read() -> int:
        return int(path.read_text())

    return read

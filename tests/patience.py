"""Waiting for what another thread or process does: as short as it takes, and not for ever."""

from __future__ import annotations

import time
from collections.abc import Callable


def until(true: Callable[[], object], timeout_s: float = 8) -> bool:
    """Whether something becomes true in time."""
    end = time.monotonic() + timeout_s
    while not true():
        if time.monotonic() > end:
            return False
        time.sleep(0.01)
    return True

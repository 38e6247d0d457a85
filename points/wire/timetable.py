"""When a store begins its night, so that a chain does not begin all at once.

The minute is drawn from the store's name and the date: every store has its own, evenly spread over the
window, and another one each night, so that nobody is always the last. Whoever knows both can say it. Source:
the wire's scheduling rules. It refuses to know clocks and windows.
"""

from __future__ import annotations

from hashlib import sha256


def slot(store: str, night: int, minutes: int) -> int:
    """The minute, from 0 to ``minutes`` - 1, in which a store begins the night of a date (yyyymmdd)."""
    spread = int.from_bytes(sha256(f"{store}|{night}".encode()).digest()[:8], "big")
    return spread * minutes >> 64

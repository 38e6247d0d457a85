"""When a night's work is done, as people write it: `02:00-05:00`."""

from __future__ import annotations

import re
from dataclasses import dataclass

_WRITTEN = re.compile(r"([01]\d|2[0-3]):([0-5]\d)-([01]\d|2[0-3]):([0-5]\d)")


@dataclass(frozen=True, slots=True)
class NightWindow:
    """When the night's work starts, in minutes after local midnight. It may pass midnight."""

    from_minute: int
    until_minute: int

    @property
    def minutes(self) -> int:
        """How long it is."""
        return (self.until_minute - self.from_minute) % 1440 or 1440

    def since(self, minute: int) -> int:
        """How many minutes ago it opened last."""
        return (minute - self.from_minute) % 1440

    @classmethod
    def read(cls, text: str) -> NightWindow:
        """A window as people write it. Raises ``ValueError`` with what to write instead."""
        found = _WRITTEN.fullmatch(text)
        if not found:
            raise ValueError('write a time window, such as "02:00-05:00"')
        hour, minute, until_hour, until_minute = map(int, found.groups())
        window = cls(hour * 60 + minute, until_hour * 60 + until_minute)
        if window.from_minute == window.until_minute:
            raise ValueError("a window needs two different times")
        return window

    def __str__(self) -> str:
        return "-".join(f"{at // 60:02}:{at % 60:02}" for at in (self.from_minute, self.until_minute))

"""The world failed: what `config` raises, and how it says what to do next.

A Fault carries the key of its remedy, a sentence in `words/*.toml` under `fault.*`, and the values that
fill that sentence. `str(fault)` is for logs: plain English, no secrets. It is never used where the
business says no (that is a Refusal, a value) nor where we were wrong (that is an assert).

Where we were wrong with a person's data in hand, the message of what was raised may hold them: such an
error is written down by `whereabouts`.
"""

from __future__ import annotations

import traceback


class Fault(Exception):
    """The world failed. `remedy` is a key of the words; `detail` fills its {placeholders}."""

    def __init__(self, remedy: str, message: str, **detail: str | int) -> None:
        super().__init__(message)
        self.remedy = remedy
        self.detail: dict[str, str | int] = detail


def worded(remedy: str, detail: str) -> Fault:
    """A fault whose plain message is also the ``{detail}`` of its sentence."""
    return Fault(remedy, detail, detail=detail)


def whereabouts(error: BaseException) -> str:
    """The kind of an error and the way to its place, without its message: `int(phone)` says the phone."""
    return type(error).__name__ + "\n" + "".join(traceback.format_tb(error.__traceback__))

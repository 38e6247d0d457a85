"""Tells a scanner that pretends to be a keyboard from a human being, without touching the keyboard.

A line of keys is a scan only if it has the shape of a code **and** ends with a terminator **and** was
typed at a scanner's speed. Timing alone never decides: an X server that had no focused window delivered a
whole line 1.2 s late with gaps of 0 ms, and a human's line would come the same way. Everything else is
left where it was typed.

What always holds: at most 64 keys are remembered, and none longer than its line; a person's keys are
forgotten at the first pause, terminator or key beyond the limit, and are never told to anybody. Time is
passed in, so a test needs no waiting.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise

KEYS_MAX = 64
# Codes by which a person is never mistaken for a scanner: a letter and many digits (member and short
# codes), or a payment code's 16 to 24 digits; an AIM id may stand before either. No phones, no amounts, no
# EAN-13: people type those, and a burst would make them look scanned.
CODE_SHAPE = re.compile(r"(\][A-Za-z][0-9])?([A-Z][0-9]{11,30}|[0-9]{16,24})")

Shape = Callable[[str], bool]


def code_shape(text: str) -> bool:
    """The shape taken when the caller gives none; the caller may ask for a right check digit as well."""
    return CODE_SHAPE.fullmatch(text) is not None


@dataclass(frozen=True, slots=True)
class Tempo:
    """How fast a scanner types, as measured: 2 to 30 ms a key; people 60 to 250 ms."""

    length_min: int = 6
    mean_gap_ms_max: int = 35
    gap_ms_max: int = 100
    total_ms_max: int = 1_500

    def fits(self, times: list[int]) -> bool:
        """Whether keys at these moments, the terminator last, were typed by a machine."""
        if len(times) <= self.length_min:
            return False
        gaps = [after - before for before, after in pairwise(times)]
        total = times[-1] - times[0]
        return (
            max(gaps) <= self.gap_ms_max
            and total <= self.total_ms_max
            and total <= self.mean_gap_ms_max * len(gaps)
        )


class Wedge:
    """One keyboard's keys in, the scans among them out."""

    def __init__(self, shape: Shape = code_shape, prefix: str = "", tempo: Tempo | None = None) -> None:
        self._shape, self._prefix, self._tempo = shape, prefix, tempo or Tempo()
        self._keys: deque[tuple[str, int]] = deque(maxlen=KEYS_MAX)

    def key(self, character: str, at_ms: int) -> None:
        """A printable key went down. A pause before it makes it the first of a new line."""
        if self._keys and at_ms - self._keys[-1][1] > self._tempo.gap_ms_max:
            self._keys.clear()
        self._keys.append((character, at_ms))

    def other(self) -> None:
        """A key that no scanner sends (an arrow, a function key): whatever was typed is a person's."""
        self._keys.clear()

    def terminator(self, at_ms: int) -> str | None:
        """Enter, Line Feed or Tab went down: the scan it ends, if it ends one."""
        keys = list(self._keys)
        self._keys.clear()
        for start in self._starts(keys):
            line = keys[start:]
            text = "".join(character for character, _ in line)
            if not self._tempo.fits([when for _, when in line] + [at_ms]):
                continue
            if text.startswith(self._prefix) and self._shape(text.removeprefix(self._prefix)):
                return text.removeprefix(self._prefix)
        return None

    def _starts(self, keys: list[tuple[str, int]]) -> list[int]:
        """Where the code may begin: at the line's first key, or after keys that all came at a person's pace.

        A cashier who types "12" and then pulls the trigger has made one line of the two. Cutting only
        behind slow keys keeps the end of a long scan that stuttered from being taken for a shorter code.
        """
        starts = [0] if keys else []
        for i, (before, after) in enumerate(pairwise(keys), start=1):
            if after[1] - before[1] <= self._tempo.mean_gap_ms_max:
                break
            starts.append(i)
        return starts

"""Turns a scanner's bytes into codes, without touching the scanner.

A reader on a serial line sends the code and then a suffix: CR, LF, both, or TAB; some send none, and then
50 ms of silence end the code. It may send half a code now and the rest 40 ms later, or two codes at once.
Feed every byte here in the order it came; take out whole codes. Time is passed in, so a test needs no
waiting.

What always holds: after every (re)opening nothing is believed until the first terminator, or until the
line has been silent for 100 ms (else the first real scan after a quiet opening would be lost); a code
longer than 4 KiB is dropped whole, to its end. A cable that breaks inside a code and comes back can
still end it early: that is what check digits are for.
"""

from __future__ import annotations

SILENCE_MS = 50
OPENING_SILENCE_MS = 100
CODE_BYTES_MAX = 4_096
TERMINATORS = frozenset(b"\r\n\t")
AROUND = "\x00\x02\x03 "  # NUL, STX, ETX and blanks that some readers put around a code


class Framer:
    """One line's bytes in, its codes out."""

    def __init__(self, opened_ms: int) -> None:
        self.overlong = 0
        self._code = bytearray()
        self._last_ms = opened_ms
        self._opening = True
        self._dropping = False

    def opened(self, at_ms: int) -> None:
        """The line was opened again: forget what was begun."""
        self._code.clear()
        self._last_ms, self._opening, self._dropping = at_ms, True, False

    @property
    def believes(self) -> bool:
        """Whether a code that comes now is heard: the line was silent or a terminator came since opening."""
        return not self._opening

    def receive(self, data: bytes, at_ms: int) -> list[str]:
        """The codes that `data` completes. Silence before it may complete one, too."""
        codes = self.quiet(at_ms)
        if data:
            self._last_ms = at_ms
        for byte in data:
            if byte not in TERMINATORS:
                self._take(byte)
            elif self._opening or self._dropping:
                self._opening = self._dropping = False
            else:
                codes += self._end()
        return codes

    def quiet(self, at_ms: int) -> list[str]:
        """What the silence up to now ends. Call it when a read came back empty."""
        silent_ms = at_ms - self._last_ms
        if self._opening:
            self._opening = silent_ms < OPENING_SILENCE_MS
            return []
        if silent_ms < SILENCE_MS:
            return []
        self._dropping = False
        return self._end()

    def _take(self, byte: int) -> None:
        if self._opening or self._dropping:
            return
        if len(self._code) == CODE_BYTES_MAX:
            self._code.clear()
            self._dropping = True
            self.overlong += 1
            return
        self._code.append(byte)

    def _end(self) -> list[str]:
        raw = bytes(self._code)
        self._code.clear()
        try:
            text = raw.decode("utf-8")
        except UnicodeDecodeError:
            text = raw.decode("latin-1")  # noise, or a code in another charset: no code of ours, but a scan
        text = text.strip(AROUND)
        return [text] if text else []

"""An ESC/POS stream cut into commands and text, as a printer's input stage does. It executes nothing.

Feed bytes as they come; take out whole tokens. What always holds: every byte is in exactly one token, in
order; a command whose parameters have not all arrived waits for them; bytes that begin no known command
are `unknown`, so that a test can insist on none. Real-time commands are recognised between commands only,
as newer printers do; an old printer's habit of finding them inside pictures is the engine's choice.
"""

from __future__ import annotations

from dataclasses import dataclass

ESC, FS, GS, DLE = 0x1B, 0x1C, 0x1D, 0x10
# How many parameter bytes follow the two bytes of a command.
FIXED: dict[bytes, int] = {
    **dict.fromkeys([b"\x1b@", b"\x1b2", b"\x1c&", b"\x1c."], 0),
    **dict.fromkeys([b"\x1b" + bytes((c,)) for c in b"t3aE!dJM-GR {V"], 1),
    **dict.fromkeys([b"\x1c!", b"\x1c-", b"\x1d!", b"\x1da", b"\x1dr", b"\x1dI", b"\x1dB"], 1),
    **dict.fromkeys([b"\x1dh", b"\x1dw", b"\x1dH", b"\x1df", b"\x10\x04", b"\x10\x05"], 1),
    **dict.fromkeys([b"\x1b$", b"\x1b\\", b"\x1cS", b"\x1dL", b"\x1dW"], 2),
    **dict.fromkeys([b"\x1bp", b"\x10\x14"], 3),
}
PREFIXES = frozenset((ESC, FS, GS, DLE))


@dataclass(frozen=True, slots=True)
class Token:
    """`name` is `text`, `LF`, `unknown`, or the command as the manuals write it: `GS v 0`, `GS ( k`."""

    name: str
    data: bytes
    raw: bytes


class Tokenizer:
    def __init__(self) -> None:
        self._pending = bytearray()

    def receive(self, data: bytes) -> list[Token]:
        self._pending += data
        tokens: list[Token] = []
        while (length := self._length()) is not None:
            raw = bytes(self._pending[:length])
            del self._pending[:length]
            tokens.append(_token(raw))
        return tokens

    def forget(self) -> None:
        """The line broke, or the power: what was begun is never finished."""
        self._pending.clear()

    def _length(self) -> int | None:
        """The length of the token at the front, None while it is not all there."""
        pending = self._pending
        if not pending:
            return None
        if pending[0] >= 0x20:
            end = 1
            while end < len(pending) and pending[end] >= 0x20:
                end += 1
            return end
        if pending[0] not in PREFIXES:
            return 1
        wanted = self._command_length()
        return wanted if wanted is not None and len(pending) >= wanted else None

    def _command_length(self) -> int | None:
        pending = self._pending
        if len(pending) < 2:
            return None
        head = bytes(pending[:2])
        if head in FIXED:
            return 2 + FIXED[head]
        if head == b"\x1dV":
            return None if len(pending) < 3 else 4 if pending[2] in (65, 66) else 3
        if head == b"\x1dv":
            if len(pending) < 8:
                return None
            return 8 + (pending[4] + 256 * pending[5]) * (pending[6] + 256 * pending[7])
        if head == b"\x1d(":
            return None if len(pending) < 5 else 5 + pending[3] + 256 * pending[4]
        return 2


NAMES = {ESC: "ESC", FS: "FS", GS: "GS", DLE: "DLE"}


def _token(raw: bytes) -> Token:
    if raw[0] >= 0x20:
        return Token("text", raw, raw)
    if raw == b"\n":
        return Token("LF", b"", raw)
    if raw[:2] == b"\x1dv":
        return Token("GS v 0", raw[3:], raw)
    if raw[:2] == b"\x1d(":
        return Token(f"GS ( {chr(raw[2])}", raw[5:], raw)
    if raw[:2] in FIXED or raw[:2] == b"\x1dV":
        second = {0x04: "EOT", 0x05: "ENQ", 0x14: "DC4"}.get(raw[1], chr(raw[1]))
        return Token(f"{NAMES[raw[0]]} {second}", raw[2:], raw)
    return Token("unknown", raw, raw)

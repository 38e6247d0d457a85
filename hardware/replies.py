"""What a printer says, byte by byte, without touching the printer.

Four kinds of answers come on one line, mixed and sometimes unasked, and only their bits tell them apart:
`DLE EOT` (xxx1xx10 with bits 0 and 7 off), automatic status (four bytes, the first 0xx1xx00), `GS r` (bits
4 and 7 off) and blocks that begin with 35 37 3b 3d 5f and end with 00. XON and XOFF are neither. Feed
every byte in order; a stale status from before the question is recognised as what it is.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

BLOCK_STARTS = frozenset((0x35, 0x37, 0x3B, 0x3D, 0x5F))
BLOCK_MAX = 80
FLOW = frozenset((0x11, 0x13))


class Kind(Enum):
    STATUS = "DLE EOT"
    FENCE = "GS r"
    AUTOMATIC = "GS a"
    BLOCK = "GS I or GS ( H"
    NOISE = "noise"


@dataclass(frozen=True, slots=True)
class Reply:
    kind: Kind
    data: bytes


class ReplyReader:
    """A printer's bytes in, its replies out."""

    def __init__(self) -> None:
        self._automatic = bytearray()
        self._block = bytearray()

    def receive(self, data: bytes) -> list[Reply]:
        return [reply for byte in data if (reply := self._byte(byte)) is not None]

    def _byte(self, byte: int) -> Reply | None:
        if self._block:
            self._block.append(byte)
            if byte != 0 and len(self._block) < BLOCK_MAX:
                return None
            block = bytes(self._block)
            self._block.clear()
            return Reply(Kind.BLOCK, block)
        if self._automatic:
            if byte & 0x90 == 0:
                self._automatic.append(byte)
                if len(self._automatic) < 4:
                    return None
                status = bytes(self._automatic)
                self._automatic.clear()
                return Reply(Kind.AUTOMATIC, status)
            self._automatic.clear()  # it was cut off: what follows is an answer of its own
        if byte in FLOW:
            return None
        if byte & 0x93 == 0x12:
            return Reply(Kind.STATUS, bytes((byte,)))
        if byte & 0x93 == 0x10:
            self._automatic.append(byte)
            return None
        if byte in BLOCK_STARTS:
            self._block.append(byte)
            return None
        if byte & 0x90 == 0:
            return Reply(Kind.FENCE, bytes((byte,)))
        return Reply(Kind.NOISE, bytes((byte,)))

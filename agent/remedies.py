"""What the world's faults tell a person: the key of the sentence that says what to do, and what fills it.

The commands and the doctor end in words where the world failed, and never in a traceback: a PC that is ill
is when they are needed most. A fault of the system or of SQLite says its reason and, where it has one, its
file. What is our own mistake is in no list here and goes on to the top.
"""

from __future__ import annotations

from config import sqlite
from config.faults import Fault
from hardware.faults import HardwareFault
from points.wire.faults import WireFault

WORLD = (Fault, HardwareFault, WireFault, OSError, sqlite.DatabaseError)
"""How the world fails."""

Remedy = tuple[str, dict[str, str | int]]


def remedy_of(error: BaseException) -> Remedy:
    """The key of the words for one of ``WORLD``, and their details."""
    match error:
        case Fault() | HardwareFault():
            return error.remedy, error.detail
        case WireFault():
            return error.remedy, {}
        case OSError():
            reason = error.strerror or type(error).__name__
            if error.filename is None:
                return "fault.system_refused", {"reason": reason}
            return "fault.file_unusable", {"path": str(error.filename), "reason": reason}
        case _:
            return "fault.database_failed", {"reason": str(error)}

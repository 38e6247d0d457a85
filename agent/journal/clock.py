"""Store time: it never runs backwards, and a wrong wall clock cannot push it far.

``st`` continues from the last witness (headquarters' signed time, a member's token) by a clock that counts
sleep, and is always past the last operation. Within one boot the wall is not asked at all once there is a
witness. After a boot without one the wall is believed only up to a day beyond the last that was witnessed,
and never below it; a PC set to 2099 keeps selling under the last true date, flagged. What is sold after the
wall was moved while nobody had been heard is flagged too: nothing tells which of the two was right.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

WALL_AHEAD_MAX_MS = 24 * 3600 * 1000
OFF_MAX_MS = 5 * 60 * 1000
"""How far a wall may be off, or be moved, before the cashier is told."""


@dataclass(frozen=True, slots=True)
class Reading:
    """A reading: wall clock UTC ms, monotonic ms that count sleep, and which boot they belong to."""

    wall_ms: int
    mono_ms: int
    boot: str


class Clock(Protocol):
    """Where readings come from: the machine, or whoever rehearses a year in a minute."""

    def now(self) -> Reading:
        """One reading."""
        ...


class MachineClock:
    """The clock of this PC."""

    def __init__(self) -> None:
        boot_id = Path("/proc/sys/kernel/random/boot_id")
        self._boot = boot_id.read_text().strip().replace("-", "")[:16] if boot_id.exists() else "0" * 16

    def now(self) -> Reading:
        """The wall and CLOCK_BOOTTIME of this moment."""
        counter = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)
        return Reading(time.time_ns() // 1_000_000, time.clock_gettime_ns(counter) // 1_000_000, self._boot)


@dataclass(frozen=True, slots=True)
class Witness:
    """A time that headquarters signed, and the reading at which it was heard.

    ``is_copy``: it was signed at some earlier moment, so the time is that or later.
    """

    hub_ms: int
    mono_ms: int
    boot: str
    is_copy: bool = False


@dataclass(frozen=True, slots=True)
class StoreTime:
    """The time of an operation; ``suspect`` when the wall clock was not believed.

    ``is_known``: headquarters was heard since the PC was switched on, so the wall was not even asked.
    ``off_ms`` is how far that is ahead of the known time; else how far it was moved since the program began.
    """

    st_ms: int
    moment: Reading
    suspect: bool
    is_known: bool = False
    off_ms: int = 0

    @property
    def in_doubt(self) -> bool:
        """Whether it may be another day in truth."""
        return self.suspect and not self.is_known


def raised_by(copy_ms: int, moment: Reading, last_st_ms: int, witness: Witness | None) -> Witness | None:
    """The witness after a signed time was heard that may be old; None when it is known to be later than that.

    It only raises: to continue from an old time would undo what was counted since the last witness.
    """
    if copy_ms <= store_time(moment, last_st_ms, witness).st_ms:
        return None
    return Witness(copy_ms, moment.mono_ms, moment.boot, is_copy=True)


def moved_ms(moment: Reading, since: Reading | None) -> int:
    """How far the wall was moved since an earlier reading of the same boot; ahead is above zero."""
    if since is None or since.boot != moment.boot:
        return 0
    return (moment.wall_ms - since.wall_ms) - (moment.mono_ms - since.mono_ms)


def store_time(
    moment: Reading, last_st_ms: int, witness: Witness | None, since: Reading | None = None
) -> StoreTime:
    """Store time at ``moment``, after an operation at ``last_st_ms`` (0: none yet); ``since`` is the first
    reading of this program."""
    after = last_st_ms + 1 if last_st_ms else 0
    if witness is not None and witness.boot == moment.boot:
        continued = witness.hub_ms + max(0, moment.mono_ms - witness.mono_ms)
        off = moment.wall_ms - continued
        is_known = not witness.is_copy
        suspect = abs(off) > WALL_AHEAD_MAX_MS
        return StoreTime(max(continued, after), moment, suspect, is_known, off if is_known else 0)
    moved = moved_ms(moment, since)
    has_jumped = abs(moved) > OFF_MAX_MS
    known = max(witness.hub_ms if witness else 0, last_st_ms)
    if not known:
        return StoreTime(moment.wall_ms, moment, has_jumped, off_ms=moved)
    ahead = moment.wall_ms - known
    if ahead > WALL_AHEAD_MAX_MS:
        return StoreTime(max(known, after), moment, True, off_ms=moved)
    suspect = has_jumped or ahead < -WALL_AHEAD_MAX_MS
    return StoreTime(max(moment.wall_ms, known, after), moment, suspect, off_ms=moved)

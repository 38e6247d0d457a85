"""Room that is kept for the day on which the disk is full.

A file of nothing lies beside the book. When an act cannot be recorded because the disk takes nothing more, it
is removed, the act is tried once more, and the shift goes on; the page says so until there is room again, and
the file is laid anew then. It is laid only where enough is free besides it.
"""

from __future__ import annotations

import contextlib
import logging
import os
import shutil
from collections.abc import Callable
from pathlib import Path

from config.faults import Fault

log = logging.getLogger(__name__)

NAME = "reserve"
MIB = 1024 * 1024
LEFT_MIB = 200
"""What must be free besides it: a disk with less is to be looked after already (`agent.doctor`)."""
PIECE_BYTES = 1024 * 1024


class Reserve:
    """``mib`` mebibytes in each of ``folders`` that is on a disk of its own; 0: none is kept."""

    def __init__(
        self, folders: list[Path], mib: int, free_bytes: Callable[[Path], int] | None = None
    ) -> None:
        there = [folder for folder in reversed(folders) if folder.exists()]
        by_disk = {folder.stat().st_dev: folder / NAME for folder in there}
        self._files, self._bytes = list(by_disk.values()) if mib else [], mib * MIB
        self._free_bytes = free_bytes or (lambda path: shutil.disk_usage(path).free)
        self._is_used = False

    @property
    def fault(self) -> Fault | None:
        """What a person should do something about: it was used, and there is no room for another."""
        return Fault("fault.reserve_used", "the disk is full") if self._is_used else None

    def lay(self) -> None:
        """Lay it where it does not lie and there is room. A disk that refuses is left alone."""
        for file in self._files:
            if file.exists():
                continue
            try:
                if self._free_bytes(file.parent) < self._bytes + LEFT_MIB * MIB:
                    continue
                _allocate(file, self._bytes)
            except OSError as error:
                log.warning("no room is kept on the disk of %s: %s", file.parent, error)
                with contextlib.suppress(OSError):
                    _part(file).unlink(missing_ok=True)
        self._is_used = self._is_used and not all(file.exists() for file in self._files)

    def use(self) -> bool:
        """Give its room away; whether there was any."""
        held = [file for file in self._files if file.exists()]
        for file in held:
            with contextlib.suppress(OSError):
                file.unlink()
        self._is_used |= bool(held)
        if held:
            log.warning("the disk is full: what was kept for that is free now")
        return bool(held)


def _part(file: Path) -> Path:
    return file.with_suffix(".part")


def _allocate(file: Path, size: int) -> None:
    """A file that really has its room, unlike one with a hole."""
    part = _part(file)
    with part.open("wb") as out:
        if hasattr(os, "posix_fallocate"):
            os.posix_fallocate(out.fileno(), 0, size)
        else:
            for at in range(0, size, PIECE_BYTES):
                out.write(bytes(min(PIECE_BYTES, size - at)))
        out.flush()
        os.fsync(out.fileno())
    part.replace(file)

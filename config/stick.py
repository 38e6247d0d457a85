"""Files on a stick: a folder that somebody plugs in, and may pull out at any moment.

A file that is written is there whole or not at all. What lies on a stick is a stranger's: links, pipes and
folders are no files, no file is read beyond its bound, and no name on it says where anything is written.
It refuses to know what a file means.
"""

from __future__ import annotations

import errno
import os
import stat
from contextlib import suppress
from pathlib import Path

from config.faults import Fault

SUFFIX = ".jfx"
FILES_MAX = 1_000


def bundles(folder: Path) -> list[Path]:
    """The bundles that lie in a folder, by name. Raises a Fault for one that cannot be read."""
    try:
        with os.scandir(folder) as entries:
            names = [
                entry.name
                for entry in entries
                if entry.name.endswith(SUFFIX)
                and not entry.name.startswith(".")
                and entry.is_file(follow_symlinks=False)
            ]
    except OSError as error:
        raise _fault("fault.stick_unreadable", folder, error) from error
    return [folder / name for name in sorted(names)[:FILES_MAX]]


def read(path: Path, bytes_max: int) -> bytes:
    """The bytes of a file. Raises a Fault for one that is too large, is no file, or is pulled out."""
    try:
        file = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
        with os.fdopen(file, "rb") as opened:
            if not stat.S_ISREG(os.fstat(file).st_mode):
                raise OSError(errno.EINVAL, "no file")
            raw = opened.read(bytes_max + 1)
    except OSError as error:
        raise _fault("fault.stick_unreadable", path, error) from error
    if len(raw) > bytes_max:
        raise Fault("fault.stick_large", f"{path} is too large", file=path.name, mib=bytes_max >> 20)
    return raw


def put(folder: Path, name: str, raw: bytes) -> Path:
    """Write a file whole: beside, synced, renamed. Raises a Fault: nothing is there then."""
    path, beside = folder / name, folder / f".{name}.part"
    try:
        beside.unlink(missing_ok=True)
        file = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o644)
        with os.fdopen(file, "wb") as opened:
            opened.write(raw)
            opened.flush()
            os.fsync(file)
        beside.rename(path)
        _sync(folder)
    except OSError as error:
        with suppress(OSError):
            beside.unlink(missing_ok=True)
        remedy = (
            "fault.stick_full" if error.errno in (errno.ENOSPC, errno.EDQUOT) else "fault.stick_unwritable"
        )
        raise _fault(remedy, folder, error) from error
    return path


def _sync(folder: Path) -> None:
    opened = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(opened)
    except OSError as error:
        if error.errno != errno.EINVAL:  # some file systems of sticks know no such thing
            raise
    finally:
        os.close(opened)


def _fault(remedy: str, path: Path, error: OSError) -> Fault:
    reason = error.strerror or "?"
    return Fault(remedy, f"{path}: {reason}", path=str(path), reason=reason)

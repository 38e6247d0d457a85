"""What headquarters decided, kept a second time: a file in another failure domain than its database.

A turn that decides is written here, on the disk, before the database commits it, and nothing of it is said
before that. So whoever puts an old copy of the database back finds here everything that was decided and said
since: whose key writes which lane, which numbers were issued, which rights lie where.
    * Records are numbered through, as the turns are that the database counts; one more than it knows of was
      never said, or it was put back.
    * What stands at the end and is torn was never committed; anything else that cannot be read is a fault.
    * Nothing is changed or taken out but the last record, when the database does not know of it: who wrote it
      did not commit. Only who holds the pen cuts.
It refuses to know what the records mean (``hub.restoring``).
"""

from __future__ import annotations

import base64
import contextlib
import json
import os
import zlib
from collections.abc import Iterator, Sequence
from io import FileIO
from itertools import pairwise
from pathlib import Path
from struct import Struct
from typing import Any, NamedTuple

from config.faults import worded

MAGIC = b"JHJ1"
RECORD_BYTES_MAX = 64 * 1024 * 1024
U32_MAX = 2**32 - 1
NAME = "journal-{:015d}.jhj"
_HEAD = Struct(">II")

Entry = tuple[str, Any, Any]
"""("sql", statement, rows of arguments); ("batch", an envelope of headquarters' own lane, None), or a till's
with its answer; ("said", a shard, its version), which tells only that something was published."""


class Record(NamedTuple):
    """One turn: its number, what it did in order, and whether it is known to be committed."""

    n: int
    entries: tuple[Entry, ...]
    is_marked: bool = False


class Journal:
    """The records in a folder, a file for each stretch between two copies of the database.

    Whoever calls it holds the database's pen, so that one writes at a time in all processes; ``mark`` alone
    is called without.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self.last = 0
        self.is_marked = True
        self._file: FileIO | None = None
        self._path: Path | None = None
        self._size = 0
        self._before: tuple[int, int, bool] | None = None
        self._last_but_one = (0, 0, True)
        self.read()

    @property
    def is_empty(self) -> bool:
        """Whether nothing was ever written here."""
        return not self._files()

    @property
    def first(self) -> int:
        """The number behind which every record is here: a copy of the database must know of that many."""
        files = self._files()
        return _number(files[0]) if files else 0

    def read(self) -> None:
        """Find the end again: another process may have written."""
        self.close()
        files = self._files()
        if not files:
            return
        self._path = path = files[-1]
        self.last, self.is_marked, self._size = _number(path), True, len(MAGIC)
        for record, end in _walk(path, self.last, is_last=True):
            self._last_but_one = (self._size, self.last, self.is_marked)
            self.last, self.is_marked, self._size = record.n, record.is_marked, end

    def begin(self, n: int) -> None:
        """Go on in a new file behind ``n``, the number that the database knows."""
        if not self.is_empty:
            self._drop(n + 1)
        self.close()
        with (self.folder / NAME.format(n)).open("wb") as file:
            os.fchmod(file.fileno(), 0o600)
            file.write(MAGIC)
            file.flush()
            os.fsync(file.fileno())
        sync_folder(self.folder)
        self.read()

    def write(self, n: int, entries: Sequence[Entry]) -> None:
        """Keep a turn, on the disk. Raises a ``Fault`` for another number than the next, and ``OSError``."""
        self._drop(n)
        file = self._opened()
        if n != self.last + 1:
            raise worded("fault.journal_behind", f"{self.folder}: turn {n} behind {self.last}")
        raw = json.dumps({"n": n, "do": entries}, default=_bytes, separators=(",", ":")).encode()
        assert len(raw) <= RECORD_BYTES_MAX, "a turn decides less than that"
        self._before = self._last_but_one = (self._size, self.last, self.is_marked)
        try:
            _append(file, _HEAD.pack(len(raw), zlib.crc32(raw)) + raw)
            os.fsync(file.fileno())
        except BaseException:
            self.withdraw()
            with contextlib.suppress(OSError):
                self._cut()
            raise
        self.last, self.is_marked, self._size = n, False, file.tell()

    def mark(self) -> None:
        """The last turn is committed. What a loss of power takes of this is written by the next turn."""
        self._before = None
        if not self.is_marked:
            file = self._opened()
            _append(file, _HEAD.pack(0, self.last & U32_MAX))
            self.is_marked = True
            self._size += _HEAD.size  # not where the file ends: another process may have written meanwhile

    def withdraw(self) -> None:
        """The last turn was not committed, and nothing of it was said. Who writes next cuts it off: another
        process may have done so by now."""
        if self._before is not None:
            self._size, self.last, self.is_marked = self._before
            self._before = None

    def after(self, n: int) -> Iterator[Record]:
        """The records behind ``n``, in order."""
        files = self._files()
        for path in files:
            for record, _ in _walk(path, _number(path), is_last=path == files[-1]):
                if record.n > n:
                    yield record

    def forget(self, n: int) -> int:
        """Drop the files that hold nothing behind ``n``; gives how many."""
        files = self._files()
        gone = [path for path, following in pairwise(files) if _number(following) <= n]
        for path in gone:
            path.unlink()
        return len(gone)

    def close(self) -> None:
        """Close the file; the next that is written opens it again."""
        if self._file is not None:
            self._file.close()
            self._file = None

    def _files(self) -> list[Path]:
        return sorted(self.folder.glob("journal-*.jhj"))

    def _drop(self, n: int) -> None:
        """Find the end again if it moved; cut off what is torn, and a turn ``n`` that was never committed."""
        newest = self._files()[-1]
        if self._path != newest or newest.stat().st_size != self._size:
            self.read()
        if n == self.last and not self.is_marked:
            self._size, self.last, self.is_marked = self._last_but_one
        if newest.stat().st_size > self._size:
            self._cut()

    def _cut(self) -> None:
        file = self._opened()
        file.truncate(self._size)
        os.fsync(file.fileno())
        file.seek(self._size)

    def _opened(self) -> FileIO:
        if self._file is None:
            self._path = self._files()[-1]
            self._file = self._path.open("ab", buffering=0)
        return self._file


def _append(file: FileIO, raw: bytes) -> None:
    """All of it: a disk that is nearly full takes a part."""
    while raw:
        raw = raw[file.write(raw) :]


def _number(path: Path) -> int:
    try:
        return int(path.stem.removeprefix("journal-"))
    except ValueError as error:
        raise worded("fault.journal_broken", f"{path}: not a journal's name") from error


def _walk(path: Path, n: int, *, is_last: bool) -> Iterator[tuple[Record, int]]:
    """The records of a file, each with where it ends, its mark included."""
    raw = path.read_bytes()
    if raw[: len(MAGIC)] != MAGIC:
        raise worded("fault.journal_broken", f"{path}: not a journal")
    at, held = len(MAGIC), None
    while at + _HEAD.size <= len(raw):
        size, check = _HEAD.unpack_from(raw, at)
        body = raw[at + _HEAD.size : at + _HEAD.size + size]
        if size and (len(body) < size or zlib.crc32(body) != check):
            if is_last and at + _HEAD.size + size >= len(raw):
                break
            raise worded("fault.journal_broken", f"{path}: byte {at}")
        at += _HEAD.size + size
        if size:
            if held is not None:
                yield held._replace(is_marked=True), at - _HEAD.size - size
            held = _read(path, body, n)
            n = held.n
        elif held is not None and check == held.n & U32_MAX:
            yield held._replace(is_marked=True), at
            held = None
    if held is not None:
        yield held, at


def _read(path: Path, body: bytes, before: int) -> Record:
    try:
        told = json.loads(body, object_hook=_unbytes)
        record = Record(int(told["n"]), tuple((kind, what, rows) for kind, what, rows in told["do"]))
    except (ValueError, KeyError, TypeError) as error:
        raise worded("fault.journal_broken", f"{path}: behind turn {before}") from error
    if record.n != before + 1:
        raise worded("fault.journal_broken", f"{path}: turn {record.n} behind turn {before}")
    return record


def _bytes(value: Any) -> Any:
    if isinstance(value, bytes | bytearray | memoryview):
        return {"b": base64.b64encode(bytes(value)).decode()}
    raise TypeError(type(value).__name__)


def _unbytes(value: dict[str, Any]) -> Any:
    return base64.b64decode(value["b"]) if value.keys() == {"b"} else value


def sync_folder(folder: Path) -> None:
    """What was made or renamed in a folder is on the disk."""
    at = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(at)
    finally:
        os.close(at)

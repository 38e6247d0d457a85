"""The second file: the same operations, appended beside the key, on another path than the database.

A record is ``u32 length of body | u32 epoch | u32 seq | hash[32] | body``; its hash is the
operation's own link in the chain, which finds a torn or changed record better than any checksum. It
is synced before success is shown. Losing either file loses nothing, and a database that knows less
than its mirror was rewound: that is seen at start, before the first sale.

What is appended begins where the last whole record ends: what a failed write left behind is cut off
before the next one. A record that stands here twice is read once.

The file ends in room for what comes: zeros. A record that is written into it changes neither the length of
the file nor where it lies on the disk, so its sync is one write where an append needs the file system's
journal as well, and a sale waits half as long for this file.
"""

from __future__ import annotations

import os
import struct
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from agent.journal.token import TokenFile
from config.faults import Fault
from points.wire import canonical, chain

_HEAD = struct.Struct(">III32s")
ROOM_BYTES = 256 * 1024
"""As much as is written ahead at once, some 400 records."""


@dataclass(frozen=True, slots=True)
class Record:
    """One operation as mirrored."""

    epoch: int
    seq: int
    hash: bytes
    body: bytes


class Mirror:
    """The append-only file. One writer; a fault of the disk is raised and the book stays ahead of it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.token = TokenFile(path.with_suffix(".token"))
        self.is_broken = False
        self._file = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        self._good = self._size = -1

    def append(self, raw: bytes) -> None:
        """Write records and sync, all or nothing: after a Fault the same records are given again."""
        if self._good < 0:
            deque(self.read(), maxlen=0)
        good, size, self._size = self._good, self._size, -1
        try:
            if size < 0:  # who knows what stands behind the last whole record
                os.ftruncate(self._file, good)
            has_room = good + len(raw) <= size
            written = os.pwrite(self._file, raw if has_room else raw + bytes(ROOM_BYTES), good)
            os.fdatasync(self._file)
        except OSError as error:
            raise Fault("fault.mirror", f"the second copy could not be written: {error}") from error
        if written < len(raw):
            raise Fault("fault.mirror", "the second copy could not be written whole")
        self._size = size if has_room else good + written
        self._good = good + len(raw)

    def read(self) -> Iterator[Record]:
        """Records in order, each once, up to the first that is torn or breaks the chain of its epoch.

        What stands behind is overwritten by the next ``append``. ``is_broken`` afterwards: it was no torn
        end but something whole that does not continue the chain. Of a torn end the disk has written some
        sectors and not others; where those were, the zeros of the room stand, and a body has none and ends in
        a brace. Who stops before the end has read nothing: then the next ``append`` reads anew.
        """
        chains: dict[int, tuple[int, list[bytes]]] = {}
        self._good, self._size, self.is_broken = -1, -1, False
        good = 0
        with self._opened() as file:
            while len(head := file.read(_HEAD.size)) == _HEAD.size:
                size, epoch, seq, link = _HEAD.unpack(head)
                record = Record(epoch, seq, link, file.read(min(size, canonical.BODY_BYTES_MAX)))
                if len(record.body) != size or b"\0" in record.body or not record.body.endswith(b"}"):
                    break
                first, links = chains.setdefault(epoch, (seq, []))
                at = seq - first
                is_known = 0 <= at < len(links) and links[at] == link
                if not is_known and (at != len(links) or (links and not follows(links[-1], record))):
                    self.is_broken = True
                    break
                good += _HEAD.size + size
                if not is_known:
                    links.append(link)
                    yield record
            end = file.seek(good)
            while room := file.read(ROOM_BYTES):
                if room.count(0) != len(room):
                    break
                end += len(room)
            else:
                self._size = -1 if self.is_broken else end
        self._good = good

    @contextmanager
    def _opened(self) -> Iterator[BinaryIO]:
        """The file from its beginning, read in pieces. A fault of the disk is raised as one."""
        try:
            with open(self._file, "rb", closefd=False) as file:
                file.seek(0)
                yield file
        except OSError as error:
            raise Fault("fault.mirror", f"the second copy could not be read: {error}") from error

    def close(self) -> None:
        """Close for good."""
        os.close(self._file)


def packed(epoch: int, seq: int, link: bytes, body: bytes) -> bytes:
    """A record as it stands in the file."""
    return _HEAD.pack(len(body), epoch, seq, link) + body


def follows(previous: bytes, record: Record) -> bool:
    """Whether ``record`` is the next link after ``previous``."""
    return chain.link(previous, record.seq, record.body) == record.hash

"""The second file: the same operations, appended beside the key, on another path than the database.

A record is ``u32 length of body | u32 epoch | u32 seq | hash[32] | body``; its hash is the
operation's own link in the chain, which finds a torn or changed record better than any checksum. It
is synced before success is shown. Losing either file loses nothing, and a database that knows less
than its mirror was rewound: that is seen at start, before the first sale.

What is appended begins where the last whole record ends: what a failed write left behind is cut off
before the next one. A record that stands here twice is read once.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from config.faults import Fault
from points.wire import chain

_HEAD = struct.Struct(">III32s")


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
        self.is_broken = False
        self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
        self._good = os.fstat(self._file).st_size
        self._ends_good = False

    def append(self, raw: bytes) -> None:
        """Write records and sync, all or nothing: after a Fault the same records are given again."""
        try:
            if not self._ends_good and os.fstat(self._file).st_size != self._good:
                os.ftruncate(self._file, self._good)
            self._ends_good = False
            written = os.write(self._file, raw)
            os.fdatasync(self._file)
        except OSError as error:
            raise Fault("fault.mirror", f"the second copy could not be written: {error}") from error
        if written != len(raw):
            raise Fault("fault.mirror", "the second copy could not be written whole")
        self._good += len(raw)
        self._ends_good = True

    def read(self) -> Iterator[Record]:
        """Records in order, each once, up to the first that is torn or breaks the chain of its epoch.

        What stands behind is overwritten by the next ``append``. ``is_broken`` afterwards: it was no torn
        end but something whole that does not continue the chain.
        """
        chains: dict[int, tuple[int, list[bytes]]] = {}
        raw = self.path.read_bytes()
        self._good, self._ends_good, self.is_broken = 0, False, False
        while self._good + _HEAD.size <= len(raw):
            size, epoch, seq, link = _HEAD.unpack_from(raw, self._good)
            begins = self._good + _HEAD.size
            record = Record(epoch, seq, link, raw[begins : begins + size])
            if len(record.body) != size:
                return
            first, links = chains.setdefault(epoch, (seq, []))
            at = seq - first
            is_known = 0 <= at < len(links) and links[at] == link
            if not is_known and (at != len(links) or (links and not follows(links[-1], record))):
                self.is_broken = True
                return
            self._good = begins + size
            if not is_known:
                links.append(link)
                yield record

    def close(self) -> None:
        """Close for good."""
        os.close(self._file)


def packed(epoch: int, seq: int, link: bytes, body: bytes) -> bytes:
    """A record as it stands in the file."""
    return _HEAD.pack(len(body), epoch, seq, link) + body


def follows(previous: bytes, record: Record) -> bool:
    """Whether ``record`` is the next link after ``previous``."""
    return chain.link(previous, record.seq, record.body) == record.hash

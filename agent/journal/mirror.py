"""The second file: the same operations, appended beside the key, on another path than the database.

A record is ``u32 length of body | u32 epoch | u32 seq | hash[32] | body``; its hash is the
operation's own link in the chain, which finds a torn or changed record better than any checksum. It
is synced before success is shown. Losing either file loses nothing, and a database that knows less
than its mirror was rewound: that is seen at start, before the first sale.
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
        self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)

    def append(self, records: list[Record]) -> None:
        """Write and sync; a short write is a fault, the next start cuts the torn end off."""
        raw = b"".join(_HEAD.pack(len(r.body), r.epoch, r.seq, r.hash) + r.body for r in records)
        try:
            written = os.write(self._file, raw)
            os.fdatasync(self._file)
        except OSError as error:
            raise Fault("fault.mirror", f"the second copy could not be written: {error}") from error
        if written != len(raw):
            raise Fault("fault.mirror", "the second copy could not be written whole")

    def read(self) -> Iterator[Record]:
        """Whole records in order; a torn end is cut off, a changed record ends the reading."""
        raw = self.path.read_bytes()
        at = 0
        while at + _HEAD.size <= len(raw):
            size, epoch, seq, link = _HEAD.unpack_from(raw, at)
            body = raw[at + _HEAD.size : at + _HEAD.size + size]
            if len(body) != size:
                break
            yield Record(epoch, seq, link, body)
            at += _HEAD.size + size
        if at != len(raw):
            os.ftruncate(self._file, at)

    def close(self) -> None:
        """Close for good."""
        os.close(self._file)


def follows(previous: bytes, record: Record) -> bool:
    """Whether ``record`` is the next link after ``previous``."""
    return chain.link(previous, record.seq, record.body) == record.hash

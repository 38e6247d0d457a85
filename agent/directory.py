"""The directory that this till holds: a file that is searched as it lies there, and nothing else.

    u32 size | the manifest as it was signed | one chunk with all sections (`points.wire.directory`)

A code that no row here leads to may still be a member's of the chain. What is told of it is a tier and about
how many points, as of a night: to be shown, never spent by. The file can always be fetched again, is no part
of the book and in none of its copies, and a look-up reads one section of it.
"""

from __future__ import annotations

import os
import struct
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from agent.shard_secrets import secret_of
from agent.store import feeds
from agent.till import Till
from points.bands import Range, range_of
from points.wire import directory
from points.wire.directory import HEAD_BYTES, TOPIC, Head, Section
from points.wire.faults import Malformed, WireFault
from points.wire.hello import Told
from points.wire.manifest import CHAIN_WIDE, MANIFEST_BYTES_MAX, Manifest, open_manifest

TOLD = "directory"
"""The fact that names the version which headquarters tells this till; there is none where it tells none."""
NAME = "directory.jfd"
_SIZE = struct.Struct(">I")


@dataclass(frozen=True, slots=True)
class Listed:
    """What the directory tells of a code: a tier's number, about how many points, and when it was so."""

    tier: int
    points: Range
    as_of_ms: int


Look = Callable[[str], Listed | None]
"""What is told of the code of a hash."""


def nobody(_who: str) -> Listed | None:
    """Of a till without a directory."""
    return None


@dataclass(frozen=True, slots=True)
class Held:
    """An edition that lies open: its file, what it says of itself, and where each section ends in it."""

    file: BinaryIO
    manifest: Manifest
    head: Head
    start: int
    ends: list[int]

    def packed(self, number: int) -> bytes:
        """A section as it lies there."""
        begin = self.ends[number - 1] if number else 0
        return os.pread(self.file.fileno(), self.ends[number] - begin, self.start + begin)

    def members(self) -> int:
        """How many codes are in it."""
        begins = (self.ends[number - 1] if number else 0 for number in range(self.head.sections))
        return sum(_SIZE.unpack(os.pread(self.file.fileno(), 4, self.start + at))[0] for at in begins)

    def sections(self) -> Iterator[Section]:
        """Every section, in order. Raises a ``WireFault`` for one that cannot be read."""
        for number in range(self.head.sections):
            yield directory.open_section(self.packed(number), number, self.head.bits)


def hear(till: Till, told: Told) -> None:
    """What a hello says of the directory. One that tells of no edition at all says nothing of this one."""
    if not told.feeds:
        return
    ver = told.feeds.get((TOPIC, CHAIN_WIDE))
    feeds.tell_fact(till.book, TOLD, None if ver is None else str(ver))


def told_version(till: Till) -> int | None:
    """The version that headquarters tells of, 0 while there is none yet; None where it tells of none."""
    told = feeds.fact(till.book, TOLD)
    return None if told is None else int(told)


def folder_in(data_dir: Path) -> Path:
    """Where a till's directory lies."""
    return data_dir / "directory"


class Directory:
    """The edition that is held, if there is one. Safe from any thread."""

    def __init__(self, till: Till, folder: Path) -> None:
        self.till, self.folder = till, folder
        self._lock = threading.Lock()
        self._held = self._open()

    @property
    def path(self) -> Path:
        """Where the edition lies."""
        return self.folder / NAME

    @property
    def held(self) -> Held | None:
        """What is held now; its file may be closed by the next edition."""
        return self._held

    def look(self, who: str) -> Listed | None:
        """What is told of the code of this hash; None where nothing is, or where it cannot be read."""
        with self._lock:
            held = self._held
            if held is None:
                return None
            try:
                tag = directory.tag_of(secret_of(self.till, held.head.kid, {}), who)
                number = directory.section_of(tag, held.head.bits)
                found = directory.open_section(held.packed(number), number, held.head.bits).find(tag)
                return found and Listed(found.tier, range_of(found.band), held.manifest.issued)
            except (WireFault, OSError, IndexError):
                return None

    def renew(self) -> None:
        """Another file lies there."""
        with self._lock:
            self._close()
            self._held = self._open()

    def drop(self) -> None:
        """There is none any more."""
        with self._lock:
            self._close()
            self.path.unlink(missing_ok=True)

    def close(self) -> None:
        """Let go of the file."""
        with self._lock:
            self._close()

    def _close(self) -> None:
        held, self._held = self._held, None
        if held is not None:
            held.file.close()

    def _open(self) -> Held | None:
        """The edition in the file; None for none, and for what is not one of this chain's."""
        try:
            file = self.path.open("rb")
        except OSError:
            return None
        try:
            return self._read(file)
        except (WireFault, OSError, struct.error):
            file.close()
            return None

    def _read(self, file: BinaryIO) -> Held:
        (size,) = _SIZE.unpack(file.read(_SIZE.size))
        if size > MANIFEST_BYTES_MAX:
            raise Malformed(why="directory file")
        identity = self.till.identity
        manifest = open_manifest(
            file.read(size), identity.hub_manifest_public, identity.lane.chain, TOPIC, CHAIN_WIDE
        )
        head = directory.read_head(file.read(HEAD_BYTES))
        ends = directory.read_ends(file.read(4 * head.sections), head.sections)
        start = file.tell()
        if head.sections != 1 << head.bits or start + ends[-1] != os.fstat(file.fileno()).st_size:
            raise Malformed(why="directory file")
        return Held(file, manifest, head, start, ends)


def begin_file(file: BinaryIO, raw: bytes, head: Head) -> None:
    """Write what stands before the sections; their sizes follow when they are known (`end_file`)."""
    file.write(_SIZE.pack(len(raw)) + raw + directory.pack_head(head, [0] * head.sections))


def end_file(file: BinaryIO, raw: bytes, head: Head, sizes: list[int]) -> None:
    """Write the sizes of the sections behind the head, and all of it to the disk."""
    file.seek(_SIZE.size + len(raw))
    file.write(directory.pack_head(head, sizes))
    file.flush()
    os.fsync(file.fileno())

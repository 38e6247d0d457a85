"""Fetching the directory's next edition beside everything else: blob by blob, then one file in place of the
other.

Nobody waits for it. Each blob is on the disk before the next is asked for, so that it goes on where it was
cut off. The new file is written beside the old one, a section at a time with a rest while somebody is at the
counter, and takes its place at once or not at all. What was changed by steps is held against the digest that
headquarters made of its own; where it differs, all of it is fetched anew. A disk that is getting full is left
to the sales.
"""

from __future__ import annotations

import logging
import os
import shutil
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from agent import understanding
from agent.contact import GEN
from agent.directory import Directory, Held, begin_file, end_file, told_version
from agent.patience import Patience
from agent.replica import IN_USE_REST_MS
from agent.uplink import OutOfReach, Uplink
from points.wire import deltas, directory, directory_step, endpoints
from points.wire.chunk import BLOB_BYTES_MAX, blob_name
from points.wire.deltas import Piece
from points.wire.directory import TOPIC, Head, Section
from points.wire.directory_step import Step
from points.wire.faults import Integrity, Malformed, WireFault
from points.wire.manifest import CHAIN_WIDE, Manifest, open_manifest

log = logging.getLogger(__name__)

FREE_BYTES_MIN = 512 * 1024 * 1024
"""What stays free on the disk beside the edition."""
COMING = "coming"


class NoRoom(Exception):
    """The disk has no room for a thing that can be done without."""


class DirectoryEditions:
    """Keeps a till's directory as new as headquarters tells it. One ``look`` at a time."""

    def __init__(
        self, directory: Directory, uplink: Uplink, rest: Callable[[int], None], ends: Callable[[], bool]
    ) -> None:
        """``rest`` waits so many milliseconds, ``ends`` says that the program does."""
        self.directory, self.uplink = directory, uplink
        self._rest, self._ends = rest, ends
        self._patience = Patience.of(directory.till)

    def look(self) -> None:
        """Take a newer edition, if there is one; what fails is tried again later."""
        told = told_version(self.directory.till)
        if told is None:
            self._forget()
        elif told > self._held_ver() and self.uplink.may_ask and self._patience.is_over:
            try:
                self._take()
                self._patience.succeed()
            except (OutOfReach, WireFault, OSError, NoRoom) as fault:
                self._patience.fail()
                log.warning("the directory waits: %s", fault)

    def _held_ver(self) -> int:
        held = self.directory.held
        return held.manifest.ver if held else 0

    def _forget(self) -> None:
        if self.directory.folder.exists():
            self.directory.drop()
            shutil.rmtree(self.directory.folder, ignore_errors=True)

    def _take(self) -> None:
        identity, held = self.directory.till.identity, self.directory.held
        path = endpoints.manifest_of(TOPIC, CHAIN_WIDE, GEN)
        raw = self.uplink.call("GET", f"{path}?{endpoints.DELTAS}")
        manifest = open_manifest(raw, identity.hub_manifest_public, identity.lane.chain, TOPIC, CHAIN_WIDE)
        understanding.check(manifest)
        if held is not None and manifest.order <= held.manifest.order:
            return  # an old copy
        listed = None if manifest.deltas is None else self.uplink.blob(manifest.deltas, is_shared=True)
        steps = deltas.read(manifest, listed)
        pieces = deltas.pieces(manifest, steps, self._held_ver())[::-1]
        self._fetch(pieces)
        if self._ends():
            return
        try:
            self._put(manifest, raw, held, pieces)
        except WireFault:
            self.directory.drop()  # what is held leads nowhere: all of it comes anew
            self._clear(())
            raise
        self.directory.renew()
        self._clear(())

    def _fetch(self, pieces: Sequence[Piece]) -> None:
        coming = self.directory.folder / COMING
        coming.mkdir(parents=True, exist_ok=True)
        self._clear([piece.chunk.sha for piece in pieces])
        lacking = [piece.chunk for piece in pieces if not (coming / piece.chunk.sha).exists()]
        held = self.directory.path.stat().st_size if self.directory.held else 0
        size = sum(piece.chunk.size for piece in pieces)
        if shutil.disk_usage(coming).free < FREE_BYTES_MIN + held + 2 * size:
            raise NoRoom("the disk is getting full")
        for one in lacking:
            if self._ends():
                return
            if one.size > BLOB_BYTES_MAX:
                raise Malformed(why="directory blob")
            blob = self.uplink.blob(one.sha, is_shared=True)
            if blob_name(blob) != one.sha or len(blob) != one.size:
                raise Integrity(what="name")
            fresh = coming / f".{one.sha}"
            fresh.write_bytes(blob)
            fresh.replace(coming / one.sha)

    def _blob(self, piece: Piece) -> bytes:
        raw = (self.directory.folder / COMING / piece.chunk.sha).read_bytes()
        if blob_name(raw) != piece.chunk.sha:
            raise Integrity(what="name")
        return raw

    def _put(self, manifest: Manifest, raw: bytes, held: Held | None, pieces: Sequence[Piece]) -> None:
        """Write the edition and put it in the place of the one that is held."""
        names = {chunk.sha for chunk in manifest.chunks}
        chunks = [piece for piece in pieces if piece.chunk.sha in names]
        head, sections = self._whole(chunks) if chunks else self._onward(held)
        steps = [directory_step.read(self._blob(piece)) for piece in pieces if piece.chunk.sha not in names]
        for step in steps:
            sections = directory_step.applied(sections, step, head.bits)
        fresh = self.directory.path.with_suffix(".new")
        try:
            self._write(fresh, raw, head, sections, steps)
            fresh.replace(self.directory.path)
        finally:
            fresh.unlink(missing_ok=True)
        folder = os.open(self.directory.folder, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)

    def _write(
        self, fresh: Path, raw: bytes, head: Head, sections: Iterator[Section], steps: Sequence[Step]
    ) -> None:
        sizes, digests = list[int](), list[bytes]()
        with fresh.open("wb") as file:
            begin_file(file, raw, head)
            for number, section in enumerate(sections):
                columns = directory.plain(section, number, head.bits)
                digests.append(directory.digest(columns))
                packed = directory.pack_section(columns)
                sizes.append(len(packed))
                file.write(packed)
                if self.directory.till.is_in_use:
                    self._rest(IN_USE_REST_MS)
            if len(sizes) != head.sections:
                raise Integrity(what="directory sections")
            if steps and directory_step.root_of(digests) != steps[-1].root:
                raise Integrity(what="directory root")
            end_file(file, raw, head, sizes)

    def _whole(self, chunks: Sequence[Piece]) -> tuple[Head, Iterator[Section]]:
        """The sections of a snapshot, whose chunks are told from the first section on."""
        ordered = sorted(chunks, key=lambda piece: piece.chunk.lo if type(piece.chunk.lo) is int else -1)
        first = directory.read_head(self._blob(ordered[0]))
        return Head(first.kid, first.bits, 0, 1 << first.bits), self._unpacked(ordered, first)

    def _unpacked(self, chunks: Sequence[Piece], like: Head) -> Iterator[Section]:
        number = 0
        for piece in chunks:
            raw = self._blob(piece)
            head = directory.read_head(raw)
            if (head.kid, head.bits, head.first) != (like.kid, like.bits, number):
                raise Integrity(what="directory sections")
            for packed in directory.sections_in(raw):
                yield directory.open_section(packed, number, head.bits)
                number += 1

    def _onward(self, held: Held | None) -> tuple[Head, Iterator[Section]]:
        if held is None:
            raise Integrity(what="directory sections")
        return held.head, held.sections()

    def _clear(self, but: Sequence[str]) -> None:
        """Forget what was fetched, but these blobs."""
        coming = self.directory.folder / COMING
        for path in coming.iterdir() if coming.exists() else ():
            if path.name not in but:
                path.unlink(missing_ok=True)

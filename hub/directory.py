"""The directory of all members that some stores asked for: who is told it, and its nightly editions.

Once a night every member is gone through by bucket, tagged, and held against what was published the night
before; what differs is a step (`points.wire.directory_step`). The snapshot is cut anew when the steps that
follow it weigh a quarter of it; who held the night before's takes the step all the same. What is published is
read back from its own blobs, so nothing else is kept of it, and a night may be stopped anywhere.
"""

from __future__ import annotations

import json
from array import array
from collections.abc import Collection, Generator, Iterator
from contextlib import closing
from dataclasses import astuple, dataclass, field
from itertools import pairwise
from typing import Any

from hub import editions, shard_secrets
from hub.office import Office
from hub.store.engine import Turn
from points.bands import band
from points.identifiers import BUCKETS
from points.members import ROW_CODES, own_row
from points.wire import chunk, deltas, directory_step, keys
from points.wire.deltas import Step, weight
from points.wire.directory import (
    TOPIC,
    Head,
    Section,
    bits_for,
    digest,
    open_section,
    pack_chunk,
    pack_section,
    plain,
    section_of,
    sections_in,
    tag_of,
)
from points.wire.faults import WireFault
from points.wire.manifest import CHAIN_WIDE, Chunk

STORES, EVERY = "directory-stores", "all"
"""The setting that names the stores which are told, and the word for all of them."""
SECRET = 1
"""The number of the key of the tags: it is not begun anew when a PC is lost. Who has the key and no code
learns nothing, and another key would be all of it anew for every store."""
CHUNKS_BITS, CHUNK_SECTIONS_BITS = 5, 6
"""A snapshot has up to 2^5 chunks, and smaller ones sooner fewer: of 2^6 sections each."""
PART = 4
STEPS_MAX = 64
SHOWN = ("active", "frozen")


@dataclass(slots=True)
class Kept:
    """What is remembered of the published edition: by how many bits its sections are divided, the digest of
    all of them, the snapshot's version and chunks, and the steps since, maybe some before."""

    ver: int = 0
    members: int = 0
    bits: int = 0
    root: str = ""
    snap_ver: int = 0
    listed: str | None = None
    chunks: list[Chunk] = field(default_factory=list)
    steps: list[Step] = field(default_factory=list)

    def told(self) -> dict[str, Any]:
        """As it is written down."""
        return {
            "members": self.members, "bits": self.bits, "root": self.root, "snap": self.snap_ver,
            "list": self.listed, "chunks": [astuple(piece) for piece in self.chunks],
            "steps": [[step.after, step.upto, *astuple(step.chunk)] for step in self.steps],
        }  # fmt: skip

    @property
    def names(self) -> set[str]:
        """Every blob of it."""
        listed = {self.listed} if self.listed else set()
        return listed | {one.sha for one in self.chunks} | {step.chunk.sha for step in self.steps}


def kept(look: Turn) -> Kept | None:
    """What is published, None for nothing."""
    held = editions.held_edition(look, TOPIC, CHAIN_WIDE)
    if held is None:
        return None
    ver, _, told = held
    return Kept(
        ver, told["members"], told["bits"], told["root"], told["snap"], told["list"],
        [Chunk(*piece) for piece in told["chunks"]],
        [Step(after, upto, Chunk(*piece)) for after, upto, *piece in told["steps"]],
    )  # fmt: skip


def stores(look: Turn) -> frozenset[str]:
    """The stores that are told the directory, ``EVERY`` for all there are; none by default."""
    row = look.one("SELECT value FROM settings WHERE name = ?", (STORES,))
    return frozenset(json.loads(row[0])) if row else frozenset()


def choose(turn: Turn, chosen: Collection[str]) -> list[str]:
    """Tell these stores from now on, and no others; where some are unknown, they are given and nothing is
    changed."""
    known = {EVERY, *(store for (store,) in turn.run("SELECT store FROM stores"))}
    unknown = sorted(set(chosen) - known)
    if unknown:
        return unknown
    turn.run(
        "INSERT INTO settings (name, value) VALUES (?, ?)"
        " ON CONFLICT (name) DO UPDATE SET value = excluded.value",
        (STORES, json.dumps(sorted(chosen))),
        twice=True,
    )
    return []


def is_told(look: Turn, store: str) -> bool:
    """Whether this store is."""
    return not stores(look).isdisjoint({store, EVERY})


def version(look: Turn) -> int:
    """The version that is published, 0 for none yet."""
    held = editions.held_edition(look, TOPIC, CHAIN_WIDE)
    return held[0] if held else 0


def secret(office: Office) -> bytes:
    """The key of the tags."""
    return shard_secrets.secret_of(office.keys, TOPIC, CHAIN_WIDE, SECRET)


def private_rows(look: Turn, office: Office, store: str) -> list[list[str]]:
    """The row of a till's page that tells it the key."""
    if not is_told(look, store):
        return []
    key = secret(office)
    return [["k", TOPIC, CHAIN_WIDE, keys.kid_of(key), key.hex()]]


def publish(office: Office) -> bool:
    """The next edition, where a store is told of it and anything has changed; whether there is one."""
    with office.store.look() as look:
        if not stores(look):
            return False
        held = kept(look)
    members = _Members.gather(office, held.bits if held else 0)
    root = directory_step.root_of(digest(members.plain(number)) for number in range(1 << members.bits))
    if held is not None and (root.hex(), members.bits) == (held.root, held.bits):
        return False
    step = _step(office, held, members, root) if held is not None else None
    is_whole = step is None or _is_outgrown(held, step)
    chunks = list(_snapshot(office, members)) if is_whole else []
    with office.store.turn() as turn:
        if version(turn) != (held.ver if held else 0):
            return False  # another process has published meanwhile
        _keep(turn, office, held, members, root.hex(), step, chunks)
    return True


class _Members:
    """Everybody's tag, tier and band in one whole number each, by section; a tag that two codes have is
    nobody's."""

    def __init__(self, bits: int) -> None:
        self.bits = bits
        self.count = 0
        self._packed = [array("Q") for _ in range(1 << bits)]

    @classmethod
    def gather(cls, office: Office, bits: int) -> _Members:
        """All members as they are today; divided as those before, unless they have become far more or fewer.

        A bucket is read at a time, so that nothing waits for it.
        """
        with office.store.look() as look:
            row = look.one("SELECT count(*) FROM members")
        wanted = bits_for(int(row[0]) if row else 0)
        one, key, today = cls(bits if abs(bits - wanted) < 2 else wanted), secret(office), office.today()
        for bucket in range(BUCKETS):
            with office.store.look() as look:
                rows = look.run('SELECT "row" FROM members WHERE bucket = ?', (bucket,))
            for (text,) in rows:
                raw = json.loads(text)
                if raw[2] in SHOWN and len(raw) > ROW_CODES:
                    for who in raw[ROW_CODES]:
                        one.add(tag_of(key, who), raw[3], band(own_row(raw).balance(today)))
        return one

    def add(self, tag: int, tier: int, number: int) -> None:
        self._packed[section_of(tag, self.bits)].append(
            tag << 16 | min(tier, directory_step.TIER_MAX) << 8 | number
        )
        self.count += 1

    def section(self, number: int) -> Section:
        """The members of a section, in order."""
        packed = sorted(self._packed[number])
        tags = [one >> 16 for one in packed]
        twice = {tag for tag, following in pairwise(tags) if tag == following}
        if twice:
            packed = [one for one in packed if one >> 16 not in twice]
            tags = [one >> 16 for one in packed]
        return Section(
            tags, bytearray(one >> 8 & 0xFF for one in packed), bytearray(one & 0xFF for one in packed)
        )

    def plain(self, number: int) -> list[bytes]:
        return plain(self.section(number), number, self.bits)


def _step(office: Office, held: Kept, members: _Members, root: bytes) -> tuple[Chunk, bytes] | None:
    """What leads from the published edition to this one; None where nothing sensible does."""
    if held.bits != members.bits:
        return None
    try:
        with closing(_published(office, held)) as before:
            step = directory_step.between(
                ((old, members.section(number)) for number, old in enumerate(before)), root
            )
    except WireFault:  # what is kept is not what was published: told anew
        return None
    if step.entries > directory_step.ENTRIES_MAX:
        return None
    raw = directory_step.pack(step)
    return Chunk(chunk.blob_name(raw), len(raw), len(raw), step.entries), raw


def _published(office: Office, held: Kept) -> Generator[Section]:
    """The sections of the edition that is published, from its own blobs."""
    sections = _sections(office, held)
    for step in held.steps:
        if step.upto > held.snap_ver:
            read = directory_step.read(_blob(office, step.chunk.sha))
            sections = directory_step.applied(sections, read, held.bits)
    return sections


def _sections(office: Office, held: Kept) -> Generator[Section]:
    number = 0
    for piece in held.chunks:
        for raw in sections_in(_blob(office, piece.sha)):
            yield open_section(raw, number, held.bits)
            number += 1


def _blob(office: Office, sha: str) -> bytes:
    with office.store.look() as look:
        return editions.blob_of(look, sha, {})


def _is_outgrown(held: Kept | None, step: tuple[Chunk, bytes]) -> bool:
    if held is None:
        return True
    onward = [one.chunk for one in held.steps if one.upto > held.snap_ver]
    is_long = len(onward) + 1 >= STEPS_MAX
    return is_long or sum(map(weight, (*onward, step[0]))) * PART > sum(map(weight, held.chunks))


def _snapshot(office: Office, members: _Members) -> Iterator[Chunk]:
    """Cut and keep the chunks of a snapshot, each in a turn of its own."""
    bits = members.bits
    count = 1 << max(0, min(CHUNKS_BITS, bits - CHUNK_SECTIONS_BITS))
    size, kid = (1 << bits) // count, keys.kid_of(secret(office))
    for first in range(0, 1 << bits, size):
        columns = [members.plain(number) for number in range(first, first + size)]
        raw = pack_chunk(Head(kid, bits, first, size), map(pack_section, columns))
        told = sum(len(one[0]) for one in columns)
        piece = Chunk(chunk.blob_name(raw), len(raw), len(raw), told, first, first + size - 1)
        with office.store.turn() as turn:
            editions.keep_blob(turn, piece.sha, raw, TOPIC, CHAIN_WIDE)
        yield piece


def _keep(
    turn: Turn, office: Office, held: Kept | None, members: _Members, root: str,
    step: tuple[Chunk, bytes] | None, chunks: list[Chunk],
) -> None:  # fmt: skip
    """Keep the edition, and leave what it does not name any more."""
    ver = editions.next_ver(turn, office, TOPIC, CHAIN_WIDE)
    after = Kept(ver, members.count, members.bits, root)
    if held is not None:
        after.snap_ver, after.chunks = held.snap_ver, held.chunks
        if step is not None:
            editions.keep_blob(turn, step[0].sha, step[1], TOPIC, CHAIN_WIDE)
            after.steps = [*held.steps, Step(held.ver, ver, step[0])][-STEPS_MAX:]
    if chunks:
        after.snap_ver, after.chunks = ver, chunks
    snapshot = sum(map(weight, after.chunks))
    while len(after.steps) > 1 and after.steps[0].upto <= after.snap_ver:
        if sum(weight(one.chunk) for one in after.steps) <= snapshot:
            break
        after.steps.pop(0)
    if after.steps:
        blob = deltas.make(after.steps)
        after.listed = chunk.blob_name(blob)
        editions.keep_blob(turn, after.listed, blob, TOPIC, CHAIN_WIDE)
    editions.keep_edition(
        turn, office, TOPIC, CHAIN_WIDE, 0, after.chunks, after.told(), None,
        snap_ver=after.snap_ver, deltas=after.listed,
    )  # fmt: skip
    gone = (held.names if held else set()) - after.names
    editions.leave(turn, office, TOPIC, CHAIN_WIDE, gone, editions.KEPT_UNNAMED_MS)

"""What changed in the directory from one edition to the next: a blob that leads from the one to the other.

    "JFS1" | root[32] | u32 members before | u32 after | u32 changed | u32 new | 14 x (u32 size | zstd frame)
    changed: 4 bytes of each one's distance in rank from the one before, lowest first; tiers; bands
    new:     6 bytes of each tag's distance from the one before, lowest first; tiers; bands

A member who was there is named by rank, by the place in the order of all tags, which is a byte or so where a
tag is six; a tier of ``GONE`` says that the code is there no more. `root` is over the digests of all sections
of the edition that it leads to, so whoever applied a step knows that it arrived where headquarters is.
"""

from __future__ import annotations

import struct
from bisect import bisect_left
from collections.abc import Generator, Iterable
from dataclasses import dataclass
from hashlib import sha256
from operator import sub

from points.wire.directory import TAG_BITS, TAG_BYTES, Section, rising, section_of
from points.wire.envelope import compress, decompress
from points.wire.faults import Integrity, Malformed

MAGIC = b"JFS1"
GONE = 255
TIER_MAX = GONE - 1
ENTRIES_MAX = 2_000_000
RANK_BYTES = 4
_HEAD = struct.Struct(">4s32sIIII")
_SIZE = struct.Struct(">I")
_FRAMES = RANK_BYTES + 2 + TAG_BYTES + 2


@dataclass(frozen=True, slots=True)
class Step:
    """From an edition of ``before`` members to one of ``after`` whose sections have this ``root``."""

    root: bytes
    before: int
    after: int
    ranks: list[int]
    tiers: bytes
    bands: bytes
    fresh: Section

    @property
    def entries(self) -> int:
        """How many members it tells something of."""
        return len(self.ranks) + len(self.fresh.tags)


def root_of(digests: Iterable[bytes]) -> bytes:
    """What an edition is recognised by, from the digest of each section in order."""
    summed = sha256()
    for one in digests:
        summed.update(one)
    return summed.digest()


def between(pairs: Iterable[tuple[Section, Section]], root: bytes) -> Step:
    """The step from the first to the second of each pair of sections, to an edition of ``root``."""
    before = after = 0
    ranks: list[int] = []
    tiers, bands = bytearray(), bytearray()
    fresh = Section([], bytearray(), bytearray())
    for old, new in pairs:
        place = {tag: at for at, tag in enumerate(new.tags)}
        for at, tag in enumerate(old.tags):
            now = place.pop(tag, None)
            if now is None:
                ranks.append(before + at)
                tiers.append(GONE)
                bands.append(0)
            elif new.tiers[now] != old.tiers[at] or new.bands[now] != old.bands[at]:
                ranks.append(before + at)
                tiers.append(new.tiers[now])
                bands.append(new.bands[now])
        for tag, now in place.items():
            fresh.tags.append(tag)
            fresh.tiers.append(new.tiers[now])
            fresh.bands.append(new.bands[now])
        before, after = before + len(old.tags), after + len(new.tags)
    return Step(root, before, after, ranks, bytes(tiers), bytes(bands), fresh)


def pack(step: Step) -> bytes:
    """The bytes of a step."""
    ranks = struct.pack(f"<{len(step.ranks)}I", *map(sub, step.ranks, (0, *step.ranks)))
    tags = struct.pack(f"<{len(step.fresh.tags)}Q", *map(sub, step.fresh.tags, (0, *step.fresh.tags)))
    columns = [
        *(ranks[at::4] for at in range(RANK_BYTES)), step.tiers, step.bands,
        *(tags[at::8] for at in range(TAG_BYTES)), bytes(step.fresh.tiers), bytes(step.fresh.bands),
    ]  # fmt: skip
    frames = [compress(column) for column in columns]
    head = _HEAD.pack(MAGIC, step.root, step.before, step.after, len(step.ranks), len(step.fresh.tags))
    return head + b"".join(_SIZE.pack(len(frame)) + frame for frame in frames)


def read(raw: bytes) -> Step:
    """The step of these bytes, which were authenticated. Raises ``Malformed`` or ``Integrity``."""
    if len(raw) < _HEAD.size:
        raise Malformed(why="directory step")
    magic, root, before, after, changed, new = _HEAD.unpack_from(raw)
    if magic != MAGIC or changed + new > ENTRIES_MAX or changed > before:
        raise Malformed(why="directory step")
    frames, at = [], _HEAD.size
    for _ in range(_FRAMES):
        if at + _SIZE.size > len(raw):
            raise Malformed(why="directory step")
        (size,) = _SIZE.unpack_from(raw, at)
        frames.append(raw[at + _SIZE.size : at + _SIZE.size + size])
        at += _SIZE.size + size
    if at != len(raw):
        raise Malformed(why="directory step")
    of_known = [_column(frame, changed) for frame in frames[: RANK_BYTES + 2]]
    of_new = [_column(frame, new) for frame in frames[RANK_BYTES + 2 :]]
    ranks = rising(of_known[:RANK_BYTES], 0, "I")
    tags = rising(of_new[:TAG_BYTES], 0, "Q")
    if (ranks and ranks[-1] >= before) or (tags and tags[-1] >> TAG_BITS):
        raise Malformed(why="directory step")
    tiers, bands = of_known[RANK_BYTES:]
    if before - tiers.count(GONE) + new != after or GONE in of_new[TAG_BYTES]:
        raise Malformed(why="directory step")
    fresh = Section(tags, bytearray(of_new[TAG_BYTES]), bytearray(of_new[TAG_BYTES + 1]))
    return Step(root, before, after, ranks, tiers, bands, fresh)


def applied(sections: Iterable[Section], step: Step, bits: int) -> Generator[Section]:
    """The sections of the edition that a step leads to, from those of the one it leads from, all in order.

    One section is held at a time. Raises ``Integrity`` where the step does not fit them; whether it led to
    its ``root`` is the caller's to see.
    """
    base = known = new = 0
    for number, old in enumerate(sections):
        end, upto = base + len(old.tags), new
        while upto < len(step.fresh.tags) and section_of(step.fresh.tags[upto], bits) == number:
            upto += 1
        last = bisect_left(step.ranks, end, known)
        yield _changed(old, step, base, range(known, last), range(new, upto))
        base, known, new = end, last, upto
    if (base, new) != (step.before, len(step.fresh.tags)):
        raise Integrity(what="directory step")


def _changed(old: Section, step: Step, base: int, known: range, new: range) -> Section:
    tags, tiers, bands = old.tags, bytearray(old.tiers), bytearray(old.bands)
    gone = []
    for at in known:
        place = step.ranks[at] - base
        if step.tiers[at] == GONE:
            gone.append(place)
        else:
            tiers[place], bands[place] = step.tiers[at], step.bands[at]
    if gone or new:
        tags = list(tags)
    for place in reversed(gone):
        del tags[place], tiers[place], bands[place]
    for at in new:
        tag = step.fresh.tags[at]
        place = bisect_left(tags, tag)
        if place < len(tags) and tags[place] == tag:
            raise Integrity(what="directory step")
        tags.insert(place, tag)
        tiers.insert(place, step.fresh.tiers[at])
        bands.insert(place, step.fresh.bands[at])
    return Section(tags, tiers, bands)


def _column(frame: bytes, n: int) -> bytes:
    column = decompress(frame, n)
    if len(column) != n:
        raise Integrity(what="directory step")
    return column

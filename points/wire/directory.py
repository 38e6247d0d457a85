"""The directory: of every member of a chain the tier and a coarse band of points, by a keyed tag of the code.

    tag      = first 6 bytes of HMAC-SHA256(key, "jifen/directory/1" 00 | head of the code's hash [8])
    section  = the members whose tags begin with the same ``bits`` bits, in the order of their tags:
               u32 n | 8 x u32 size | 8 zstd frames, each a column of n bytes:
               the 6 bytes of each tag's distance from the one before, lowest first; tiers; bands
    chunk    = "JFD1" | kid[8] | u8 bits | u32 first section | u32 count | count x u32 size | sections

Chunks of a snapshot one behind the other are a file that is searched as it lies there: one section is read
and unpacked for a code. Distances of random tags hold no more than they must, so a member of ten million
weighs about four bytes. There is no name, phone, number or exact balance in it, and who has no key and no
code in his hand cannot ask it anything. It is a view, never rights.
It refuses to know where a chunk comes from and when it is fetched.
"""

from __future__ import annotations

import struct
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from hashlib import sha256
from itertools import accumulate
from operator import sub
from typing import NamedTuple

from points.wire.envelope import compress, decompress
from points.wire.faults import Integrity, Malformed, TooLarge
from points.wire.keys import hmac_sha256

TOPIC = "directory"
TAG_BYTES, TAG_BITS = 6, 48
BITS_MAX = 16
SECTION_MEMBERS = 3_000
"""About how many members a section has: what is unpacked when a code is looked up."""
SECTION_MEMBERS_MAX = 65_536
COLUMNS = TAG_BYTES + 2
LEVEL = 3
MAGIC = b"JFD1"
_HEAD = struct.Struct(">4s8sBII")
_SIZES = struct.Struct(f">{1 + COLUMNS}I")
HEAD_BYTES = _HEAD.size


class Entry(NamedTuple):
    """What is told of a member."""

    tier: int
    band: int


@dataclass(frozen=True, slots=True)
class Section:
    """Members in the order of their tags, which rise strictly; a byte each of ``tiers`` and ``bands``."""

    tags: list[int]
    tiers: bytearray
    bands: bytearray

    def find(self, tag: int) -> Entry | None:
        """What is told of the code with this tag."""
        at = bisect_left(self.tags, tag)
        if at == len(self.tags) or self.tags[at] != tag:
            return None
        return Entry(self.tiers[at], self.bands[at])


class Head(NamedTuple):
    """What a chunk says of itself: whose key its tags are of, and which sections are in it."""

    kid: str
    bits: int
    first: int
    sections: int


def tag_of(key: bytes, who: str) -> int:
    """The tag of a code, of whose hash ``who`` the first 16 hex digits count."""
    head = bytes.fromhex(who[:16])
    return int.from_bytes(hmac_sha256(key, b"jifen/directory/1\0" + head)[:TAG_BYTES], "big")


def bits_for(members: int) -> int:
    """By how many leading bits so many members are divided into sections."""
    return min(BITS_MAX, (members // SECTION_MEMBERS).bit_length())


def section_of(tag: int, bits: int) -> int:
    """The number of the section that a tag belongs to."""
    return tag >> (TAG_BITS - bits)


def plain(section: Section, number: int, bits: int) -> list[bytes]:
    """The columns of a section: its one form, whatever they are packed with. Raises ``Malformed``."""
    tags, start = section.tags, number << (TAG_BITS - bits)
    if not len(tags) == len(section.tiers) == len(section.bands) <= SECTION_MEMBERS_MAX:
        raise Malformed(why="directory section")
    gaps = list(map(sub, tags, (start, *tags)))
    if gaps and (
        gaps[0] < 0 or (len(gaps) > 1 and min(gaps[1:]) < 1) or section_of(tags[-1], bits) != number
    ):
        raise Malformed(why="directory order")
    rows = struct.pack(f"<{len(gaps)}Q", *gaps)
    return [*(rows[at::8] for at in range(TAG_BYTES)), bytes(section.tiers), bytes(section.bands)]


def digest(columns: Sequence[bytes]) -> bytes:
    """What a section's content is recognised by."""
    summed = sha256(struct.pack(">I", len(columns[0])))
    for column in columns:
        summed.update(column)
    return summed.digest()


def pack_section(columns: Sequence[bytes]) -> bytes:
    """The bytes of a section of these columns."""
    frames = [compress(column, LEVEL) for column in columns]
    return _SIZES.pack(len(columns[0]), *map(len, frames)) + b"".join(frames)


def open_section(raw: bytes, number: int, bits: int) -> Section:
    """The members of a section. Raises ``Malformed`` or ``Integrity`` for what is none of this number."""
    if len(raw) < _SIZES.size:
        raise Malformed(why="directory section")
    n, *sizes = _SIZES.unpack_from(raw)
    if n > SECTION_MEMBERS_MAX or len(raw) != _SIZES.size + sum(sizes):
        raise Malformed(why="directory section")
    ends = list(accumulate(sizes, initial=_SIZES.size))
    columns = [decompress(raw[ends[i] : ends[i + 1]], n) for i in range(COLUMNS)]
    if any(len(column) != n for column in columns):
        raise Integrity(what="directory section")
    tags = rising(columns[:TAG_BYTES], number << (TAG_BITS - bits), "Q")
    if tags and section_of(tags[-1], bits) != number:
        raise Malformed(why="directory order")
    return Section(tags, bytearray(columns[TAG_BYTES]), bytearray(columns[TAG_BYTES + 1]))


def rising(columns: Sequence[bytes], start: int, width: str) -> list[int]:
    """Whole numbers from the columns of bytes of their distances, the first counted from ``start``.

    ``width`` is how `struct` writes one. Raises ``Malformed`` where they do not rise strictly.
    """
    n, size = len(columns[0]), struct.calcsize(width)
    rows = bytearray(size * n)
    for at, column in enumerate(columns):
        rows[at::size] = column
    gaps = struct.unpack(f"<{n}{width}", rows)
    if 0 in gaps[1:]:
        raise Malformed(why="directory order")
    return list(accumulate(gaps[1:], initial=start + gaps[0])) if gaps else []


def pack_head(head: Head, sizes: Sequence[int]) -> bytes:
    """The beginning of a chunk whose sections are of these sizes."""
    packed = _HEAD.pack(MAGIC, bytes.fromhex(head.kid), head.bits, head.first, head.sections)
    return packed + struct.pack(f">{len(sizes)}I", *sizes)


def pack_chunk(head: Head, sections: Iterable[bytes]) -> bytes:
    """A chunk of these packed sections."""
    bodies = list(sections)
    return pack_head(head, list(map(len, bodies))) + b"".join(bodies)


def read_head(raw: bytes) -> Head:
    """What a chunk says of itself, from its first ``HEAD_BYTES``. Raises ``Malformed``."""
    if len(raw) < HEAD_BYTES:
        raise Malformed(why="directory chunk")
    magic, kid, bits, first, count = _HEAD.unpack_from(raw)
    if magic != MAGIC or bits > BITS_MAX or count < 1 or first + count > 1 << bits:
        raise Malformed(why="directory chunk")
    return Head(kid.hex(), bits, first, count)


def read_ends(raw: bytes, count: int) -> list[int]:
    """Where each section of a chunk ends, counted from behind its head and sizes; ``raw`` are the sizes."""
    if len(raw) != 4 * count:
        raise Malformed(why="directory chunk")
    return list(accumulate(struct.unpack(f">{count}I", raw)))


def sections_in(raw: bytes) -> Iterator[bytes]:
    """The packed sections of a whole chunk, in order. Raises ``Malformed`` or ``TooLarge``."""
    head = read_head(raw)
    at = HEAD_BYTES + 4 * head.sections
    ends = read_ends(raw[HEAD_BYTES:at], head.sections)
    if at + ends[-1] != len(raw):
        raise TooLarge(what="directory chunk", max=at + ends[-1])
    for start, end in zip([0, *ends], ends, strict=False):
        yield raw[at + start : at + end]

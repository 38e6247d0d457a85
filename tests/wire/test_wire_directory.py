"""The directory's bytes: whoever is in it is found as he was told, a step leads exactly where it says, and
what is none is refused."""

from __future__ import annotations

import random
import struct
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from points.wire import directory, directory_step
from points.wire.directory import Entry, Head, Section
from points.wire.faults import Integrity, Malformed, WireFault

KID = "0123456789abcdef"
Told = dict[int, Entry]

ENTRIES = st.builds(Entry, st.integers(0, directory_step.TIER_MAX), st.integers(0, 255))
TOLD = st.dictionaries(st.integers(0, 2**48 - 1), ENTRIES, max_size=60)


def sections(told: Told, bits: int) -> list[Section]:
    found = []
    for number in range(1 << bits):
        tags = sorted(tag for tag in told if directory.section_of(tag, bits) == number)
        found.append(
            Section(tags, bytearray(told[t].tier for t in tags), bytearray(told[t].band for t in tags))
        )
    return found


def packed(told: Told, bits: int) -> bytes:
    bodies = [
        directory.pack_section(directory.plain(one, number, bits))
        for number, one in enumerate(sections(told, bits))
    ]
    return directory.pack_chunk(Head(KID, bits, 0, 1 << bits), bodies)


def read(raw: bytes) -> Told:
    head, told = directory.read_head(raw), {}
    for number, body in enumerate(directory.sections_in(raw), head.first):
        one = directory.open_section(body, number, head.bits)
        told |= {tag: Entry(*of) for tag, *of in zip(one.tags, one.tiers, one.bands, strict=True)}
    return told


def root(told: Told, bits: int) -> bytes:
    return directory_step.root_of(
        directory.digest(directory.plain(one, number, bits))
        for number, one in enumerate(sections(told, bits))
    )


def step(before: Told, after: Told, bits: int) -> bytes:
    pairs = zip(sections(before, bits), sections(after, bits), strict=True)
    return directory_step.pack(directory_step.between(pairs, root(after, bits)))


def applied(before: Told, raw: bytes, bits: int) -> Told:
    ahead = directory_step.applied(sections(before, bits), directory_step.read(raw), bits)
    return {
        tag: Entry(tier, band)
        for one in ahead
        for tag, tier, band in zip(one.tags, one.tiers, one.bands, strict=True)
    }


@given(TOLD, st.integers(0, 4))
def test_everybody_is_found_and_nobody_else(told: Told, bits: int) -> None:
    raw = packed(told, bits)
    assert read(raw) == told
    bodies = list(directory.sections_in(raw))
    for tag in (*told, *(tag ^ 1 for tag in told), 0, 2**48 - 1):
        number = directory.section_of(tag, bits)
        assert directory.open_section(bodies[number], number, bits).find(tag) == told.get(tag)


@given(TOLD, TOLD, st.sets(st.integers(0, 200), max_size=20), st.integers(0, 4))
def test_a_step_leads_from_any_edition_to_any_other(
    before: Told, more: Told, kept: set[int], bits: int
) -> None:
    after = {tag: entry for at, (tag, entry) in enumerate(sorted(before.items())) if at in kept} | more
    raw = step(before, after, bits)
    assert applied(before, raw, bits) == after
    told = directory_step.read(raw)
    assert (told.before, told.after, told.root) == (len(before), len(after), root(after, bits))


@given(TOLD, TOLD, TOLD)
def test_steps_are_taken_one_behind_the_other(first: Told, second: Told, third: Told) -> None:
    ahead = directory_step.applied(sections(first, 2), directory_step.read(step(first, second, 2)), 2)
    ahead = directory_step.applied(ahead, directory_step.read(step(second, third, 2)), 2)
    assert [one.tags for one in ahead] == [one.tags for one in sections(third, 2)]


def test_a_step_from_another_edition_does_not_fit() -> None:
    before, after = {5: Entry(0, 1), 2**47: Entry(1, 2)}, {5: Entry(0, 2), 2**47: Entry(1, 2)}
    raw = step(before, after, 1)
    for other in ({5: Entry(0, 1)}, before | {9: Entry(0, 0)}):
        with pytest.raises(Integrity):
            applied(other, raw, 1)
    nobody = Entry(0, 0)
    new = step({5: nobody, 9: nobody}, {5: nobody, 7: nobody, 9: nobody}, 1)
    with pytest.raises(Integrity):
        applied({7: nobody, 9: nobody}, new, 1)


def test_a_tag_is_of_a_key_and_of_a_code() -> None:
    who = "00112233445566778899aabbccddeeff"
    tag = directory.tag_of(b"k" * 32, who)
    assert 0 <= tag < 2**48
    assert tag == directory.tag_of(b"k" * 32, who[:16]), "a code's head is what headquarters tells of it"
    assert tag != directory.tag_of(b"l" * 32, who)
    assert tag != directory.tag_of(b"k" * 32, "ff" + who[2:])


@pytest.mark.parametrize("seed", range(60))
def test_damaged_bytes_are_refused_or_read_as_something_of_the_same_form(seed: int) -> None:
    rng = random.Random(seed)
    told = {rng.getrandbits(48): Entry(rng.randrange(4), rng.randrange(90)) for _ in range(200)}
    later = {tag: (Entry(1, 1) if rng.random() < 0.1 else entry) for tag, entry in told.items()}
    for raw, reads in ((packed(told, 2), read), (step(told, later, 2), directory_step.read)):
        bad = bytearray(raw)
        for _ in range(rng.randrange(1, 4)):
            bad[rng.randrange(len(bad))] ^= 1 << rng.randrange(8)
        cut = bytes(bad)[: rng.choice((len(bad), rng.randrange(len(bad))))]
        with suppress(WireFault):
            reads(cut)  # type: ignore[operator]


def hostile(columns: Sequence[bytes], n: int | None = None) -> bytes:
    raw = directory.pack_section(columns)
    return raw if n is None else struct.pack(">I", n) + raw[4:]


def test_a_section_that_is_none_is_refused() -> None:
    fine = directory.plain(Section([1, 2, 9], bytearray(3), bytearray(3)), 0, 1)
    assert directory.open_section(hostile(fine), 0, 1).tags == [1, 2, 9]
    twice = [b"\x01\x00\x01", *fine[1:]]
    with pytest.raises(Malformed):
        directory.open_section(hostile(twice), 0, 1)
    beyond = [*fine[:5], b"\x80\x80\x80", *fine[6:]]
    with pytest.raises(Malformed):
        directory.open_section(hostile(beyond), 0, 1)
    for n in (2, 4, directory.SECTION_MEMBERS_MAX + 1, 2**32 - 1):
        with pytest.raises(WireFault):
            directory.open_section(hostile(fine, n), 0, 1)
    short = [*fine[:7], b"\x00"]
    with pytest.raises(WireFault):
        directory.open_section(hostile(short), 0, 1)
    for wrong in (Section([2, 1], bytearray(2), bytearray(2)), Section([1, 1], bytearray(2), bytearray(2))):
        with pytest.raises(Malformed):
            directory.plain(wrong, 0, 1)
    with pytest.raises(Malformed):
        directory.plain(Section([1], bytearray(1), bytearray(1)), 1, 1)


def test_a_step_that_is_none_is_refused() -> None:
    before = {tag: Entry(0, 0) for tag in range(1, 9)}
    after = before | {3: Entry(1, 1), 100: Entry(2, 2)}
    del after[5]
    raw = step(before, after, 0)
    for at, value in ((36, 1), (36, 2**32 - 1), (40, 7), (44, 2**32 - 1), (48, 0), (48, 2**31)):
        bad = bytearray(raw)
        struct.pack_into(">I", bad, at, value)
        with pytest.raises(WireFault):
            directory_step.read(bytes(bad))
    told = directory_step.read(raw)
    with pytest.raises(Malformed):
        directory_step.read(directory_step.pack(replace(told, ranks=[*told.ranks[:-1], told.before])))
    for bad_bytes in (b"", raw[:50], raw[:-1], raw + b"\0", b"JFD1" + raw[4:]):
        with pytest.raises(WireFault):
            directory_step.read(bad_bytes)


def test_nothing_is_unpacked_beyond_its_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    before = {tag: Entry(0, 0) for tag in range(1, 9)}
    raw = step(before, {}, 0)
    monkeypatch.setattr(directory_step, "ENTRIES_MAX", 7)
    with pytest.raises(Malformed):
        directory_step.read(raw)
    fine = hostile(directory.plain(Section([1, 2, 9], bytearray(3), bytearray(3)), 0, 1))
    monkeypatch.setattr(directory, "SECTION_MEMBERS_MAX", 2)
    with pytest.raises(Malformed):
        directory.open_section(fine, 0, 1)


def test_a_chunk_that_is_none_is_refused() -> None:
    raw = packed({tag << 40: Entry(0, 0) for tag in range(9)}, 2)
    for bad in (b"", raw[:-1], raw + b"\0", b"JFS1" + raw[4:], raw[: directory.HEAD_BYTES + 3]):
        with pytest.raises(WireFault):
            list(directory.sections_in(bad))
    for bits, first, count in ((17, 0, 4), (2, 1, 4), (2, 0, 0), (2, 2**32 - 1, 4)):
        with pytest.raises(WireFault):
            directory.read_head(directory.pack_head(Head(KID, bits, first, count), []))


@pytest.mark.parametrize(("members", "bits"), [(0, 0), (2_999, 0), (3_000, 1), (10**7, 12), (10**10, 16)])
def test_sections_are_about_as_large_whatever_the_chain(members: int, bits: int) -> None:
    assert directory.bits_for(members) == bits

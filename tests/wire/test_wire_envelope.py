"""The batch: what is cut is opened, and nothing else is."""

from __future__ import annotations

import tracemalloc
from dataclasses import replace
from hashlib import sha256
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from wire_samples import DEVICE, GENESIS, LANE, MOMENT, OTHER, RECORD, batch, bodies, body, noise

from points.wire import chain, container, envelope, tree
from points.wire.batch_header import Header, TreeHead, header_object, read_header
from points.wire.faults import (
    BadSignature,
    EnvelopeVersion,
    Integrity,
    Malformed,
    TooLarge,
    UnknownKey,
    WireFault,
    WrongLane,
)
from points.wire.lane import KeyRecord, Lane

zstd = envelope.zstd
BODY = st.binary(min_size=1, max_size=60).filter(lambda raw: b"\n" not in raw)


@given(st.lists(BODY, min_size=1, max_size=30), st.integers(1, 2**31), st.binary(min_size=32, max_size=32))
def test_what_was_cut_is_opened(told: list[bytes], first: int, prev: bytes) -> None:
    raw = envelope.cut(LANE, first, prev, told, DEVICE, MOMENT)
    opened = envelope.open_batch(raw, RECORD)
    assert opened.bodies == tuple(told)
    assert opened.hashes == tuple(chain.links(prev, first, told))
    assert opened.header.moment == MOMENT
    assert (opened.header.first, opened.header.last) == (first, first + len(told) - 1)
    assert opened.batch_id == envelope.batch_id(raw)
    assert envelope.peek(raw) == (opened.header, DEVICE.kid)


def test_the_same_operations_at_the_same_moment_are_the_same_bytes() -> None:
    assert batch() == batch()


def test_one_operation_is_proved_with_ten_hashes_out_of_a_thousand() -> None:
    opened = envelope.open_batch(batch(1000), RECORD)
    proof = tree.inclusion(opened.hashes, 617)
    assert len(proof) <= 10
    root = bytes.fromhex(opened.header.root)
    assert tree.is_included(opened.hashes[617], 617, 1000, proof, root)


def test_every_flipped_byte_is_refused_with_a_defined_problem() -> None:
    raw = batch()
    told = set()
    for at in range(len(raw)):
        for mask in (0x01, 0x20, 0x80, 0xFF):
            damaged = raw[:at] + bytes((raw[at] ^ mask,)) + raw[at + 1 :]
            with pytest.raises(WireFault) as found:
                envelope.open_batch(damaged, RECORD)
            told.add(found.value.problem)
    expected = {"malformed", "envelope-version", "unknown-key", "bad-signature", "integrity", "too-large"}
    assert told <= expected | {"wrong-lane"}
    assert {"bad-signature", "integrity", "unknown-key", "envelope-version"} <= told


def test_every_truncation_and_every_appendix_is_refused() -> None:
    raw = batch()
    for size in range(len(raw)):
        with pytest.raises(WireFault):
            envelope.open_batch(raw[:size], RECORD)
    for more in (b"\0", b"\n", raw, zstd.compress(b"")):
        with pytest.raises(Integrity):
            envelope.open_batch(raw + more, RECORD)


@settings(max_examples=300)
@given(st.data())
def test_a_batch_damaged_anyhow_is_never_opened(data: st.DataObject) -> None:
    raw = bytearray(batch())
    start = data.draw(st.integers(0, len(raw) - 1))
    stop = data.draw(st.integers(start, len(raw)))
    damaged = bytes(raw[:start] + data.draw(st.binary(max_size=40)) + raw[stop:])
    if damaged != bytes(raw):
        with pytest.raises(WireFault):
            envelope.open_batch(damaged, RECORD)


class Spy:
    """Stands at the library's decompressor and notes every frame that is shown to it."""

    def __init__(self) -> None:
        self.frames: list[bytes] = []

    def __call__(self, **options: Any) -> Any:
        reader, frames = REAL_DECOMPRESSOR(**options), self.frames

        class Reader:
            def decompress(self, frame: bytes, max_length: int) -> bytes:
                frames.append(frame)
                return reader.decompress(frame, max_length=max_length)

            def __getattr__(self, name: str) -> Any:
                return getattr(reader, name)

        return Reader()


REAL_DECOMPRESSOR = zstd.ZstdDecompressor


def test_no_byte_that_was_not_vouched_for_reaches_the_decompressor(monkeypatch: pytest.MonkeyPatch) -> None:
    spy = Spy()
    monkeypatch.setattr(zstd, "ZstdDecompressor", spy)
    raw = batch()
    honest = container.unpack(envelope.MAGIC, raw, len(raw)).payload
    for at in range(len(raw)):
        damaged = raw[:at] + bytes((raw[at] ^ 1,)) + raw[at + 1 :]
        with pytest.raises(WireFault):
            envelope.open_batch(damaged, RECORD)
    assert spy.frames == []  # not one, not even with another byte than its own damaged
    envelope.open_batch(raw, RECORD)
    assert spy.frames == [honest]  # control: the spy sees what is let through


def test_control_a_reader_that_unpacks_first_is_caught_by_the_same_spy(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    spy = Spy()
    monkeypatch.setattr(zstd, "ZstdDecompressor", spy)
    raw = batch()
    damaged = container.unpack(envelope.MAGIC, raw[:-1] + bytes((raw[-1] ^ 1,)), len(raw)).payload
    with pytest.raises(Integrity):
        envelope.decompress(damaged, 100_000)
    assert spy.frames == [damaged]


def forge(payload: bytes, **changes: Any) -> bytes:
    """An envelope that its owner signed although it is wrong: what a broken till would send."""
    raw = batch()
    box = container.unpack(envelope.MAGIC, raw, len(raw))
    header = header_object(read_header(box.header))
    header |= {"psha": sha256(payload).hexdigest(), "psize": len(payload)} | changes
    return container.pack(envelope.MAGIC, header, payload, [DEVICE], envelope.MEDIA_TYPE)


def bomb(size: int) -> bytes:
    packer = zstd.ZstdCompressor(level=3)
    pieces = [packer.compress(bytes(1 << 20)) for _ in range(size >> 20)]
    return b"".join([*pieces, packer.flush()])


def test_a_bomb_bursts_within_the_size_it_signed() -> None:
    payload = bomb(256 << 20)
    for usize, problem in [
        (256 << 20, "too-large"),
        (8 << 20, "too-large"),  # within the size, beyond the ratio
        (100 * len(payload), "integrity"),
        (1000, "integrity"),
    ]:
        tracemalloc.start()
        with pytest.raises(WireFault) as told:
            envelope.open_batch(forge(payload, usize=usize), RECORD)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert told.value.problem == problem
        assert peak < 16 << 20


def test_a_frame_that_asks_for_a_huge_window_is_refused() -> None:
    options = {zstd.CompressionParameter.window_log: 27, zstd.CompressionParameter.compression_level: 3}
    packer = zstd.ZstdCompressor(options=options)
    frame = packer.compress(b"x" * 1000) + packer.flush()
    with pytest.raises(Integrity):
        envelope.decompress(frame, 1000)


def test_what_is_signed_must_agree_with_what_lies_there() -> None:
    plain = b"\n".join(bodies(3))
    good = envelope.compress(plain)
    head = chain.links(GENESIS, 1, bodies(3))[-1].hex()
    for raw, what in [
        (forge(good, psize=len(good) + 1), "psize"),
        (forge(good, psha="00" * 32), "psha"),
        (forge(good, usize=len(plain) - 1), "usize"),
        (forge(good, usize=len(plain) + 1), "usize"),
        (forge(b"not a frame"), "frame"),
        (forge(good[:-1]), "frame"),
        (forge(good + good), "frame"),
        (forge(good, last=4), "count"),
        (forge(good, last=2), "count"),
        (forge(good, prev="11" * 32), "chain"),
        (forge(good, first=2, last=4), "chain"),
        (forge(good, head="11" * 32), "chain"),
        (forge(good, root="11" * 32), "root"),
        (forge(envelope.compress(plain.replace(b"c07", b"c08"))), "chain"),
    ]:
        with pytest.raises(Integrity) as told:
            envelope.open_batch(raw, RECORD)
        assert told.value.detail["what"] == what
    assert envelope.open_batch(forge(good, head=head), RECORD).bodies == tuple(bodies(3))  # control


def test_an_empty_body_and_a_body_beyond_its_limit_are_refused() -> None:
    for plain, problem in [
        (b"\n\n", "malformed"),
        (b"a\n\nb", "malformed"),
        (b"x" * 65537 + b"\na\nb", "too-large"),
    ]:
        with pytest.raises(WireFault) as told:
            envelope.open_batch(forge(envelope.compress(plain), usize=len(plain)), RECORD)
        assert told.value.problem == problem


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"v": 2}, "envelope-version"),
        ({"v": True}, "envelope-version"),
        ({"suite": "s2"}, "envelope-version"),
        ({"first": 0}, "malformed"),
        ({"last": 0}, "malformed"),
        ({"last": 1001}, "too-large"),
        ({"last": 2**32}, "malformed"),
        ({"epoch": 0}, "malformed"),
        ({"store": "S01"}, "malformed"),
        ({"till": 1}, "malformed"),
        ({"prev": "AA" * 32}, "malformed"),
        ({"head": "aa" * 31}, "malformed"),
        ({"wall": -1}, "malformed"),
        ({"boot": "aa"}, "malformed"),
        ({"inst": None}, "malformed"),
        ({"agent": ""}, "malformed"),
        ({"agent": "a" * 65}, "malformed"),
        ({"agent": "a\tb"}, "malformed"),
        ({"inc": 0}, "malformed"),
        ({"anchor": {"hub_ms": 1}}, "malformed"),
        ({"anchor": []}, "malformed"),
        ({"sth": {"size": 1, "root": "aa" * 32, "more": 1}}, "malformed"),
        ({"x": None}, "malformed"),
        ({"extra": 1}, "malformed"),
        ({"usize": 0}, "malformed"),
        ({"epoch": 2}, "wrong-lane"),
        ({"chain": "other"}, "wrong-lane"),
        ({"store": "s02"}, "wrong-lane"),
    ],
)
def test_a_header_in_another_form_is_refused_by_name(changes: dict[str, Any], problem: str) -> None:
    with pytest.raises(WireFault) as told:
        envelope.open_batch(forge(envelope.compress(b"\n".join(bodies(3))), **changes), RECORD)
    assert told.value.problem == problem


def test_a_header_without_one_of_its_keys_is_refused() -> None:
    raw = batch()
    whole = header_object(read_header(container.unpack(envelope.MAGIC, raw, len(raw)).header))
    for key in whole:
        less = {name: value for name, value in whole.items() if name != key}
        packed = container.pack(envelope.MAGIC, less, b"", [DEVICE], envelope.MEDIA_TYPE)
        with pytest.raises((Malformed, EnvelopeVersion)):
            envelope.peek(packed)


def test_a_batch_is_opened_with_its_own_key_only() -> None:
    raw = batch()
    with pytest.raises(UnknownKey):
        envelope.open_batch(raw, KeyRecord(OTHER.public_raw, frozenset({LANE})))
    renamed = raw.replace(DEVICE.kid.encode(), OTHER.kid.encode())
    with pytest.raises(BadSignature):  # the kid is a hint and no proof
        envelope.open_batch(renamed, KeyRecord(OTHER.public_raw, frozenset({LANE})))
    with pytest.raises(WrongLane):
        envelope.open_batch(raw, replace(RECORD, lanes=frozenset({Lane("demo", "s01", "t1", 2)})))
    with pytest.raises(EnvelopeVersion):
        envelope.open_batch(raw, replace(RECORD, suite="s2"))


def test_two_signatures_belong_to_a_later_version() -> None:
    raw = batch()
    box = container.unpack(envelope.MAGIC, raw, len(raw))
    header = header_object(read_header(box.header))
    twice = container.pack(envelope.MAGIC, header, box.payload, [DEVICE, OTHER], envelope.MEDIA_TYPE)
    with pytest.raises(EnvelopeVersion):
        envelope.open_batch(twice, RECORD)


def test_what_a_revoked_key_signed_is_opened_and_the_record_says_what_it_proves() -> None:
    revoked = replace(RECORD, revoked_at_ms=1, max_seq_at_revocation=2)
    opened = envelope.open_batch(batch(), revoked)
    assert [revoked.vouches_for(seq) for seq in range(opened.header.first, opened.header.last + 1)] == [
        True,
        True,
        False,
    ]
    assert RECORD.vouches_for(10**9)


def test_a_writer_refuses_to_cut_what_no_reader_would_open() -> None:
    cases: list[tuple[list[bytes], str]] = [
        ([], "ops"),
        ([b"{}"] * 1001, "ops"),
        ([b"x" * 65537], "body"),
        ([noise(n, 64_000) for n in range(140)], "usize"),
        ([b"x" * 60_000] * 100, "ratio"),
    ]
    for told, what in cases:
        with pytest.raises(TooLarge) as found:
            envelope.cut(LANE, 1, GENESIS, told, DEVICE, MOMENT)
        assert found.value.detail["what"] == what
    for poison in (b"", b"a\nb"):
        with pytest.raises(Malformed):
            envelope.cut(LANE, 1, GENESIS, [poison], DEVICE, MOMENT)


def test_one_operation_alone_always_fits() -> None:
    for largest in (b"x" * 65536, noise(1, 65536)):
        raw = envelope.cut(LANE, 1, GENESIS, [largest], DEVICE, MOMENT)
        assert envelope.open_batch(raw, RECORD).bodies == (largest,)


def test_fitting_takes_what_the_limits_allow_and_at_least_one() -> None:
    assert envelope.fitting([330] * 5) == 5
    assert envelope.fitting([330] * 5000) == 1000
    assert envelope.fitting([65536] * 200) == 127
    assert envelope.fitting([]) == 0
    told = [noise(n, 65536) for n in range(127)]
    assert (
        envelope.open_batch(envelope.cut(LANE, 1, GENESIS, told, DEVICE, MOMENT), RECORD).header.count == 127
    )


def test_a_header_keeps_all_that_it_was_given() -> None:
    moment = replace(MOMENT, anchor=None, sth=TreeHead(7, "ab" * 32))
    raw = envelope.cut(LANE, 1, GENESIS, [body(1)], DEVICE, moment, x={"note": [1, "二"]})
    header: Header = envelope.open_batch(raw, RECORD).header
    assert header.moment == moment
    assert header.x == {"note": [1, "二"]}

"""What headquarters signs: acks, manifests, and the blobs they name."""

from __future__ import annotations

from dataclasses import replace
from hashlib import sha256
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from wire_samples import DEVICE, HUB, HUB_FEED, LANE, OTHER, RECORD, batch, noise, seed

from points.wire import ack, canonical, chunk, container, envelope, manifest
from points.wire.ack import Ack, Outcome
from points.wire.faults import Integrity, Malformed, TooLarge, UnknownKey, WireFault, WrongLane
from points.wire.manifest import Chunk, LaneNext, Manifest, Private

BATCH = envelope.open_batch(batch(5), RECORD)
ACK = Ack(
    hub="hq",
    inc=1,
    batch_id=BATCH.batch_id,
    lane=LANE,
    first=1,
    last=5,
    head=BATCH.header.head,
    ms=1785549700000,
    outcomes=(
        Outcome(2, "J", {"reason": "late_cap", "delta": -3}),
        Outcome(3, "D", {"lane": ["s01", "t1", 1], "seq": 1}),
        Outcome(4, "Q", {"reason": "bad-field", "case": 7}),
        Outcome(5, "P", {"reason": "missing-dependency"}),
    ),
)


# Acks.


def test_an_ack_says_what_was_judged() -> None:
    raw = ack.issue(ACK, HUB)
    assert ack.open_ack(raw, HUB.public_raw) == ACK
    assert ack.issue(ACK, HUB) == raw
    ACK.check_answers(BATCH.header, BATCH.batch_id)


def test_the_header_of_an_ack_has_its_keys_and_no_others() -> None:
    raw = ack.issue(replace(ACK, outcomes=()), HUB)
    box = container.unpack(ack.MAGIC, raw, len(raw))
    header = canonical.decode(box.header)
    assert header == {
        "v": 1,
        "suite": "s1",
        "hub": "hq",
        "inc": 1,
        "batch_id": BATCH.batch_id,
        "chain": "demo",
        "store": "s01",
        "till": "t1",
        "epoch": 1,
        "first": 1,
        "last": 5,
        "head": BATCH.header.head,
        "n": 5,
        "outd": sha256(b"[]").hexdigest(),
        "g0": None,
        "g1": None,
        "ms": 1785549700000,
        "durable_seq": None,
    }
    assert box.payload == b"[]"


@pytest.mark.parametrize("changes", [{"batch_id": "00" * 32}, {"first": 2}, {"last": 4}, {"head": "00" * 32}])
def test_an_ack_of_another_batch_is_no_answer(changes: dict[str, Any]) -> None:
    other = replace(ACK, outcomes=(), **changes)
    with pytest.raises(Integrity):
        other.check_answers(BATCH.header, BATCH.batch_id)


def test_every_flipped_byte_and_every_cut_of_an_ack_is_refused() -> None:
    raw = ack.issue(ACK, HUB)
    for at in range(len(raw)):
        for damaged in (raw[:at], raw[:at] + bytes((raw[at] ^ 1,)) + raw[at + 1 :]):
            with pytest.raises(WireFault):
                ack.open_ack(damaged, HUB.public_raw)
    with pytest.raises(UnknownKey):
        ack.open_ack(raw, HUB_FEED.public_raw)
    with pytest.raises(Integrity):
        ack.open_ack(raw + b" ", HUB.public_raw)


@pytest.mark.parametrize(
    "outcomes",
    [
        [Outcome(0, "J", {})],
        [Outcome(6, "J", {})],
        [Outcome(2, "J", {}), Outcome(2, "Q", {})],
        [Outcome(3, "J", {}), Outcome(2, "Q", {})],
        [Outcome(2, "A", {})],
        [Outcome(2, "J", None)],  # type: ignore[arg-type]
        [Outcome(True, "J", {})],
    ],
)
def test_outcomes_are_one_an_operation_ascending_and_of_four_kinds(outcomes: list[Outcome]) -> None:
    with pytest.raises(Malformed):
        ack.issue(replace(ACK, outcomes=tuple(outcomes)), HUB)
    honest = canonical.decode(container.unpack(ack.MAGIC, ack.issue(ACK, HUB), 10_000).header)
    payload = canonical.encode([list(outcome) for outcome in outcomes])
    honest["outd"] = sha256(payload).hexdigest()
    forged = container.pack(ack.MAGIC, honest, payload, [HUB], ack.MEDIA_TYPE)
    with pytest.raises(Malformed):
        ack.open_ack(forged, HUB.public_raw)


def test_an_outcome_may_grow_at_its_end() -> None:
    honest = canonical.decode(container.unpack(ack.MAGIC, ack.issue(ACK, HUB), 10_000).header)
    payload = canonical.encode([[2, "J", {"reason": "late_cap"}, "a newer hub's word"]])
    honest["outd"] = sha256(payload).hexdigest()
    grown = container.pack(ack.MAGIC, honest, payload, [HUB], ack.MEDIA_TYPE)
    assert ack.open_ack(grown, HUB.public_raw).outcomes == (Outcome(2, "J", {"reason": "late_cap"}),)


def test_a_signature_on_a_batch_is_none_on_an_ack() -> None:
    honest = container.unpack(ack.MAGIC, ack.issue(ACK, HUB), 10_000)
    as_batch = container.pack(
        ack.MAGIC, canonical.decode(honest.header), honest.payload, [HUB], envelope.MEDIA_TYPE
    )
    with pytest.raises(WireFault) as told:
        ack.open_ack(as_batch, HUB.public_raw)
    assert told.value.problem == "bad-signature"


# Manifests and blobs.

SHARD_KEY = seed("shard key")
ROWS: list[list[Any]] = [
    [1024 + n, 7, "ok", "base", 12, "王*", "8000", 0, [["ab", 5, 0, 20270801, "e", "s01"]]]
    for n in range(200)
]


def feed(topic: str = "members", shard: str = "r1", **changes: Any) -> tuple[Manifest, bytes]:
    entry, blob = chunk.make(topic, shard, ROWS, SHARD_KEY, 1024, 1223)
    told = Manifest(
        hub="hq",
        inc=1,
        chain="demo",
        topic=topic,
        shard=shard,
        gen=1,
        schema=1,
        ver=9,
        g=77,
        issued=1785549700000,
        not_after=1785636100000,
        snap_ver=9,
        chunks=(entry,),
        lanes="ab" * 32,
        enc_kid="0011223344556677",
    )
    return replace(told, **changes), blob


def test_a_manifest_names_blobs_and_the_blobs_hold_the_rows() -> None:
    told, blob = feed()
    read = manifest.open_manifest(
        manifest.issue(told, [HUB_FEED]), HUB_FEED.public_raw, "demo", "members", "r1"
    )
    assert read == told
    assert read.blobs == (told.chunks[0].sha, "ab" * 32)
    assert chunk.open_chunk(read.chunks[0], blob, "members", "r1", SHARD_KEY) == ROWS


def test_the_header_of_a_manifest_has_its_keys_and_no_others() -> None:
    told, _ = feed(chunks=(), enc_kid=None, lanes=None)
    header = canonical.decode(container.unpack(b"JFM1", manifest.issue(told, [HUB_FEED]), 9000).header)
    assert header == {
        "v": 1,
        "suite": "s1",
        "hub": "hq",
        "inc": 1,
        "chain": "demo",
        "topic": "members",
        "shard": "r1",
        "gen": 1,
        "schema": 1,
        "ver": 9,
        "g": 77,
        "issued": 1785549700000,
        "not_after": 1785636100000,
        "snap": {"ver": 9, "chunks": []},
        "deltas": None,
        "lanes": None,
        "enc": None,
        "x": {},
    }


def test_the_private_manifest_also_says_term_session_and_where_the_hub_stands() -> None:
    shard = manifest.private_shard("s01", "t1")
    private = Private(3, None, (LaneNext(1, 501, "cd" * 32), LaneNext(2, 1, "ef" * 32)))
    told, _ = feed("till", shard, private=private)
    raw = manifest.issue(told, [HUB_FEED])
    assert manifest.open_manifest(raw, HUB_FEED.public_raw, "demo", "till", "s01/t1") == told
    header = canonical.decode(container.unpack(b"JFM1", raw, 9000).header)
    assert header["next"] == [[1, 501, "cd" * 32], [2, 1, "ef" * 32]]
    assert (header["term"], header["sess_until"]) == (3, None)
    for wrong in (replace(told, private=None), replace(told, topic="members")):
        with pytest.raises(Malformed):
            manifest.issue(wrong, [HUB_FEED])


def test_a_manifest_of_another_place_is_refused_however_well_signed() -> None:
    raw = manifest.issue(feed()[0], [HUB_FEED])
    for place in [("other", "members", "r1"), ("demo", "phones", "r1"), ("demo", "members", "r2")]:
        with pytest.raises(WrongLane):
            manifest.open_manifest(raw, HUB_FEED.public_raw, *place)


def test_every_flipped_byte_and_every_cut_of_a_manifest_is_refused() -> None:
    raw = manifest.issue(feed()[0], [HUB_FEED])
    for at in range(len(raw)):
        for damaged in (raw[:at], raw[:at] + bytes((raw[at] ^ 1,)) + raw[at + 1 :]):
            with pytest.raises(WireFault):
                manifest.open_manifest(damaged, HUB_FEED.public_raw, "demo", "members", "r1")
    with pytest.raises(Malformed):
        manifest.open_manifest(raw + b"more", HUB_FEED.public_raw, "demo", "members", "r1")


def test_rules_need_two_signers_and_one_twice_is_not_two() -> None:
    told, _ = feed("rules", manifest.CHAIN_WIDE)
    author, approver = HUB_FEED, OTHER
    both = [author.public_raw, approver.public_raw]
    raw = manifest.issue(told, [author, approver])
    assert manifest.open_manifest(raw, both, "demo", "rules", "all", needed=2) == told
    for signers in ([author], [author, author], [author, DEVICE]):
        with pytest.raises(WireFault):
            manifest.open_manifest(manifest.issue(told, signers), both, "demo", "rules", "all", needed=2)


def test_the_order_of_manifests_goes_by_restore_then_shard_then_version() -> None:
    told, _ = feed()
    order = [replace(told, inc=2, ver=0), replace(told, gen=2, ver=1), replace(told, ver=10), told]
    assert sorted(order, key=lambda one: one.order) == order[::-1]


def test_a_header_holds_as_many_chunks_as_we_say_and_no_more() -> None:
    widest = Chunk("ab" * 32, 8 << 20, 8 << 20, 100_000, 2**40 - 2, 2**40 - 1)
    named = {"deltas": "ab" * 32, "lanes": "ab" * 32, "chain": "c" * 16, "hub": "h" * 16}
    shard = manifest.private_shard("s" * 16, "t" * 16)
    private = Private(2**32 - 1, 2**48 - 1, tuple(LaneNext(2**32 - 1, 2**32, "ab" * 32) for _ in range(3)))
    told, _ = feed("till", shard, chunks=(widest,) * manifest.CHUNKS_MAX, private=private, **named)
    manifest.issue(told, [HUB_FEED, OTHER])
    with pytest.raises(TooLarge):
        manifest.issue(replace(told, chunks=(widest,) * 80), [HUB_FEED])


@pytest.mark.parametrize(
    "changes",
    [
        {"chunks": (Chunk("ab", 1, 1, 1),)},
        {"chunks": (Chunk("ab" * 32, -1, 1, 1),)},
        {"chunks": (Chunk("ab" * 32, 1, 1, True),)},
        {"chunks": (Chunk("ab" * 32, 1, 1, 1, [], None),)},
        {"deltas": "ab"},
        {"lanes": "AB" * 32},
        {"enc_kid": "ab"},
        {"shard": "a/b/c"},
        {"shard": ""},
        {"topic": "Members"},
        {"gen": 0},
        {"inc": 0},
        {"ver": -1},
        {"g": None},
        {"not_after": 2**48},
    ],
)
def test_a_manifest_in_another_form_is_not_issued(changes: dict[str, Any]) -> None:
    with pytest.raises(Malformed):
        manifest.issue(feed(**changes)[0], [HUB_FEED])


CELLS = (
    st.integers(-(2**53) + 1, 2**53 - 1) | st.none() | st.booleans() | st.text('abc积分\n,"\\[]', max_size=8)
)


@given(st.lists(st.lists(CELLS | st.lists(CELLS, max_size=3), max_size=5), max_size=20), st.booleans())
def test_rows_come_back_as_they_were(rows: list[list[Any]], sealed: bool) -> None:
    key = SHARD_KEY if sealed else None
    entry, blob = chunk.make("members", "r1", rows, key)
    assert chunk.open_chunk(entry, blob, "members", "r1", key) == rows
    assert chunk.open_named(entry.sha, blob, "members", "r1", key) == rows
    assert chunk.make("members", "r1", rows, key) == (entry, blob)  # the same rows, the same name
    assert chunk.decode_rows(chunk.encode_rows(rows)) == rows


def test_every_flipped_byte_and_every_cut_of_a_blob_is_refused() -> None:
    for key in (None, SHARD_KEY):
        entry, blob = chunk.make("members", "r1", ROWS[:3], key)
        for at in range(len(blob)):
            damaged = blob[:at] + bytes((blob[at] ^ 1,)) + blob[at + 1 :]
            for wrong in (damaged, blob[:at]):
                with pytest.raises(Integrity):
                    chunk.open_chunk(entry, wrong, "members", "r1", key)
                with pytest.raises(Integrity):
                    chunk.open_named(entry.sha, wrong, "members", "r1", key)


def test_a_sealed_blob_opens_in_its_own_shard_with_its_own_key_only() -> None:
    entry, blob = chunk.make("members", "r1", ROWS, SHARD_KEY)
    for topic, shard, key in [
        ("members", "r2", SHARD_KEY),
        ("phones", "r1", SHARD_KEY),
        ("members", "r1", seed("other")),
        ("members", "r1", None),
    ]:
        with pytest.raises(Integrity):
            chunk.open_chunk(entry, blob, topic, shard, key)
    assert "王".encode() not in blob


def test_an_entry_that_lies_about_its_blob_is_found() -> None:
    entry, blob = chunk.make("members", "r1", ROWS)
    for changes, what in [({"size": 1}, "size"), ({"n": 1}, "count"), ({"usize": entry.usize + 1}, "usize")]:
        with pytest.raises(Integrity) as told:
            chunk.open_chunk(replace(entry, **changes), blob, "members", "r1")
        assert told.value.detail["what"] == what
    with pytest.raises(Integrity):
        chunk.open_chunk(replace(entry, usize=entry.usize - 1), blob, "members", "r1")


def test_a_bomb_under_a_right_name_bursts_within_the_limit() -> None:
    frame = envelope.compress(bytes(9 << 20))
    with pytest.raises(Integrity):
        chunk.open_named(chunk.blob_name(frame), frame, "members", "r1")
    with pytest.raises(Integrity):
        chunk.decode_rows(frame, 1000)
    with pytest.raises(TooLarge):
        chunk.make("members", "r1", [[noise(1, 64).decode() * 1024] for _ in range(130)])


@pytest.mark.parametrize("plain", [b"1", b"{}", b"[1]\n2", b"[1\n2]", b"[1],[2]", b"[1]\n", b"\n", b"[1.5]"])
def test_what_is_not_one_array_a_line_is_no_blob(plain: bytes) -> None:
    with pytest.raises(Malformed):
        chunk.decode_rows(envelope.compress(plain))

"""What a stick carries is opened whole by the one it is sealed to, or refused whole."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest
from wire_samples import DEVICE, HUB_FEED, HUB_PII, LANE, OTHER, TILL_SEAL, batch, seed
from wire_vectors import OP, read

from points.wire import bundle, container, envelope, sealing
from points.wire.bundle import BATCH, QUESTION, SEALED, UP, Bundle, Item
from points.wire.faults import (
    BadSignature,
    EnvelopeVersion,
    Integrity,
    Malformed,
    Problem,
    TooLarge,
    UnknownKey,
    WireFault,
    WrongLane,
)
from points.wire.lane import Lane
from points.wire.sealing import SealingKey

SEAL = TILL_SEAL.public_raw.hex()
ENVELOPE = batch()
ITEMS = (
    Item(QUESTION, "", b"question"),
    Item(BATCH, envelope.batch_id(ENVELOPE), ENVELOPE),
    Item(SEALED, OP, b"13800138000"),
)
SENT = Bundle(UP, LANE, 7, ITEMS, SEAL)


def written(sent: Bundle = SENT) -> tuple[str, bytes]:
    return bundle.write(sent, DEVICE, HUB_PII.public_raw, seed("once"))


def opened(raw: bytes) -> Bundle:
    return bundle.verify(bundle.unseal(raw, HUB_PII), DEVICE.public_raw)


def resealed(plain: bytes) -> bytes:
    front = bundle.MAGIC + bytes.fromhex(HUB_PII.kid)
    return front + sealing.seal(HUB_PII.public_raw, b"jifen/bundle/1\0", front, plain, seed("again"))


def plain_of(raw: bytes) -> bytes:
    return sealing.open_sealed(HUB_PII, b"jifen/bundle/1\0", raw[:12], raw[12:])


def test_what_was_packed_is_what_comes_out() -> None:
    name, raw = written()
    assert opened(raw) == replace(SENT, id=name)
    assert opened(raw).named(BATCH) == {envelope.batch_id(ENVELOPE): ENVELOPE}


def test_the_bytes_reveal_nothing() -> None:
    _, raw = written()
    assert not any(word in raw for word in (b"13800138000", b"question", b"s01", b"JFB1"))


def test_any_flipped_bit_is_refused() -> None:
    _, raw = written()
    chance = random.Random(1)
    for at in [*range(64), *(chance.randrange(len(raw)) for _ in range(300)), len(raw) - 1]:
        torn = bytearray(raw)
        torn[at] ^= 1 << chance.randrange(8)
        with pytest.raises(WireFault) as refused:
            opened(bytes(torn))
        if at < 4:
            assert refused.value.problem == Problem.ENVELOPE_VERSION
        elif at < 12:
            assert refused.value.problem == Problem.UNKNOWN_KEY
        else:
            assert refused.value.problem in (Problem.INTEGRITY, Problem.MALFORMED)


def test_any_truncation_is_refused() -> None:
    _, raw = written()
    for size in [*range(80), *range(80, len(raw), 37), len(raw) - 1]:
        with pytest.raises(WireFault):
            opened(raw[:size])


@pytest.mark.parametrize(
    "moved",
    [lambda raws: raws[::-1], lambda raws: raws[:-1], lambda raws: [*raws, b"more"]],
    ids=["reordered", "missing", "more"],
)
def test_items_that_were_moved_are_refused_even_when_sealed_again(moved: object) -> None:
    parcel = bundle.unseal(written()[1], HUB_PII)
    raws = moved(list(parcel.raws))  # type: ignore[operator]
    plain = plain_of(written()[1])
    manifest = plain[plain.index(bundle.MANIFEST_MAGIC) :]
    framed = b"".join(len(raw).to_bytes(4, "big") + raw for raw in raws)
    with pytest.raises(Integrity):
        opened(resealed(len(raws).to_bytes(4, "big") + framed + manifest))


def test_another_signer_is_refused() -> None:
    raw = bundle.write(SENT, OTHER, HUB_PII.public_raw, seed("once"))[1]
    with pytest.raises(UnknownKey):
        opened(raw)
    plain = bytearray(plain_of(written()[1]))
    at = bytes(plain).rindex(b'{"items"') - 1  # the last byte of the signature
    plain[at] ^= 1
    with pytest.raises(BadSignature):
        opened(resealed(bytes(plain)))


def test_a_stick_for_somebody_else_is_told_apart_from_a_damaged_one() -> None:
    with pytest.raises(UnknownKey):
        bundle.unseal(written()[1], SealingKey.from_raw(seed("another hub")))
    with pytest.raises(EnvelopeVersion):
        bundle.unseal(b"JFX2" + written()[1][4:], HUB_PII)


def test_what_a_manifest_of_another_purpose_signs_is_no_bundle() -> None:
    plain = plain_of(written()[1])
    at = plain.index(bundle.MANIFEST_MAGIC)
    box = container.unpack(bundle.MANIFEST_MAGIC, plain[at:], 1 << 20)
    other = bundle.MANIFEST_MAGIC + len(box.header).to_bytes(4, "big") + box.header
    signature = DEVICE.sign(container.pae(envelope.MEDIA_TYPE, box.header))
    other += b"\1\x10" + DEVICE.kid.encode() + b"\0\x40" + signature + box.payload
    with pytest.raises(BadSignature):
        opened(resealed(plain[:at] + other))


@pytest.mark.parametrize(
    ("sent", "fault"),
    [
        (replace(SENT, way=bundle.DOWN), Malformed),
        (replace(SENT, seal=None), Malformed),
        (replace(SENT, to="00" * 32), Malformed),
        (replace(SENT, items=(*ITEMS, ITEMS[2])), Malformed),
        (replace(SENT, items=(Item(bundle.BLOB, "00" * 32, b""),)), Malformed),
        (replace(SENT, items=(Item(QUESTION, "00", b""),)), Malformed),
        (replace(SENT, items=(Item(SEALED, OP, bytes(sealing.PII_BLOB_BYTES_MAX + 1)),)), TooLarge),
    ],
)
def test_what_does_not_go_this_way_is_not_packed(sent: Bundle, fault: type[WireFault]) -> None:
    with pytest.raises(fault):
        written(sent)


def test_counts_of_a_stranger_are_bounded() -> None:
    with pytest.raises(TooLarge):
        opened(resealed((bundle.ITEMS_MAX + 1).to_bytes(4, "big")))
    with pytest.raises(Malformed):
        opened(resealed((1).to_bytes(4, "big") + b"\xff\xff\xff\xff"))


def test_an_answer_is_for_one_till_and_for_a_bundle_that_it_wrote() -> None:
    told = read("bundles")
    raw, up = bytes.fromhex(told["down"]), frozenset({told["up_id"]})
    answer = bundle.open_answer(raw, TILL_SEAL, HUB_FEED.public_raw, LANE, up)
    assert (answer.to, answer.id) == (told["up_id"], told["down_id"])
    with pytest.raises(Integrity):
        bundle.open_answer(raw, TILL_SEAL, HUB_FEED.public_raw, LANE, frozenset({told["down_id"]}))
    with pytest.raises(WrongLane):
        bundle.open_answer(raw, TILL_SEAL, HUB_FEED.public_raw, Lane("demo", "s01", "t2", 1), up)


def test_the_committed_bundle_is_read() -> None:
    told = read("bundles")
    assert opened(bytes.fromhex(told["up"])).id == told["up_id"]


def test_an_item_of_the_same_size_in_the_place_of_another_is_refused() -> None:
    plain = plain_of(written()[1])
    with pytest.raises(Integrity):
        opened(resealed(plain.replace(b"13800138000", b"13900139000")))

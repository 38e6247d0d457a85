"""The signed box: its form, its order, and that one purpose's signature is not another's."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st
from wire_samples import DEVICE, HUB, OTHER

from points.wire import container
from points.wire.faults import BadSignature, EnvelopeVersion, Malformed, TooLarge, UnknownKey

MAGIC, TYPE = b"TST1", "application/vnd.jifen.test+json;v=1"
HEADER = {"v": 1, "words": "积分"}


def pack(signers: list[container.SigningKey], header: object = HEADER, payload: bytes = b"payload") -> bytes:
    return container.pack(MAGIC, header, payload, signers, TYPE)


def test_the_box_is_what_the_law_says_byte_by_byte() -> None:
    header = '{"v":1,"words":"积分"}'.encode()
    message = b"DSSEv1 35 application/vnd.jifen.test+json;v=1 24 " + header
    assert container.pae(TYPE, header) == message
    assert pack([DEVICE]) == (
        b"TST1"
        + b"\x00\x00\x00\x18"
        + header
        + b"\x01"
        + b"\x10"
        + DEVICE.kid.encode()
        + b"\x00\x40"
        + DEVICE.sign(message)
        + b"payload"
    )


def test_the_example_of_the_dsse_text_has_its_pae() -> None:
    """From the DSSE protocol: type and body of its one worked example."""
    told = container.pae("http://example.com/HelloWorld", b"hello world")
    assert told == b"DSSEv1 29 http://example.com/HelloWorld 11 hello world"


@given(st.binary(max_size=100))
def test_what_was_packed_is_taken_apart(payload: bytes) -> None:
    box = container.unpack(MAGIC, pack([DEVICE, HUB], payload=payload), 10_000)
    assert box.payload == payload
    assert [kid for kid, _ in box.signatures] == [DEVICE.kid, HUB.kid]
    container.check(box, TYPE, [DEVICE.public_raw, HUB.public_raw], needed=2)


@given(st.binary(max_size=300))
def test_any_bytes_are_a_box_or_a_defined_no(raw: bytes) -> None:
    for attempt in (raw, MAGIC + raw, pack([DEVICE])[:20] + raw):
        with contextlib.suppress(Malformed, EnvelopeVersion, TooLarge):
            container.unpack(MAGIC, attempt, 10_000)


def test_a_signature_of_one_purpose_is_none_of_another() -> None:
    box = container.unpack(MAGIC, pack([DEVICE]), 10_000)
    with pytest.raises(BadSignature):
        container.check(box, TYPE.replace("test", "tess"), [DEVICE.public_raw])


def test_every_signature_must_be_by_another_known_key() -> None:
    """A stranger's or a doubled signature is refused and not passed over: the bytes are one only."""
    both = container.unpack(MAGIC, pack([DEVICE, OTHER]), 10_000)
    with pytest.raises(UnknownKey):
        container.check(both, TYPE, [DEVICE.public_raw])
    twice = container.unpack(MAGIC, pack([DEVICE, DEVICE]), 10_000)
    with pytest.raises(UnknownKey):
        container.check(twice, TYPE, [DEVICE.public_raw], needed=2)
    one = container.unpack(MAGIC, pack([DEVICE]), 10_000)
    with pytest.raises(BadSignature):
        container.check(one, TYPE, [DEVICE.public_raw, OTHER.public_raw], needed=2)
    container.check(both, TYPE, [OTHER.public_raw, DEVICE.public_raw], needed=2)


def test_a_box_of_another_kind_or_beyond_its_limits_is_refused() -> None:
    raw = pack([DEVICE])
    with pytest.raises(EnvelopeVersion):
        container.unpack(b"TST2", raw, 10_000)
    with pytest.raises(TooLarge):
        container.unpack(MAGIC, raw, len(raw) - 1)
    with pytest.raises(TooLarge):
        container.unpack(MAGIC, MAGIC + (8193).to_bytes(4, "big") + b"{}", 10_000)
    with pytest.raises(TooLarge):
        pack([DEVICE], {"x": "a" * 8192})
    for count in (b"\x00", b"\x03", b"\xff"):
        with pytest.raises(Malformed):
            container.unpack(MAGIC, MAGIC + b"\x00\x00\x00\x02{}" + count + bytes(300), 10_000)

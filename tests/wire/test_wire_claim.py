"""The digits on the paper."""

from __future__ import annotations

from dataclasses import replace
from hashlib import sha256

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from wire_samples import DEVICE, OTHER, seed

from points.wire import claim
from points.wire.claim import Claim, Kind
from points.wire.faults import BadSignature, EnvelopeVersion, Malformed, UnknownKey, WireFault

U32 = st.integers(0, 2**32 - 1)
CLAIMS = st.builds(
    Claim,
    kind=st.sampled_from(Kind),
    op_id=st.binary(min_size=16, max_size=16).map(bytes.hex),
    m=st.integers(0, 2**40 - 1),
    kid=st.just(DEVICE.kid),
    seq=U32,
    epoch=U32,
    day=st.dates(claim.FIRST_DAY, claim.FIRST_DAY.replace(year=2199)).map(
        lambda day: day.year * 10000 + day.month * 100 + day.day
    ),
    st=st.integers(0, 2**48 - 1),
    rule=st.binary(min_size=8, max_size=8).map(bytes.hex),
    op_hash=st.binary(min_size=16, max_size=16).map(bytes.hex),
    earned=U32,
    used=U32,
    tender_fen=U32,
    m_bp=U32,
    groups=st.lists(st.tuples(st.integers(0, 255), U32), max_size=8).map(tuple),
)
SALE = Claim(
    kind=Kind.EARN,
    op_id="0198635c1c007abc8def0123456789ab",
    m=1024,
    kid=DEVICE.kid,
    seq=17,
    epoch=1,
    day=20260801,
    st=1785549600000,
    rule=seed("rule", 8).hex(),
    op_hash=seed("body", 16).hex(),
    earned=28,
    used=0,
    tender_fen=2899,
    m_bp=10000,
    groups=((0, 2500), (3, 399)),
)


@given(CLAIMS)
def test_what_was_printed_is_read_and_verified(told: Claim) -> None:
    digits = claim.encode(told, DEVICE)
    assert claim.looks_like_one(digits)
    read = claim.decode(digits)
    assert replace(read, signature=b"") == told
    read.verify(DEVICE.public_raw)
    assert claim.encode(told, DEVICE) == digits


def test_the_fields_are_what_the_law_says_byte_by_byte() -> None:
    fields = (
        b"\x01\x01"
        + bytes.fromhex(SALE.op_id)
        + (1024).to_bytes(5, "big")
        + bytes.fromhex(DEVICE.kid)
        + (17).to_bytes(4, "big")
        + (1).to_bytes(4, "big")
        + (2404).to_bytes(2, "big")  # 2026-08-01 after 2020-01-01
        + SALE.st.to_bytes(6, "big")
        + bytes.fromhex(SALE.rule)
        + bytes.fromhex(SALE.op_hash)
        + b"".join(number.to_bytes(4, "big") for number in (28, 0, 2899, 10000))
        + b"\x02"
        + b"\x00"
        + (2500).to_bytes(4, "big")
        + b"\x03"
        + (399).to_bytes(4, "big")
    )
    raw = fields + DEVICE.sign(b"jifen/claim/1\x00" + fields)
    assert claim.encode(SALE, DEVICE) == str(int.from_bytes(raw, "big")).zfill(391)


def test_eight_groups_are_192_bytes_and_463_digits() -> None:
    digits = claim.encode(replace(SALE, groups=tuple((n, n) for n in range(8))), DEVICE)
    assert len(digits) == 463
    assert len(str(256**192 - 1)) == 463


def test_every_changed_digit_and_every_other_length_is_refused() -> None:
    digits = claim.encode(SALE, DEVICE)
    for at in range(len(digits)):
        for step in (1, 5):
            damaged = digits[:at] + str((int(digits[at]) + step) % 10) + digits[at + 1 :]
            with pytest.raises(WireFault):
                claim.decode(damaged).verify(DEVICE.public_raw)
        with pytest.raises(WireFault):
            claim.decode(digits[:at]).verify(DEVICE.public_raw)
    for other in (digits + "0", "0" * 12 + digits, "", "9" * len(digits), "9" * 463):
        with pytest.raises(WireFault):
            claim.decode(other).verify(DEVICE.public_raw)


@settings(max_examples=200)
@given(st.sampled_from([367, 379, 391, 403, 415, 427, 439, 451, 463]), st.data())
def test_any_digits_are_a_claim_or_a_defined_no(size: int, data: st.DataObject) -> None:
    digits = data.draw(st.text("0123456789", min_size=size, max_size=size))
    with pytest.raises((Malformed, EnvelopeVersion, BadSignature, UnknownKey)):
        claim.decode(digits).verify(DEVICE.public_raw)


@pytest.mark.parametrize("text", ["٣" * 367, "1" * 366 + "x", "1" * 366 + " ", "-" + "1" * 366, "²" * 367])
def test_only_plain_digits_are_digits(text: str) -> None:
    assert not claim.looks_like_one(text)
    with pytest.raises(Malformed):
        claim.decode(text)


def test_another_tills_key_proves_nothing() -> None:
    read = claim.decode(claim.encode(SALE, DEVICE))
    with pytest.raises(UnknownKey):
        read.verify(OTHER.public_raw)
    with pytest.raises(UnknownKey):
        claim.encode(SALE, OTHER)
    with pytest.raises(BadSignature):
        replace(read, earned=29).verify(DEVICE.public_raw)


def test_a_signature_over_a_claim_is_one_over_nothing_else() -> None:
    digits = claim.encode(SALE, DEVICE)
    raw = int(digits).to_bytes(162, "big")
    unlabelled = raw[:-64] + DEVICE.sign(raw[:-64])
    with pytest.raises(BadSignature):
        claim.decode(str(int.from_bytes(unlabelled, "big")).zfill(391)).verify(DEVICE.public_raw)


def test_equality_is_of_the_operation_and_its_bytes_alone() -> None:
    chained_again = replace(SALE, epoch=2, seq=3)
    assert SALE.says_the_same_as(chained_again)
    assert not SALE.says_the_same_as(replace(SALE, op_hash=sha256(b"").hexdigest()[:32]))


@pytest.mark.parametrize(
    "changes",
    [
        {"m": 2**40},
        {"m": -1},
        {"st": 2**48},
        {"earned": 2**32},
        {"used": -1},
        {"day": 20191231},
        {"day": 20260230},
        {"day": 21990607},
        {"groups": tuple((n, 1) for n in range(9))},
        {"groups": ((256, 1),)},
        {"groups": ((0, 2**32),)},
        {"op_id": "AB" * 16},
        {"rule": "ab" * 7},
    ],
)
def test_what_does_not_fit_its_place_is_not_printed(changes: dict[str, object]) -> None:
    with pytest.raises(Malformed):
        claim.encode(replace(SALE, **changes), DEVICE)  # type: ignore[arg-type]


def test_a_kind_or_a_count_that_does_not_exist_is_refused_even_if_signed() -> None:
    raw = bytearray(int(claim.encode(SALE, DEVICE)).to_bytes(162, "big"))
    for at, value, problem in [
        (0, 2, "envelope-version"),
        (1, 0, "malformed"),
        (1, 6, "malformed"),
        (87, 1, "malformed"),
    ]:
        changed = bytes(raw[:at]) + bytes((value,)) + bytes(raw[at + 1 : -64])
        signed = changed + DEVICE.sign(b"jifen/claim/1\0" + changed)
        with pytest.raises(WireFault) as told:
            claim.decode(str(int.from_bytes(signed, "big")).zfill(391))
        assert told.value.problem == problem

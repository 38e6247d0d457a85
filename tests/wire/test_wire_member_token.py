"""The digits on a member's phone."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from wire_samples import DEVICE, HUB, OTHER

from points import codes
from points.codes import CodeKind
from points.wire import claim, member_token
from points.wire.faults import BadSignature, EnvelopeVersion, Malformed, UnknownKey, WireFault
from points.wire.member_token import DIGITS, LIFE_MS_MAX, MemberToken

U40, U48 = 2**40 - 1, 2**48 - 1
KEYS = {HUB.kid: HUB.public_raw}
SHOWN = MemberToken(HUB.kid, 1024, 17, 1, 1280, 0, 1785549600000, 1785636000000)
SIZE = 108
TOKENS = st.builds(
    lambda life, **told: MemberToken(HUB.kid, expires_ms=told["issued_ms"] + life, **told),
    m=st.integers(0, U40),
    row=st.integers(0, 2**53),
    tier=st.integers(0, 255),
    points=st.integers(0, 10**12),
    debt=st.integers(0, 10**12),
    issued_ms=st.integers(0, U48 - LIFE_MS_MAX),
    life=st.integers(1, LIFE_MS_MAX),
)


@given(TOKENS)
def test_what_was_shown_is_read_and_verified(told: MemberToken) -> None:
    digits = member_token.encode(told, "demo", HUB)
    read = member_token.decode(digits)
    assert replace(read, signature=b"") == told
    read.verify("demo", KEYS)
    assert codes.recognise(digits).kind is CodeKind.TOKEN
    assert codes.recognise(f"]Q1{digits}\r").text == digits


def test_the_fields_are_what_the_law_says_byte_by_byte() -> None:
    fields = (
        b"\x01"
        + bytes.fromhex(HUB.kid)
        + (1024).to_bytes(5, "big")
        + (17).to_bytes(7, "big")
        + b"\x01"
        + (1280).to_bytes(5, "big")
        + (0).to_bytes(5, "big")
        + SHOWN.issued_ms.to_bytes(6, "big")
        + SHOWN.expires_ms.to_bytes(6, "big")
    )
    raw = fields + HUB.sign(b"jifen/token/1\x00\x00\x04demo" + fields)
    assert len(raw) == SIZE
    assert member_token.encode(SHOWN, "demo", HUB) == str(int.from_bytes(raw, "big")).zfill(261)


def test_every_flipped_bit_is_refused() -> None:
    raw = int(member_token.encode(SHOWN, "demo", HUB))
    for bit in range(8 * SIZE):
        with pytest.raises(WireFault):
            member_token.decode(str(raw ^ (1 << bit)).zfill(DIGITS)).verify("demo", KEYS)


def test_every_changed_digit_and_every_other_length_is_refused() -> None:
    digits = member_token.encode(SHOWN, "demo", HUB)
    for at in range(len(digits)):
        damaged = digits[:at] + str((int(digits[at]) + 1) % 10) + digits[at + 1 :]
        with pytest.raises(WireFault):
            member_token.decode(damaged).verify("demo", KEYS)
        with pytest.raises(Malformed):
            member_token.decode(digits[:at])
    for other in (digits + "0", "0" + digits, "9" * DIGITS, "0" * DIGITS, "1" * 10_000):
        with pytest.raises((Malformed, EnvelopeVersion)):
            member_token.decode(other)


@settings(max_examples=300)
@given(st.integers(0, 256**SIZE - 1) | st.binary(min_size=SIZE - 1, max_size=SIZE - 1).map(
    lambda rest: int.from_bytes(b"\x01" + rest, "big")))  # fmt: skip
def test_any_bytes_are_a_token_or_a_defined_no(number: int) -> None:
    with pytest.raises((Malformed, EnvelopeVersion, BadSignature, UnknownKey)):
        member_token.decode(str(number).zfill(DIGITS)).verify("demo", KEYS)


@settings(max_examples=300)
@given(st.text(max_size=300) | st.text("0123456789", max_size=500))
def test_any_text_is_answered(text: str) -> None:
    with pytest.raises((Malformed, EnvelopeVersion, BadSignature, UnknownKey)):
        member_token.decode(text).verify("demo", KEYS)


@pytest.mark.parametrize("text", ["٣" * 261, "1" * 260 + "x", "1" * 260 + " ", "-" + "1" * 260, "²" * 261])
def test_only_plain_digits_are_digits(text: str) -> None:
    assert codes.recognise(text).kind is not CodeKind.TOKEN
    with pytest.raises(Malformed):
        member_token.decode(text)


def test_it_has_the_length_of_nothing_else_that_is_scanned() -> None:
    assert codes.TOKEN_DIGITS == DIGITS
    assert DIGITS not in codes.CLAIM_DIGITS
    digits = member_token.encode(SHOWN, "demo", HUB)
    assert not claim.looks_like_one(digits)
    with pytest.raises(Malformed):
        claim.decode(digits)
    for lead in ("1", "13", "28", "30", "62", "45", "01", "(01)"):  # what else those would begin
        like = (lead + "0" * DIGITS)[:DIGITS]
        assert codes.recognise(like).kind in (CodeKind.TOKEN, CodeKind.GS1)
        assert (codes.recognise(like).kind is CodeKind.TOKEN) is like.isdigit()


def test_another_key_another_chain_and_another_purpose_prove_nothing() -> None:
    read = member_token.decode(member_token.encode(SHOWN, "demo", HUB))
    with pytest.raises(UnknownKey):
        read.verify("demo", {OTHER.kid: OTHER.public_raw})
    with pytest.raises(BadSignature):
        read.verify("demo", {HUB.kid: OTHER.public_raw})
    with pytest.raises(BadSignature):
        read.verify("other", KEYS)
    with pytest.raises(UnknownKey):
        member_token.encode(SHOWN, "demo", DEVICE)
    for grown in ({"points": 1281}, {"m": 1025}, {"expires_ms": SHOWN.expires_ms + 1}, {"debt": 1}):
        with pytest.raises(BadSignature):
            replace(read, **grown).verify("demo", KEYS)  # type: ignore[arg-type]
    raw = int(member_token.encode(SHOWN, "demo", HUB)).to_bytes(SIZE, "big")
    for label in (b"", b"jifen/claim/1\0", b"jifen/give/1\0"):
        other = raw[:-64] + HUB.sign(label + b"\0\4demo" + raw[:-64])
        with pytest.raises(BadSignature):
            member_token.decode(str(int.from_bytes(other, "big")).zfill(DIGITS)).verify("demo", KEYS)


@pytest.mark.parametrize(
    "changes",
    [{"m": 2**40}, {"m": -1}, {"row": 2**56}, {"tier": 256}, {"points": 2**40}, {"points": -1},
     {"debt": 2**40}, {"issued_ms": 2**48}, {"expires_ms": SHOWN.issued_ms},
     {"expires_ms": SHOWN.issued_ms + LIFE_MS_MAX + 1}, {"kid": "AB" * 8}],
)  # fmt: skip
def test_what_does_not_fit_its_place_is_not_signed(changes: dict[str, object]) -> None:
    told = replace(SHOWN, **changes)  # type: ignore[arg-type]
    with pytest.raises((Malformed, UnknownKey)):
        member_token.encode(told, "demo", HUB)


@pytest.mark.parametrize("life_ms", [0, -1, LIFE_MS_MAX + 1])
def test_a_life_that_is_none_or_too_long_is_refused_even_if_signed(life_ms: int) -> None:
    raw = int(member_token.encode(SHOWN, "demo", HUB)).to_bytes(SIZE, "big")
    fields = raw[:38] + (SHOWN.issued_ms + life_ms).to_bytes(6, "big")
    signed = fields + HUB.sign(b"jifen/token/1\0\0\4demo" + fields)
    with pytest.raises(Malformed):
        member_token.decode(str(int.from_bytes(signed, "big")).zfill(DIGITS))


def test_another_version_is_told_by_its_name() -> None:
    raw = b"\2" + int(member_token.encode(SHOWN, "demo", HUB)).to_bytes(SIZE, "big")[1:]
    with pytest.raises(EnvelopeVersion):
        member_token.decode(str(int.from_bytes(raw, "big")).zfill(DIGITS))

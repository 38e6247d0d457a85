"""Sealed boxes: RFC 9180's answers, another implementation, and personal data."""

from __future__ import annotations

import pytest
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.hpke import AEAD, KDF, KEM, Suite
from hypothesis import given
from hypothesis import strategies as st
from wire_samples import HUB_PII, TILL_SEAL, seed

from points.wire import canonical, sealing
from points.wire.faults import EnvelopeVersion, Integrity, Malformed, TooLarge, UnknownKey, WireFault

OP = "0198635c1c007abc8def0123456789ab"
SALT = seed("salt", 16)
PERSON = {"name": "王小明", "phone": "13800138000"}
SUITE = Suite(KEM.X25519, KDF.HKDF_SHA256, AEAD.AES_256_GCM)


def test_rfc_9180_gives_these_bytes() -> None:
    """The RFC's published vectors: mode 0, KEM 0x0020, KDF 0x0001, AEAD 0x0002, first encryption."""
    private = sealing.SealingKey.from_raw(
        bytes.fromhex("497b4502664cfea5d5af0b39934dac72242a74f8480451e1aee7d6a53320333d")
    )
    assert private.public_raw.hex() == "430f4b9859665145a6b1ba274024487bd66f03a2dd577d7753c68d7d7d00c00c"
    info = b"Ode on a Grecian Urn"
    plain = b"Beauty is truth, truth beauty"
    sealed = sealing.seal(
        private.public_raw,
        info,
        b"Count-0",
        plain,
        bytes.fromhex("179d4b53b6365c45b600c4163b61d95cbc2f4d9e36f1695558dce265ab8bab11"),
    )
    assert sealed.hex() == (
        "6c93e09869df3402d7bf231bf540fadd35cd56be14f97178f0954db94b7fc256"
        "e5d84cd531cfb583096e7cfa9641bd3079cf3a91cda813c52deb5f512be99319"
        "80a41de125a925cdad859d5b7a"
    )
    assert sealing.open_sealed(private, info, b"Count-0", sealed) == plain


@given(st.binary(max_size=200), st.binary(max_size=40), st.binary(min_size=32, max_size=32))
def test_the_librarys_own_hpke_opens_what_we_seal(plain: bytes, info: bytes, ephemeral: bytes) -> None:
    sealed = sealing.seal(HUB_PII.public_raw, info, b"", plain, ephemeral)
    private = X25519PrivateKey.from_private_bytes(HUB_PII.raw)
    assert SUITE.decrypt(sealed, private, info) == plain


@given(st.binary(max_size=200), st.binary(max_size=40))
def test_we_open_what_the_librarys_own_hpke_seals(plain: bytes, info: bytes) -> None:
    sealed = SUITE.encrypt(plain, X25519PublicKey.from_public_bytes(HUB_PII.public_raw), info)
    assert sealing.open_sealed(HUB_PII, info, b"", sealed) == plain


def test_a_box_opens_for_its_key_purpose_and_place_only() -> None:
    sealed = sealing.seal(HUB_PII.public_raw, b"info", b"aad", b"plain", seed("ephemeral"))
    assert sealing.open_sealed(HUB_PII, b"info", b"aad", sealed) == b"plain"
    for key, info, aad in [(TILL_SEAL, b"info", b"aad"), (HUB_PII, b"inf", b"aad"), (HUB_PII, b"info", b"")]:
        with pytest.raises(Integrity):
            sealing.open_sealed(key, info, aad, sealed)


def test_every_flipped_byte_and_every_cut_of_a_box_is_refused() -> None:
    sealed = sealing.seal(HUB_PII.public_raw, b"info", b"aad", b"plain", seed("ephemeral"))
    for at in range(len(sealed)):
        for damaged in (sealed[:at], sealed[:at] + bytes((sealed[at] ^ 1,)) + sealed[at + 1 :]):
            with pytest.raises(WireFault):
                sealing.open_sealed(HUB_PII, b"info", b"aad", damaged)


def test_a_point_without_a_secret_is_refused() -> None:
    with pytest.raises(Malformed):
        sealing.seal(bytes(32), b"", b"", b"", seed("ephemeral"))
    with pytest.raises(Malformed):
        sealing.open_sealed(HUB_PII, b"", b"", bytes(32) + bytes(16))
    with pytest.raises(Malformed):
        sealing.seal(b"short", b"", b"", b"", seed("ephemeral"))


def seal_person(personal: dict[str, str] = PERSON, salt: bytes = SALT) -> bytes:
    return sealing.seal_pii(HUB_PII.public_raw, "demo", OP, salt, personal, seed("ephemeral"))


def test_personal_data_comes_out_for_its_own_operation_only() -> None:
    blob = seal_person()
    assert sealing.open_pii(HUB_PII, "demo", OP, blob) == PERSON
    with pytest.raises(Integrity):
        sealing.open_pii(HUB_PII, "demo", OP[:-1] + "c", blob)
    with pytest.raises(Integrity):
        sealing.open_pii(HUB_PII, "other", OP, blob)
    with pytest.raises(UnknownKey):
        sealing.open_pii(TILL_SEAL, "demo", OP, blob)
    with pytest.raises(EnvelopeVersion):
        sealing.open_pii(HUB_PII, "demo", OP, b"\x02" + blob[1:])
    with pytest.raises(TooLarge):
        sealing.open_pii(HUB_PII, "demo", OP, blob + bytes(5000))
    for place in (("Demo", OP), ("demo", OP[:-1])):
        with pytest.raises(Malformed):
            sealing.open_pii(HUB_PII, *place, blob)


def test_every_flipped_byte_of_a_personal_blob_is_refused() -> None:
    blob = seal_person()
    for at in range(len(blob)):
        with pytest.raises(WireFault):
            sealing.open_pii(HUB_PII, "demo", OP, blob[:at] + bytes((blob[at] ^ 1,)) + blob[at + 1 :])


def test_a_blob_shows_neither_words_nor_how_long_a_name_is() -> None:
    sizes = {len(seal_person({"phone": "13800138000", "name": "王" * count})) for count in range(1, 13)}
    assert len(sizes) == 1
    blob = seal_person()
    assert b"13800138000" not in blob
    assert "王".encode() not in blob


def test_the_same_phone_has_another_commitment_each_time() -> None:
    """Without the salt, whoever guesses a phone could check the guess against the body."""
    one, two = seal_person(), seal_person(salt=seed("another salt", 16))
    assert sealing.pii_commitment(one) != sealing.pii_commitment(two)
    assert len(sealing.pii_commitment(one)) == 64


def test_a_salt_is_always_there_and_personal_data_has_a_limit() -> None:
    with pytest.raises(Malformed):
        seal_person(salt=b"")
    with pytest.raises(TooLarge):
        seal_person({"name": "x" * 5000})
    sealing.open_pii(HUB_PII, "demo", OP, seal_person({"name": "x" * 4000}))


def test_a_blob_whose_inside_is_wrong_is_refused() -> None:
    """Sealed rightly by a broken till: a length that lies, a rest that is not zero, no salt, no text."""
    whole = canonical.encode({"phone": "13800138000", "salt": "00" * 16})
    framed = len(whole).to_bytes(2, "big") + whole
    place = sealing._pii_place("demo", OP)
    honest = sealing.seal(HUB_PII.public_raw, *place, framed + bytes(9), seed("ephemeral"))
    sealing.open_pii(HUB_PII, "demo", OP, b"\x01" + bytes.fromhex(HUB_PII.kid) + honest)  # control
    insides = [
        framed + bytes(8) + b"1",
        b"\x00\x05{}",
        b"\xff\xff" + bytes(126),
        b"\x00\x02{}" + bytes(124),
        b"\x00\x02{}" + b"1" + bytes(123),
        b"\x00\x02[]" + bytes(124),
        b"\x00\x09" + b'{"salt":1}',
    ]
    for inside in insides:
        box = sealing.seal(HUB_PII.public_raw, *place, inside, seed("ephemeral"))
        with pytest.raises(Malformed):
            sealing.open_pii(HUB_PII, "demo", OP, b"\x01" + bytes.fromhex(HUB_PII.kid) + box)


def test_a_sealing_key_does_not_print_itself() -> None:
    assert HUB_PII.raw.hex() not in repr(HUB_PII)
    with pytest.raises(Malformed):
        sealing.SealingKey.generate(b"short")

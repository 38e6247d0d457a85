"""Signatures, keyed hashes and blob encryption against published answers."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from hypothesis import given
from hypothesis import strategies as st
from wire_samples import DEVICE, OTHER, seed

from points.wire import keys
from points.wire.faults import BadSignature, Integrity, Malformed

VECTORS = os.environ.get("JIFEN_VECTORS")
published = pytest.mark.skipif(
    not VECTORS,
    reason="JIFEN_VECTORS does not name a folder with the Wycheproof files; they are not in the project",
)

RFC_8032 = [
    (
        "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
        "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
        "",
        "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e06522490155"
        "5fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b",
    ),
    (
        "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
        "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
        "72",
        "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da"
        "085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00",
    ),
    (
        "c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
        "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025",
        "af82",
        "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac"
        "18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a",
    ),
]


@pytest.mark.parametrize(("secret", "public", "message", "signature"), RFC_8032)
def test_ed25519_gives_the_answers_of_rfc_8032(
    secret: str, public: str, message: str, signature: str
) -> None:
    key = keys.SigningKey.from_raw(bytes.fromhex(secret))
    assert key.public_raw.hex() == public
    assert key.sign(bytes.fromhex(message)).hex() == signature
    keys.verify(key.public_raw, bytes.fromhex(signature), bytes.fromhex(message))


P, L = 2**255 - 19, 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, P - 2, P) % P
Point = tuple[int, int]


def added(one: Point, other: Point) -> Point:
    """The sum of two points of the curve -x² + y² = 1 + d·x²·y²."""
    (x1, y1), (x2, y2) = one, other
    k = D * x1 * x2 * y1 * y2
    return (
        (x1 * y2 + x2 * y1) * pow(1 + k, P - 2, P) % P,
        (y1 * y2 + x1 * x2) * pow(1 - k, P - 2, P) % P,
    )


def times(n: int, point: Point) -> Point:
    total = 0, 1
    while n:
        if n & 1:
            total = added(total, point)
        point, n = added(point, point), n >> 1
    return total


def points_of_small_order() -> set[Point]:
    """All that is left of points of the curve when they are taken as often as the large order says."""
    found: set[Point] = set()
    y = 1
    while len(found) < 8:
        y += 1
        square = (y * y - 1) * pow(D * y * y + 1, P - 2, P) % P
        x = pow(square, (P + 3) // 8, P)
        for root in (x, x * pow(2, (P - 1) // 4, P) % P):
            if root * root % P == square:
                found |= {times(n * L, (root, y)) for n in range(8)}
    return found


def test_a_point_of_small_order_is_nobodys_key_however_it_is_written() -> None:
    points = points_of_small_order()
    assert len(points) == 8
    for _, y in points:
        for written in (y, y + P):
            for sign in (0, 1 << 255) if written < 1 << 255 else ():
                public = (written | sign).to_bytes(32, "little")
                for signature in (bytes([1]) + bytes(63), bytes(64), public + bytes(32)):
                    with pytest.raises(BadSignature):
                        keys.verify(public, signature, b"signed by nobody")
                with pytest.raises(ValueError, match="small order"):
                    keys._public(public)


def cases(name: str, count: int) -> list[tuple[dict[str, Any], dict[str, Any]]]:
    assert VECTORS is not None
    told = json.loads((Path(VECTORS) / f"{name}_test.json").read_text("utf-8"))
    found = [(group, test) for group in told["testGroups"] for test in group["tests"]]
    assert len(found) == told["numberOfTests"] == count  # a vanished vector is not a passed one
    return found


@published
def test_wycheproof_ed25519() -> None:
    wrong = []
    for group, test in cases("ed25519", 151):
        try:
            keys.verify(
                bytes.fromhex(group["publicKey"]["pk"]),
                bytes.fromhex(test["sig"]),
                bytes.fromhex(test["msg"]),
            )
            held = True
        except BadSignature:
            held = False
        if held != (test["result"] == "valid"):
            wrong.append(test["tcId"])
    assert wrong == []


@published
def test_wycheproof_hmac_sha256() -> None:
    wrong = []
    for group, test in cases("hmac_sha256", 174):
        tag = keys.hmac_sha256(bytes.fromhex(test["key"]), bytes.fromhex(test["msg"]))
        held = keys.equal(tag[: group["tagSize"] // 8], bytes.fromhex(test["tag"]))
        if held != (test["result"] == "valid"):
            wrong.append(test["tcId"])
    assert wrong == []


@published
def test_wycheproof_hkdf_sha256() -> None:
    wrong = []
    for _, test in cases("hkdf_sha256", 86):
        asked = (bytes.fromhex(test["ikm"]), bytes.fromhex(test["salt"]), bytes.fromhex(test["info"]))
        try:
            held = keys.hkdf(*asked, test["size"]).hex() == test["okm"]
        except Malformed:
            held = False
        if held != (test["result"] == "valid"):
            wrong.append(test["tcId"])
    assert wrong == []


@published
def test_wycheproof_aes_gcm_with_our_sizes_and_no_others() -> None:
    """All 316 are tried; those whose key or nonce is not of our one size are refused as such."""
    wrong, ours = [], 0
    for group, test in cases("aes_gcm", 316):
        key, nonce = bytes.fromhex(test["key"]), bytes.fromhex(test["iv"])
        sealed, aad = bytes.fromhex(test["ct"] + test["tag"]), bytes.fromhex(test["aad"])
        if (group["keySize"], group["ivSize"]) != (256, 96):
            with pytest.raises(Malformed):
                keys.aes_open(key, nonce, sealed, aad)
            continue
        ours += 1
        try:
            held = keys.aes_open(key, nonce, sealed, aad).hex() == test["msg"]
            held = held and keys.aes_seal(key, nonce, bytes.fromhex(test["msg"]), aad) == sealed
        except Integrity:
            held = False
        if held != (test["result"] == "valid"):
            wrong.append(test["tcId"])
    assert wrong == []
    assert ours == 66


@published
def test_wycheproof_aes_gcm_deviates_in_the_library_only_where_the_nonce_is_not_96_bits() -> None:
    deviating = []
    for group, test in cases("aes_gcm", 316):
        try:
            plain = AESGCM(bytes.fromhex(test["key"])).decrypt(
                bytes.fromhex(test["iv"]), bytes.fromhex(test["ct"] + test["tag"]), bytes.fromhex(test["aad"])
            )
            held = plain.hex() == test["msg"]
        except (InvalidTag, ValueError):
            held = False
        if held != (test["result"] == "valid"):
            deviating.append(group["ivSize"])
    assert len(deviating) == 27
    assert 96 not in deviating


def test_a_signature_holds_for_its_key_and_its_message_only() -> None:
    signature = DEVICE.sign(b"one")
    keys.verify(DEVICE.public_raw, signature, b"one")
    for public, signed, message in [
        (OTHER.public_raw, signature, b"one"),
        (DEVICE.public_raw, signature, b"two"),
        (DEVICE.public_raw, signature[:-1], b"one"),
        (DEVICE.public_raw, b"", b"one"),
        (DEVICE.public_raw[:-1], signature, b"one"),
        (b"\xff" * 32, signature, b"one"),
    ]:
        with pytest.raises(BadSignature):
            keys.verify(public, signed, message)


def test_a_key_of_another_size_is_refused_and_a_key_does_not_print_itself() -> None:
    with pytest.raises(Malformed):
        keys.SigningKey.generate(b"short")
    assert DEVICE.raw.hex() not in repr(DEVICE)
    assert DEVICE.kid == keys.kid_of(DEVICE.public_raw)
    assert len(DEVICE.kid) == 16


BLOB_KEY = seed("shard key")


@given(st.binary(max_size=300))
def test_a_blob_opens_at_its_own_place_only(plain: bytes) -> None:
    blob = keys.seal_blob(BLOB_KEY, "members", "r1", plain)
    assert keys.open_blob(BLOB_KEY, "members", "r1", blob) == plain
    assert blob == keys.seal_blob(BLOB_KEY, "members", "r1", plain)  # an unchanged chunk keeps its name
    for key, topic, shard in [
        (seed("other"), "members", "r1"),
        (BLOB_KEY, "phones", "r1"),
        (BLOB_KEY, "members", "r2"),
        (BLOB_KEY, "member", "sr1"),
    ]:
        with pytest.raises(Integrity):
            keys.open_blob(key, topic, shard, blob)


def test_every_flipped_byte_and_every_cut_of_a_blob_is_refused() -> None:
    blob = keys.seal_blob(BLOB_KEY, "members", "r1", b"some rows")
    for at in range(len(blob)):
        for damaged in (blob[:at], blob[:at] + bytes((blob[at] ^ 1,)) + blob[at + 1 :]):
            with pytest.raises(Integrity):
                keys.open_blob(BLOB_KEY, "members", "r1", damaged)


def test_two_contents_and_two_places_have_two_nonces() -> None:
    blobs = [
        keys.seal_blob(BLOB_KEY, topic, shard, plain)
        for topic, shard, plain in [("members", "r1", b"a"), ("members", "r1", b"b"), ("members", "r2", b"a")]
    ]
    assert len({blob[:12] for blob in blobs}) == 3


def test_a_phone_stands_in_an_index_under_that_stores_key_only() -> None:
    tag = keys.phone_tag(seed("index s01"), "13800138000")
    assert len(bytes.fromhex(tag)) == 8
    assert tag != keys.phone_tag(seed("index s02"), "13800138000")
    assert tag != keys.hmac8(seed("index s01"), b"13800138000").hex()  # the label keeps purposes apart

"""Signing, keyed hashing and blob encryption: one algorithm a purpose.

Ed25519 signs, HMAC-SHA256 indexes, HKDF-SHA256 derives, AES-256-GCM encrypts the
blobs of the feed. Nothing is negotiated and nothing is read from a message to
choose an algorithm: the suite is fixed at enrolment. Every purpose has its own
label, so that a signature or a tag of one never passes for another. Secrets are
compared in constant time and are not shown by `repr`.
Randomness is an argument. This file and `sealing` are the only doors to the
`cryptography` package, whose exceptions end here.
"""

from __future__ import annotations

import hashlib
import hmac
from functools import lru_cache

from cryptography.exceptions import InvalidSignature, InvalidTag
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from points.wire.faults import BadSignature, Integrity, Malformed

RAW_BYTES = 32
SIGNATURE_BYTES = 64
KID_CHARS = 16
NONCE_BYTES = 12
TAG_BYTES = 16

_SMALL_ORDER = frozenset(
    bytes.fromhex(y)
    for y in (
        "00" * 32,
        "01" + "00" * 31,
        "ec" + "ff" * 30 + "7f",
        "ed" + "ff" * 30 + "7f",
        "ee" + "ff" * 30 + "7f",
        "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
        "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
    )
)
"""Every way to write the eight points of small order, without the bit of the sign. Nobody has such a key:
by the first of them, one signature that anybody can write down fits every message."""


class SigningKey:
    """An Ed25519 private key."""

    __slots__ = ("_key", "kid", "public_raw", "raw")

    def __init__(self, raw: bytes) -> None:
        if len(raw) != RAW_BYTES:
            raise Malformed(why="signing key")
        self._key = Ed25519PrivateKey.from_private_bytes(raw)
        self.raw = raw
        self.public_raw = self._key.public_key().public_bytes_raw()
        self.kid = kid_of(self.public_raw)

    @classmethod
    def generate(cls, random_bytes32: bytes) -> SigningKey:
        """A new key from 32 bytes of the system's randomness."""
        return cls(random_bytes32)

    @classmethod
    def from_raw(cls, raw: bytes) -> SigningKey:
        """The key that was stored as `raw`."""
        return cls(raw)

    def sign(self, message: bytes) -> bytes:
        return self._key.sign(message)

    def __repr__(self) -> str:
        return f"SigningKey(kid={self.kid!r})"


def verify(public_raw: bytes, signature: bytes, message: bytes) -> None:
    """Return if `signature` is this key's over `message`; BadSignature otherwise and of nobody's key."""
    try:
        _public(public_raw).verify(signature, message)
    except (InvalidSignature, ValueError) as error:  # ValueError: no key, see _public
        raise BadSignature() from error


def kid_of(public_raw: bytes) -> str:
    """The first 16 hex of SHA-256 of a raw public key, signing or sealing."""
    return hashlib.sha256(public_raw).hexdigest()[:KID_CHARS]


def hmac_sha256(key: bytes, message: bytes) -> bytes:
    return hmac.digest(key, message, "sha256")


def hmac8(key: bytes, message: bytes) -> bytes:
    """The first 8 bytes of HMAC-SHA256: an index entry, not a proof."""
    return hmac.digest(key, message, "sha256")[:8]


def phone_tag(index_key: bytes, phone: str) -> str:
    """What stands for a phone number in a store's index: 16 hex under that store's own key.

    Eleven digits are guessed in seconds by whoever has the key, so the index is private to the
    store, lists only members seen there, and its key is never the same in two stores.
    """
    return hmac8(index_key, b"jifen/phone/1\0" + phone.encode("utf-8")).hex()


def hkdf(secret: bytes, salt: bytes, info: bytes, length: int) -> bytes:
    """RFC 5869 with SHA-256."""
    try:
        return HKDF(algorithm=SHA256(), length=length, salt=salt, info=info).derive(secret)
    except ValueError as error:  # more than 255 blocks
        raise Malformed(why="key length") from error


def equal(left: bytes, right: bytes) -> bool:
    """Comparison whose time does not depend on where the two differ."""
    return hmac.compare_digest(left, right)


def aes_seal(key: bytes, nonce: bytes, plain: bytes, associated: bytes) -> bytes:
    """AES-256-GCM; the tag is at the end."""
    return _aes(key).encrypt(_nonce(nonce), plain, associated)


def aes_open(key: bytes, nonce: bytes, sealed: bytes, associated: bytes) -> bytes:
    """The plain bytes, or Integrity: nothing unauthenticated leaves here."""
    try:
        return _aes(key).decrypt(_nonce(nonce), sealed, associated)
    except InvalidTag as error:
        raise Integrity(what="sealed") from error


def seal_blob(key: bytes, topic: str, shard: str, plain: bytes) -> bytes:
    """12-byte nonce and ciphertext of one blob of a feed.

    The nonce is derived from key, place and content: the same content under the same key gives
    the same bytes, so an unchanged chunk keeps its name and is not fetched again, and a nonce
    comes back only with the very same plain bytes.
    """
    place = _place(topic, shard)
    nonce = hmac_sha256(key, place + plain)[:NONCE_BYTES]
    return nonce + aes_seal(key, nonce, plain, place)


def open_blob(key: bytes, topic: str, shard: str, blob: bytes) -> bytes:
    """The plain bytes of a blob sealed for exactly this topic and shard, or Integrity."""
    if len(blob) < NONCE_BYTES + TAG_BYTES:
        raise Integrity(what="sealed")
    return aes_open(key, blob[:NONCE_BYTES], blob[NONCE_BYTES:], _place(topic, shard))


def _place(topic: str, shard: str) -> bytes:
    return b"jifen/blob/1\0" + topic.encode("ascii") + b"\0" + shard.encode("ascii") + b"\0"


@lru_cache(maxsize=4096)
def _public(raw: bytes) -> Ed25519PublicKey:
    """The key of 32 bytes that are a point of its own; ValueError otherwise."""
    if len(raw) == RAW_BYTES and raw[:-1] + bytes([raw[-1] & 0x7F]) in _SMALL_ORDER:
        raise ValueError("a point of small order")
    return Ed25519PublicKey.from_public_bytes(raw)


def _aes(key: bytes) -> AESGCM:
    if len(key) != RAW_BYTES:
        raise Malformed(why="blob key")
    return AESGCM(key)


def _nonce(nonce: bytes) -> bytes:
    if len(nonce) != NONCE_BYTES:
        raise Malformed(why="nonce")
    return nonce

"""Boxes that only one key can open: HPKE (RFC 9180), base mode, one suite.

DHKEM(X25519, HKDF-SHA256), HKDF-SHA256, AES-256-GCM, one message a context. It seals
personal data to headquarters and store keys to a new till. What a person typed (a phone, a
name) exists in clear only in memory; the operation's body carries `pii_commitment`, the
blob lies beside the chain and can be destroyed while the chain still verifies.
    personal blob = u8 version (1) | kid[8] of the hub's sealing key | enc[32] | ciphertext
    plain         = u16 length | canonical JSON {salt, phone?, name?, …} | zeros to a multiple of 128
    info          = "jifen/pii/1" 00 | chain        aad = operation id[16]
The salt (16 random bytes) makes the commitment of a guessable phone worthless to a guesser;
the padding makes a long name look like a short one.
Randomness is an argument: an ephemeral key is used once, for one message. Written here, and not
taken from the library's own HPKE, because that takes neither associated data nor a given
ephemeral key, which repeatable vectors need; tests hold the two against each other.
It refuses to know what is done with a phone.
"""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from hashlib import sha256

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey

from points.wire import canonical
from points.wire.faults import EnvelopeVersion, Integrity, Malformed, TooLarge, UnknownKey
from points.wire.fields import is_hex, is_name
from points.wire.keys import NONCE_BYTES, RAW_BYTES, TAG_BYTES, aes_open, aes_seal, kid_of

ENC_BYTES = 32
SALT_BYTES = 16
PII_VERSION = 1
PII_PAD_BYTES = 128
PII_PLAIN_BYTES_MAX = 4096
PII_BLOB_BYTES_MAX = 1 + 8 + ENC_BYTES + PII_PLAIN_BYTES_MAX + TAG_BYTES

_KEM_SUITE = b"KEM" + (0x0020).to_bytes(2, "big")
_HPKE_SUITE = b"HPKE" + b"".join(part.to_bytes(2, "big") for part in (0x0020, 0x0001, 0x0002))
_PII_INFO = b"jifen/pii/1\0"


class SealingKey:
    """An X25519 private key, to open what was sealed to its public half."""

    __slots__ = ("_key", "kid", "public_raw", "raw")

    def __init__(self, raw: bytes) -> None:
        if len(raw) != RAW_BYTES:
            raise Malformed(why="sealing key")
        self._key = X25519PrivateKey.from_private_bytes(raw)
        self.raw = raw
        self.public_raw = self._key.public_key().public_bytes_raw()
        self.kid = kid_of(self.public_raw)

    @classmethod
    def generate(cls, random_bytes32: bytes) -> SealingKey:
        """A new key from 32 bytes of the system's randomness."""
        return cls(random_bytes32)

    @classmethod
    def from_raw(cls, raw: bytes) -> SealingKey:
        """The key that was stored as `raw`."""
        return cls(raw)

    def exchange(self, public_raw: bytes) -> bytes:
        """The shared secret; Malformed for a point that would make it zero."""
        try:
            return self._key.exchange(X25519PublicKey.from_public_bytes(public_raw))
        except ValueError as error:
            raise Malformed(why="public key") from error

    def __repr__(self) -> str:
        return f"SealingKey(kid={self.kid!r})"


def seal(public_x: bytes, info: bytes, aad: bytes, plain: bytes, ephemeral_random32: bytes) -> bytes:
    """`enc[32] | ciphertext` for the owner of `public_x`. Never use the ephemeral bytes again."""
    ephemeral = SealingKey(ephemeral_random32)
    enc = ephemeral.public_raw
    key, nonce = _schedule(_shared(ephemeral.exchange(public_x), enc, public_x), info)
    return enc + aes_seal(key, nonce, plain, aad)


def open_sealed(private_x: SealingKey, info: bytes, aad: bytes, sealed: bytes) -> bytes:
    """What was sealed to this key for this `info` and `aad`; Integrity if anything differs."""
    if len(sealed) < ENC_BYTES + TAG_BYTES:
        raise Integrity(what="sealed")
    enc = sealed[:ENC_BYTES]
    key, nonce = _schedule(_shared(private_x.exchange(enc), enc, private_x.public_raw), info)
    return aes_open(key, nonce, sealed[ENC_BYTES:], aad)


def seal_pii(
    hub_public_x: bytes,
    chain: str,
    op_id: str,
    salt: bytes,
    personal: Mapping[str, str],
    ephemeral_random32: bytes,
) -> bytes:
    """The blob of one operation's personal data, `{phone, name, …}`; `salt` is 16 fresh random bytes."""
    if len(salt) != SALT_BYTES:
        raise Malformed(why="salt")
    plain = canonical.encode({**personal, "salt": salt.hex()})
    if len(plain) + 2 > PII_PLAIN_BYTES_MAX:
        raise TooLarge(max=PII_PLAIN_BYTES_MAX)
    framed = len(plain).to_bytes(2, "big") + plain
    padded = framed + bytes(-len(framed) % PII_PAD_BYTES)
    box = seal(hub_public_x, *_pii_place(chain, op_id), padded, ephemeral_random32)
    return bytes((PII_VERSION,)) + bytes.fromhex(kid_of(hub_public_x)) + box


def open_pii(private_x: SealingKey, chain: str, op_id: str, blob: bytes) -> dict[str, str]:
    """The personal data in a blob, without its salt. UnknownKey if it was sealed to another key."""
    if len(blob) > PII_BLOB_BYTES_MAX:
        raise TooLarge(max=PII_BLOB_BYTES_MAX)
    if blob[:1] != bytes((PII_VERSION,)):
        raise EnvelopeVersion(version=blob[:1].hex())
    if blob[1:9].hex() != private_x.kid:
        raise UnknownKey(kid=blob[1:9].hex())
    padded = open_sealed(private_x, *_pii_place(chain, op_id), blob[9:])
    length = int.from_bytes(padded[:2], "big")
    if length + 2 > len(padded) or any(padded[2 + length :]):
        raise Malformed(why="padding")
    personal = canonical.decode(padded[2 : 2 + length])
    if not all(isinstance(value, str) for value in personal.values()):
        raise Malformed(why="personal data")
    if not is_hex(personal.pop("salt", None), SALT_BYTES):
        raise Malformed(why="salt")
    return personal


def pii_commitment(blob: bytes) -> str:
    """What the body says in `pii`: SHA-256 of the sealed blob, hex."""
    return sha256(blob).hexdigest()


def _pii_place(chain: str, op_id: str) -> tuple[bytes, bytes]:
    if not is_name(chain) or not is_hex(op_id, 16):
        raise Malformed(why="place")
    return _PII_INFO + chain.encode("ascii"), bytes.fromhex(op_id)


def _shared(exchanged: bytes, enc: bytes, public_x: bytes) -> bytes:
    """RFC 9180 §4.1, ExtractAndExpand."""
    secret = _extract(_KEM_SUITE, b"", b"eae_prk", exchanged)
    return _expand(_KEM_SUITE, secret, b"shared_secret", enc + public_x, 32)


def _schedule(shared: bytes, info: bytes) -> tuple[bytes, bytes]:
    """RFC 9180 §5.1 in mode base: key and nonce of the first and only message."""
    psk_id = _extract(_HPKE_SUITE, b"", b"psk_id_hash", b"")
    context = b"\0" + psk_id + _extract(_HPKE_SUITE, b"", b"info_hash", info)
    secret = _extract(_HPKE_SUITE, shared, b"secret", b"")
    key = _expand(_HPKE_SUITE, secret, b"key", context, RAW_BYTES)
    return key, _expand(_HPKE_SUITE, secret, b"base_nonce", context, NONCE_BYTES)


def _extract(suite: bytes, salt: bytes, label: bytes, secret: bytes) -> bytes:
    return hmac.digest(salt or bytes(32), b"HPKE-v1" + suite + label + secret, "sha256")


def _expand(suite: bytes, secret: bytes, label: bytes, info: bytes, length: int) -> bytes:
    """HKDF-Expand for at most 32 bytes, which is one block."""
    asked = length.to_bytes(2, "big") + b"HPKE-v1" + suite + label + info
    return hmac.digest(secret, asked + b"\1", "sha256")[:length]

"""A member's proof: what headquarters says of a member, signed, on the member's phone as digits.

    u8 ver, kid[8], m u40, row u56 (version of the member's row), tier u8, points u40, debt u40,
    issued u48, expires u48
    then Ed25519 over "jifen/token/1" 00 | u16 length, chain | fields; big-endian, times UTC ms

44 bytes and a signature, read as one whole number and written as 261 digits, which every keyboard wedge
types unharmed; no claim, payment code, card or phone has that length. It names a member and tells a view
of seven days at most. It is copyable, so it is never rights: whoever shows it is not proved to be the
member, and two tills that hear the same one have heard nothing strange. The chain is signed and not
written, so a token of another chain proves nothing.
It refuses to know which key is headquarters' and what the time is.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from points.wire.faults import EnvelopeVersion, Malformed, UnknownKey
from points.wire.fields import is_hex, is_name
from points.wire.keys import SIGNATURE_BYTES, SigningKey, verify

VERSION = 1
LIFE_MS_MAX = 7 * 86_400_000

_LABEL = b"jifen/token/1\0"
_KID_BYTES = 8
_PLACES = (
    ("m", 5), ("row", 7), ("tier", 1), ("points", 5), ("debt", 5), ("issued_ms", 6), ("expires_ms", 6),
)  # fmt: skip
"""Each number's bytes, behind version and kid, in their order."""
_FIELDS = 1 + _KID_BYTES + sum(size for _, size in _PLACES)
_SIZE = _FIELDS + SIGNATURE_BYTES
DIGITS = len(str(256**_SIZE - 1))


@dataclass(frozen=True, slots=True)
class MemberToken:
    """One token. ``row`` is the version of the member's row; ``points`` may be spent, ``debt`` is owed.

    ``kid`` names headquarters' key; ``signature`` is empty until it was encoded.
    """

    kid: str
    m: int
    row: int
    tier: int
    points: int
    debt: int
    issued_ms: int
    expires_ms: int
    signature: bytes = b""

    def verify(self, chain: str, keys: Mapping[str, bytes]) -> None:
        """Return if headquarters signed exactly this for ``chain``; UnknownKey or BadSignature otherwise.

        ``keys`` are its public keys of this purpose, by kid.
        """
        public_raw = keys.get(self.kid)
        if public_raw is None:
            raise UnknownKey(kid=self.kid)
        verify(public_raw, self.signature, _signed(chain, _pack(self)))


def encode(token: MemberToken, chain: str, key: SigningKey) -> str:
    """The digits to show; the token must name this key. Malformed if a number does not fit its place."""
    if token.kid != key.kid:
        raise UnknownKey(kid=token.kid)
    fields = _pack(token)
    raw = fields + key.sign(_signed(chain, fields))
    return str(int.from_bytes(raw, "big")).zfill(DIGITS)


def decode(digits: str) -> MemberToken:
    """The token in a scanned text, not yet verified. Malformed or EnvelopeVersion."""
    if len(digits) != DIGITS or not (digits.isascii() and digits.isdigit()):
        raise Malformed(why="token")
    number = int(digits)
    if number.bit_length() > 8 * _SIZE:
        raise Malformed(why="token")
    raw = number.to_bytes(_SIZE, "big")
    if raw[0] != VERSION:
        raise EnvelopeVersion(token=raw[0])
    token = replace(_unpack(raw[:-SIGNATURE_BYTES]), signature=raw[-SIGNATURE_BYTES:])
    _check(token)
    return token


def _signed(chain: str, fields: bytes) -> bytes:
    if not is_name(chain):
        raise Malformed(why="token chain")
    return _LABEL + len(chain).to_bytes(2, "big") + chain.encode("ascii") + fields


def _pack(token: MemberToken) -> bytes:
    _check(token)
    numbers: list[bytes] = [getattr(token, name).to_bytes(size, "big") for name, size in _PLACES]
    return bytes((VERSION,)) + bytes.fromhex(token.kid) + b"".join(numbers)


def _unpack(fields: bytes) -> MemberToken:
    at, numbers = 1 + _KID_BYTES, list[int]()
    for _, size in _PLACES:
        numbers.append(int.from_bytes(fields[at : at + size], "big"))
        at += size
    m, row, tier, points, debt, issued_ms, expires_ms = numbers
    kid = fields[1 : 1 + _KID_BYTES].hex()
    return MemberToken(kid, m, row, tier, points, debt, issued_ms, expires_ms)


def _check(token: MemberToken) -> None:
    """Malformed for what has no place in these bytes, or a life that is none or too long."""
    if not is_hex(token.kid, _KID_BYTES):
        raise Malformed(why="token kid")
    for name, size in _PLACES:
        if not 0 <= getattr(token, name) < 256**size:
            raise Malformed(why=f"token {name}")
    if not 0 < token.expires_ms - token.issued_ms <= LIFE_MS_MAX:
        raise Malformed(why="token life")

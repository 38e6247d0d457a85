"""The box that everything signed travels in: a magic, a header, signatures, a payload.

    magic[4] | u32 len(header) | header | u8 n (1..2)
             | n x (u8 len(kid) | kid | u16 len(signature) | signature) | payload
    signed   = "DSSEv1 " LEN(T) " " T " " LEN(header) " " header      (DSSE's PAE, LEN in decimal)

`kid` is 16 characters of hexadecimal. T is a media type, one for each purpose, inside the signed
bytes: a signature of one kind of message never verifies as another. Only the header is
signed; the header states what the payload must hash to. The kid beside a signature
is a hint where to look, never a reason to trust.
It refuses to know what a header says.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from struct import Struct

from points.wire import canonical
from points.wire.faults import BadSignature, EnvelopeVersion, Malformed, TooLarge, UnknownKey
from points.wire.fields import is_hex
from points.wire.keys import KID_CHARS, SIGNATURE_BYTES, SigningKey, kid_of, verify

MAGIC_BYTES = 4
HEADER_BYTES_MAX = 8192
SIGNATURES_MAX = 2

_U16, _U32 = Struct(">H"), Struct(">I")


@dataclass(frozen=True, slots=True)
class Container:
    """A box taken apart and not yet trusted."""

    header: bytes
    signatures: tuple[tuple[str, bytes], ...]  # (kid, signature), in the order they stand
    payload: bytes


def pae(media_type: str, header: bytes) -> bytes:
    """What is signed: DSSE's pre-authentication encoding of type and header."""
    kind = media_type.encode("ascii")
    return b"DSSEv1 %d %b %d %b" % (len(kind), kind, len(header), header)


def pack(
    magic: bytes, header: object, payload: bytes, signers: Sequence[SigningKey], media_type: str
) -> bytes:
    """The bytes of a box; `header` is written canonically here, and only here."""
    assert len(magic) == MAGIC_BYTES
    assert 1 <= len(signers) <= SIGNATURES_MAX
    raw = canonical.encode(header)
    if len(raw) > HEADER_BYTES_MAX:
        raise TooLarge(max=HEADER_BYTES_MAX, what="header")
    message = pae(media_type, raw)
    signed = b"".join(_signature(signer.kid, signer.sign(message)) for signer in signers)
    return b"".join((magic, _U32.pack(len(raw)), raw, bytes((len(signers),)), signed, payload))


def unpack(magic: bytes, raw: bytes, bytes_max: int) -> Container:
    """Take a box apart without trusting any of it.

    Raises TooLarge, EnvelopeVersion (another magic) or Malformed (torn anywhere).
    """
    if len(raw) > bytes_max:
        raise TooLarge(max=bytes_max)
    if raw[:MAGIC_BYTES] != magic:
        if len(raw) < MAGIC_BYTES:
            raise Malformed(why="torn")
        raise EnvelopeVersion(magic=raw[:MAGIC_BYTES].hex())
    cursor = _Cursor(raw, MAGIC_BYTES)
    header_bytes = _U32.unpack(cursor.take(4))[0]
    if header_bytes > HEADER_BYTES_MAX:
        raise TooLarge(max=HEADER_BYTES_MAX, what="header")
    header = cursor.take(header_bytes)
    count = cursor.take(1)[0]
    if not 1 <= count <= SIGNATURES_MAX:
        raise Malformed(why="signatures")
    signatures = tuple(_read_signature(cursor) for _ in range(count))
    return Container(header, signatures, raw[cursor.at :])


def check(box: Container, media_type: str, publics: Sequence[bytes], needed: int = 1) -> None:
    """Every signature must be by a different one of `publics`, and at least `needed` of them.

    A signature by anyone else is refused and not passed over: otherwise a stranger could add one
    and make other bytes of the same message.
    """
    known = {kid_of(public): public for public in publics}
    message = pae(media_type, box.header)
    for kid, signature in box.signatures:
        public = known.pop(kid, None)
        if public is None:
            raise UnknownKey(kid=kid)
        verify(public, signature, message)
    if len(box.signatures) < needed:
        raise BadSignature(needed=needed)


class _Cursor:
    __slots__ = ("at", "raw")

    def __init__(self, raw: bytes, at: int) -> None:
        self.raw, self.at = raw, at

    def take(self, size: int) -> bytes:
        taken = self.raw[self.at : self.at + size]
        if len(taken) != size:
            raise Malformed(why="torn")
        self.at += size
        return taken


def _signature(kid: str, signature: bytes) -> bytes:
    return bytes((len(kid),)) + kid.encode("ascii") + _U16.pack(len(signature)) + signature


def _read_signature(cursor: _Cursor) -> tuple[str, bytes]:
    kid = cursor.take(cursor.take(1)[0]).decode("latin-1")
    if not is_hex(kid, KID_CHARS // 2):
        raise Malformed(why="kid")
    signature = cursor.take(_U16.unpack(cursor.take(2))[0])
    if len(signature) != SIGNATURE_BYTES:
        raise Malformed(why="signature")
    return kid, signature

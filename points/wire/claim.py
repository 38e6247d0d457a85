"""What a printed receipt claims about its operation: the digits of the paper's QR code.

    u8 ver, u8 kind, id[16], m u40 (0: no member), kid[8], seq u32, epoch u32,
    day u16 (days since 2020-01-01), st u48, rule[8], op_hash[16], earned u32, used u32,
    tender_fen u32, m_bp u32, n u8, n x (u8 index in the rule book's rate list, u32 net fen)
    then Ed25519 over "jifen/claim/1" 00 | fields; n <= 8; big-endian

The bytes are read as one whole number and written as ceil(8 * len * log10 2) digits, since
digits are the densest thing that every scanner types unharmed; the length of the text tells
the length of the bytes. A claim is evidence for another till, never rights; the operation
replaces it when it arrives. Equality is (id, op_hash) alone; epoch and seq are hints, because
an operation that was chained again after a restore keeps both its id and its bytes.
It refuses to know what a refund of it is worth.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, timedelta
from enum import IntEnum
from struct import Struct

from points.wire.faults import EnvelopeVersion, Malformed, UnknownKey
from points.wire.fields import U16_MAX, U32_MAX, U40_MAX, U48_MAX, is_hex
from points.wire.keys import SIGNATURE_BYTES, SigningKey, kid_of, verify

VERSION = 1
GROUPS_MAX = 8
FIRST_DAY = date(2020, 1, 1)

_LABEL = b"jifen/claim/1\0"
# struct has no u40 and no u48, so m is u8 + u32 and st is u16 + u32.
_FIELDS = Struct(">BB16sBI8sIIHHI8s16sIIIIB")
_GROUP = Struct(">BI")


class Kind(IntEnum):
    """What happened at the counter."""

    EARN = 1
    REDEEM = 2
    REFUND = 3
    VOID = 4
    ENROL = 5


@dataclass(frozen=True, slots=True)
class Claim:
    """One claim. `groups` is (index in the rule book's rate list, net fen before tenders)…

    More than eight groups do not fit: such a sale has none here and is refunded online only.
    `rule` is the first 8 bytes of the rule book's hash, `op_hash` 16 bytes (`chain.body_digest16`),
    `day` yyyymmdd, `st` UTC ms, all hashes hex; `signature` is empty until it was encoded.
    """

    kind: Kind
    op_id: str
    m: int
    kid: str
    seq: int
    epoch: int
    day: int
    st: int
    rule: str
    op_hash: str
    earned: int
    used: int
    tender_fen: int
    m_bp: int
    groups: tuple[tuple[int, int], ...] = ()
    signature: bytes = b""

    def verify(self, public_raw: bytes) -> None:
        """Return if this till's key signed exactly this; UnknownKey or BadSignature otherwise."""
        if kid_of(public_raw) != self.kid:
            raise UnknownKey(kid=self.kid)
        verify(public_raw, self.signature, _LABEL + _pack(self))

    def says_the_same_as(self, other: Claim) -> bool:
        """Whether both speak of the same operation with the same bytes."""
        return (self.op_id, self.op_hash) == (other.op_id, other.op_hash)


def encode(claim: Claim, key: SigningKey) -> str:
    """The digits to print; the claim must name this key. Malformed if a number does not fit its place."""
    if claim.kid != key.kid:
        raise UnknownKey(kid=claim.kid)
    fields = _pack(claim)
    raw = fields + key.sign(_LABEL + fields)
    return str(int.from_bytes(raw, "big")).zfill(_digits(len(raw)))


def decode(digits: str) -> Claim:
    """The claim in a scanned text, not yet verified. Malformed or EnvelopeVersion."""
    size = _SIZES.get(len(digits))
    if size is None or not (digits.isascii() and digits.isdigit()):
        raise Malformed(why="claim")
    number = int(digits)
    if number.bit_length() > 8 * size:
        raise Malformed(why="claim")
    raw = number.to_bytes(size, "big")
    if raw[0] != VERSION:
        raise EnvelopeVersion(claim=raw[0])
    return replace(_unpack(raw[:-SIGNATURE_BYTES]), signature=raw[-SIGNATURE_BYTES:])


def looks_like_one(text: str) -> bool:
    """Whether a scanned text has the length and the letters of a claim; quick, and no promise."""
    return len(text) in _SIZES and text.isascii() and text.isdigit()


def _pack(claim: Claim) -> bytes:
    _check(claim)
    return _FIELDS.pack(
        VERSION,
        claim.kind,
        bytes.fromhex(claim.op_id),
        *divmod(claim.m, 1 << 32),
        bytes.fromhex(claim.kid),
        claim.seq,
        claim.epoch,
        _day_number(claim.day),
        *divmod(claim.st, 1 << 32),
        bytes.fromhex(claim.rule),
        bytes.fromhex(claim.op_hash),
        claim.earned,
        claim.used,
        claim.tender_fen,
        claim.m_bp,
        len(claim.groups),
    ) + b"".join(_GROUP.pack(index, fen) for index, fen in claim.groups)


def _unpack(fields: bytes) -> Claim:
    (_, kind, op_id, m_high, m_low, kid, seq, epoch, day, st_high, st_low, rule, op_hash, *rest) = (
        _FIELDS.unpack_from(fields)
    )
    earned, used, tender_fen, m_bp, count = rest
    if kind not in list(Kind) or len(fields) != _FIELDS.size + count * _GROUP.size:
        raise Malformed(why="claim")
    return Claim(
        kind=Kind(kind),
        op_id=op_id.hex(),
        m=(m_high << 32) + m_low,
        kid=kid.hex(),
        seq=seq,
        epoch=epoch,
        day=_day(day),
        st=(st_high << 32) + st_low,
        rule=rule.hex(),
        op_hash=op_hash.hex(),
        earned=earned,
        used=used,
        tender_fen=tender_fen,
        m_bp=m_bp,
        groups=tuple((index, fen) for index, fen in _GROUP.iter_unpack(fields[_FIELDS.size :])),
    )


def _check(claim: Claim) -> None:
    sizes = ((claim.op_id, 16), (claim.kid, 8), (claim.rule, 8), (claim.op_hash, 16))
    if not all(is_hex(text, size) for text, size in sizes):
        raise Malformed(why="claim hash")
    small = (claim.seq, claim.epoch, claim.earned, claim.used, claim.tender_fen, claim.m_bp)
    if not all(0 <= number <= U32_MAX for number in small):
        raise Malformed(why="claim number")
    if not (0 <= claim.m <= U40_MAX and 0 <= claim.st <= U48_MAX):
        raise Malformed(why="claim number")
    if len(claim.groups) > GROUPS_MAX:
        raise Malformed(why="claim groups")
    if not all(0 <= index <= 255 and 0 <= fen <= U32_MAX for index, fen in claim.groups):
        raise Malformed(why="claim groups")


def _day_number(day: int) -> int:
    try:
        number = (date(day // 10000, day // 100 % 100, day % 100) - FIRST_DAY).days
    except ValueError as error:
        raise Malformed(why="claim day") from error
    if not 0 <= number <= U16_MAX:
        raise Malformed(why="claim day")
    return number


def _day(number: int) -> int:
    day = FIRST_DAY + timedelta(days=number)
    return day.year * 10000 + day.month * 100 + day.day


def _digits(size: int) -> int:
    """How many digits the largest number of `size` bytes has."""
    return len(str(256**size - 1))


_SIZES = {
    _digits(size): size
    for size in (_FIELDS.size + count * _GROUP.size + SIGNATURE_BYTES for count in range(GROUPS_MAX + 1))
}

"""What one till gave a sister till, proved by the giver's own signature, wherever it is shown.

    message = "jifen/give/1" 00 | lp(chain) lp(store) lp(till) | u32 epoch | u64 seq | SHA-256(body)
    lp      = u16 length, then the bytes; every number big-endian

The receiver's operation `rights.take` carries it as `[till, epoch, seq, kid, signature, body]`; both tills
are of one store. So headquarters can move the points by whichever of both lanes it hears first, also when
the other is never heard. It is made after the operation that gave was on disk, and says where it stands.
It refuses to know what a giver may give.
"""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import sha256
from struct import Struct
from typing import Any

from points.wire import canonical
from points.wire.faults import Malformed, UnknownKey, WrongLane
from points.wire.fields import U32_MAX, is_hex
from points.wire.keys import SIGNATURE_BYTES, SigningKey, verify
from points.wire.lane import KeyRecord, Lane

_LABEL = b"jifen/give/1\0"
_U16 = Struct(">H").pack
_PLACE = Struct(">IQ").pack
SEQ_MAX = 2**53 - 1


@dataclass(frozen=True, slots=True)
class Given:
    """The bytes of the operation that gave, at `seq` of the giver's `lane`, and the signature over it."""

    lane: Lane
    seq: int
    kid: str
    signature: bytes
    body: bytes

    @classmethod
    def signed(cls, lane: Lane, seq: int, body: bytes, key: SigningKey) -> Given:
        """The proof of an operation that is on disk."""
        return cls(lane, seq, key.kid, key.sign(_message(lane, seq, body)), body)

    def check(self, record: KeyRecord) -> None:
        """Return if the key of this record gave exactly this in its own lane; UnknownKey, WrongLane or
        BadSignature otherwise."""
        if record.kid != self.kid:
            raise UnknownKey(kid=self.kid)
        if self.lane not in record.lanes:
            raise WrongLane()
        verify(record.public_raw, self.signature, _message(self.lane, self.seq, self.body))

    def told(self) -> list[Any]:
        """As an operation or a datagram carries it; chain and store are the teller's own."""
        lane = self.lane
        return [lane.till, lane.epoch, self.seq, self.kid, self.signature.hex(), self.body.decode("utf-8")]

    def content(self) -> dict[str, Any]:
        """The body, decoded strictly."""
        return canonical.decode(self.body)


def heard(told: Any, chain: str, store: str) -> Given:
    """What was told by a till of this store, not yet checked. Malformed if it has another shape."""
    if type(told) is not list or len(told) < 6:
        raise Malformed(why="given")
    till, epoch, seq, kid, signature, text = told[:6]
    if type(seq) is not int or not 1 <= seq <= SEQ_MAX or type(epoch) is not int or epoch > U32_MAX:
        raise Malformed(why="given")
    if not (is_hex(kid, 8) and is_hex(signature, SIGNATURE_BYTES) and isinstance(text, str)):
        raise Malformed(why="given")
    try:
        body = text.encode("utf-8")
    except UnicodeEncodeError as error:
        raise Malformed(why="given") from error
    return Given(Lane(chain, store, till, epoch), seq, kid, bytes.fromhex(signature), body)


def _message(lane: Lane, seq: int, body: bytes) -> bytes:
    names = b"".join(_U16(len(name)) + name.encode("ascii") for name in (lane.chain, lane.store, lane.till))
    return _LABEL + names + _PLACE(lane.epoch, seq) + sha256(body).digest()

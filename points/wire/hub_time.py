"""The hub's clock, signed, for a till whose own clock is wrong.

    box "JFT1", T = application/vnd.jifen.time+json;v=1, signed by the hub's receipt key, empty payload
    header = {v, suite, hub, inc, to, ms, x}      to = SHA-256 of the refused request's Signature header

A request signed more than 300 s away from the hub's clock is refused as `clock-skew`, and the
problem's detail carries this box in hexadecimal under `signed`. It names the request that it
answers, so an old one cannot be played again to move a clock. The till keeps the difference and
signs again; it never sets the PC's clock.
It refuses to know what time it is.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from points.wire import canonical, container
from points.wire.chain import HASH_BYTES
from points.wire.faults import Integrity, Malformed
from points.wire.fields import SUITE, U32_MAX, U48_MAX, VERSION, Fields
from points.wire.keys import SigningKey

MAGIC = b"JFT1"
MEDIA_TYPE = "application/vnd.jifen.time+json;v=1"
TIME_BYTES_MAX = 1024

_KEYS = frozenset({"v", "suite", "hub", "inc", "to", "ms", "x"})


@dataclass(frozen=True, slots=True)
class HubTime:
    """What the hub's clock said, UTC ms, when it refused a request."""

    hub: str
    inc: int
    ms: int


def tell(told: HubTime, signature_header: str, key: SigningKey) -> dict[str, Any]:
    """The detail of a `clock-skew` problem that answers the request with this Signature header."""
    header = {
        "v": VERSION,
        "suite": SUITE,
        "hub": told.hub,
        "inc": told.inc,
        "to": _digest(signature_header),
        "ms": told.ms,
        "x": {},
    }
    signed = container.pack(MAGIC, header, b"", [key], MEDIA_TYPE)
    return {"hub_s": told.ms // 1000, "signed": signed.hex()}


def heard(detail: Mapping[str, Any], signature_header: str, hub_public: bytes) -> HubTime:
    """The hub's time in the detail of a `clock-skew` problem; a fault unless signed for this request."""
    try:
        raw = bytes.fromhex(detail["signed"])
    except (KeyError, TypeError, ValueError) as error:
        raise Malformed(why="signed") from error
    box = container.unpack(MAGIC, raw, TIME_BYTES_MAX)
    container.check(box, MEDIA_TYPE, [hub_public])
    fields = Fields(canonical.decode(box.header, container.HEADER_BYTES_MAX))
    fields.speaks(_KEYS)
    if box.payload:
        raise Malformed(why="payload")
    if fields.hex("to", HASH_BYTES) != _digest(signature_header):
        raise Integrity(what="request")
    return HubTime(fields.name("hub"), fields.whole("inc", 1, U32_MAX), fields.whole("ms", 0, U48_MAX))


def _digest(signature_header: str) -> str:
    return sha256(signature_header.encode("utf-8")).hexdigest()

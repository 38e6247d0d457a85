"""Fixed keys, lanes and operations for the wire's tests: the same bytes in every run."""

from __future__ import annotations

import random
from hashlib import sha256

from points.wire import canonical, chain, envelope
from points.wire.batch_header import Anchor, Moment
from points.wire.keys import SigningKey
from points.wire.lane import KeyRecord, Lane
from points.wire.sealing import SealingKey


def seed(label: str, size: int = 32) -> bytes:
    """Bytes that look random and are the same for ever."""
    return sha256(b"jifen wire sample " + label.encode()).digest()[:size]


DEVICE = SigningKey.from_raw(seed("device"))
OTHER = SigningKey.from_raw(seed("other device"))
HUB = SigningKey.from_raw(seed("hub receipt"))
HUB_FEED = SigningKey.from_raw(seed("hub manifest"))
HUB_TOKEN = SigningKey.from_raw(seed("hub token"))
HUB_LOG = SigningKey.from_raw(seed("hub log"))
HUB_PII = SealingKey.from_raw(seed("hub pii"))
TILL_SEAL = SealingKey.from_raw(seed("till sealing"))

LANE = Lane("demo", "s01", "t1", 1)
RECORD = KeyRecord(DEVICE.public_raw, frozenset({LANE}))
GENESIS = chain.genesis("demo", "s01", "t1", 1, DEVICE.public_raw)
MOMENT = Moment(
    wall=1785549600000,
    boot=seed("boot", 8).hex(),
    mono=7200000,
    inst=seed("inst", 16).hex(),
    agent="jifen/0.1.0",
    inc=1,
    anchor=Anchor(1785546000000, seed("boot", 8).hex(), 3600000),
)


def noise(label: int, size: int) -> bytes:
    """Letters that do not compress to less than half, without a newline."""
    return random.Random(label).randbytes(size // 2 + 1).hex().encode()[:size]


def body(number: int) -> bytes:
    """One sale of about 330 bytes."""
    return canonical.encode(
        {
            "boot": seed("boot", 8).hex(),
            "by": "c07",
            "day": 20260801,
            "fund": [["add", 16 + number % 7]],
            "id": "0198635c1c00" + seed(f"id {number}", 10).hex(),
            "lines": [[1, "food", 2, 1250 + number], [2, "饮料", 1, 399]],
            "m": 1024 + number % 500,
            "mono": 60_000 + number * 1000,
            "pts": 16 + number % 7,
            "rule": seed("rule").hex(),
            "st": 1785549600000 + number * 1000,
            "t": "sale.earn",
            "tenders": [["cash", 1649 + number]],
            "tv": 1,
        }
    )


def bodies(count: int, first: int = 1) -> list[bytes]:
    return [body(number) for number in range(first, first + count)]


def batch(count: int = 3) -> bytes:
    """The first `count` operations of LANE as an envelope."""
    return envelope.cut(LANE, 1, GENESIS, bodies(count), DEVICE, MOMENT)

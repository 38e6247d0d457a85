"""What is recognised at sight is what is read field by field, and nothing else is."""

from __future__ import annotations

import random
from typing import Any

import pytest

from hub.recognition import recognised
from points.fields import BadOperation
from points.operations import read
from points.wire import canonical
from points.wire.faults import Malformed

SALE: dict[str, Any] = {
    "id": "01a2126a952c70f2a8ab6bbf7e124b43", "t": "sale.earn", "tv": 1, "day": 20261125,
    "st": 1_795_605_304_620, "boot": "00112233aabbccdd", "mono": 544_504_620, "by": "c1", "rule": "6e" * 32,
    "m": 4676, "receipt": "r17", "lines": [[1, "grocery", 1, 2704], [2, "dairy", 2, 3218]],
    "tenders": [["cash", 5922]], "tier": 0, "m_bp": 10_000, "day_used": 0, "desired": 59, "pts": 59,
    "fund": [["add", 59]], "inc": 1, "term": 1,
}  # fmt: skip
REDEMPTION: dict[str, Any] = {
    "id": "01a2126a952c70f2a8ab6bbf7e124b43", "t": "redeem.cash", "tv": 1, "day": 20261125,
    "st": 1_795_605_304_620, "boot": "00112233aabbccdd", "mono": 5, "by": "c1", "rule": "6e" * 32, "m": 4676,
    "pts": 20, "fen": 20, "fund": [["local", 20]], "inc": 1, "term": 1,
}  # fmt: skip
ODD = (
    -1, 0, 1, 2**31, 2**31 + 1, 2**40, 10**12, 10**12 + 1, 2**53, 19700101, 20260230, 20261399, 1.5, True,
    None, "", "x", "points", "积分", "a\n", "a" * 33, "a" * 65, [], [[]], {},
    [["cash", 5922], ["points", 1, 1]],
    [["card", 5922]], [["points", 5922, 10]], [["add", 60]], [["allowance", 20]], [["local", 19]],
    [["add", 59, "pts"]], [[1, "grocery", 1, 2704], [1, "dairy", 2, 3218]], [[1, "grocery", 0, 5922]],
    [[1, "", 1, 5922]], [[1, "grocery", 1, 5922, 7]], "A" * 64, "01A2126A952C70F2A8AB6BBF7E124B43",
)  # fmt: skip


def plainly(raw: bytes) -> dict[str, Any] | None:
    """The body as the slow way accepts it."""
    body = canonical.decode_plain(raw)
    if body is None:
        return None
    try:
        read(body, "s000", "01")
    except BadOperation:
        return None
    return body


@pytest.mark.parametrize("body", [SALE, REDEMPTION])
def test_the_common_ones_are_recognised(body: dict[str, Any]) -> None:
    bare = {key: value for key, value in body.items() if key not in ("fund", "inc", "term")}
    assert recognised(canonical.encode(body)) == body
    assert recognised(canonical.encode(body | {"at": 1_795_605_304_621})) is not None
    assert (recognised(canonical.encode(body | {"feed_g": 7})) is not None) is (body is SALE)
    assert (recognised(canonical.encode(bare)) is not None) is (body is SALE)


@pytest.mark.parametrize("body", [SALE, REDEMPTION])
def test_whatever_stands_in_a_field_is_recognised_only_if_it_would_be_accepted(body: dict[str, Any]) -> None:
    accepted = 0
    for key in (*body, "who", "at", "feed_g", "week_used", "segment", "memo", "approved_by", "refs", "pii"):
        for value in ODD:
            try:
                raw = canonical.encode(body | {key: value})
            except Malformed:  # no writer writes it
                continue
            found = recognised(raw)
            assert found is None or found == plainly(raw), (key, value)
            accepted += found is not None
        lacking = canonical.encode({name: value for name, value in body.items() if name != key})
        assert recognised(lacking) in (None, plainly(lacking)), key
    assert accepted > 20


@pytest.mark.parametrize("seed", range(4))
def test_whatever_bytes_are_changed_it_is_recognised_only_if_it_would_be_accepted(seed: int) -> None:
    chance = random.Random(seed)
    accepted = 0
    for _ in range(15_000):
        raw = bytearray(canonical.encode(chance.choice((SALE, REDEMPTION))))
        for _ in range(chance.choice((1, 1, 2, 3))):
            at = chance.randrange(len(raw))
            match chance.randrange(4):
                case 0:
                    raw[at] = chance.choice(b'0123456789"[]{},:-. \\eabz\x00\x80\xff')
                case 1:
                    del raw[at]
                case 2:
                    raw.insert(at, chance.choice(b'0123456789"[]{},:-. \\ea\n'))
                case _:
                    other = chance.randrange(len(raw))
                    raw[at], raw[other] = raw[other], raw[at]
        found = recognised(bytes(raw))
        assert found is None or found == plainly(bytes(raw)), bytes(raw)
        accepted += found is not None
    assert accepted > 100


def test_a_long_hostile_body_is_answered_at_once() -> None:
    """The pattern looks at every byte once: nothing in it can be read in two ways."""
    lines = b",".join(b'[%d,"a",1,1]' % n for n in range(4000))
    raw = canonical.encode(SALE).replace(b'[[1,"grocery",1,2704],[2,"dairy",2,3218]]', b"[" + lines + b"]")
    assert recognised(raw) is None
    assert recognised(raw[:-1] + b"x" * 60_000) is None

"""A till goes on in a lane of its own: with both keys, to one request, and nothing else gets it one."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from wire_samples import DEVICE, GENESIS, HUB, HUB_FEED, LANE, MOMENT, OTHER, bodies, seed

from points.wire import chain, succession
from points.wire.faults import (
    BadSignature,
    Integrity,
    Malformed,
    UnknownKey,
    WireFault,
    WrongLane,
)
from points.wire.keys import SigningKey
from points.wire.lane import Lane
from points.wire.succession import POINTS_MAX, Granted, Parent

LINKS = chain.links(GENESIS, 1, bodies(3))
POINTS = [(1, LINKS[0]), (3, LINKS[2])]
NEXT = Lane(LANE.chain, LANE.store, LANE.till, LANE.epoch + 1)
GRANTED = Granted("hq", 1, NEXT, 3, OTHER.kid, Parent(LANE.epoch, 1, LINKS[0]), 6, MOMENT.wall)


def asked(points: Any = POINTS, old: SigningKey = DEVICE, new: SigningKey = OTHER, nonce: str = "n") -> bytes:
    return succession.ask(LANE, old, new, points, seed(nonce, 16), MOMENT.inst, "jifen/0.1.0", MOMENT.wall)


def answered(granted: Granted = GRANTED, request: bytes = b"", key: SigningKey = HUB) -> bytes:
    return succession.grant(succession.open_ask(request or asked(), DEVICE.public_raw), granted, key)


def opened(raw: bytes, request: bytes = b"") -> Granted:
    return succession.open_grant(raw, request or asked(), OTHER.public_raw, LANE, HUB.public_raw)


def test_what_was_asked_and_granted_is_read_as_it_was_meant() -> None:
    claimed = succession.open_ask(asked(), DEVICE.public_raw)
    assert (claimed.lane, claimed.public_raw, list(claimed.points)) == (LANE, OTHER.public_raw, POINTS)
    assert opened(answered()) == GRANTED
    assert succession.read_granted(answered(), HUB.public_raw) == GRANTED


def test_both_keys_sign_and_they_are_two() -> None:
    with pytest.raises(BadSignature):
        asked(new=DEVICE)
    with pytest.raises(UnknownKey):
        succession.open_ask(asked(), HUB.public_raw)
    raw = bytearray(asked())
    at = raw.index(OTHER.kid.encode()) + len(OTHER.kid) + 10
    raw[at] ^= 1
    with pytest.raises(WireFault):
        succession.open_ask(bytes(raw), DEVICE.public_raw)


@pytest.mark.parametrize(
    ("points", "why"),
    [
        ([(3, LINKS[2]), (1, LINKS[0])], "points"),
        ([(1, LINKS[0]), (1, LINKS[0])], "points"),
        ([(0, LINKS[0])], "points"),
        ([(1, LINKS[0][:31])], "points"),
        ([(n + 1, LINKS[0]) for n in range(POINTS_MAX + 1)], "points"),
    ],
)
def test_points_are_few_ascending_and_whole(points: Any, why: str) -> None:
    with pytest.raises(Malformed) as told:
        asked(points)
    assert told.value.detail["why"] == why


@pytest.mark.parametrize(
    ("granted", "fault"),
    [
        (replace(GRANTED, lane=replace(NEXT, till="t2")), WrongLane),
        (replace(GRANTED, lane=LANE), WrongLane),
        (replace(GRANTED, kid=DEVICE.kid), WrongLane),
        (replace(GRANTED, parent=replace(GRANTED.parent, epoch=7)), WrongLane),
        (replace(GRANTED, next=1), Malformed),
        (replace(GRANTED, parent=replace(GRANTED.parent, seq=2, head=LINKS[1])), Integrity),
        (replace(GRANTED, parent=replace(GRANTED.parent, head=LINKS[2])), Integrity),
    ],
)
def test_what_is_granted_must_be_this_tills(granted: Granted, fault: type[WireFault]) -> None:
    with pytest.raises(fault):
        opened(answered(granted))


def test_an_answer_answers_one_request_and_only_headquarters_gives_it() -> None:
    with pytest.raises(Integrity):
        opened(answered(request=asked(nonce="another")))
    with pytest.raises(UnknownKey):
        opened(answered(key=HUB_FEED))


@given(at=st.integers(0, 10_000), bit=st.integers(0, 7))
def test_a_flipped_bit_is_refused(at: int, bit: int) -> None:
    request, answer = bytearray(asked()), bytearray(answered())
    request[at % len(request)] ^= 1 << bit
    answer[at % len(answer)] ^= 1 << bit
    with pytest.raises(WireFault):
        succession.open_ask(bytes(request), DEVICE.public_raw)
    with pytest.raises(WireFault):
        opened(bytes(answer))


@given(sent=st.binary(max_size=50), ack=st.binary(max_size=50), cut=st.integers(1, 60))
def test_what_was_delivered_comes_back_in_two_pieces(sent: bytes, ack: bytes, cut: int) -> None:
    raw = succession.pack_delivered(sent, ack)
    assert succession.unpack_delivered(raw) == (sent, ack)
    if cut > len(ack):
        with pytest.raises(Malformed):
            succession.unpack_delivered(raw[: max(0, len(raw) - cut)])

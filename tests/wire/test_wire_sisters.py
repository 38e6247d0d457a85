"""What tills of a store say to each other: read as it was signed, and refused when it is anything else."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given as drawn
from hypothesis import strategies as st
from wire_samples import DEVICE, LANE, OTHER, RECORD
from wire_vectors import OP, read

from points.wire import canonical, sister, transfer
from points.wire.faults import (
    BadSignature,
    EnvelopeVersion,
    Malformed,
    Revoked,
    TooLarge,
    UnknownKey,
    WireFault,
    WrongLane,
)
from points.wire.lane import KeyRecord, Lane
from points.wire.sister import DATAGRAM_BYTES_MAX, Said

T2 = Lane("demo", "s01", "t2", 1)
T2_RECORD = KeyRecord(OTHER.public_raw, frozenset({T2}))
RECORDS = {RECORD.kid: RECORD, T2_RECORD.kid: T2_RECORD}
TOLD = read("sisters")


def open_at(lane: Lane, raw: bytes) -> Said:
    return sister.open_datagram(raw, lane, RECORDS.get)


def test_the_committed_datagrams_are_read() -> None:
    ask = open_at(LANE, bytes.fromhex(TOLD["ask"]))
    assert (ask.say, ask.to, ask.m, ask.n, ask.lane) == ("ask", "", 1024, 40, T2)
    want = open_at(LANE, bytes.fromhex(TOLD["want"]))
    assert (want.say, want.to, want.n, want.inc, want.term) == ("want", "t1", 40, 1, 3)
    assert open_at(T2, bytes.fromhex(TOLD["have"])).n == 300
    assert open_at(T2, bytes.fromhex(TOLD["none"])).given is None
    gave = open_at(T2, bytes.fromhex(TOLD["gave"])).given
    assert gave is not None
    assert gave.told() == TOLD["given"]
    gave.check(RECORD)
    assert (gave.seq, gave.content()["id"]) == (17, OP)
    paper = open_at(LANE, bytes.fromhex(TOLD["paper"]))
    assert (paper.say, paper.to, paper.n, paper.paper, paper.sale) == ("paper", "t1", 1, "000123", "")
    right = open_at(T2, bytes.fromhex(TOLD["right"]))
    assert right.given is not None
    right.given.check(RECORD)
    assert (right.say, right.given.seq, right.sale) == ("right", 18, '{"t":"sale.earn"}')


@pytest.mark.parametrize("name", ["ask", "have", "want", "gave", "none", "paper", "right"])
def test_every_flipped_byte_is_refused(name: str) -> None:
    raw = bytes.fromhex(TOLD[name])
    at = LANE if name in ("ask", "want", "paper") else T2
    open_at(at, raw)
    for i in range(len(raw)):
        with pytest.raises(WireFault):
            open_at(at, raw[:i] + bytes([raw[i] ^ 1]) + raw[i + 1 :])
    for i in range(0, len(raw), 7):
        with pytest.raises(WireFault):
            open_at(at, raw[:i])


def _changed(change: dict[str, Any]) -> bytes:
    """A want with some fields changed, signed again by its own till."""
    raw = bytes.fromhex(TOLD["want"])
    content = canonical.encode({**json.loads(raw[68:]), **change})
    return b"JFS1" + OTHER.sign(b"jifen/sister/1\0" + content) + content


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({"v": 3}, EnvelopeVersion),
        ({"v": 2}, Malformed),
        ({"v": True}, WireFault),
        ({"more": 1}, Malformed),
        ({"say": "take"}, Malformed),
        ({"say": "ask"}, Malformed),
        ({"to": ""}, Malformed),
        ({"to": "t3"}, WrongLane),
        ({"chain": "other"}, WrongLane),
        ({"store": "s02"}, WrongLane),
        ({"till": "t1"}, WrongLane),
        ({"till": "t9"}, WrongLane),
        ({"epoch": 2}, WrongLane),
        ({"kid": "0" * 16}, UnknownKey),
        ({"kid": RECORD.kid}, WrongLane),
        ({"m": 2**40}, Malformed),
        ({"n": -1}, Malformed),
        ({"n": "40"}, Malformed),
        ({"term": 0}, Malformed),
        ({"id": "f" * 31}, Malformed),
        ({"given": []}, Malformed),
    ],
)
def test_a_till_that_says_something_odd_is_not_listened_to(
    change: dict[str, Any], fault: type[WireFault]
) -> None:
    open_at(LANE, _changed({}))
    with pytest.raises(fault):
        open_at(LANE, _changed(change))


def test_a_stranger_and_a_revoked_till_are_nobody() -> None:
    raw = bytes.fromhex(TOLD["ask"])
    with pytest.raises(UnknownKey):
        sister.open_datagram(raw, LANE, lambda _kid: None)
    with pytest.raises(Revoked):
        sister.open_datagram(raw, LANE, lambda _kid: replace(T2_RECORD, revoked_at_ms=1))
    with pytest.raises(TooLarge):
        open_at(LANE, raw + bytes(DATAGRAM_BYTES_MAX))
    huge = transfer.Given.signed(LANE, 1, b"x" * 9_000, DEVICE)
    with pytest.raises(TooLarge):
        sister.datagram(Said("given", OP, LANE, "t2", 1, given=huge), DEVICE)


def test_what_was_given_is_proved_with_its_place() -> None:
    gave = transfer.heard(TOLD["given"], "demo", "s01")
    gave.check(RECORD)
    for changed, fault in (
        (replace(gave, seq=18), BadSignature),
        (replace(gave, body=gave.body.replace(b"40", b"41")), BadSignature),
        (replace(gave, lane=T2), WrongLane),
        (replace(gave, kid=OTHER.kid), UnknownKey),
    ):
        with pytest.raises(fault):
            changed.check(RECORD)
    other = transfer.heard(TOLD["given"], "other", "s01")
    with pytest.raises(
        BadSignature
    ):  # the same key in another chain: what it signed for one proves nothing there
        other.check(KeyRecord(DEVICE.public_raw, frozenset({other.lane})))


@drawn(st.recursive(st.none() | st.integers() | st.text(max_size=8), st.lists, max_leaves=8))
def test_no_shape_of_a_gift_breaks_who_reads_it(told: Any) -> None:
    with pytest.raises(WireFault):
        transfer.heard(told, "demo", "s01").check(RECORD)
    whole: list[Any] = TOLD["given"]
    for i in range(len(whole)):
        if told != whole[i]:
            with pytest.raises(WireFault):
                transfer.heard([*whole[:i], told, *whole[i + 1 :]], "demo", "s01").check(RECORD)

"""The lane's chain and the batch's tree."""

from __future__ import annotations

from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st
from wire_samples import DEVICE, GENESIS, OTHER, bodies, seed

from points.wire import chain
from points.wire.faults import Malformed


def test_the_genesis_is_what_the_law_says_byte_by_byte() -> None:
    spelled = (
        b"jifen/lane/1\x00"
        + b"\x00\x04demo\x00\x03s01\x00\x02t1"
        + b"\x00\x00\x00\x01"
        + DEVICE.public_raw
        + bytes(32)
        + bytes(8)
    )
    assert sha256(spelled).digest() == GENESIS


def test_a_link_is_what_the_law_says_byte_by_byte() -> None:
    spelled = b"jifen/op/1\x00" + GENESIS + b"\x00\x00\x00\x00\x00\x00\x00\x01" + b"\x00\x00\x00\x02" + b"{}"
    assert sha256(spelled).digest() == chain.link(GENESIS, 1, b"{}")
    assert chain.body_digest16(b"{}") == sha256(b"jifen/body/1\x00{}").digest()[:16]


def test_every_part_of_a_lane_is_in_its_genesis() -> None:
    told = [
        chain.genesis("demo", "s01", "t1", 1, DEVICE.public_raw),
        chain.genesis("demo2", "s01", "t1", 1, DEVICE.public_raw),
        chain.genesis("demo", "s011", "t1", 1, DEVICE.public_raw),
        chain.genesis("demo", "s01", "t2", 1, DEVICE.public_raw),
        chain.genesis("demo", "s0", "1t1", 1, DEVICE.public_raw),  # lengths keep names apart
        chain.genesis("demo", "s01", "t1", 2, DEVICE.public_raw),
        chain.genesis("demo", "s01", "t1", 1, OTHER.public_raw),
        chain.genesis("demo", "s01", "t1", 1, DEVICE.public_raw, seed("parent")),
        chain.genesis("demo", "s01", "t1", 1, DEVICE.public_raw, seed("parent"), 7),
    ]
    assert len(set(told)) == len(told)


def test_many_links_are_one_link_after_another() -> None:
    hashes, prev = chain.links(GENESIS, 5, bodies(20)), GENESIS
    for seq, body in enumerate(bodies(20), 5):
        prev = chain.link(prev, seq, body)
        assert hashes[seq - 5] == prev


@given(st.integers(0, 9), st.sampled_from(["change", "drop", "swap", "repeat", "number"]))
def test_no_history_can_be_edited_unseen(at: int, edit: str) -> None:
    told = bodies(12)
    head = chain.links(GENESIS, 1, told)[-1]
    first = 1
    match edit:
        case "change":
            told[at] = told[at].replace(b"sale", b"salt")
        case "drop":
            del told[at]
        case "swap":
            told[at], told[at + 1] = told[at + 1], told[at]
        case "repeat":
            told.insert(at, told[at])
        case "number":
            first = 2
    assert chain.links(GENESIS, first, told)[-1] != head


@pytest.mark.parametrize(
    "lane",
    [
        ("Demo", "s01", "t1", 1),
        ("demo", "", "t1", 1),
        ("demo", "s" * 17, "t1", 1),
        ("demo", "s01", "t1", 0),
        ("demo", "s01", "t1", 2**32),
        ("demo", "s01", "t1", True),
        ("demo", "s01\n", "t1", 1),
        ("demo", "s_1", "t1", 1),
    ],
)
def test_a_lane_with_another_name_is_no_lane(lane: tuple[str, str, str, int]) -> None:
    with pytest.raises(Malformed):
        chain.genesis(*lane, DEVICE.public_raw)

"""The lane's chain and the batch's tree."""

from __future__ import annotations

from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st
from wire_samples import DEVICE, GENESIS, OTHER, bodies, seed

from points.wire import chain
from points.wire.faults import Malformed

# The test tree of the certificate-transparency project, to which RFC 6962 and RFC 9162 both answer.
LEAVES = [
    bytes.fromhex(leaf)
    for leaf in (
        "",
        "00",
        "10",
        "2021",
        "3031",
        "40414243",
        "5051525354555657",
        "606162636465666768696a6b6c6d6e6f",
    )
]
ROOTS = [
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]


@pytest.mark.parametrize("size", range(9))
def test_the_tree_has_the_published_roots(size: int) -> None:
    assert chain.merkle_root(LEAVES[:size]).hex() == ROOTS[size]


def root_by_definition(entries: list[bytes]) -> bytes:
    """RFC 9162 §2.1.1 word by word, with its split at the largest power of two below the size."""
    if len(entries) <= 1:
        return sha256(b"\0" + entries[0] if entries else b"").digest()
    split = 1 << (len(entries) - 1).bit_length() - 1
    left, right = root_by_definition(entries[:split]), root_by_definition(entries[split:])
    return sha256(b"\1" + left + right).digest()


@given(st.lists(st.binary(max_size=40), max_size=70))
def test_the_tree_is_the_one_of_the_definition(entries: list[bytes]) -> None:
    assert chain.merkle_root(entries) == root_by_definition(entries)


@given(st.integers(1, 66), st.data())
def test_each_entry_is_proved_and_nothing_else_is(size: int, data: st.DataObject) -> None:
    entries = [bytes((number,)) for number in range(size)]
    index = data.draw(st.integers(0, size - 1))
    root, proof = chain.merkle_root(entries), chain.inclusion(entries, index)
    assert len(proof) <= 7
    assert chain.is_included(entries[index], index, size, proof, root)
    assert not chain.is_included(b"else", index, size, proof, root)
    assert not chain.is_included(entries[index], index, size, [*proof, bytes(32)], root)
    assert not chain.is_included(entries[index], size, size, proof, root)
    assert not chain.is_included(entries[index], index, size, proof, bytes(32))
    if proof:
        assert not chain.is_included(entries[index], index, size, proof[:-1], root)
        assert not chain.is_included(entries[index], index ^ 1, size, proof, root)


def test_a_batch_of_a_thousand_needs_ten_hashes() -> None:
    assert len(chain.inclusion([bytes((number % 256,)) for number in range(1000)], 0)) == 10


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

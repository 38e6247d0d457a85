"""The tree of RFC 9162: the published roots and proofs, every pair of sizes, and no bit that may differ."""

from __future__ import annotations

from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from points.wire import tree
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
    assert tree.merkle_root(LEAVES[:size]).hex() == ROOTS[size]


def root_by_definition(entries: list[bytes]) -> bytes:
    """RFC 9162 §2.1.1 word by word, with its split at the largest power of two below the size."""
    if len(entries) <= 1:
        return sha256(b"\0" + entries[0] if entries else b"").digest()
    split = 1 << (len(entries) - 1).bit_length() - 1
    left, right = root_by_definition(entries[:split]), root_by_definition(entries[split:])
    return sha256(b"\1" + left + right).digest()


@given(st.lists(st.binary(max_size=40), max_size=70))
def test_the_tree_is_the_one_of_the_definition(entries: list[bytes]) -> None:
    assert tree.merkle_root(entries) == root_by_definition(entries)


@given(st.integers(1, 66), st.data())
def test_each_entry_is_proved_and_nothing_else_is(size: int, data: st.DataObject) -> None:
    entries = [bytes((number,)) for number in range(size)]
    index = data.draw(st.integers(0, size - 1))
    root, proof = tree.merkle_root(entries), tree.inclusion(entries, index)
    assert len(proof) <= 7
    assert tree.is_included(entries[index], index, size, proof, root)
    assert not tree.is_included(b"else", index, size, proof, root)
    assert not tree.is_included(entries[index], index, size, [*proof, bytes(32)], root)
    assert not tree.is_included(entries[index], size, size, proof, root)
    assert not tree.is_included(entries[index], index, size, proof, bytes(32))
    if proof:
        assert not tree.is_included(entries[index], index, size, proof[:-1], root)
        assert not tree.is_included(entries[index], index ^ 1, size, proof, root)


def test_a_batch_of_a_thousand_needs_ten_hashes() -> None:
    assert len(tree.inclusion([bytes((number % 256,)) for number in range(1000)], 0)) == 10


# From the same project: (leaf counted from 0, size, proof) and (first, second, proof).
INCLUSIONS = [
    (0, 1, []),
    (0, 8, ["96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
            "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
            "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4"]),
    (5, 8, ["bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
            "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
            "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7"]),
    (2, 3, ["fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125"]),
    (1, 5, ["6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
            "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
            "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b"]),
]  # fmt: skip
CONSISTENCIES = [
    (1, 1, []),
    (1, 8, ["96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
            "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
            "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4"]),
    (6, 8, ["0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a",
            "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
            "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7"]),
    (2, 5, ["5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
            "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b"]),
]  # fmt: skip


@pytest.mark.parametrize(("index", "size", "proof"), INCLUSIONS)
def test_inclusion_is_proved_as_published(index: int, size: int, proof: list[str]) -> None:
    assert [found.hex() for found in tree.inclusion(LEAVES[:size], index)] == proof
    hashes = [bytes.fromhex(one) for one in proof]
    assert tree.is_included(LEAVES[index], index, size, hashes, bytes.fromhex(ROOTS[size]))


@pytest.mark.parametrize(("first", "size", "proof"), CONSISTENCIES)
def test_consistency_is_proved_as_published(first: int, size: int, proof: list[str]) -> None:
    found = tree.prove_consistency(tree.over(LEAVES), first, size)
    assert [one.hex() for one in found] == proof
    assert tree.is_consistent(first, bytes.fromhex(ROOTS[first]), size, bytes.fromhex(ROOTS[size]), found)


ENTRIES = [number.to_bytes(2, "big") for number in range(71)]
WHOLE = tree.over(ENTRIES)
ROOT = [tree.root(WHOLE, size) for size in range(72)]


def test_every_tree_is_proved_to_be_the_beginning_of_every_larger_one() -> None:
    for size in range(72):
        for first in range(size + 1):
            proof = tree.prove_consistency(WHOLE, first, size)
            assert len(proof) <= tree.HASHES_MAX
            assert tree.is_consistent(first, ROOT[first], size, ROOT[size], proof)
            if first not in (0, size):
                assert not tree.is_consistent(first, ROOT[first - 1], size, ROOT[size], proof)
                assert not tree.is_consistent(first, ROOT[first], size, ROOT[size - 1], proof)


def test_every_leaf_is_proved_in_every_tree() -> None:
    for size in range(1, 72):
        for index in range(size):
            proof = tree.prove_inclusion(WHOLE, index, size)
            assert tree.is_included(ENTRIES[index], index, size, proof, ROOT[size])


def flipped(raw: bytes, bit: int) -> bytes:
    return (int.from_bytes(raw, "big") ^ 1 << bit % (8 * len(raw))).to_bytes(len(raw), "big")


@given(st.integers(2, 71), st.data())
def test_no_bit_of_a_consistency_proof_may_differ(size: int, data: st.DataObject) -> None:
    first = data.draw(st.integers(1, size - 1))
    proof = tree.prove_consistency(WHOLE, first, size)
    at, bit = data.draw(st.integers(0, len(proof) - 1)), data.draw(st.integers(0, 255))
    bent = [*proof[:at], flipped(proof[at], bit), *proof[at + 1 :]]
    assert not tree.is_consistent(first, ROOT[first], size, ROOT[size], bent)
    assert not tree.is_consistent(first, flipped(ROOT[first], bit), size, ROOT[size], proof)
    assert not tree.is_consistent(first, ROOT[first], size, flipped(ROOT[size], bit), proof)
    assert not tree.is_consistent(first, ROOT[first], size, ROOT[size], [*proof, bytes(32)])
    assert not tree.is_consistent(first, ROOT[first], size, ROOT[size], proof[:-1])


@given(st.integers(2, 71), st.data())
def test_no_bit_of_an_inclusion_proof_may_differ(size: int, data: st.DataObject) -> None:
    index = data.draw(st.integers(0, size - 1))
    proof = tree.prove_inclusion(WHOLE, index, size)
    at, bit = data.draw(st.integers(0, len(proof) - 1)), data.draw(st.integers(0, 255))
    bent = [*proof[:at], flipped(proof[at], bit), *proof[at + 1 :]]
    assert not tree.is_included(ENTRIES[index], index, size, bent, ROOT[size])
    assert not tree.is_included(flipped(ENTRIES[index], bit), index, size, proof, ROOT[size])


def test_a_history_that_was_rewritten_is_not_consistent() -> None:
    bent = tree.over([*ENTRIES[:10], b"else", *ENTRIES[11:]])
    for first in range(11, 71):
        proof = tree.prove_consistency(bent, first, 71)
        assert not tree.is_consistent(first, ROOT[first], 71, tree.root(bent, 71), proof)


@pytest.mark.parametrize(("first", "size"), [(-1, 3), (4, 3)])
def test_a_tree_never_shrinks(first: int, size: int) -> None:
    assert not tree.is_consistent(first, ROOT[3], size, ROOT[3], [])
    with pytest.raises(Malformed):
        tree.prove_consistency(WHOLE, first, size)


def test_a_proof_of_four_million_reads_few_subtrees() -> None:
    """Nothing is asked for but perfect subtrees inside the tree."""
    size, asked = 4_000_001, 0

    def subtree(level: int, index: int) -> bytes:
        nonlocal asked
        asked += 1
        assert index + 1 << level <= size
        return bytes(32)

    assert len(tree.prove_inclusion(subtree, 1_234_567, size)) <= 22
    tree.prove_consistency(subtree, 3_999_999, size)
    tree.root(subtree, size)
    assert asked <= 3 * 40

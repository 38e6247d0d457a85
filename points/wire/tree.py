"""The Merkle tree of RFC 9162 (certificate transparency): over a batch's operations, and over the log.

    leaf = SHA256(00 | entry), node = SHA256(01 | left | right), the empty tree is SHA256 of nothing;
    a tree of n splits at the largest power of two below n.

A root, a proof that an entry is in it and a proof that a tree only grew are made of hashes of perfect
subtrees alone: (level, index) covers the leaves from index * 2**level on. Who keeps those needs two for each
doubling and no entry; a perfect subtree never changes again. The checks believe nothing but the roots.
It refuses to know what an entry is and where subtrees are kept.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from hashlib import sha256

from points.wire.faults import Malformed

HASHES_MAX = 64
"""In a proof. A tree of 2**53 leaves needs no more than 54."""
EMPTY_ROOT = sha256(b"").digest()

Subtree = Callable[[int, int], bytes]
"""(level, index) -> the hash of that perfect subtree."""
Range = tuple[int, int]


def leaf(entry: bytes) -> bytes:
    """The hash of one entry."""
    return sha256(b"\0" + entry).digest()


def join(left: bytes, right: bytes) -> bytes:
    """The hash above two."""
    return sha256(b"\1" + left + right).digest()


def over(entries: Sequence[bytes]) -> Subtree:
    """The perfect subtrees over entries that are all at hand."""
    levels = [[sha256(b"\0" + entry).digest() for entry in entries]]
    while len(below := levels[-1]) > 1:
        pairs = zip(below[::2], below[1::2], strict=False)
        levels.append([sha256(b"\1" + left + right).digest() for left, right in pairs])
    return lambda level, index: levels[level][index]


def merkle_root(entries: Sequence[bytes]) -> bytes:
    """RFC 9162 §2.1.1, MTH of all entries."""
    return root(over(entries), len(entries))


def roots_at(entries: Iterable[bytes], sizes: Collection[int]) -> tuple[int, dict[int, bytes]]:
    """(how many entries there are, the root of each of these sizes), of entries that are read once."""
    whole: list[tuple[int, bytes]] = []  # (leaves, hash) of the perfect subtrees, largest first
    found = {0: EMPTY_ROOT} if 0 in sizes else {}
    count = 0
    for count, entry in enumerate(entries, 1):
        part = (1, leaf(entry))
        while whole and whole[-1][0] == part[0]:
            part = (2 * part[0], join(whole.pop()[1], part[1]))
        whole.append(part)
        if count in sizes:
            node = whole[-1][1]
            for _, left in reversed(whole[:-1]):
                node = join(left, node)
            found[count] = node
    return count, found


def inclusion(entries: Sequence[bytes], index: int) -> list[bytes]:
    """The hashes that prove entry ``index`` in the tree of all entries, leaf's sister first."""
    return prove_inclusion(over(entries), index, len(entries))


def root(subtree: Subtree, size: int) -> bytes:
    """The root of the first ``size`` leaves."""
    return hash_of(subtree, (0, size)) if size else EMPTY_ROOT


def hash_of(subtree: Subtree, leaves: Range) -> bytes:
    """The hash over leaves [low, high) that are a part of the tree: joined from its perfect subtrees."""
    at, high = leaves
    whole = []
    while at < high:
        level = (high - at).bit_length() - 1
        whole.append(subtree(level, at >> level))
        at += 1 << level
    found = whole.pop()
    while whole:
        found = join(whole.pop(), found)
    return found


def prove_inclusion(subtree: Subtree, index: int, size: int) -> list[bytes]:
    """RFC 9162 §2.1.3.1: the hashes from leaf ``index`` to the root of ``size``, its sister first."""
    if not 0 <= index < size:
        raise Malformed(why="index")
    low, high = 0, size
    ranges: list[Range] = []
    while high - low > 1:
        middle = low + _split(high - low)
        if index < middle:
            ranges.append((middle, high))
            high = middle
        else:
            ranges.append((low, middle))
            low = middle
    return [hash_of(subtree, leaves) for leaves in reversed(ranges)]


def prove_consistency(subtree: Subtree, first: int, size: int) -> list[bytes]:
    """RFC 9162 §2.1.4.1: the hashes that prove the tree of ``first`` to be the beginning of ``size``."""
    if not 0 <= first <= size:
        raise Malformed(why="size")
    if first == 0:
        return []  # every tree begins with nothing
    low, high = 0, size
    ranges: list[Range] = []
    while high != first:
        middle = low + _split(high - low)
        if first <= middle:
            ranges.append((middle, high))
            high = middle
        else:
            ranges.append((low, middle))
            low = middle
    if low:
        ranges.append((low, high))
    return [hash_of(subtree, leaves) for leaves in reversed(ranges)]


def is_included(entry: bytes, index: int, size: int, proof: Sequence[bytes], root: bytes) -> bool:
    """RFC 9162 §2.1.3.2: whether the proof leads from this entry to this root."""
    if not 0 <= index < size:
        return False
    node, last = leaf(entry), size - 1
    for sister in proof:
        if last == 0:
            return False
        if index & 1 or index == last:
            node = join(sister, node)
            while index and not index & 1:
                index, last = index >> 1, last >> 1
        else:
            node = join(node, sister)
        index, last = index >> 1, last >> 1
    return last == 0 and node == root


def is_consistent(first: int, first_root: bytes, size: int, root: bytes, proof: Sequence[bytes]) -> bool:
    """RFC 9162 §2.1.4.2: whether the tree of ``first`` leaves is the beginning of that of ``size``."""
    if not 0 <= first <= size:
        return False
    if first in (0, size):
        return not proof and first_root == (root if first else EMPTY_ROOT)
    path = [first_root, *proof] if first & (first - 1) == 0 else list(proof)
    if not path:
        return False
    index, last = first - 1, size - 1
    while index & 1:
        index, last = index >> 1, last >> 1
    old = new = path[0]
    for sister in path[1:]:
        if last == 0:
            return False
        if index & 1 or index == last:
            old, new = join(sister, old), join(sister, new)
            while index and not index & 1:
                index, last = index >> 1, last >> 1
        else:
            new = join(new, sister)
        index, last = index >> 1, last >> 1
    return last == 0 and old == first_root and new == root


def _split(size: int) -> int:
    """The largest power of two below ``size``."""
    return 1 << (size - 1).bit_length() - 1

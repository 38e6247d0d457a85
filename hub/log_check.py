"""The log held against the receipts that headquarters keeps: each stands in it once, or waits for its place.

The tree is made again from the receipts' own bytes, in the order of their places, and must be what the stored
subtrees and every signed head of this incarnation say. It only reads.
"""

from __future__ import annotations

from collections.abc import Iterator

from hub.office import Office
from hub.store import log
from hub.store.engine import Turn
from points.wire import checkpoint, tree
from points.wire.ack import leaf_entry

LEAVES_A_READING = 1_000


def faults(look: Turn, office: Office) -> list[str]:
    """What does not agree, in words for people who run headquarters."""
    size, found = log.size(look), []
    heads = {head.size: head for head in map(checkpoint.read, log.notes(look, office.inc))}
    count, roots = tree.roots_at(_entries(look, size), {size, *heads})
    if count != size:
        found.append(f"the log has {size} places and {count} receipts stand in them")
    if roots.get(size) != tree.root(log.reader(look), size):
        found.append("the log's subtrees are not those of its receipts")
    found += [
        f"the head over {head.size} receipts is not of this log"
        for head in heads.values()
        if roots.get(head.size) != head.root
    ]
    outside = log.outside(look)
    if outside:
        found.append(f"{outside} receipts stand nowhere in the log and wait for no place")
    return found


def _entries(look: Turn, size: int) -> Iterator[bytes]:
    for start in range(0, size, LEAVES_A_READING):
        for raw in log.acks(look, start, start + LEAVES_A_READING):
            yield leaf_entry(raw)

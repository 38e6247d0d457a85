"""The public keys of all tills: who signed what headquarters hears."""

from __future__ import annotations

from hub.store.engine import Turn
from points.wire.chain import NO_PARENT
from points.wire.lane import KeyRecord, Lane


def find(look: Turn, kid: str, chain: str) -> KeyRecord | None:
    """The record of a key, None for none; it is never deleted, so old signatures still verify."""
    row = look.one(
        "SELECT public, store, till, epoch, suite, not_before_ms, revoked_at_ms, max_seq, parent_seq,"
        " parent_head FROM keys WHERE kid = ?",
        (kid,),
    )
    if row is None:
        return None
    public, store, till, epoch, suite, not_before_ms, revoked_at_ms, max_seq, parent_seq, parent_head = row
    return KeyRecord(
        bytes(public), frozenset({Lane(chain, store, till, epoch)}), suite, not_before_ms, revoked_at_ms,
        max_seq, parent_seq, bytes.fromhex(parent_head) or NO_PARENT,
    )  # fmt: skip


def lineage(look: Turn, store: str, till: str, epoch: int) -> tuple[int, ...]:
    """The epoch of a PC and those of the lanes that it continues after forks, the latest first."""
    epochs = [epoch]
    while (
        row := look.one(
            "SELECT p.epoch FROM keys k JOIN keys p ON p.kid = k.parent"
            " WHERE k.store = ? AND k.till = ? AND k.epoch = ?",
            (store, till, epochs[-1]),
        )
    ) is not None:
        epochs.append(int(row[0]))
    return tuple(epochs)


def began_in(look: Turn, lane: tuple[str, str, int]) -> int:
    """The rights term in which a PC began to go on in this lane after a fork, 0 where it did not.

    What stands there with an earlier one was recorded before the fork.
    """
    row = look.one("SELECT term FROM keys WHERE store = ? AND till = ? AND epoch = ? AND parent <> ''", lane)
    return 0 if row is None else int(row[0])


def continues(look: Turn, lane: tuple[str, str, int], earlier: tuple[str, str, int]) -> bool:
    """Whether the PC of a lane is that of an earlier one, or the same lane."""
    return lane == earlier or (lane[:2] == earlier[:2] and earlier[2] in lineage(look, *lane))


def went_on(look: Turn, store: str, till: str, epoch: int) -> list[list[int]]:
    """[epoch, last number heard] of every lane that continues this one after forks."""
    rows = look.run(
        "SELECT k.epoch, coalesce(l.seq, 0) FROM keys k LEFT JOIN lanes l"
        " ON l.store = k.store AND l.till = k.till AND l.epoch = k.epoch"
        " WHERE k.store = ? AND k.till = ? AND k.epoch > ? ORDER BY k.epoch",
        (store, till, epoch),
    )
    return [[later, seq] for later, seq in rows if epoch in lineage(look, store, till, later)]

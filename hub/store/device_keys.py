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

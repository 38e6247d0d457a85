"""A lane, and the record of the key that may write in it.

A lane is one chain of operations: (chain, store, till, epoch), one writer, one
sequence from 1. Its old epochs are sealed and never used again. A key record is
made once, at enrolment, fixes the suite, and is never deleted: what was signed
in 2026 must still verify in 2036, also after the key was revoked.
It refuses to know where records are kept.
"""

from __future__ import annotations

from dataclasses import dataclass

from points.wire.faults import Malformed
from points.wire.fields import SUITE, U32_MAX, is_name
from points.wire.keys import kid_of

HUB_STORE = "hq"  # the hub's own lanes: store `hq`, till = the worker
HUB_TILL = "w1"


@dataclass(frozen=True, slots=True, order=True)
class Lane:
    """(chain, store, till, epoch); the order is by these four."""

    chain: str
    store: str
    till: str
    epoch: int

    def __post_init__(self) -> None:
        if not (is_name(self.chain) and is_name(self.store) and is_name(self.till)):
            raise Malformed(why="lane")
        if type(self.epoch) is not int or not 1 <= self.epoch <= U32_MAX:
            raise Malformed(why="epoch")

    @property
    def columns(self) -> tuple[str, str, int]:
        """Store, till and epoch: what names it in the database of its chain."""
        return self.store, self.till, self.epoch


@dataclass(frozen=True, slots=True)
class KeyRecord:
    """What the hub knows of one device key.

    `max_seq_at_revocation` is the last sequence number that the hub had accepted when the key
    was revoked: a later one proves nothing, since the thief has the key too. `parent_seq` and
    `parent_head` are where the lane continues another one after a fork, zeros for none.
    """

    public_raw: bytes
    lanes: frozenset[Lane]
    suite: str = SUITE
    not_before_ms: int = 0
    revoked_at_ms: int | None = None
    max_seq_at_revocation: int | None = None
    parent_seq: int = 0
    parent_head: bytes = bytes(32)

    @property
    def kid(self) -> str:
        return kid_of(self.public_raw)

    def vouches_for(self, seq: int) -> bool:
        """Whether this key's signature over `seq` is still evidence that the device wrote it."""
        return self.revoked_at_ms is None or seq <= (self.max_seq_at_revocation or 0)

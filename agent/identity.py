"""Who a till is: its lane, its key, headquarters' keys, and where its lane begins."""

from __future__ import annotations

from dataclasses import dataclass

from points.wire import chain
from points.wire.keys import SigningKey
from points.wire.lane import Lane
from points.wire.succession import Granted

VERSION = "jifen/0.1.0"
"""What this program calls itself."""


@dataclass(frozen=True, slots=True)
class Identity:
    """Who this till is, from its admission: lane, device key, headquarters' keys, the store's keys."""

    lane: Lane
    key: SigningKey
    hub_name: str
    hub_url: str
    hub_receipt_public: bytes
    hub_manifest_public: bytes
    hub_pii_public: bytes
    index_key: bytes
    shard_key: bytes
    region: str
    term: int = 1
    inc: int = 1
    granted: Granted | None = None
    """The lane in which it goes on after a fork, and where that begins."""
    former_public: bytes = b""
    """The key of the lane before that."""
    hub_log_public: bytes = b""
    """The key that signs heads of headquarters' log; empty where this till is older than that."""

    @property
    def genesis(self) -> bytes:
        """The hash before the first operation of its lane."""
        lane, parent = self.lane, self.granted.parent if self.granted else None
        beginning = (parent.head, parent.seq) if parent else (chain.NO_PARENT, 0)
        return chain.genesis(lane.chain, lane.store, lane.till, lane.epoch, self.key.public_raw, *beginning)

"""How far a conversation has come: each lane, each shard, each of the two directions.

Small mutable things that one `uplink.Conversation` owns. Each says what it wants next and
how often it has tried; none knows the others.
It refuses to decide what a "no" means (`calls`) and in which order wishes are served (`uplink`).
"""

from __future__ import annotations

from dataclasses import dataclass, field

from points.wire.calls import (
    FIRST_PAUSE_MS,
    GAPS_MAX,
    PAUSE_MS_MAX,
    TRIES_MAX,
    GetBlob,
    GetManifest,
    ManifestHeard,
    Pause,
    SayHello,
    SendBatch,
)
from points.wire.manifest import PRIVATE_TOPIC


@dataclass(slots=True)
class LaneProgress:
    """One lane on its way up. `next` is the first operation that no ack covers."""

    epoch: int
    next: int
    recorded: int
    ops_max: int
    recut: bool = False
    gaps: int = 0
    left: bool = False
    is_past: bool = False
    is_offered: bool = False
    """Whether it is offered again from what a restored hub has."""

    @property
    def is_sent(self) -> bool:
        return self.next > self.recorded

    def wish(self) -> SendBatch | None:
        if self.left or self.is_sent:
            return None
        last = min(self.recorded, self.next + self.ops_max - 1)
        return SendBatch(self.epoch, self.next, last, self.recut)

    def advance(self, last: int) -> None:
        self.next, self.recut = last + 1, False

    def step_back(self, sent: SendBatch, wants: object) -> bool:
        """Go back to the number a hub with a gap wants; whether that leads anywhere."""
        self.gaps += 1
        if type(wants) is not int or not 1 <= wants < sent.first or self.gaps > GAPS_MAX:
            return False
        self.next = wants
        return True

    def cut_anew(self, sent: SendBatch, smaller: bool) -> bool:
        """Send the next one cut anew, half as large if `smaller`; whether there is anything left to try."""
        count = sent.last - sent.first + 1
        if smaller and count > 1:
            self.ops_max = count // 2
        elif smaller or sent.recut:
            return False
        self.recut = True
        return True


@dataclass(slots=True)
class ShardProgress:
    """One shard on its way down. `g` is -1 until a manifest told it."""

    topic: str
    shard: str
    g: int = -1
    asks: int = 0
    is_heard: bool = False
    left: bool = False
    wanted: list[str] = field(default_factory=list)
    _refreshed: bool = False

    @property
    def is_whole(self) -> bool:
        return self.is_heard and not self.left and not self.wanted

    def wish(self) -> SayHello | GetManifest | GetBlob | None:
        if self.left:
            return None
        if not self.is_heard:
            return self.question()
        return GetBlob(self.topic, self.shard, self.wanted[0]) if self.wanted else None

    def question(self) -> SayHello | GetManifest:
        """A till's own page comes with the answer to its hello."""
        return SayHello() if self.topic == PRIVATE_TOPIC else GetManifest(self.topic, self.shard)

    def take(self, heard: ManifestHeard) -> None:
        self.is_heard, self.g = True, heard.g
        self.asks += 1
        self.wanted = list(dict.fromkeys(heard.blobs))

    def refresh(self) -> bool:
        """Ask for the manifest anew, since a blob it names is not there; False if that was done before."""
        if self._refreshed:
            return False
        self._refreshed, self.is_heard = True, False
        return True


@dataclass(slots=True)
class Direction:
    """Up or down: whether it goes on tonight, and what it waits for."""

    stopped: bool = False
    pause: Pause | None = None
    _tries: int = 0
    _again: bool = False

    @property
    def is_open(self) -> bool:
        return not self.stopped and self.pause is None

    def succeed(self) -> None:
        self._tries, self._again = 0, False

    def wait(self, at_least_ms: int) -> bool:
        """Wait and try the same again; False if it was tried often enough, or the wait is too long."""
        self._tries += 1
        if self._tries >= TRIES_MAX or at_least_ms > PAUSE_MS_MAX:
            return False
        self.pause = Pause(at_least_ms, self._tries)
        return True

    def wait_for_news(self, asks: int) -> None:
        """Wait for the hub to publish; not a failure, so it counts no try."""
        self.pause = Pause(FIRST_PAUSE_MS, asks)

    def once_more(self) -> bool:
        """Whether the same may be said again at once: one time between two good answers."""
        first, self._again = not self._again, True
        return first

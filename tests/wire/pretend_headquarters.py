"""A headquarters without a network, which answers as the real one does or as a test wants it to."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from points.wire.calls import (
    AckHeard,
    Answer,
    BlobHeard,
    Call,
    GetBlob,
    GetManifest,
    HelloHeard,
    ManifestHeard,
    Pause,
    PutSealed,
    Refused,
    Rested,
    SayHello,
    SealedHeard,
    SendBatch,
)
from points.wire.uplink import Conversation, Mood, Outgoing

PRIVATE = "s01/t1"
SHARED = [("members", "r1"), ("rules", "all")]
CALLS_MAX = 400  # no night of these sizes may need more


@dataclass
class PretendHub:
    """Answers every call as the real one would; `twist` may answer in its place, or return None."""

    next: dict[int, int] = field(default_factory=dict)
    g: int = 10
    shared_ahead: int = 0
    private_lags: int = 0
    sealed: set[str] = field(default_factory=set)
    twist: Callable[[Call, int], Answer | None] = lambda call, count: None
    heard: list[Call] = field(default_factory=list)
    apart: set[tuple[str, str]] = field(default_factory=set)

    def answer(self, call: Call) -> Answer:
        self.heard.append(call)
        return self.twist(call, len(self.heard)) or self._answer(call)

    def _answer(self, call: Call) -> Answer:
        match call:
            case SayHello(has_more):
                return HelloHeard(dict(self.next), () if has_more else self._new())
            case GetManifest(topic, shard):
                return self._manifest(topic, shard)
            case SendBatch(epoch, first, last):
                wanted = self.next.setdefault(epoch, 1)
                if first > wanted:
                    return Refused("gap", {"next": wanted, "head": "00"})
                self.next[epoch] = max(wanted, last + 1)
                self.g += 1
                return AckHeard(epoch, last)
            case PutSealed(op_id):
                self.sealed.add(op_id)
                return SealedHeard(op_id)
            case GetBlob(topic, shard, sha):
                return BlobHeard(topic, shard, sha)
            case Pause():
                return Rested()

    def _new(self) -> tuple[ManifestHeard, ...]:
        """All manifests, or some of them when `apart` must be asked for."""
        self.private_lags -= 1
        g = self.g + (self.shared_ahead if self.private_lags < 0 else 0)
        private = ManifestHeard("till", PRIVATE, g, (f"private-{g}",))
        return (*(self._manifest(*shard) for shard in SHARED if shard not in self.apart), private)

    def _manifest(self, topic: str, shard: str) -> ManifestHeard:
        return ManifestHeard(topic, shard, self.g + self.shared_ahead, (f"{topic}-a", f"{topic}-b"))


def night(
    hub: PretendHub,
    lanes: Iterable[Outgoing] = (Outgoing(1, 0, 2500),),
    sealed: Iterable[str] = ("op-1", "op-2"),
    private_g: int = -1,
) -> Conversation:
    """The whole conversation, played to its end."""
    talk = Conversation(PRIVATE, lanes, sealed, SHARED, private_g)
    for _ in range(CALLS_MAX):
        call = talk.next_call()
        if call is None:
            assert talk.mood is Mood.RESTING
            return talk
        assert talk.next_call() == call  # asking twice changes nothing
        talk.hear(hub.answer(call))
    raise AssertionError(f"no end in sight: {hub.heard[-5:]}")


def refusing(kind: type[Call], problem: str, detail: dict[str, object] | None = None, times: int = 10**6):
    """A twist: the first `times` calls of this kind are refused."""
    left = [times]

    def twist(call: Call, count: int) -> Answer | None:
        if isinstance(call, kind) and left[0] > 0:
            left[0] -= 1
            return Refused(problem, detail or {})
        return None

    return twist


def kinds(calls: Iterable[Call]) -> list[type[Call]]:
    return [type(call) for call in calls]


def fetched_all(hub: PretendHub) -> bool:
    blobs = {call.sha for call in hub.heard if isinstance(call, GetBlob)}
    return {"members-a", "members-b", "rules-a", "rules-b"} <= blobs

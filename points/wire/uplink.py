"""The till's side of the conversation with headquarters, without a network.

    private manifest -> batches, lane by lane, one in flight -> sealed personal data
    -> shared manifests and their blobs -> private manifest again, its blobs -> resting

The driver asks `next_call`, does it, and tells `hear` what came back. Nothing here opens a
socket, reads a clock or touches a disk, so every ending of every night is played in a test:
a lost answer, an answer twice, a hub that dies half-way.
    * Asking twice without hearing gives the same call; an answer heard twice changes nothing.
    * Uploads and downloads are two directions: one that is stopped or waits never holds the other.
    * Every conversation ends: each answer either leaves less to do or is counted (`calls`).
    * A shared manifest may be ahead of the private one, by whose `g` own operations are told from
      heard ones. It then waits: the private one is asked again, and `ready` names what may be applied.
It refuses to know bytes and keys: the driver verifies, and tells a forged answer as Refused.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from points.wire.batch_header import OPS_MAX
from points.wire.calls import (
    FIRST_PAUSE_MS,
    GAPS_MAX,
    IN_PROGRESS_MS,
    PAUSE_MS_MAX,
    PRIVATE_ASKS_MAX,
    TRIES_MAX,
    AckHeard,
    Answer,
    BlobHeard,
    Call,
    GetBlob,
    GetManifest,
    ManifestHeard,
    Pause,
    PutSealed,
    Reaction,
    Refused,
    Request,
    Rested,
    SealedHeard,
    SendBatch,
    reaction_to,
)
from points.wire.faults import Problem
from points.wire.manifest import PRIVATE_TOPIC

UNREACHABLE, REWOUND, ACK_BEYOND = "unreachable", "rewound", "ack-beyond"


class Mood(Enum):
    """Where the conversation stands, for a page and a log."""

    SENDING = "sending"
    FETCHING = "fetching"
    RESTING = "resting"


@dataclass(frozen=True, slots=True)
class Outgoing:
    """One of the till's lanes: acked up to and recorded up to, 0 for none."""

    epoch: int
    acked: int
    recorded: int


@dataclass(frozen=True, slots=True)
class Alarm:
    """Something a person should see: the call that was answered so, the problem, its facts."""

    call: Request
    problem: str
    detail: Mapping[str, Any]


@dataclass(slots=True)
class _Lane:
    epoch: int
    next: int
    recorded: int
    ops_max: int
    recut: bool = False
    gaps: int = 0
    left: bool = False


@dataclass(slots=True)
class _Shard:
    topic: str
    shard: str
    asks: int = 0
    heard: bool = False
    refreshed: bool = False
    left: bool = False
    g: int = -1
    wanted: list[str] = field(default_factory=list)


@dataclass(slots=True)
class _Direction:
    tries: int = 0
    again: bool = False
    stopped: bool = False
    pause: Pause | None = None

    @property
    def is_open(self) -> bool:
        return not self.stopped and self.pause is None


class Conversation:
    """One contact with headquarters, from the first question to rest."""

    def __init__(
        self,
        private_shard: str,
        lanes: Iterable[Outgoing],
        sealed: Iterable[str],
        shared: Sequence[tuple[str, str]],
        inc: int,
        private_g: int = -1,
        ops_max: int = OPS_MAX,
    ) -> None:
        """`sealed` are operation ids, `shared` (topic, shard) in order, `inc` the highest one an ack told,
        `private_g` that of the private manifest applied last, -1 if there was none."""
        ordered = sorted(lanes, key=lambda lane: lane.epoch)
        assert all(0 <= lane.acked <= lane.recorded for lane in ordered)
        self._lanes = [_Lane(lane.epoch, lane.acked + 1, lane.recorded, ops_max) for lane in ordered]
        self._sealed = list(dict.fromkeys(sealed))
        self._sealed_left: list[str] = []
        self._private = _Shard(PRIVATE_TOPIC, private_shard, g=private_g)
        self._shared = [_Shard(topic, shard) for topic, shard in shared]
        self._inc = inc
        self._up, self._down = _Direction(), _Direction()
        self._sent_since_private = False
        self._asked: Request | None = None
        self._alarms: list[Alarm] = []

    @property
    def alarms(self) -> tuple[Alarm, ...]:
        return tuple(self._alarms)

    @property
    def mood(self) -> Mood:
        if not self._up.stopped and self._upload() is not None:
            return Mood.SENDING
        is_over = self._asked is None and self._wish() is None and self._due_pause() is None
        return Mood.RESTING if is_over else Mood.FETCHING

    @property
    def is_settled(self) -> bool:
        """Whether everything recorded is acked and every sealed blob delivered."""
        delivered = not self._sealed and not self._sealed_left
        return delivered and all(lane.next > lane.recorded for lane in self._lanes)

    def ready(self) -> tuple[tuple[str, str], ...]:
        """The shards that may be applied: whole, and not ahead of the private manifest."""
        shards = [shard for shard in (self._private, *self._shared) if shard.heard and not shard.left]
        return tuple((s.topic, s.shard) for s in shards if not s.wanted and s.g <= self._private.g)

    def next_call(self) -> Call | None:
        """What to do now; None when there is nothing left to do in this conversation."""
        if self._asked is None:
            self._asked = self._wish()
        return self._asked or self._due_pause()

    def hear(self, answer: Answer) -> bool:
        """Take an answer; whether it was news."""
        match answer:
            case AckHeard(epoch, last):
                return self._hear_ack(epoch, last)
            case SealedHeard(op_id):
                return self._hear_sealed(op_id)
            case ManifestHeard():
                return self._hear_manifest(answer)
            case BlobHeard(topic, shard, sha):
                return self._hear_blob(topic, shard, sha)
            case Rested():
                rested = self._up.pause is not None or self._down.pause is not None
                self._up.pause = self._down.pause = None
                return rested
        if self._asked is None:  # the late twin of a "no" that was dealt with
            return False
        call, self._asked = self._asked, None
        if isinstance(answer, Refused):
            self._react(call, answer)
        else:
            self._wait(call, Refused(UNREACHABLE), 0)
        return True

    # What there is to do, in order.

    def _wish(self) -> Request | None:
        if self._down.is_open and not self._private.heard and not self._private.left:
            return GetManifest(PRIVATE_TOPIC, self._private.shard)
        if self._up.is_open and (upload := self._upload()) is not None:
            return upload
        return self._download() if self._down.is_open else None

    def _upload(self) -> Request | None:
        for lane in self._lanes:
            if not lane.left and lane.next <= lane.recorded:
                last = min(lane.recorded, lane.next + lane.ops_max - 1)
                return SendBatch(lane.epoch, lane.next, last, lane.recut)
        return PutSealed(self._sealed[0]) if self._sealed else None

    def _download(self) -> Request | None:
        for shard in self._shared:
            if shard.left:
                continue
            if not shard.heard:
                return GetManifest(shard.topic, shard.shard)
            if shard.wanted:
                return GetBlob(shard.topic, shard.shard, shard.wanted[0])
        private = self._private
        if private.left or (not self._up.stopped and self._upload() is not None):
            return None
        if not private.heard or (private.asks < PRIVATE_ASKS_MAX and self._private_is_behind()):
            return GetManifest(PRIVATE_TOPIC, private.shard)
        return GetBlob(PRIVATE_TOPIC, private.shard, private.wanted[0]) if private.wanted else None

    def _private_is_behind(self) -> bool:
        return self._sent_since_private or any(
            shard.g > self._private.g for shard in self._shared if not shard.left
        )

    def _due_pause(self) -> Pause | None:
        pauses = [way.pause for way in (self._up, self._down) if way.pause is not None and not way.stopped]
        return max(pauses, key=lambda pause: (pause.at_least_ms, pause.tries), default=None)

    # Good answers.

    def _hear_ack(self, epoch: int, last: int) -> bool:
        lane = next((lane for lane in self._lanes if lane.epoch == epoch), None)
        if lane is None or last < lane.next:
            return False
        asked = self._asked
        mine = isinstance(asked, SendBatch) and asked.epoch == epoch
        if last > lane.recorded:
            if isinstance(asked, SendBatch) and mine:
                self._leave(asked, Refused(ACK_BEYOND, {"last": last}))
                self._asked = None
            return False
        lane.next, lane.recut = last + 1, False
        self._sent_since_private = True
        if mine:
            self._answered(self._up)
        return True

    def _hear_sealed(self, op_id: str) -> bool:
        if op_id not in self._sealed:
            return False
        self._sealed.remove(op_id)
        if self._asked == PutSealed(op_id):
            self._answered(self._up)
        return True

    def _hear_manifest(self, heard: ManifestHeard) -> bool:
        if self._asked != GetManifest(heard.topic, heard.shard):
            return False
        self._answered(self._down)
        shard = self._shard(heard.topic, heard.shard)
        shard.heard, shard.g, shard.wanted = True, heard.g, list(dict.fromkeys(heard.blobs))
        if shard is self._private:
            shard.asks += 1
            self._sent_since_private = False
            self._compare(heard)
            if 1 < shard.asks < PRIVATE_ASKS_MAX and self._private_is_behind():
                self._down.pause = Pause(FIRST_PAUSE_MS, shard.asks)
        return True

    def _compare(self, heard: ManifestHeard) -> None:
        """What the hub holds of our lanes against what we do.

        A lower `next` is an older manifest, unless the hub was restored (a higher `inc`): then it
        is offered again from there. A higher one than we ever recorded means that we were restored.
        """
        for lane in self._lanes:
            wants = heard.next.get(lane.epoch)
            if wants is None or lane.left:
                continue
            if wants > lane.recorded + 1:
                call = SendBatch(lane.epoch, lane.recorded + 1, lane.recorded + 1)
                self._leave(call, Refused(REWOUND, {"next": wants}))
            elif heard.inc > self._inc:
                lane.next = min(lane.next, max(wants, 1))
        self._inc = max(self._inc, heard.inc)

    def _hear_blob(self, topic: str, name: str, sha: str) -> bool:
        shard = self._shard(topic, name)
        if sha not in shard.wanted:
            return False
        shard.wanted.remove(sha)
        if self._asked == GetBlob(topic, name, sha):
            self._answered(self._down)
        return True

    def _answered(self, way: _Direction) -> None:
        self._asked = None
        way.tries, way.again = 0, False

    def _shard(self, topic: str, name: str) -> _Shard:
        known = (shard for shard in self._shared if (shard.topic, shard.shard) == (topic, name))
        return next(known, self._private)

    # Every "no".

    def _react(self, call: Request, refused: Refused) -> None:
        match reaction_to(call, refused.problem):
            case Reaction.WAIT:
                asked_s = refused.detail.get("retry_after_s", 0)
                least = asked_s * 1000 if type(asked_s) is int and asked_s > 0 else 0
                self._wait(
                    call, refused, least or (IN_PROGRESS_MS if refused.problem == Problem.IN_PROGRESS else 0)
                )
            case Reaction.AGAIN if not self._way(call).again:
                self._way(call).again = True
            case Reaction.RESEND if isinstance(call, SendBatch):
                self._resend(call, refused)
            case Reaction.RECUT if isinstance(call, SendBatch):
                self._recut(call, refused)
            case Reaction.REFETCH if isinstance(call, GetBlob):
                self._refetch(call, refused)
            case Reaction.SKIP:
                self._leave(call, refused)
            case _:
                self._stop(call, refused)

    def _way(self, call: Request) -> _Direction:
        return self._up if isinstance(call, SendBatch | PutSealed) else self._down

    def _wait(self, call: Request, refused: Refused, at_least_ms: int) -> None:
        way = self._way(call)
        way.tries += 1
        if way.tries >= TRIES_MAX or at_least_ms > PAUSE_MS_MAX:
            self._stop(call, refused)
        else:
            way.pause = Pause(at_least_ms, way.tries)

    def _resend(self, call: SendBatch, refused: Refused) -> None:
        lane = self._lane(call.epoch)
        wants = refused.detail.get("next")
        lane.gaps += 1
        if type(wants) is not int or not 1 <= wants < call.first or lane.gaps > GAPS_MAX:
            self._leave(call, refused)
        else:
            lane.next = wants

    def _recut(self, call: SendBatch, refused: Refused) -> None:
        lane, count = self._lane(call.epoch), call.last - call.first + 1
        if refused.problem == Problem.TOO_LARGE and count > 1:
            lane.ops_max, lane.recut = count // 2, True
        elif call.recut or refused.problem == Problem.TOO_LARGE:
            self._leave(call, refused)
        else:
            lane.recut = True

    def _refetch(self, call: GetBlob, refused: Refused) -> None:
        shard = self._shard(call.topic, call.shard)
        if shard.refreshed:
            self._leave(call, refused)
        shard.refreshed, shard.heard = True, False

    def _leave(self, call: Request, refused: Refused) -> None:
        match call:
            case SendBatch():
                self._lane(call.epoch).left = True
            case PutSealed(op_id):
                self._sealed.remove(op_id)
                self._sealed_left.append(op_id)
            case GetManifest(topic, name) | GetBlob(topic, name, _):
                self._shard(topic, name).left = True
        self._alarms.append(Alarm(call, refused.problem, refused.detail))

    def _stop(self, call: Request, refused: Refused) -> None:
        self._way(call).stopped = True
        self._alarms.append(Alarm(call, refused.problem, refused.detail))

    def _lane(self, epoch: int) -> _Lane:
        return next(lane for lane in self._lanes if lane.epoch == epoch)

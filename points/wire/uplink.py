"""The till's side of the conversation with headquarters, without a network.

    hello -> batches, lane by lane, one in flight -> sealed personal data
    -> hello again, if anything was sent -> what came with it -> its blobs -> resting

The driver asks `next_call`, does it, and tells `hear` what came back. Nothing here opens a
socket, reads a clock or touches a disk, so every ending of every night is played in a test:
a lost answer, an answer twice, a hub that dies half-way.
    * Asking twice without hearing gives the same call; an answer heard twice changes nothing.
    * Uploads and downloads are two directions: one that is stopped or waits never holds the other.
    * Every conversation ends: each answer either leaves less to do or is counted (`calls`).
    * With nothing to send and nothing new it is one question and its answer.
    * A shared manifest may be ahead of the private one, by whose `g` own operations are told from
      heard ones. It then waits: hello is said again, and `ready` names what may be applied.
It refuses to know bytes and keys: the driver verifies, and tells a forged answer as Refused.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any

from points.wire.batch_header import OPS_MAX
from points.wire.calls import (
    IN_PROGRESS_MS,
    PRIVATE_ASKS_MAX,
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
    Reaction,
    Refused,
    Request,
    Rested,
    SayHello,
    SealedHeard,
    SendBatch,
    Unreachable,
    reaction_to,
)
from points.wire.faults import Problem
from points.wire.manifest import PRIVATE_TOPIC
from points.wire.progress import Direction, LaneProgress, ShardProgress

# Alarms beside the problems of `faults`: what no hub says, but this side finds.
UNREACHABLE, REWOUND, ACK_BEYOND, UNTOLD = "unreachable", "rewound", "ack-beyond", "untold"


class Mood(Enum):
    """Where the conversation stands, for a page and a log."""

    SENDING = "sending"
    FETCHING = "fetching"
    RESTING = "resting"


@dataclass(frozen=True, slots=True)
class Outgoing:
    """One of the till's lanes: acked up to and recorded up to, 0 for none. One that `is_past` is written by
    others perhaps, after a fork: of it only what the hub lost is offered."""

    epoch: int
    acked: int
    recorded: int
    is_past: bool = False


@dataclass(frozen=True, slots=True)
class Alarm:
    """Something a person should see: the call that was answered so, the problem, its facts."""

    call: Request
    problem: str
    detail: Mapping[str, Any]


class Conversation:
    """One contact with headquarters, from the first question to rest."""

    def __init__(
        self,
        private_shard: str,
        lanes: Iterable[Outgoing],
        sealed: Iterable[str],
        shared: Sequence[tuple[str, str]],
        private_g: int = -1,
        ops_max: int = OPS_MAX,
    ) -> None:
        """`sealed` are operation ids, `shared` (topic, shard) in order, `private_g` that of the private
        manifest applied last, -1 if there was none."""
        ordered = sorted(lanes, key=lambda lane: lane.epoch)
        assert all(0 <= lane.acked <= lane.recorded for lane in ordered)
        self._lanes = [
            LaneProgress(lane.epoch, lane.acked + 1, lane.recorded, ops_max, is_past=lane.is_past)
            for lane in ordered
        ]
        self._sealed = list(dict.fromkeys(sealed))
        self._sealed_left: list[str] = []
        self._private = ShardProgress(PRIVATE_TOPIC, private_shard, private_g)
        self._shared = [ShardProgress(topic, shard) for topic, shard in shared]
        self._up, self._down = Direction(), Direction()
        self._is_greeted = self._sent_since_private = False
        self._asked: Request | None = None
        self._alarms: list[Alarm] = []

    @property
    def alarms(self) -> tuple[Alarm, ...]:
        return tuple(self._alarms)

    @property
    def mood(self) -> Mood:
        if self._has_uploads():
            return Mood.SENDING
        is_over = self._asked is None and self._wish() is None and self._due_pause() is None
        return Mood.RESTING if is_over else Mood.FETCHING

    @property
    def is_settled(self) -> bool:
        """Whether everything recorded is acked and every sealed blob delivered."""
        delivered = not self._sealed and not self._sealed_left
        return delivered and all(lane.is_sent for lane in self._lanes)

    def ready(self) -> tuple[tuple[str, str], ...]:
        """The shards that may be applied: whole, and not ahead of the private manifest."""
        shards = (self._private, *self._shared)
        return tuple((s.topic, s.shard) for s in shards if s.is_whole and s.g <= self._private.g)

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
            case HelloHeard():
                return self._hear_hello(answer)
            case ManifestHeard():
                return self._hear_manifest(answer)
            case BlobHeard():
                return self._hear_blob(answer)
            case Rested():
                rested = self._due_pause() is not None
                self._up.pause = self._down.pause = None
                return rested
            case Refused() | Unreachable():
                return self._hear_no(answer)

    # What there is to do, in order.

    def _wish(self) -> Request | None:
        upload = self._upload() if self._up.is_open else None
        if self._down.is_open and not self._is_greeted and not self._private.left:
            return SayHello(has_more=upload is not None)
        if upload is not None:
            return upload
        return self._download() if self._down.is_open else None

    def _upload(self) -> Request | None:
        batches = (lane.wish() for lane in self._lanes)
        batch = next((wish for wish in batches if wish is not None), None)
        return batch or (PutSealed(self._sealed[0]) if self._sealed else None)

    def _has_uploads(self) -> bool:
        return not self._up.stopped and self._upload() is not None

    def _download(self) -> Request | None:
        private = self._private
        if not private.left and not private.is_heard:
            return private.question()
        for shard in self._shared:
            if (wish := shard.wish()) is not None:
                return wish
        if private.left:
            return None
        is_behind = not self._has_uploads() and self._private_is_behind()
        return private.question() if is_behind and private.asks < PRIVATE_ASKS_MAX else private.wish()

    def _private_is_behind(self) -> bool:
        ahead = (shard.g > self._private.g for shard in self._shared if not shard.left)
        return self._sent_since_private or any(ahead)

    def _due_pause(self) -> Pause | None:
        pauses = [way.pause for way in (self._up, self._down) if way.pause is not None and not way.stopped]
        return max(pauses, key=lambda pause: (pause.at_least_ms, pause.tries), default=None)

    # Good answers.

    def _hear_ack(self, epoch: int, last: int) -> bool:
        lane = next((lane for lane in self._lanes if lane.epoch == epoch), None)
        if lane is None or last < lane.next:
            return False
        asked = self._asked
        if isinstance(asked, SendBatch) and asked.epoch == epoch:
            self._succeed(self._up)
            if last > lane.recorded:
                self._leave(asked, ACK_BEYOND, {"last": last})
        if last > lane.recorded:
            return False
        lane.advance(last)
        self._sent_since_private = True
        return True

    def _hear_sealed(self, op_id: str) -> bool:
        if op_id not in self._sealed:
            return False
        self._sealed.remove(op_id)
        if self._asked == PutSealed(op_id):
            self._succeed(self._up)
        return True

    def _hear_hello(self, heard: HelloHeard) -> bool:
        asked = self._asked
        if not isinstance(asked, SayHello):
            return False
        self._succeed(self._down)
        self._is_greeted = True
        self._compare(heard)
        if heard.forked and not heard.shards:
            self._down.stopped = not asked.has_more  # nothing is told to a till that is not the newest
        if asked.has_more or self._down.stopped:
            return True
        if all(told.topic != PRIVATE_TOPIC for told in heard.shards):
            if not self._has_uploads():  # else it hears what the hub lost first, and then tells the rest
                self._stop(self._down, asked, UNTOLD, {})
            return True
        self._sent_since_private = False
        for told in heard.shards:
            self._shard(told.topic, told.shard).take(told)
        asks = self._private.asks
        if 1 < asks < PRIVATE_ASKS_MAX and self._private_is_behind():
            self._down.wait_for_news(asks)
        return True

    def _hear_manifest(self, heard: ManifestHeard) -> bool:
        if self._asked != GetManifest(heard.topic, heard.shard):
            return False
        self._succeed(self._down)
        self._shard(heard.topic, heard.shard).take(heard)
        return True

    def _compare(self, heard: HelloHeard) -> None:
        """What the hub holds of our lanes against what we do.

        A lower `next` than was acked means that the hub was restored: everything from there is offered again,
        once in a conversation. A higher one than we ever recorded means that we were restored; another
        history, that there are two of us, or were.
        """
        for lane in self._lanes:
            wants = heard.next.get(lane.epoch)
            if wants is None or lane.left:
                continue
            if wants > lane.recorded + 1 and not lane.is_past:
                unwritten = SendBatch(lane.epoch, lane.recorded + 1, lane.recorded + 1)
                self._leave(unwritten, REWOUND, {"next": wants})
            elif lane.epoch in heard.forked:
                self._leave(SendBatch(lane.epoch, wants, wants), Problem.FORK, {"at": wants - 1})
            elif wants < lane.next and not lane.is_offered:
                lane.next, lane.is_offered = max(wants, 1), True

    def _hear_blob(self, heard: BlobHeard) -> bool:
        shard = self._shard(heard.topic, heard.shard)
        if heard.sha not in shard.wanted:
            return False
        shard.wanted.remove(heard.sha)
        shard.wanted += [sha for sha in heard.more if sha not in shard.wanted]
        if self._asked == GetBlob(heard.topic, heard.shard, heard.sha):
            self._succeed(self._down)
        return True

    def _succeed(self, way: Direction) -> None:
        self._asked = None
        way.succeed()

    # Every "no".

    def _hear_no(self, no: Refused | Unreachable) -> bool:
        if self._asked is None:  # the late twin of a "no" that was dealt with
            return False
        call, self._asked = self._asked, None
        way = self._up if isinstance(call, SendBatch | PutSealed) else self._down
        if isinstance(no, Unreachable):
            if not way.wait(0):
                self._stop(way, call, UNREACHABLE, {})
            return True
        match reaction_to(call, no.problem):
            case Reaction.WAIT:
                goes_on = way.wait(_asked_ms(no))
            case Reaction.AGAIN:
                goes_on = way.once_more()
            case Reaction.RESEND | Reaction.RECUT | Reaction.REFETCH | Reaction.SKIP:
                if not self._mend(call, no):
                    self._leave(call, no.problem, no.detail)
                return True
            case Reaction.STOP:
                goes_on = False
        if not goes_on:
            self._stop(way, call, no.problem, no.detail)
        return True

    def _mend(self, call: Request, no: Refused) -> bool:
        """Do what may help this lane or shard alone; False if there is nothing, or it was done before."""
        match reaction_to(call, no.problem), call:
            case Reaction.RESEND, SendBatch(epoch):
                return self._lane(epoch).step_back(call, no.detail.get("next"))
            case Reaction.RECUT, SendBatch(epoch):
                return self._lane(epoch).cut_anew(call, smaller=no.problem == Problem.TOO_LARGE)
            case Reaction.REFETCH, GetBlob(topic, name, _):
                return self._shard(topic, name).refresh()
        return False

    def _leave(self, call: Request, problem: str, detail: Mapping[str, Any]) -> None:
        match call:
            case SendBatch(epoch):
                self._lane(epoch).left = True
            case PutSealed(op_id):
                self._sealed.remove(op_id)
                self._sealed_left.append(op_id)
            case SayHello():
                self._private.left = True
            case GetManifest(topic, name) | GetBlob(topic, name, _):
                self._shard(topic, name).left = True
        self._alarms.append(Alarm(call, problem, detail))

    def _stop(self, way: Direction, call: Request, problem: str, detail: Mapping[str, Any]) -> None:
        way.stopped = True
        self._alarms.append(Alarm(call, problem, detail))

    def _lane(self, epoch: int) -> LaneProgress:
        return next(lane for lane in self._lanes if lane.epoch == epoch)

    def _shard(self, topic: str, name: str) -> ShardProgress:
        known = (shard for shard in self._shared if (shard.topic, shard.shard) == (topic, name))
        return next(known, self._private)


def _asked_ms(no: Refused) -> int:
    """How long the hub asked to wait at least."""
    told = no.detail.get("retry_after_s")
    if type(told) is int and told > 0:
        return told * 1000
    return IN_PROGRESS_MS if no.problem == Problem.IN_PROGRESS else 0

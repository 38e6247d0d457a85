"""One contact with headquarters, driven to its end: upload, then take whole editions.

The order and every ending are decided by the conversation, which knows no network; here its calls
are done and its answers told. Nothing is lost when it stops anywhere: an envelope is stored before
it is sent, an ack in the order of the lane, an edition is taken whole.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace

from agent import (
    day_close,
    directory,
    edition,
    intents,
    outgoing,
    refund_rights,
    replica,
    succession,
    till_night,
    witness,
)
from agent.ahead import Ahead, Send
from agent.journal.log import EPOCH_STEP
from agent.recorder import Draft, record
from agent.store import feeds, outbox
from agent.till import Till
from agent.uplink import Door, OutOfReach, Uplink
from config.faults import Fault
from points.wire import ack, endpoints, envelope, hello
from points.wire.batch_header import OPS_MAX
from points.wire.calls import (
    AckHeard,
    Answer,
    BlobHeard,
    GetBlob,
    GetManifest,
    HelloHeard,
    ManifestHeard,
    Pause,
    PutSealed,
    Refused,
    Request,
    Rested,
    SayHello,
    SealedHeard,
    SendBatch,
    Unreachable,
    pause_ms,
)
from points.wire.chunk import blob_name
from points.wire.faults import Problem, WireFault
from points.wire.lane import Lane
from points.wire.manifest import PRIVATE_TOPIC, LaneNext, Manifest, open_manifest
from points.wire.succession import pack_delivered
from points.wire.uplink import ACK_BEYOND, REWOUND, Alarm, Conversation, Outgoing

GEN = 1

STUCK = frozenset({REWOUND, ACK_BEYOND, Problem.FORK, Problem.FENCED_EPOCH, Problem.REVOKED})
"""Why an ack may never come; everything else is asked again and comes."""
FORKED = frozenset({REWOUND, Problem.FORK})
"""How it is found that this lane has gone on elsewhere."""

Tell = Callable[[str, int], None]
"""Told of progress: what is being done, and how much is left."""


@dataclass(frozen=True, slots=True)
class Contacted:
    """How a contact ended. ``settled``: everything recorded is acknowledged."""

    settled: bool
    batches: int
    operations: int
    members: int
    alarms: tuple[Alarm, ...]


class Contact:
    """One contact in progress. Use a new one each time; only one at a time per till."""

    def __init__(
        self,
        till: Till,
        uplink: Uplink,
        *,
        rest: Callable[[int], None] | None = None,
        tell: Tell | None = None,
    ) -> None:
        self.till = till
        self.uplink = uplink
        self.hub_next: int | None = None
        """The number of this lane that headquarters wants next, as it told last."""
        self._door: Door = uplink
        self._asked: bytes | None = None
        self._rest = rest or (lambda ms: time.sleep(ms / 1000))
        self._tell = tell or (lambda _what, _left: None)
        self._private_shard = outgoing.own_shard(till)
        self._shared = outgoing.shared_shards(till)
        self._manifests: dict[tuple[str, str], tuple[Manifest, bytes]] = {}
        self._blobs: dict[str, bytes] = {}
        self._ahead = Ahead(uplink.at_once)
        self._batches = self._operations = 0
        self._has_answered = False
        self._is_stuck = False
        self._earlier: dict[int, int] = {}
        self._has_forked = False
        self._refused: Fault | None = None

    def run(self) -> Contacted:
        """Talk until there is nothing left to say, or the way is gone.

        What the page asked for and this till has recorded for it is said in the same contact. Only once:
        a page that asks again is answered next time, and until then not everything is acknowledged. Raises a
        ``Fault`` for an edition that cannot be taken; what is not of it is taken all the same.
        """
        day_close.end_session(self.till)
        succession.fetch(self.till, self.uplink)
        conversation = self._talk()
        if self._has_forked and succession.go_on(self.till, self.uplink):
            succession.fetch(self.till, self.uplink)
            conversation = self._talk()  # nothing was taken of what is told to the lane that forked
        fresh = self._take(conversation.ready())
        if conversation.is_settled and self._has_answered:
            conversation = self._talk()
            fresh += self._take(conversation.ready())
        return self._end(conversation, fresh)

    def read(self, stick: Door, asked: bytes) -> Contacted:
        """Hear what a stick has brought back in answer to ``asked``, as if it were answered now.

        Nobody hears what this till says meanwhile. And it was told then, not now: it is no witness of time,
        brings no token, and lets this till be silent no longer. Raises as ``run`` does.
        """
        self._door, self._asked, self._ahead = stick, asked, Ahead(0)
        conversation = self._talk()
        return self._end(conversation, self._take(conversation.ready()))

    def _end(self, conversation: Conversation, fresh: int) -> Contacted:
        if self._refused is not None:
            raise self._refused
        settled = conversation.is_settled and not self._has_answered
        return Contacted(settled, self._batches, self._operations, fresh, conversation.alarms)

    def _talk(self) -> Conversation:
        """One conversation; what it brought is not taken yet."""
        till = self.till
        self._has_answered = False
        self._earlier = outbox.earlier(till.book, till.identity.lane.epoch)
        conversation = Conversation(
            self._private_shard[1],
            [
                *(Outgoing(epoch, last, last, is_past=True) for epoch, last in self._earlier.items()),
                Outgoing(till.identity.lane.epoch, outgoing.delivered(till), till.log.seq),
            ],
            [op_id for op_id, _ in outbox.sealed(till.book)],
            self._shared,
        )
        while (call := conversation.next_call()) is not None:
            if isinstance(call, Pause):
                self._rest(pause_ms(call, int.from_bytes(self.till.chance(4), "big")))
                conversation.hear(Rested())
                continue
            conversation.hear(self._do(call))
        problems = {alarm.problem for alarm in conversation.alarms}
        self._is_stuck, self._has_forked = bool(problems & STUCK), bool(problems & FORKED)
        return conversation

    # -- calls --------------------------------------------------------------------------------

    def _do(self, call: Request) -> Answer:
        try:
            match call:
                case SayHello(has_more):
                    return self._hello(has_more)
                case GetManifest(topic, shard):
                    path = f"{endpoints.manifest_of(topic, shard, GEN)}?{endpoints.DELTAS}"
                    return self._manifest(topic, shard, self._door.call("GET", path))
                case SendBatch():
                    return self._send(call)
                case PutSealed(op_id):
                    return self._sealed(op_id)
                case GetBlob(topic, shard, sha):
                    return self._blob(topic, shard, sha)
        except OutOfReach:
            return Unreachable()
        except WireFault as fault:
            return Refused(fault.problem, fault.detail)

    def _hello(self, has_more: bool) -> Answer:
        """Say where this till stands; what came with the answer needs no question of its own."""
        till = self.till
        held = {shard: feeds.edition(till.book, *shard) for shard in self._shared}
        is_now, token = self._asked is None, till.log.mirror.token.read()
        asked = self._asked or outgoing.question(till, has_more=has_more, token=token, inst=till.inst)
        raw = self._door.call("POST", endpoints.hello_to(), asked, endpoints.JSON)
        lane = till.identity.lane
        told = hello.open_answer(
            raw, asked, till.identity.hub_manifest_public, (lane.chain, lane.store, lane.till)
        )
        if is_now:
            till.heard_hub(told.ms)
            if told.token is not None:
                till.log.mirror.token.keep(told.token)
        lanes = {one.epoch: one.next for one in told.lanes}
        if len(told.lanes) < hello.LANES_TOLD_MAX:  # else there are more that are not told
            lanes = dict.fromkeys((*self._earlier, lane.epoch), 1) | lanes
        self.hub_next = lanes.get(lane.epoch, 1)
        if not is_now:  # it may be long ago: what was acknowledged since is not missing
            lanes = {lane.epoch: max(self.hub_next, outgoing.delivered(till) + 1)}
        if told.forked:  # nothing else is told to a till that is not the newest
            return HelloHeard(lanes, (), told.forked)
        if is_now and not has_more:
            witness.hear(till, told, raw)
            directory.hear(till, told)
            till_night.hear(till, told)
        came = {
            (piece.topic, piece.shard): piece.raw for piece in told.pieces if piece.kind == hello.MANIFEST
        }
        self._blobs |= {blob_name(piece.raw): piece.raw for piece in told.pieces if piece.kind == hello.BLOB}
        shards = [self._manifest(*shard, raw) for shard, raw in came.items()]
        for shard, (ver, g) in held.items():
            if shard not in came and told.feeds.get(shard, 0) <= ver:
                shards.append(ManifestHeard(*shard, g))
        if self._private_shard not in came and not has_more:
            shards.append(
                ManifestHeard(*self._private_shard, feeds.edition(till.book, *self._private_shard)[1])
            )
            if is_now:
                self._renew_session(told)
        return HelloHeard(lanes, tuple(shards), self._forks(told.lanes))

    def _forks(self, lanes: tuple[LaneNext, ...]) -> frozenset[int]:
        """The lanes of which headquarters holds another history than this till."""
        log = self.till.log
        return frozenset(
            one.epoch
            for one in lanes
            if one.epoch == log.lane.epoch
            and 1 < one.next <= log.seq + 1
            and log.hash_before(log.pos(one.next)).hex() != one.head
        )

    def _renew_session(self, told: hello.Told) -> None:
        """The page that is held is the newest still; only how long this till may be silent is new."""
        till = self.till
        heard = next((one.next - 1 for one in told.lanes if one.epoch == till.identity.lane.epoch), 0)
        with till.book.lock:
            with till.book.turn() as turn:
                till.session.hear(turn, told.sess_until, heard)
            till.session.recall()

    def _manifest(self, topic: str, shard: str, raw: bytes) -> ManifestHeard:
        """What a manifest names and is not here yet."""
        identity = self.till.identity
        manifest = open_manifest(raw, identity.hub_manifest_public, identity.lane.chain, topic, shard)
        self._manifests[topic, shard] = (manifest, raw)
        wanted = [sha for sha in edition.missing(self.till, manifest, self._blobs) if sha not in self._blobs]
        if topic == PRIVATE_TOPIC and manifest.lanes and manifest.lanes not in self._blobs:
            wanted.append(manifest.lanes)
        return ManifestHeard(topic, shard, manifest.g, tuple(dict.fromkeys(wanted)))

    def _send(self, call: SendBatch) -> Answer:
        till = self.till
        first, last, raw, answered = outgoing.envelope_for(till, call)
        name, lane = envelope.batch_id(raw), replace(till.identity.lane, epoch=call.epoch)
        self._tell("sending", till.log.seq - first % EPOCH_STEP + 1)
        if answered is None:
            send = self._sending(lane, name, raw)
            if self._ahead.has_room:
                self._ahead.start(name, send)
                self._send_ahead(call.epoch, last)
            answer = self._ahead.answer(name, send)
        else:  # headquarters was put back: what it has said of this holds
            packed, key = pack_delivered(raw, answered), _once(name)
            answer = self._door.call("PUT", endpoints.batches(lane), packed, endpoints.DELIVERED, key)
        told = ack.open_ack(answer, till.identity.hub_receipt_public)
        told.check_answers(envelope.peek(raw)[0], name)
        with till.book.turn() as turn:
            outbox.keep_ack(turn, name, answer)
            outbox.keep_outcomes(
                turn,
                [(call.epoch * EPOCH_STEP + seq, code, detail, 0) for seq, code, detail in told.outcomes],
            )
        self._batches += 1
        self._operations += last - first + 1
        return AckHeard(call.epoch, last % EPOCH_STEP)

    def _sending(self, lane: Lane, name: str, raw: bytes, *, is_ahead: bool = False) -> Send:
        path, more = endpoints.batches(lane), {"prefer": endpoints.WAIT} if is_ahead else {}
        return lambda: self._door.call("POST", path, raw, endpoints.BATCH, _once(name) | more)

    def _send_ahead(self, epoch: int, last: int) -> None:
        """Send what follows, as long as there is room for it and a whole batch of it."""
        till, lane = self.till, replace(self.till.identity.lane, epoch=epoch)
        end = epoch * EPOCH_STEP + till.log.seq
        while self._ahead.has_room and epoch == till.identity.lane.epoch and last + OPS_MAX <= end:
            first = last % EPOCH_STEP + 1
            _, last, raw, answered = outgoing.envelope_for(till, SendBatch(epoch, first, first + OPS_MAX - 1))
            if answered is not None:
                return
            name = envelope.batch_id(raw)
            self._ahead.start(name, self._sending(lane, name, raw, is_ahead=True))

    def _sealed(self, op_id: str) -> Answer:
        blob = dict(outbox.sealed(self.till.book)).get(op_id)
        if blob is not None:
            self._door.call("PUT", endpoints.sealed(op_id), blob, endpoints.BLOB)
            with self.till.book.turn() as turn:
                outbox.drop_sealed(turn, op_id)
        return SealedHeard(op_id)

    def _blob(self, topic: str, shard: str, sha: str) -> Answer:
        raw = self._door.blob(sha, is_shared=topic in edition.SHARED)
        if blob_name(raw) != sha:
            return Refused(Problem.INTEGRITY, {"sha": sha})
        self._blobs[sha] = raw
        self._tell("fetching", 0)
        manifest = self._manifests[topic, shard][0]
        more = edition.missing(self.till, manifest, self._blobs) if sha == manifest.deltas else ()
        return BlobHeard(topic, shard, sha, more)

    # -- taking -------------------------------------------------------------------------------

    def _take(self, ready: tuple[tuple[str, str], ...]) -> int:
        """Take what arrived whole: rules first, then members, phones and this till's page together."""
        told = {shard[0]: self._manifests[shard] for shard in ready if shard in self._manifests}
        try:
            if "rules" in told and self._is_new(told["rules"][0]):
                self._take_rules(*told.pop("rules"))
            return self._take_together(told) if PRIVATE_TOPIC in told else 0
        except WireFault as fault:
            raise Fault("fault.bad_edition", f"an edition of headquarters cannot be read: {fault}") from fault

    def _take_rules(self, manifest: Manifest, raw: bytes) -> None:
        """Rules that are not understood stay outside; whoever sells by the old ones hears everything else."""
        try:
            edition.take_rules(self.till, manifest, raw, self._blobs)
        except Fault as fault:
            if self.till.rules is None:
                raise
            if fault.remedy != "fault.rules_behind":  # the page says it for itself, for as long as it is so
                self._refused = fault

    def _take_together(self, told: dict[str, tuple[Manifest, bytes]]) -> int:
        private = told[PRIVATE_TOPIC][0]
        assert private.private is not None
        is_its_term = self._has_forked or not self._is_new(private)
        if not (is_its_term or self._renew(private.inc, private.private.term)):
            return 0
        counted = edition.counted_lanes(self.till, private, self._blobs)
        new = {topic: one for topic, one in told.items() if self._is_new(one[0])}
        for topic in edition.OF_MEMBERS & new.keys():
            if edition.must_wait(self.till, new[topic][0], counted, is_stuck=self._is_stuck):
                del new[topic]
        of_members = new.pop("members", None)
        taken = edition.take_together(
            self.till, new, self._blobs, counted, has_forked=self._has_forked, is_of_now=self._asked is None
        )
        if taken.wanted:
            self._has_answered |= day_close.give_back(self.till, "agent", taken.wanted) > 0
        if taken.sales and self.till.rules is not None:
            self._has_answered |= refund_rights.cede_wanted(self.till, taken.sales) > 0
        if taken.kept and self.till.rules is not None:
            self._has_answered |= intents.end_unknown(self.till, taken.kept, taken.heard, "agent") > 0
        if of_members is None:
            return 0
        return replica.fill(
            self.till, *of_members, self._blobs, self._rest, lambda left: self._tell("filling", left)
        )

    def _renew(self, inc: int, term: int) -> bool:
        """A later term closes the old one for ever, in this till's own hand and in one turn with its end.

        False while a cashier is being authorised: the close would end that too, so it waits.
        """
        till = self.till
        with till.book.lock:
            old = (till.identity.inc, till.identity.term)
            if (inc, term) <= old:
                return True
            if till.asking:
                return False
            draft = Draft("rights.close", {"inc": old[0], "term": old[1]}, "agent", begins=(inc, term))
            record(till, draft, till.time(), till.shift().day)
            till.enter_term(inc, term)
            self._has_answered = True
            return True

    def _is_new(self, manifest: Manifest) -> bool:
        return manifest.ver > feeds.edition(self.till.book, manifest.topic, manifest.shard)[0]


def _once(name: str) -> dict[str, str]:
    return {"idempotency-key": f'"{name}"'}

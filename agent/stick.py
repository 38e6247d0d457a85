"""A till without a network speaks by a stick: what a contact would say is written, its answer read later.

The calls are those of the conversation and the bytes those of the network. Nothing is deleted when a stick
is written: it may be lost, and the next one tells all of it again. An answer is opened whole or refused
whole, and is then heard as a contact's is; whatever of it is older than what is held here changes nothing,
so answers come in any order, any number of times, and between contacts. A stick is no sign of life: it
rotates no token, is no witness of time, and lets this till spend no longer without being heard.
"""

from __future__ import annotations

import glob
import secrets
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from agent import day_close, outgoing, provisioning
from agent.contact import STUCK, Contact, Tell
from agent.journal.log import EPOCH_STEP
from agent.store import feeds, outbox, sticks
from agent.till import Till
from agent.uplink import Uplink
from config import stick as files
from config.faults import Fault
from config.words import Words
from points.wire import bundle, endpoints, envelope, hello
from points.wire.bundle import (
    ACK,
    ANSWER,
    BATCH,
    BLOB,
    HELD,
    OFFERED,
    QUESTION,
    REFUSED,
    SEALED,
    UP,
    Bundle,
    Item,
)
from points.wire.calls import AckHeard, PutSealed, Refused, SealedHeard, SendBatch
from points.wire.container import HEADER_BYTES_MAX
from points.wire.faults import NotFound, Problem, WireFault
from points.wire.keys import RAW_BYTES, kid_of
from points.wire.sealing import SealingKey
from points.wire.succession import pack_delivered
from points.wire.uplink import Conversation, Outgoing

AWAY = "on-a-stick"
"""What the stick says to a question: no answer is here, and none is waited for."""
STICKS_MAX = 16
"""How many are offered to choose from."""
ROOM_BYTES = bundle.BUNDLE_BYTES_MAX - bundle.LIST_BYTES_MAX - HEADER_BYTES_MAX - 4096
"""What the items of a stick may weigh together; the rest goes with the next one."""
FAULTS = {
    Problem.UNKNOWN_KEY: "fault.stick_not_ours",
    Problem.WRONG_LANE: "fault.stick_not_ours",
    Problem.ENVELOPE_VERSION: "fault.stick_unknown",
    Problem.TOO_LARGE: "fault.stick_large",
}


@dataclass(frozen=True, slots=True)
class Written:
    """What was put on a stick. ``rest``: operations that did not fit and go with the next one."""

    path: Path
    operations: int
    sealed: int
    rest: int


@dataclass(frozen=True, slots=True)
class Returned:
    """What came back by a stick. ``stuck``: this lane has gone on elsewhere, and only a contact mends it."""

    operations: int
    members: int
    is_settled: bool
    stuck: bool


@dataclass(frozen=True, slots=True)
class Exchanged:
    """What was done with a stick: what came back, what could not be read and why, and what goes out.

    ``others``: files that are neither for this till nor for headquarters.
    """

    returned: tuple[Returned, ...]
    refused: tuple[tuple[str, Fault], ...]
    others: int
    written: Written


def exchange(till: Till, uplink: Uplink, folder: Path, tell: Tell | None = None) -> Exchanged:
    """Read what has come back for this till in a folder, then write what goes out.

    Raises a Fault for a stick that takes nothing; what had come back is heard all the same.
    """
    returned, refused, others = [], [], 0
    known = (_seal_key(till).kid, kid_of(till.identity.hub_pii_public))
    for path in files.bundles(folder):
        try:
            raw = files.read(path, bundle.BUNDLE_BYTES_MAX)
            kid = raw[len(bundle.MAGIC) : len(bundle.MAGIC) + bundle.KID_BYTES].hex()
            others += kid not in known
            if kid == known[0]:
                returned.append(read(till, uplink, raw, tell))
        except Fault as fault:
            refused.append((path.name, fault))
    return Exchanged(tuple(returned), tuple(refused), others, write(till, folder, tell))


def told(done: Exchanged, words: Words) -> list[str]:
    """What was done and what to do next, in sentences."""
    said = []
    for one in done.returned:
        is_new = one.operations or one.members
        said.append(
            words.say("stick.returned", operations=one.operations, members=one.members)
            if is_new
            else words.say("stick.returned_before")
        )
    if any(one.stuck for one in done.returned):
        said.append(words.say("stick.stuck"))
    said += [
        words.say("stick.refused", file=file, why=words.say(fault.remedy, **fault.detail))
        for file, fault in done.refused
    ]
    if done.others:
        said.append(words.say("stick.others", count=done.others))
    out = done.written
    counts: dict[str, str | int] = {"operations": out.operations, "sealed": out.sealed, "file": out.path.name}
    has_news = out.operations or out.sealed
    said.append(words.say("stick.written" if has_news else "stick.nothing_out", **counts))
    if out.rest:
        said.append(words.say("stick.rest", count=out.rest))
    return said


def plugged_in(places: Iterable[str], is_mount: Callable[[Path], bool] = Path.is_mount) -> list[Path]:
    """The folders where sticks are mounted: of a pattern with ``*`` only mount points, else the folder."""
    found = []
    for place in places:
        for name in sorted(glob.glob(place))[:STICKS_MAX]:
            path = Path(name)
            if path.is_dir() and ("*" not in place or is_mount(path)):
                found.append(path)
    return found[:STICKS_MAX]


def write(till: Till, folder: Path, tell: Tell | None = None) -> Written:
    """Write everything that headquarters has not acknowledged. Raises a Fault, with nothing half written."""
    day_close.end_session(till)
    question = outgoing.question(till, has_more=False, token=None, inst="")
    shards = (*outgoing.shared_shards(till), outgoing.own_shard(till))
    held = sorted(sha for shard in shards for sha in feeds.chunks(till.book, *shard))
    items, operations, rest = _packed(till, tell)
    front = (Item(QUESTION, "", question), Item(HELD, "", b"".join(map(bytes.fromhex, held))))
    sent = Bundle(
        UP,
        till.identity.lane,
        max(0, till.clock.now().wall_ms),
        (*front, *items),
        _seal_key(till).public_raw.hex(),
    )
    name, raw = bundle.write(sent, till.identity.key, till.identity.hub_pii_public, till.chance(32))
    with till.book.turn() as turn:
        sticks.keep(turn, name, question)
    path = files.put(folder, f"jifen-{till.store}-{till.till}-{name[:12]}{files.SUFFIX}", raw)
    return Written(path, operations, sum(item.kind == SEALED for item in items), rest)


def _packed(till: Till, tell: Tell | None) -> tuple[list[Item], int, int]:
    """What the conversation would send, in its order; the operations of it, and those that did not fit."""
    sealed = dict(outbox.sealed(till.book))
    conversation = Conversation(
        outgoing.own_shard(till)[1],
        [Outgoing(till.identity.lane.epoch, _heard(till), till.log.seq)],
        sealed,
        outgoing.shared_shards(till),
    )
    items: list[Item] = []
    left, operations = ROOM_BYTES, 0
    while (call := conversation.next_call()) is not None:
        match call:
            case SendBatch():
                first, last, raw, answered = outgoing.envelope_for(till, call)
                item = Item(BATCH, envelope.batch_id(raw), raw)
                if answered is not None:  # headquarters was put back: what it has said of this holds
                    item = Item(OFFERED, item.name, pack_delivered(raw, answered))
                answer: AckHeard | SealedHeard | Refused = AckHeard(call.epoch, last % EPOCH_STEP)
                counted = last - first + 1
            case PutSealed(op_id):
                item, answer, counted = Item(SEALED, op_id, sealed[op_id]), SealedHeard(op_id), 0
            case _:
                conversation.hear(Refused(AWAY))
                continue
        left -= len(item.raw) + 8
        if left < 0 or len(items) > bundle.ITEMS_MAX - 4:
            break
        items.append(item)
        operations += counted
        if tell is not None:
            tell("packing", till.log.seq - _heard(till) - operations)
        conversation.hear(answer)
    return items, operations, till.log.seq - _heard(till) - operations


def _heard(till: Till) -> int:
    """The number of this lane up to which headquarters holds it, as far as this till was told."""
    kept, delivered = sticks.heard(till.book), outgoing.delivered(till)
    return delivered if kept is None else min(delivered, max(0, kept - till.log.pos(0)))


def read(till: Till, uplink: Uplink, raw: bytes, tell: Tell | None = None) -> Returned:
    """Hear what a stick brought back. Raises a Fault for one that is not for this till, or damaged."""
    try:
        back = bundle.open_answer(
            raw, _seal_key(till), till.identity.hub_manifest_public, till.identity.lane,
            sticks.written(till.book),
        )  # fmt: skip
    except WireFault as fault:
        is_forgotten = fault.problem == Problem.INTEGRITY and fault.detail.get("what") == "question"
        remedy = FAULTS.get(Problem(fault.problem), "fault.stick_damaged")
        raise Fault(
            "fault.stick_forgotten" if is_forgotten else remedy, f"the stick is refused: {fault}",
            store=till.store, till=till.till, mib=bundle.BUNDLE_BYTES_MAX >> 20,
        ) from fault  # fmt: skip
    assert back.to is not None, "what answers none of ours was refused"
    contact = Contact(till, uplink, rest=lambda _ms: None, tell=tell)
    asked = sticks.question(till.book, back.to)
    done = contact.read(Returning(back), asked)
    if contact.hub_next is not None:
        _remember(till, contact.hub_next, hello.read(asked).lanes[till.identity.lane.epoch])
    stuck = any(alarm.problem in STUCK for alarm in done.alarms)
    return Returned(done.operations, done.members, done.settled, stuck)


def _remember(till: Till, hub_next: int, asked_next: int) -> None:
    """Where headquarters was put back and lost what it had acknowledged, the next stick tells it again."""
    is_behind = hub_next < asked_next
    with till.book.turn() as turn:
        sticks.keep_heard(turn, till.log.pos(hub_next - 1) if is_behind else None)


def _seal_key(till: Till) -> SealingKey:
    """The key that answers are sealed to, beside the device key."""
    path = till.log.mirror.path.parent / provisioning.SEAL_KEY
    return SealingKey.from_raw(provisioning.kept(path, lambda: secrets.token_bytes(RAW_BYTES)))


class Returning:
    """The network's answers, as a stick has brought them; what it does not bring is not found."""

    def __init__(self, back: Bundle) -> None:
        self._answer = back.only(ANSWER)
        self._acks, self._refused = back.named(ACK), back.named(REFUSED)
        self._sealed, self._blobs = back.named(SEALED), back.named(BLOB)

    def call(
        self,
        method: str,
        path: str,
        body: bytes | None = None,
        content_type: str | None = None,
        extra: dict[str, str] | None = None,
    ) -> bytes:
        """The answer to a call of the conversation. Raises the ``WireFault`` that was answered."""
        name = path.rpartition("/")[2]
        if path == endpoints.hello_to():
            return self._answer
        if content_type == endpoints.BATCH and body is not None:
            return self._acked(envelope.batch_id(body))
        if method == "PUT" and body is not None and self._sealed.get(name) == sha256(body).digest():
            return b""
        if method == "GET" and name in self._blobs:
            return self._blobs[name]
        raise NotFound()

    def blob(self, sha: str, *, is_shared: bool) -> bytes:
        """A blob that it brings."""
        return self.call("GET", endpoints.blob(sha))

    def _acked(self, name: str) -> bytes:
        if name in self._refused:
            raise endpoints.read_problem(400, self._refused[name])
        if name not in self._acks:
            raise NotFound()
        return self._acks[name]

"""A stick that a store sent: everything on it goes through the doors that the network goes through.

Sealed boxes and envelopes are taken in the order in which the till packed them; what is refused is told in
the answer with its problem, and the rest is taken all the same. The answer is what a hello is answered with,
the acks, which sealed boxes were taken, and every blob that the till does not hold. Reading a stick again
gives the same acks and changes nothing. A till whose key was revoked delivers what it signed before, and
hears nothing more.
"""

from __future__ import annotations

from collections.abc import Iterator, Set
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path

from config import stick as files
from config.faults import Fault
from config.words import Words
from hub import editions, hello, intake, member_editions, reception
from hub.office import Office
from points.wire import bundle, endpoints
from points.wire.bundle import (
    ACK,
    ANSWER,
    BATCH,
    BLOB,
    DOWN,
    HASH_BYTES,
    HELD,
    OFFERED,
    QUESTION,
    REFUSED,
    SEALED,
    UP,
    Bundle,
    Item,
)
from points.wire.faults import AgentTooOld, InProgress, Malformed, Problem, WireFault, WrongLane
from points.wire.hello import MANIFEST, Question, open_answer
from points.wire.hello import read as read_question
from points.wire.lane import Lane
from points.wire.manifest import open_manifest
from points.wire.succession import unpack_delivered
from points.wire.visitors import own_shards

FAULTS = {
    Problem.UNKNOWN_KEY: "fault.stick_no_till",
    Problem.WRONG_LANE: "fault.stick_no_till",
    Problem.ENVELOPE_VERSION: "fault.stick_unknown",
    Problem.TOO_LARGE: "fault.stick_large",
}


@dataclass(frozen=True, slots=True)
class Brought:
    """What a stick brought: who wrote it, what was taken, what was not, and the file that goes back to it.

    ``back`` is None for a till whose key was revoked.
    """

    lane: Lane
    name: str
    batches: int
    sealed: int
    refused: tuple[tuple[str, WireFault], ...]
    back: bytes | None


def take(office: Office, raw: bytes) -> Brought:
    """Take in a stick. Raises the ``WireFault`` of one that is damaged or not ours."""
    parcel = bundle.unseal(raw, office.keys.pii)
    with office.store.look() as look:
        record = intake.key_record(look, office, parcel.kid)
    came = bundle.verify(parcel, record.public_raw)
    if came.way != UP or came.lane not in record.lanes or came.seal is None:
        raise WrongLane(store=came.lane.store, till=came.lane.till)
    asked_raw, held = came.only(QUESTION), _held(came)
    asked = read_question(asked_raw)
    done: list[Item] = []
    refused: list[tuple[str, WireFault]] = []
    is_revoked = record.revoked_at_ms is not None
    for item in came.items:
        try:
            if item.kind == SEALED and not is_revoked:
                reception.take_sealed(office, item.name, item.raw)
                done.append(Item(SEALED, item.name, sha256(item.raw).digest()))
            elif item.kind == OFFERED:
                raw, answered = unpack_delivered(item.raw)
                answer = reception.receive(office, raw, came.lane, answered=answered)
                done.append(Item(ACK, item.name, answer))
            elif item.kind == BATCH:
                done.append(Item(ACK, item.name, reception.receive(office, item.raw, came.lane, parcel.kid)))
        except WireFault as fault:
            refused.append((item.name, fault))
            if item.kind in (BATCH, OFFERED):
                done.append(Item(REFUSED, item.name, endpoints.problem_body(fault)))
    batches = sum(item.kind == ACK for item in done)
    sealed = sum(item.kind == SEALED for item in done)
    if is_revoked:
        return Brought(came.lane, "", batches, sealed, tuple(refused), None)
    told = _told(office, came.lane, asked, asked_raw, any(item.kind == REFUSED for item in done))
    items = (Item(ANSWER, "", told), *done, *_blobs(office, came.lane, told, asked_raw, held))
    sent = Bundle(DOWN, came.lane, office.clock(), items, to=came.id)
    _, back = bundle.write(sent, office.keys.manifest, bytes.fromhex(came.seal), office.chance(32))
    name = f"jifen-{came.lane.store}-{came.lane.till}-{came.id[:12]}-return{files.SUFFIX}"
    return Brought(came.lane, name, batches, sealed, tuple(refused), back)


@dataclass(frozen=True, slots=True)
class NotTaken:
    """A file that was not taken, and why."""

    file: str
    fault: Fault


def take_folder(office: Office, folder: Path) -> Iterator[Brought | NotTaken]:
    """Take every bundle for headquarters that lies in a folder, and write what answers it beside it.

    One that is damaged keeps no other from being taken. Raises a Fault for a folder that cannot be read.
    """
    for path in files.bundles(folder):
        try:
            raw = files.read(path, bundle.BUNDLE_BYTES_MAX)
            if not is_for(office, raw):
                continue
            brought = take(office, raw)
            if brought.back is not None:
                files.put(folder, brought.name, brought.back)
            yield brought
        except WireFault as fault:
            yield NotTaken(path.name, fault_of(fault))
        except Fault as fault:
            yield NotTaken(path.name, fault)


def told(one: Brought | NotTaken, words: Words) -> list[str]:
    """What became of a file and what to do next, in sentences."""
    if isinstance(one, NotTaken):
        why = words.say(one.fault.remedy, **one.fault.detail)
        return [words.say("stick.refused", file=one.file, why=why)]
    place = {"store": one.lane.store, "till": one.lane.till}
    if one.back is None:
        return [words.say("stick.hub_revoked", batches=one.batches, **place)]
    said = [words.say("stick.hub_took", batches=one.batches, sealed=one.sealed, file=one.name, **place)]
    if one.refused:
        why = words.say(f"fault.wire_{one.refused[0][1].problem.replace('-', '_')}")
        said.append(words.say("stick.hub_left", count=len(one.refused), why=why, **place))
    return said


def is_for(office: Office, raw: bytes) -> bool:
    """Whether a file says that it is for headquarters, and not for a till."""
    kid = raw[len(bundle.MAGIC) : len(bundle.MAGIC) + bundle.KID_BYTES]
    return kid.hex() == office.keys.pii.kid


def fault_of(fault: WireFault) -> Fault:
    """What a person is told of a file that is refused."""
    remedy = FAULTS.get(Problem(fault.problem), "fault.stick_damaged")
    mib = bundle.BUNDLE_BYTES_MAX >> 20
    return Fault(remedy, f"the stick is refused: {fault}", mib=mib)


def _told(office: Office, lane: Lane, asked: Question, raw: bytes, is_partly: bool) -> bytes:
    """What a hello is answered with. As over the network, a till that was not heard to its end is told where
    its lanes stand, and no more; nor is one of a headquarters that is being put back and decides nothing,
    and one whose program is too old."""
    try:
        return hello.answer(office, lane, replace(asked, has_more=is_partly), raw)
    except (InProgress, AgentTooOld):
        return hello.answer(office, lane, replace(asked, has_more=True), raw)


def _held(came: Bundle) -> frozenset[str]:
    """The names of the blobs that the till says it holds, of shared shards too."""
    raw = came.only(HELD)
    if len(raw) % HASH_BYTES:
        raise Malformed(why=HELD)
    return frozenset(raw[at : at + HASH_BYTES].hex() for at in range(0, len(raw), HASH_BYTES))


def _blobs(office: Office, lane: Lane, told: bytes, asked: bytes, held: Set[str]) -> list[Item]:
    """What the manifests of the answer name and the till does not hold; only what it might fetch itself."""
    public = office.keys.manifest.public_raw
    answer = open_answer(told, asked, public, (lane.chain, lane.store, lane.till))
    own = own_shards(lane)
    found: dict[str, Item] = {}
    with office.store.look() as look:
        for piece in answer.pieces:
            if piece.kind != MANIFEST:
                continue
            manifest = open_manifest(piece.raw, public, lane.chain, piece.topic, piece.shard)
            shas = manifest.blobs
            if piece.topic == member_editions.TOPIC:
                held_ver = read_question(asked).feeds.get((piece.topic, piece.shard), 0)
                shas = member_editions.taken(look, manifest, held_ver)
            for sha in shas:
                # The table of lanes is read anew each time; of it a till keeps the name and not the bytes.
                if sha not in found and (sha not in held or sha == manifest.lanes):
                    found[sha] = Item(BLOB, sha, editions.blob_of(look, sha, own))
    return list(found.values())

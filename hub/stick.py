"""A stick that a store sent: everything on it goes through the doors that the network goes through.

Sealed boxes and envelopes are taken in the order in which the till packed them; what is refused is told in
the answer with its problem, and the rest is taken all the same. The answer is what a hello is answered with,
the acks, and every blob that the till does not hold. Reading a stick again gives the same acks and changes
nothing. A till whose key was revoked delivers what it signed before, and hears nothing more.
"""

from __future__ import annotations

from collections.abc import Set
from dataclasses import dataclass, replace

from hub import hello, intake, publishing, reception
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
    QUESTION,
    REFUSED,
    SEALED,
    UP,
    Bundle,
    Item,
)
from points.wire.faults import Malformed, WireFault, WrongLane
from points.wire.hello import MANIFEST, open_answer
from points.wire.hello import read as read_question
from points.wire.lane import Lane
from points.wire.manifest import PRIVATE_TOPIC, open_manifest, private_shard


@dataclass(frozen=True, slots=True)
class Brought:
    """What a stick brought: who wrote it, what was taken, what was not, and the file that goes back to it.

    ``back`` is None for a till whose key was revoked.
    """

    lane: Lane
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
            elif item.kind == BATCH:
                done.append(Item(ACK, item.name, reception.receive(office, item.raw, came.lane, parcel.kid)))
        except WireFault as fault:
            refused.append((item.name, fault))
            if item.kind == BATCH:
                done.append(Item(REFUSED, item.name, endpoints.problem_body(fault)))
    batches = sum(item.kind == ACK for item in done)
    sealed = 0 if is_revoked else len(came.named(SEALED)) - sum(len(name) == 32 for name, _ in refused)
    if is_revoked:
        return Brought(came.lane, batches, 0, tuple(refused), None)
    # As over the network: a till that was not heard to its end is told where its lanes stand, and no more.
    is_partly = any(item.kind == REFUSED for item in done)
    told = hello.answer(office, came.lane, replace(asked, has_more=is_partly), asked_raw)
    items = (Item(ANSWER, "", told), *done, *_blobs(office, came.lane, told, asked_raw, held))
    answer = Bundle(DOWN, came.lane, office.clock(), items, to=came.id)
    _, back = bundle.write(answer, office.keys.manifest, bytes.fromhex(came.seal), office.chance(32))
    return Brought(came.lane, batches, sealed, tuple(refused), back)


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
    own = {PRIVATE_TOPIC: private_shard(lane.store, lane.till), "phones": lane.store}
    found: dict[str, Item] = {}
    with office.store.look() as look:
        for piece in answer.pieces:
            if piece.kind != MANIFEST:
                continue
            manifest = open_manifest(piece.raw, public, lane.chain, piece.topic, piece.shard)
            for sha in manifest.blobs:
                # The table of lanes is read anew each time; of it a till keeps the name and not the bytes.
                if sha not in found and (sha not in held or sha == manifest.lanes):
                    found[sha] = Item(BLOB, sha, publishing.blob_of(look, sha, own))
    return list(found.values())

"""`JFP1`: the proof that headquarters took in one operation, in one file that stands by itself.

    "JFP1" 0A | canonical JSON {v, body, seq, prev, path, batch, ack, leaf, proof, note,
                                keys: {till, receipt, log}, x: {}}

Bytes are base64, hashes and keys hexadecimal. The way of the proof: `body` with the chain's hash before it is
an operation hash, `path` leads from that to the root in the header of `batch` (the envelope without its
payload, signed by the till), `ack` answers exactly that batch, and `proof` leads from the ack's header, leaf
number `leaf`, to the head in `note`. Each step is looked at for itself: a person sees which one fails.
The keys in the file say who signed; whether those are the chain's keys is for a key list to say.
It refuses to know what an operation does to points.
"""

from __future__ import annotations

import re
from base64 import b64decode, b64encode
from binascii import Error
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from points.wire import ack, canonical, chain, checkpoint, claim, container, envelope, tree, witness
from points.wire.chain import HASH_BYTES
from points.wire.faults import BadSignature, Integrity, Malformed, Revoked, UnknownKey, WireFault
from points.wire.fields import U32_MAX, VERSION, Fields
from points.wire.key_list import KeyList
from points.wire.keys import RAW_BYTES, kid_of

MAGIC = b"JFP1"
PROOF_BYTES_MAX = 8 * 1024 * 1024
_ORIGIN = re.compile(r"jifen/[a-z0-9-]{1,16}/[1-9][0-9]{0,9}").fullmatch


@dataclass(frozen=True, slots=True)
class Proof:
    """What a till holds of one operation; ``till``, ``receipt`` and ``log`` are the keys that signed."""

    body: bytes
    seq: int
    prev: bytes
    path: tuple[bytes, ...]
    batch: bytes
    ack: bytes
    leaf: int
    proof: tuple[bytes, ...]
    note: bytes
    till: bytes
    receipt: bytes
    log: bytes


@dataclass(frozen=True, slots=True)
class Step:
    """One step of a proof: ``verify.<name>`` are its words, or ``verify.<name>_not``."""

    name: str
    holds: bool
    detail: dict[str, str | int] = field(default_factory=dict)


def pack(proof: Proof) -> bytes:
    """The bytes of the file."""
    told = {
        "v": VERSION,
        "body": b64encode(proof.body).decode(),
        "seq": proof.seq,
        "prev": proof.prev.hex(),
        "path": witness.text_of(proof.path),
        "batch": b64encode(envelope.without_payload(proof.batch)).decode(),
        "ack": b64encode(proof.ack).decode(),
        "leaf": proof.leaf,
        "proof": witness.text_of(proof.proof),
        "note": proof.note.decode(),
        "keys": {"till": proof.till.hex(), "receipt": proof.receipt.hex(), "log": proof.log.hex()},
        "x": {},
    }
    return MAGIC + b"\n" + canonical.encode(told) + b"\n"


def unpack(raw: bytes) -> Proof:
    """What a file says, in form only. Raises ``Malformed`` or ``TooLarge``."""
    if not raw.startswith(MAGIC + b"\n"):
        raise Malformed(why="magic")
    fields = Fields(canonical.decode(raw[len(MAGIC) :].strip(), PROOF_BYTES_MAX))
    fields.whole("v", VERSION, VERSION)
    keys = fields.inner("keys")
    note = fields.raw.get("note")
    if not isinstance(note, str):
        raise Malformed(why="note")
    return Proof(
        body=_bytes(fields, "body"),
        seq=fields.whole("seq", 1, U32_MAX),
        prev=bytes.fromhex(fields.hex("prev", HASH_BYTES)),
        path=witness.hashes(fields.raw.get("path")),
        batch=_bytes(fields, "batch"),
        ack=_bytes(fields, "ack"),
        leaf=fields.whole("leaf"),
        proof=witness.hashes(fields.raw.get("proof")),
        note=note.encode(),
        till=bytes.fromhex(keys.hex("till", RAW_BYTES)),
        receipt=bytes.fromhex(keys.hex("receipt", RAW_BYTES)),
        log=bytes.fromhex(keys.hex("log", RAW_BYTES)),
    )


def steps(proof: Proof, known: KeyList | None) -> Iterator[Step]:
    """Each step of the proof, by the keys of a list, or by those in the file where there is none."""
    yield _step("operation", lambda: _operation(proof))
    yield _step("batch", lambda: _batch(proof, known))
    yield _step("ack", lambda: _ack(proof, known.receipt if known else proof.receipt))
    yield _step("leaf", lambda: _leaf(proof))
    yield _step("head", lambda: _head(proof, known.log if known else proof.log))


def claim_steps(told: claim.Claim, known: KeyList) -> Iterator[Step]:
    """Whether the till of the chain that a paper names has signed it."""

    def signed() -> dict[str, str | int]:
        record = known.tills.get(told.kid)
        if record is None:
            raise UnknownKey(kid=told.kid)
        if not record.vouches_for(told.seq):
            raise Revoked()
        told.verify(record.public_raw)
        (lane,) = record.lanes
        return {"store": lane.store, "till": lane.till, "kind": told.kind.name.lower(), "ms": told.st}

    yield _step("claim", signed)


def ack_steps(raw: bytes, known: KeyList) -> Iterator[Step]:
    """Whether headquarters has signed an ack."""

    def signed() -> dict[str, str | int]:
        told = ack.open_ack(raw, known.receipt)
        lane = told.lane
        return {
            "store": lane.store, "till": lane.till, "first": told.first, "last": told.last, "ms": told.ms,
            "remarks": len(told.outcomes),
        }  # fmt: skip

    yield _step("receipt", signed)


def head_of(note: bytes, log_public: bytes) -> checkpoint.Checkpoint:
    """The head that a note says of the log that it names. Raises what ``open_checkpoint`` raises."""
    return checkpoint.open_checkpoint(note, checkpoint.read(note).origin, log_public)


def _step(name: str, look: Callable[[], dict[str, str | int]]) -> Step:
    try:
        return Step(name, True, look())
    except WireFault as fault:
        return Step(name, False, {"why": str(fault.problem)})


def _operation(proof: Proof) -> dict[str, str | int]:
    """The body is the operation of this number of this batch."""
    header, _ = envelope.peek(proof.batch)
    here = chain.link(proof.prev, proof.seq, proof.body)
    index = proof.seq - header.first
    if not tree.is_included(here, index, header.count, proof.path, bytes.fromhex(header.root)):
        raise Integrity(what="root")
    told = canonical.decode_plain(proof.body) or {}
    return {"id": str(told.get("id", "?")), "kind": str(told.get("t", "?"))}


def _batch(proof: Proof, known: KeyList | None) -> dict[str, str | int]:
    """The till has signed the batch."""
    header, kid = envelope.peek(proof.batch)
    public = proof.till
    if known is not None:
        record = known.tills.get(kid)
        if record is None or header.lane not in record.lanes:
            raise UnknownKey(kid=kid)
        if not record.vouches_for(header.last):
            raise Revoked()
        public = record.public_raw
    elif kid_of(public) != kid:
        raise UnknownKey(kid=kid)
    container.check(_box(proof.batch), envelope.MEDIA_TYPE, [public])
    lane = header.lane
    return {"store": lane.store, "till": lane.till, "epoch": lane.epoch, "seq": proof.seq}


def _ack(proof: Proof, public: bytes) -> dict[str, str | int]:
    """Headquarters has signed the answer to exactly this batch, and what it said of the operation."""
    told = ack.open_ack(proof.ack, public)
    told.check_answers(envelope.peek(proof.batch)[0], envelope.batch_id(proof.batch))
    code = next((one.code for one in told.outcomes if one.seq == proof.seq), "")
    return {"ms": told.ms, "hub": told.hub, "code": code}


def _leaf(proof: Proof) -> dict[str, str | int]:
    """The ack stands in the log."""
    head = checkpoint.read(proof.note)
    entry = ack.leaf_entry(proof.ack)
    if not tree.is_included(entry, proof.leaf, head.size, proof.proof, head.root):
        raise Integrity(what="leaf")
    return {"leaf": proof.leaf, "size": head.size}


def _head(proof: Proof, public: bytes) -> dict[str, str | int]:
    """The log is that of the chain, and its key has signed the head."""
    head, lane = head_of(proof.note, public), envelope.peek(proof.batch)[0].lane
    if _ORIGIN(head.origin) is None or head.origin.split("/")[1] != lane.chain:
        raise BadSignature()
    return {"log": head.origin, "size": head.size}


def _box(batch: bytes) -> container.Container:
    return container.unpack(envelope.MAGIC, batch, envelope.ENVELOPE_BYTES_MAX)


def _bytes(fields: Fields, key: str) -> bytes:
    text: Any = fields.raw.get(key)
    try:
        return b64decode(text.encode("ascii"), validate=True)
    except (AttributeError, Error, ValueError) as error:
        raise Malformed(why=key) from error

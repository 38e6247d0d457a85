"""What this program reads in bytes of any age, as plain values that can be written down and compared.

A specimen names how it is read (``what``), its bytes, what it is opened ``with`` and what it ``says``. A
later program may read more in it, never anything else.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import fields, is_dataclass
from enum import IntEnum
from typing import Any

from points import members, rulebook
from points.judging import Outcome, shaped
from points.wire import (
    ack,
    bundle,
    canonical,
    checkpoint,
    chunk,
    claim,
    envelope,
    hello,
    hub_time,
    joining,
    key_list,
    manifest,
    member_token,
    proof,
    sealing,
    sister,
    succession,
    ticket,
    witness,
)
from points.wire.batch_header import read_header
from points.wire.keys import SigningKey
from points.wire.lane import KeyRecord, Lane
from points.wire.sealing import SealingKey

With = Mapping[str, Any]


def plain(value: Any) -> Any:
    """A value as JSON tells it: records by their fields, bytes as hexadecimal, sets in order."""
    if is_dataclass(value) and not isinstance(value, type):
        return {one.name: plain(getattr(value, one.name)) for one in fields(value)}
    if isinstance(value, bytes):
        return value.hex()
    if hasattr(value, "_asdict"):
        return plain(value._asdict())
    if isinstance(value, Mapping):
        return {"/".join(map(str, key)) if isinstance(key, tuple) else str(key): plain(inner)
                for key, inner in value.items()}  # fmt: skip
    if isinstance(value, set | frozenset):
        return sorted(map(plain, value), key=str)
    if isinstance(value, list | tuple):
        return [plain(one) for one in value]
    return int(value) if isinstance(value, IntEnum) else value


def covers(now: Any, then: Any) -> bool:
    """Whether what is read now says all that was read then; a record may have more fields now."""
    if isinstance(then, dict) and isinstance(now, dict):
        return all(key in now and covers(now[key], inner) for key, inner in then.items())
    if isinstance(then, list) and isinstance(now, list):
        return len(now) == len(then) and all(map(covers, now, then))
    return type(now) is type(then) and bool(now == then)


def operation(raw: bytes, known: With) -> Any:
    found = shaped(canonical.decode(raw), "s01", "t1")
    if isinstance(found, Outcome):
        return {"letter": found.letter, **found.detail}
    assert canonical.is_canonical(raw, found.body), "it is kept as it was signed"
    return {
        "kind": found.kind, "id": found.id, "st": found.st, "day": found.day, "m": found.m,
        "refs": found.refs, "moves": [[act, n] for act, n in found.moves()],
    }  # fmt: skip


def batch(raw: bytes, known: With) -> Any:
    header, _ = envelope.peek(raw)
    opened = envelope.open_batch(raw, KeyRecord(bytes.fromhex(known["public"]), frozenset({header.lane})))
    return {"header": plain(read_header(header_of(raw))), "bodies": [one.decode() for one in opened.bodies]}


def header_of(raw: bytes) -> bytes:
    """The header's own bytes of a box."""
    size = int.from_bytes(raw[4:8], "big")
    return raw[8 : 8 + size]


def _answer(raw: bytes, known: With) -> Any:
    asked, (chain, store, till) = bytes.fromhex(known["question"]), known["till"]
    return plain(hello.open_answer(raw, asked, bytes.fromhex(known["public"]), (chain, store, till)))


def _chunk(raw: bytes, known: With) -> Any:
    return chunk.open_named(
        chunk.blob_name(raw), raw, known["topic"], known["shard"], bytes.fromhex(known["key"])
    )


def _bundle(raw: bytes, known: With) -> Any:
    parcel = bundle.unseal(raw, SealingKey.from_raw(bytes.fromhex(known["seal"])))
    return plain(bundle.verify(parcel, bytes.fromhex(known["public"])))


def _claim(raw: bytes, known: With) -> Any:
    told = claim.decode(raw.decode())
    told.verify(bytes.fromhex(known["public"]))
    return plain(told)


def _token(raw: bytes, known: With) -> Any:
    told = member_token.decode(raw.decode())
    told.verify(known["chain"], {told.kid: bytes.fromhex(known["public"])})
    return plain(told)


def _joins(raw: bytes, known: With) -> Any:
    paper, public = (
        ticket.decode(known["ticket"]),
        SigningKey.from_raw(bytes.fromhex(known["key"])).public_raw,
    )
    seal = SealingKey.from_raw(bytes.fromhex(known["seal"]))
    return plain(joining.open_grant(raw, paper, bytes.fromhex(known["request"]), public, seal))


def _succeeds(raw: bytes, known: With) -> Any:
    return plain(succession.read_granted(raw, bytes.fromhex(known["public"])))


def _sister(raw: bytes, known: With) -> Any:
    store = Lane(*known["from"])
    record = KeyRecord(bytes.fromhex(known["public"]), frozenset({store}))
    return plain(sister.open_datagram(raw, Lane(*known["own"]), {record.kid: record}.get))


def _proof(raw: bytes, known: With) -> Any:
    return [[step.name, step.holds] for step in proof.steps(proof.unpack(raw), None)]


READERS: dict[str, Callable[[bytes, With], Any]] = {
    "operation": operation,
    "batch": batch,
    "ack": lambda raw, known: plain(ack.open_ack(raw, bytes.fromhex(known["public"]))),
    "question": lambda raw, known: plain(hello.read(raw)),
    "answer": _answer,
    "manifest": lambda raw, known: plain(
        manifest.open_manifest(raw, bytes.fromhex(known["public"]), "demo", known["topic"], known["shard"])
    ),
    "chunk": _chunk,
    "member row": lambda raw, known: plain(members.read_row(canonical.decode_value(raw, 1 << 16))),
    "rule book": lambda raw, known: plain(rulebook.read_kept(raw)),
    "bundle": _bundle,
    "claim": _claim,
    "member token": _token,
    "ticket": lambda raw, known: plain(ticket.decode(raw.decode())),
    "join request": lambda raw, known: plain(joining.open_ask(raw, bytes.fromhex(known["proof"]))),
    "join answer": _joins,
    "succession request": lambda raw, known: plain(succession.open_ask(raw, bytes.fromhex(known["public"]))),
    "succession answer": _succeeds,
    "sealed": lambda raw, known: sealing.open_pii(
        SealingKey.from_raw(bytes.fromhex(known["seal"])), "demo", known["op_id"], raw
    ),
    "hub time": lambda raw, known: plain(
        hub_time.heard({"signed": raw.hex()}, known["signature"], bytes.fromhex(known["public"]))
    ),
    "sister": _sister,
    "checkpoint": lambda raw, known: plain(
        checkpoint.open_checkpoint(raw, "jifen/demo/1", bytes.fromhex(known["public"]))
    ),
    "proof": _proof,
    "key list": lambda raw, known: plain(key_list.read(raw)),
    "look at the log": lambda raw, known: plain(witness.read(raw)),
}
"""How each kind of signed or stored bytes is read."""

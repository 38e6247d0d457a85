"""Whether everything that is counted was signed: P13, asked of the envelopes themselves.

Each envelope is opened again with its lane's key, so signature, chain and tree are checked anew. Every
operation that headquarters has heard of must lie in one of them, at its own place and with its own bytes,
and every fact must be those bytes; so what a posting cites leads to a signature that verifies. A posting
is bound to its operation by its id, which ``verify`` looks up. Nothing here says whether a fact is right.
"""

from __future__ import annotations

from collections.abc import Iterator

from hub.delivery import read
from hub.intake import key_record
from hub.office import Office
from hub.store import schema
from hub.store.engine import Turn
from points.identifiers import BUCKETS, op_bucket
from points.wire import chain, envelope
from points.wire.faults import WireFault

NAMED_MAX = 50
"""How many faults of a kind are named one by one."""


def unsigned(look: Turn, office: Office) -> list[str]:
    """What is counted and was not signed, in words; nothing when all of it was."""
    faults: list[str] = []
    proven = sum(len(ids) for ids in _signed(look, office, faults))
    if proven != (look.one("SELECT count(*) FROM op_seen") or (0,))[0]:
        faults += _strays(look, office)
    return faults + _other_bytes(look)


def _signed(look: Turn, office: Office, faults: list[str]) -> Iterator[list[str]]:
    """The ids of operations that an envelope vouches for, envelope by envelope, each once."""
    known: dict[tuple[str, str, int], int] = {}
    columns = ["op_id", "store", "till", "epoch", "seq", "digest"]
    for at in look.run(
        "SELECT store, till, epoch, first, batch_id FROM batches ORDER BY store, till, epoch, first, batch_id"
    ):
        ((raw,),) = look.run(
            "SELECT envelope FROM batches"
            " WHERE store = ? AND till = ? AND epoch = ? AND first = ? AND batch_id = ?",
            at,
        )
        try:
            batch = envelope.open_batch(bytes(raw), key_record(look, office, envelope.peek(bytes(raw))[1]))
        except WireFault as fault:
            faults.append(f"the batch {at[0]}/{at[1]}/{at[2]}/{at[3]} does not verify: {fault}")
            continue
        lane, first = batch.header.lane, batch.header.first
        own = (lane.store, lane.till, lane.epoch)
        start = max(0, known.get(own, 0) - first + 1)  # batches may overlap; an operation is counted once
        known[own] = max(known.get(own, 0), batch.header.last)
        signed = {
            (read(body).id, seq): chain.body_digest16(body)
            for seq, body in enumerate(batch.bodies[start:], first + start)
        }
        keys = [(op_bucket(op_id), op_id) for op_id, _ in signed if op_id]
        yield [
            op_id
            for op_id, store, till, epoch, seq, digest in look.find(
                schema.op_seen, columns, ["op_bucket", "op_id"], keys
            )
            if (store, till, epoch) == own and signed.get((op_id, seq)) == bytes(digest)
        ]


def _strays(look: Turn, office: Office) -> list[str]:
    """Operations that are in no envelope, by name. Asked only when the number is wrong: it holds every id."""
    signed = {op_id for ids in _signed(look, office, []) for op_id in ids}
    heard = (op_id for (op_id,) in look.run("SELECT op_id FROM op_seen ORDER BY op_id"))
    strays = [op_id for op_id in heard if op_id not in signed]
    return [f"{op_id} is in no envelope that verifies" for op_id in strays[:NAMED_MAX]]


def _other_bytes(look: Turn) -> list[str]:
    """Facts whose bytes are not the operation's."""
    faults: list[str] = []
    for number in range(BUCKETS):
        facts = look.run("SELECT op_id, body FROM facts WHERE bucket = ?", (number,))
        digests: dict[str, bytes] = dict(
            look.find(
                schema.op_seen,
                ["op_id", "digest"],
                ["op_bucket", "op_id"],
                [(op_bucket(op_id), op_id) for op_id, _ in facts],
            )
        )
        for op_id, body in facts:
            if bytes(digests.get(op_id, b"")) != chain.body_digest16(bytes(body)):
                faults.append(f"the fact {op_id} is not what was signed")
    return faults[:NAMED_MAX]

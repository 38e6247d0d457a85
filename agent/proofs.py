"""One operation's proof, from what this till holds: its own book, headquarters' ack and the log's head.

It is looked at before it is given away: a file that proves nothing is never written.
"""

from __future__ import annotations

from agent.journal.log import EPOCH_STEP
from agent.store import device_keys, feeds, sales, witnessed
from agent.till import Till
from config.faults import Fault
from points.wire import claim, envelope, proof, tree, witness
from points.wire.proof import Proof


def of(till: Till, named: str) -> bytes:
    """The proof of the operation with this id, or of the paper with these digits.

    Raises a Fault: it is not of this till, headquarters has not answered it, or its place is not known yet.
    """
    op_id = claim.decode(named).op_id if claim.looks_like_one(named) else named
    entry = sales.entry(till.book, op_id)
    if entry is None:
        raise Fault("fault.proof_unknown", f"{op_id} is not of this till")
    pos, body, _ = entry
    held = witnessed.proved(till.book, pos)
    if held is None:
        raise Fault("fault.proof_not_yet", f"no proof of {op_id} has come yet")
    header, kid = envelope.peek(held.envelope)
    first = pos - pos % EPOCH_STEP + header.first
    entries = till.log.between(first, first + header.count - 1)
    record = device_keys.find(till.book, kid, till.identity.lane.chain)
    made = Proof(
        body=body,
        seq=pos % EPOCH_STEP,
        prev=entries[pos - first - 1].hash if pos > first else bytes.fromhex(header.prev),
        path=tuple(tree.inclusion([one.hash for one in entries], pos - first)),
        batch=held.envelope,
        ack=held.ack,
        leaf=held.leaf,
        proof=witness.hashes(held.proof),
        note=held.note,
        till=record.public_raw if record else till.identity.key.public_raw,
        receipt=till.identity.hub_receipt_public,
        log=till.identity.hub_log_public or bytes.fromhex(feeds.fact(till.book, witnessed.LOG_PUBLIC) or ""),
    )
    wrong = [step.name for step in proof.steps(made, None) if not step.holds]
    if wrong:
        raise Fault("fault.proof_broken", f"the proof of {op_id} fails: {wrong}", step=wrong[0])
    return proof.pack(made)

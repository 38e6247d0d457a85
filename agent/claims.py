"""The receipt's QR: one operation as a compact signed claim, evidence that survives this PC.

It is made from the recorded operation when the receipt is printed, so a reprint carries the same
claim. It is evidence, never rights: whoever reads it can spend nothing by it. A paper of another store
is proved by that till's key, which headquarters tells to all.
"""

from __future__ import annotations

from agent.journal.log import EPOCH_STEP
from agent.store import device_keys, sales
from agent.till import Till
from points.operations import Operation
from points.rulebook import EXCLUDED
from points.wire import canonical, chain, claim
from points.wire.faults import Malformed, WireFault
from points.wire.fields import U32_MAX
from points.wire.lane import KeyRecord, Lane

KINDS = {
    "sale.earn": claim.Kind.EARN,
    "redeem.cash": claim.Kind.REDEEM,
    "sale.refund": claim.Kind.REFUND,
    "sale.void": claim.Kind.VOID,
    "member.enrol": claim.Kind.ENROL,
}


def signed_by(till: Till, told: claim.Claim) -> Lane | None:
    """The lane whose till printed this claim; None when nothing that is known here proves it."""
    own = till.identity
    if told.kid == own.key.kid:
        record: KeyRecord | None = KeyRecord(own.key.public_raw, frozenset({own.lane}))
    else:
        record = device_keys.find(till.book, told.kid, own.lane.chain)
    if record is None or not record.vouches_for(told.seq):
        return None
    try:
        told.verify(record.public_raw)
    except WireFault:
        return None
    return next(iter(record.lanes))


def digits(till: Till, op_id: str) -> str:
    """The digits of an operation's claim; "" for a kind that has none, or numbers that fit into none."""
    found = sales.entry(till.book, op_id)
    assert found is not None, "only what was recorded is printed"
    pos, raw, _ = found
    op = Operation(canonical.decode(raw), till.store, till.till)
    if op.kind not in KINDS:
        return ""
    key = till.identity.key
    tender = next((t for t in op.body.get("tenders", ()) if t[0] == "points"), None)
    told = claim.Claim(
        kind=KINDS[op.kind],
        op_id=op.id,
        m=op.m or 0,
        kid=key.kid,
        seq=pos % EPOCH_STEP,
        epoch=pos // EPOCH_STEP,
        day=op.day,
        st=op.st,
        rule=op.rule[:16],
        op_hash=chain.body_digest16(raw).hex(),
        earned=op.body["pts"] if op.kind == "sale.earn" else 0,
        used=tender[2] if tender else (op.body["pts"] if op.kind == "redeem.cash" else 0),
        tender_fen=tender[1] if tender else op.body.get("fen", 0),
        m_bp=op.body.get("m_bp", 0),
        groups=_groups(till, op),
    )
    try:
        return claim.encode(told, key)
    except Malformed:
        return ""


def _groups(till: Till, op: Operation) -> tuple[tuple[int, int], ...]:
    """Net fen by rate of the book; none when there is more than a claim can carry."""
    book = till.books[op.rule]
    net: dict[int, int] = {}
    for line in op.body.get("lines", ()) if op.kind == "sale.earn" else ():
        rate = book.rate_index(line[1])
        if rate != EXCLUDED:
            net[rate] = net.get(rate, 0) + line[3]
    fits = len(net) <= claim.GROUPS_MAX and all(fen <= U32_MAX for fen in net.values())
    return tuple(sorted(net.items())) if fits else ()

"""The wire's laws W1 to W13: what stands in books, lanes, answers and the log of a chain at rest."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator

from forks import heard, points_of
from wire_stand import Stand

from config.sqlite import Error
from hub.sequencer import Sequencer
from hub.store import log
from hub.verify import verify
from points.fold import FOLDED, fold
from points.operations import Operation
from points.wire import ack, canonical, chain, checkpoint, envelope, tree
from points.wire.faults import WireFault

Faults = Iterator[str]
Law = Callable[[Stand], Faults]
SMALL = 2 * 1024
MS_A_DAY = 86_400_000


def w1(stand: Stand) -> Faults:
    """Every operation on a paper exists in a book: it was there when the paper came out, and is there now."""
    for pc in stand.pcs:
        now = dict(pc.shop.till.book.rows("SELECT op_id, body FROM ops"))
        for op_id, body in pc.papers.items():
            if not body or bytes(now.get(op_id, b"")) != body:
                yield f"the paper of {op_id} stands in no book"


def w2(stand: Stand) -> Faults:
    """A book is only added to: dense numbers, a chain from its genesis, and the database refuses the rest."""
    for pc in stand.pcs:
        till = pc.shop.till
        if len(list(till.log.walk())) != till.log.seq:
            yield f"{till.identity.lane} has a gap"
        link = till.log.genesis
        for seq, (body, stored) in enumerate(
            till.book.rows("SELECT body, hash FROM ops WHERE pos >= ? ORDER BY pos", (till.log.pos(1),)), 1
        ):
            link = chain.link(link, seq, bytes(body))
            if link != bytes(stored):
                yield f"{till.identity.lane} has another chain at {seq}"
        for sql in ("UPDATE ops SET body = x'00'", "DELETE FROM ops"):
            try:
                with till.book.turn() as turn:
                    turn.execute(sql)
            except Error:
                continue
            yield f"a book of {till.identity.lane} was changed"


def w3(stand: Stand) -> Faults:
    """The effect of an operation is applied once, however often and by whatever way it came."""
    for op_id, count in stand.hq.rows("SELECT op_id, count(*) FROM facts GROUP BY op_id HAVING count(*) > 1"):
        yield f"{op_id} was posted {count} times"
    at: dict[str, set[str]] = defaultdict(set)
    for op_id, store in stand.hq.rows("SELECT op_id, store FROM facts WHERE store <> 'hq'"):
        at[op_id].add(store)
    bodies = dict(stand.hq.rows("SELECT op_id, body FROM facts WHERE store <> 'hq'"))
    for op_id, body in bodies.items():
        if stand.ever.get(op_id, bytes(body)) != bytes(body):
            yield f"{op_id} was posted with another body"


def w4(stand: Stand) -> Faults:
    """What headquarters has posted or keeps is what was recorded: nothing is lost, nothing was invented."""
    posted = heard(stand.hq).keys() | stand.custody()
    for op_id in stand.ever.keys() - stand.gone - posted:
        yield f"{op_id} was recorded and is nowhere"
    own = {op_id for (op_id,) in stand.hq.rows("SELECT op_id FROM op_seen WHERE store = 'hq'")}
    for op_id in posted - own - stand.ever.keys():
        yield f"{op_id} is at headquarters and was never recorded"


def w5(stand: Stand) -> Faults:
    """Balances are the sum of what was accepted, of each member and altogether."""
    yield from verify(stand.hq.office).faults
    facts: dict[int, list[Operation]] = defaultdict(list)
    for m, store, till, kind, body in stand.hq.rows("SELECT m, store, till, kind, body FROM facts"):
        if kind in FOLDED:
            op = Operation(canonical.decode(bytes(body)), store, till)
            op.m = m
            facts[m].append(op)
    for m, ops in facts.items():
        lots = sum(lot[1] for lot in fold(m, ops, stand.hq.office.books).lot_rows())
        if lots != points_of(stand.hq, m):
            yield f"member {m} has {points_of(stand.hq, m)}, the facts say {lots}"


def w6(stand: Stand) -> Faults:
    """Every delivered operation has one current outcome, and what was answered first stays answered."""
    posted = {
        (s, t, e, n)
        for s, t, e, n in stand.hq.rows("SELECT store, till, epoch, seq FROM op_seen WHERE posted = 1")
    }
    waits = set(stand.hq.rows("SELECT store, till, epoch, seq FROM waiting"))
    ended = set(stand.hq.rows("SELECT store, till, epoch, seq FROM dismissed"))
    told = {row[:4]: row[4] for row in stand.hq.rows("SELECT store, till, epoch, seq, letter FROM told")}
    for store, till, epoch, last in stand.hq.rows(
        "SELECT store, till, epoch, seq FROM lanes WHERE store <> 'hq'"
    ):
        for seq in range(1, last + 1):
            at = store, till, epoch, seq
            states = (at in posted) + (at in waits) + (at in ended) + (told.get(at) == "D")
            if states != 1:
                yield f"{at} has {states} outcomes"
    # Of two PCs with one envelope headquarters, put back, may hear the one that had no answer yet.
    were_two = stand.marks["clone"] or stand.marks["put back"]
    answered = {} if stand.restores and were_two else held(stand) if stand.restores else stand.acks
    for name, raw in stand.hq.rows("SELECT batch_id, ack FROM batches"):
        if answered.get(name, bytes(raw)) != bytes(raw):
            yield f"the answer to {name} has changed"


def w7(stand: Stand) -> Faults:
    """Every answer verifies by the published key, and stands in the log."""
    public = stand.hq.office.keys.receipt.public_raw
    for name, raw in stand.acks.items():
        try:
            if ack.open_ack(raw, public).batch_id != name:
                yield f"the answer to {name} is another's"
        except WireFault as fault:
            yield f"the answer to {name} does not verify: {fault}"
    Sequencer(stand.hq.office).step()
    entries = _entries(stand)
    newest = _newest(stand)
    if newest is None or (newest.size, newest.root) != (len(entries), tree.merkle_root(entries)):
        yield "the newest head is not over all answers"
    there = set(entries)
    for (raw,) in stand.hq.rows("SELECT ack FROM batches"):
        if ack.leaf_entry(bytes(raw)) not in there:
            yield "an answer stands nowhere in the log"


def w8(stand: Stand) -> Faults:
    """The heads that tills ever saw are of one log, or of one before headquarters was put back."""
    entries, office = _entries(stand), stand.hq.office
    origin, key = checkpoint.origin_of(office.chain, office.inc), office.keys.log
    assert key is not None
    for raw in stand.heads:
        head = checkpoint.read(raw)
        if head.origin != origin:
            if checkpoint.inc_of(head.origin) > office.inc:
                yield f"a head of a headquarters that never was: {head.origin}"
            continue
        checkpoint.open_checkpoint(raw, origin, key.public_raw)
        if head.size > len(entries) or tree.merkle_root(entries[: head.size]) != head.root:
            yield f"a head over {head.size} answers is of another log"
    for pc in stand.pcs:
        for why, number in pc.shop.till.book.rows("SELECT why, number FROM log_evidence"):
            yield f"{pc.shop.till.identity.lane} holds against headquarters: {why} {number}"


def w9(stand: Stand) -> Faults:
    """No lane accepts two hashes for one number, and what it accepted is what its envelopes hold."""
    links: dict[tuple[str, str, int, int], str] = {}
    for store, till, epoch, raw in stand.hq.rows("SELECT store, till, epoch, envelope FROM batches"):
        header = envelope.peek(bytes(raw))[0]
        for seq, head in ((header.first - 1, header.prev), (header.last, header.head)):
            at = store, till, epoch, seq
            if links.setdefault(at, head) != head or stand.accepted.get(at, head) != head:
                yield f"{at} has two hashes"


def w10(stand: Stand) -> Faults:
    """One PC alone writes in a lane that is open."""
    lanes = Counter(pc.shop.till.identity.lane for pc in stand.pcs)
    for lane, count in lanes.items():
        if count > 1:
            yield f"{count} PCs write in {lane}"
    current = {(s, t): e for s, t, e in stand.hq.rows("SELECT store, till, epoch FROM agents")}
    for pc in stand.pcs:
        lane = pc.shop.till.identity.lane
        if lane.epoch > current[lane.store, lane.till]:
            yield f"{lane} was never granted"


def w11(stand: Stand) -> Faults:
    """A fork is found at the first contact after it."""
    yield from stand.undetected


def w12(stand: Stand) -> Faults:
    """Nothing is pruned from a book: each PC has all of its lane, and what it told is there."""
    for pc in stand.pcs:
        log_ = pc.shop.till.log
        ((count,),) = pc.shop.till.book.rows("SELECT count(*) FROM ops WHERE pos >= ?", (log_.pos(1),))
        ((kept,),) = pc.shop.till.book.rows(
            "SELECT count(*) FROM envelopes WHERE ack IS NULL AND last < ?", (log_.pos(1),)
        )
        if count != log_.seq or kept:
            yield f"{log_.lane} has {count} of {log_.seq}"


def w13(stand: Stand) -> Faults:
    """After headquarters was put back, and all have spoken, every answer given before counts as it did."""
    public = stand.hq.office.keys.receipt.public_raw
    now = {
        (s, t, e, n): (letter, json.loads(detail), later)
        for s, t, e, n, letter, detail, later in stand.hq.rows(
            "SELECT store, till, epoch, seq, letter, detail, later FROM told"
        )
    }
    delivered = {name for (name,) in stand.hq.rows("SELECT batch_id FROM batches")}
    there = heard(stand.hq).keys() | stand.custody()
    for name, raw in held(stand).items():
        told = ack.open_ack(raw, public)
        if name not in delivered:  # another PC of the lane was heard first: what was answered came by another
            if not stand.of_envelope(name) <= there:
                yield f"{name} was answered and is not here any more"
            continue
        for seq, letter, detail in told.outcomes:
            found = now.get((*told.lane.columns, seq))
            if letter == "J" and (found is None or found[:2] != (letter, detail)):
                yield f"{told.lane}/{seq} was adjusted by {detail}, now {found}"


def held(stand: Stand) -> dict[str, bytes]:
    """By an envelope's name its answer that a PC holds; what was on a disk that was put back is gone."""
    return {
        str(name): bytes(raw)
        for pc in stand.pcs
        for name, raw in pc.shop.till.book.rows("SELECT batch_id, ack FROM envelopes WHERE ack IS NOT NULL")
    }


def _entries(stand: Stand) -> list[bytes]:
    with stand.hq.office.store.look() as look:
        return [ack.leaf_entry(raw) for raw in log.acks(look, 0, log.size(look))]


def _newest(stand: Stand) -> checkpoint.Checkpoint | None:
    with stand.hq.office.store.look() as look:
        newest = log.newest(look, stand.hq.office.inc)
    return None if newest is None else checkpoint.read(newest[1])


OF_BOOKS: tuple[Law, ...] = (w1, w2, w3, w4, w5, w6, w7, w8, w9, w10, w11, w12, w13)

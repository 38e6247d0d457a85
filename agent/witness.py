"""This till as a witness of headquarters' log: it believes no head that does not continue what it has seen.

Every contact may bring a newer head and the places of acks that this till holds. What is proved is kept with
the acks; what contradicts what was signed before is kept as evidence, with both sides as they were signed,
and the head that was believed stays the one that the next is measured by. Selling does not depend on any of
it: it is said on the page, by the doctor and to headquarters itself. So is an ack whose place is owed for
longer than a day. The log's key is that of the ticket's answer; a till that was opened before there was a log
keeps the first that headquarters signs.
"""

from __future__ import annotations

from agent.journal.log import EPOCH_STEP
from agent.store import device_keys, feeds, witnessed
from agent.store.witnessed import LOG_PUBLIC, OVERDUE
from agent.till import Till
from config.faults import Fault
from points.wire import ack, checkpoint, envelope, hello, witness
from points.wire.batch_header import TreeHead
from points.wire.checkpoint import Checkpoint
from points.wire.faults import WireFault
from points.wire.fields import U32_MAX
from points.wire.hello import BROKEN_MAX, OfLog, Piece, Told
from points.wire.witness import OWED, PLACES_MAX, Contradiction, Seen, Shown

OWED_MS = 86_400_000
HELD_MAX = 2 * PLACES_MAX
UNREADABLE = "unreadable"


def own_head(till: Till) -> Checkpoint | None:
    """The newest head that this till believes."""
    note = witnessed.newest(till.book)
    return checkpoint.read(note) if note else None


def in_batch(till: Till) -> TreeHead | None:
    """The same as a batch names it: of the log of the incarnation that stands beside it, or none."""
    of_log, sth = to_say(till)
    return sth if of_log.inc == till.identity.inc else None


def to_say(till: Till) -> tuple[OfLog, TreeHead | None]:
    """What this till says of the log when it says hello, and the newest head that it believes."""
    head = own_head(till)
    oldest = witnessed.owed(till.book, 1)
    broken = [(why, number) for why, number, _ in witnessed.evidence(till.book)]
    overdue = feeds.fact(till.book, OVERDUE)
    if overdue:
        broken.append((OWED, int(overdue) % EPOCH_STEP))
    inc = checkpoint.inc_of(head.origin) if head else till.identity.inc
    # A position is signed, an epoch is not: that of a provisional one has its top bit set.
    owed = (oldest[0][0] // EPOCH_STEP & U32_MAX, oldest[0][0] % EPOCH_STEP) if oldest else None
    sth = TreeHead(head.size, head.root.hex()) if head else None
    return OfLog(inc, owed, tuple(broken[-BROKEN_MAX:])), sth


def fault(till: Till) -> Fault | None:
    """What people have to know of it; a contradiction before what is owed."""
    against = witnessed.evidence(till.book)
    if against:
        why, number, _ = against[0]
        return Fault("fault.log_contradicted", f"{why} at {number}", why=why, number=number)
    if feeds.fact(till.book, OVERDUE):
        return Fault("fault.log_owed", "the place of an acknowledgement in the log is overdue")
    return None


def hear(till: Till, told: Told, raw: bytes) -> None:
    """Look at what an answer shows of the log. ``raw`` is the answer as it was signed."""
    log_public = _key(till, told)
    if not log_public:
        return
    piece, proved = next((one for one in told.pieces if one.kind == hello.LOG), None), 0
    if piece is not None:
        try:
            proved = _take(till, told, witness.read(piece.raw), log_public)
        except Contradiction as found:
            _keep(till, found, told, raw, piece)
        except WireFault:
            _keep(till, Contradiction(UNREADABLE), told, raw, piece)
    _note_overdue(till, told, is_moving=proved > 0)


def _take(till: Till, told: Told, shown: Shown, log_public: bytes) -> int:
    """Believe what was shown, all of it or nothing; how many acks were proved."""
    own, origin = own_head(till), checkpoint.origin_of(told.chain, told.inc)
    head = witness.believe(own, shown, origin, log_public)
    held = {name: (first, raw) for first, name, raw in witnessed.owed(till.book, HELD_MAX)}
    # A batch that was cut anew has an ack that this till never heard.
    places = [(held[place.batch_id], place) for place in shown.places if place.batch_id in held]
    for (_, raw), place in places:
        witness.prove(head, place, raw)
    for seen in shown.seen:
        _compare(till, head, seen)
    if head != own or places:
        name = f"{head.origin} {head.size}"
        with till.book.turn() as turn:
            witnessed.keep_head(turn, name, shown.note)
            for (first, _), place in places:
                witnessed.keep_place(turn, first, place.leaf, witness.text_of(place.proof), name)
    return len(places)


def _compare(till: Till, head: Checkpoint, seen: Seen) -> None:
    """What another store has seen; only what its own till has signed counts, by a key that is known here."""
    try:
        record = device_keys.find(till.book, envelope.peek(seen.batch)[1], till.identity.lane.chain)
        if record is not None:
            witness.agree(head, seen, record)
    except WireFault as fault:
        raise Contradiction(UNREADABLE) from fault


def _keep(till: Till, found: Contradiction, told: Told, raw: bytes, piece: Piece) -> None:
    """Both sides: what this till holds, and the answer's signed header with what it showed."""
    own = witnessed.newest(till.book) or b""
    number = checkpoint.read(own).size if own else 0
    header = raw[: len(raw) - sum(len(one.raw) for one in told.pieces)]
    with till.book.turn() as turn:
        witnessed.keep_evidence(turn, found.why, number, told.ms, found.held or own, header, piece.raw)


def _note_overdue(till: Till, told: Told, *, is_moving: bool) -> None:
    """An ack without a place a day after it was given, though headquarters was just asked for the oldest.

    A backlog comes a few at a time: while it moves nothing of it is overdue.
    """
    overdue = None
    for first, _, raw in witnessed.owed(till.book, 1):
        given_ms = ack.open_ack(raw, till.identity.hub_receipt_public).ms
        if not is_moving and told.ms - given_ms > OWED_MS:
            overdue = str(first)
    if overdue != feeds.fact(till.book, OVERDUE):
        with till.book.turn() as turn:
            if overdue is None:
                feeds.drop_fact(turn, OVERDUE)
            else:
                feeds.keep_fact(turn, OVERDUE, overdue)


def _key(till: Till, told: Told) -> bytes:
    """The key of this till's admission, or the first that it was told after that."""
    known = till.identity.hub_log_public or bytes.fromhex(feeds.fact(till.book, LOG_PUBLIC) or "")
    if not known and told.log_public:
        with till.book.turn() as turn:
            feeds.keep_fact(turn, LOG_PUBLIC, told.log_public.hex())
        return told.log_public
    return known

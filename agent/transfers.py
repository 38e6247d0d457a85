"""Rights that go from one till of a store to a sister till, by the signed operations of both.

The giver records first, then says so; the receiver records what it was told, once. What it wants it has
written down before it asks, and it asks again until it is answered, so nothing is lost by a message. What is
never answered comes home with the close of the term that it was for. A wish is answered from the giver's
book: the same one has the same answer for ever, and one that is older than the last of its till has none.
"""

from __future__ import annotations

from hashlib import sha256

from agent.journal.log import EPOCH_STEP
from agent.recorder import Draft, Mark, next_id, record
from agent.store import acts, cells, device_keys, feeds, sales, wants
from agent.store.wants import Want
from agent.till import DOUBTED, Till
from config.sqlite import Connection
from points import rights
from points.fields import BadOperation
from points.fund import POINTS
from points.operations import read
from points.wire import canonical
from points.wire.faults import UnknownKey, WireFault, WrongLane
from points.wire.sister import Said
from points.wire.transfer import Given

BY = "agent"
GAVE = "gave:"
"""Begins the act id of a giving; the id of the wish follows."""
LAST = "wanted-by:{}/{}"
"""The fact that keeps the latest wish of a sister till's PC."""
SCHED_MAX = 60
"""Days in one giving; a datagram holds no more."""


def is_doubted(till: Till) -> bool:
    """Whether headquarters does not know yet that this PC belongs: what it records is not booked, so what it
    gives a sister till would be nobody's, and what it takes might never come back."""
    return feeds.fact(till.book, DOUBTED) == "1"


def at_hand(till: Till, m: int) -> int:
    """Points of a member that this till could give away now; none while its cashier is about to use them, or
    while it is doubted."""
    with till.book.lock:
        if till.rules is None or is_doubted(till):
            return 0
        if any(who == m and op in till.asking for op, who in cells.intents(till.book)):
            return 0
        return sum(till.rights(m).left(till.rule().today(till.time().st_ms)))


def wish(till: Till, sister: str, m: int, pts: int, paper: str = "") -> Want:
    """Write down what is wanted of a sister till, for the term that this one is in."""
    with till.book.lock:
        time, identity = till.time(), till.identity
        want = Want(next_id(till, time), sister, m, pts, identity.inc, identity.term, paper)
        with till.book.turn() as turn:
            wants.keep(turn, want)
        return want


def give(till: Till, said: Said) -> Given | None:
    """Give what a sister till wants, as far as it is at hand; None when there is nothing for it.

    Also for a wish that was answered before: then the same again.
    """
    with till.book.lock:
        act, asked = GAVE + said.id, _digest(said)
        before = acts.find(till.book, act)
        if before is not None:
            return _shown(till, before[0]) if before[1] == asked else None
        if till.rules is None or is_late(till, said):
            return None
        held = till.rights(said.m)
        today = till.rule().today(till.time().st_ms)
        after, fund, sched = rights.give(held, min(said.n, at_hand(till, said.m)), today)
        if not fund or len(sched) > SCHED_MAX:
            with till.book.turn() as turn:
                remember(turn, said)
            return None
        to = [till.store, said.lane.till, said.inc, said.term]
        draft = Draft(
            "rights.give",
            {"sched": sched},
            BY,
            said.m,
            [[act_, n, POINTS, to] for act_, n in fund],
            after,
            mark=Mark(act, asked),
            also=lambda turn: remember(turn, said),
        )
        done = record(till, draft, till.time(), till.shift().day)
        return _shown(till, done.entry.pos)


def _digest(said: Said) -> str:
    lane = said.lane
    asked = [lane.till, lane.epoch, said.m, said.n, said.inc, said.term]
    return sha256(canonical.encode({"asked": asked})).hexdigest()[:32]


def is_late(till: Till, said: Said) -> bool:
    """Whether its PC has wanted something since, or another PC has taken its place: then it is nobody's
    wish any more, or somebody has recorded and repeated it."""
    lane = said.lane
    last = feeds.fact(till.book, LAST.format(lane.till, lane.epoch)) or ""
    return said.id <= last or lane.epoch < device_keys.epoch_of(till.book, lane.store, lane.till)


def remember(turn: Connection, said: Said) -> None:
    """Keep that a sister till's PC has wanted this."""
    feeds.keep_fact(turn, LAST.format(said.lane.till, said.lane.epoch), said.id)


def _shown(till: Till, pos: int) -> Given:
    """The giving at a position, with its proof."""
    (entry,) = till.log.between(pos, pos)
    return Given.signed(till.identity.lane, pos % EPOCH_STEP, entry.body, till.identity.key)


def take(till: Till, given: Given) -> int:
    """Take what a sister till gave; gives the points, 0 for what was taken before or is for another term.

    Raises a ``WireFault`` for what that till did not sign, or has not given to this one.
    """
    own = till.identity
    with till.book.lock:
        record_of = device_keys.find(till.book, given.kid, own.lane.chain)
        if record_of is None:
            raise UnknownKey(kid=given.kid)
        given.check(record_of)
        try:
            giving = read(given.content(), given.lane.store, given.lane.till)
        except BadOperation as error:
            raise WrongLane() from error
        if giving.kind != "rights.give" or giving.fund[0][3][:2] != [till.store, till.till]:
            raise WrongLane()
        term = (own.inc, own.term)
        assert giving.m is not None
        held = till.rights(giving.m)
        is_open = till.has_own_term and not held.closed and (held.inc, held.term) == term
        if not is_open or tuple(giving.fund[0][3][2:4]) != term or sales.returns_of(till.book, giving.id):
            return 0
        pts, sched = sum(n for _, n in giving.moves()), giving.body["sched"]
        body = {"refs": [giving.id], "sched": sched, "given": given.told()}
        after = rights.take(held, sched)
        draft = Draft("rights.take", body, BY, giving.m, [["take", pts, POINTS, giving.id]], after)
        record(till, draft, till.time(), till.shift().day)
        return pts


def answered(till: Till, want: str) -> None:
    """A wish has had its answer, whatever it was."""
    with till.book.turn() as turn:
        wants.end(turn, want)


def heard(till: Till, said: Said) -> int:
    """The answer to a wish: what was given is taken, then the wish is over; gives the points."""
    try:
        pts = take(till, said.given) if said.given is not None else 0
    except WireFault:
        return 0
    answered(till, said.id)
    return pts


def forget_old(till: Till) -> None:
    """Wishes for points of an earlier term are over: what was given for it comes home with its close."""
    own = till.identity
    for want in wants.unanswered(till.book):
        if not want.paper and (want.inc, want.term) != (own.inc, own.term):
            answered(till, want.id)

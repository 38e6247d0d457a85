"""Points that one till gave a sister till over their store's own network: proved, and told where they arrive.

The receiver's operation carries the giver's, signed with its place in its lane. What is not signed so, or is
not what the giver's own lane tells, stays in custody. Points move by whichever of both operations is heard
first; a term of the receiver that is over, closed or lost, takes nothing any more.
"""

from __future__ import annotations

from hub.store import device_keys, doubted_pcs, losses
from hub.store.engine import Turn
from points.fields import BadOperation
from points.holding import is_lost
from points.judging import Outcome, Seen
from points.operations import Operation, read
from points.rights import is_over_with
from points.wire import chain as lane_chain
from points.wire import transfer
from points.wire.faults import WireFault

CLOSED = "closed:{}/{}"
"""The setting that keeps the terms that a till's PCs have closed; each closes its own, in any order."""


def doubt(look: Turn, chain: str, taken: Operation, seen: Seen | None) -> Outcome | None:
    """What keeps a take in custody; None if its giver has signed for it.

    ``seen`` is what was heard of the giving in its own lane. A key that was revoked since counts: the
    receiver could not know, and may have spent what it took.
    """
    try:
        given = transfer.heard(taken.body["given"], chain, taken.store)
        record = device_keys.find(look, given.kid, chain)
        if record is None:
            return _not_given(taken)
        given.check(record)
        giving = _giving(chain, taken)
    except (WireFault, BadOperation):
        return _not_given(taken)
    if seen is not None and seen.digest != lane_chain.body_digest16(given.body):
        return Outcome("Q", {"reason": "equivocation"})
    here = [taken.store, taken.till, taken.body["inc"], taken.body["term"]]
    same = (giving.id, giving.m, giving.body["sched"]) == (taken.refs[0], taken.m, taken.body["sched"])
    return None if same and giving.fund[0][3][:4] == here else _not_given(taken)


def in_question(look: Turn, chain: str, taken: Operation) -> str:
    """The PC that gave, if nobody knows whether it belongs, or it was turned down: what it gave it may have
    invented, and the receiver could not know. Nothing for one that is believed."""
    giver = transfer.heard(taken.body["given"], chain, taken.store).lane
    return "" if doubted_pcs.is_trusted(look, giver) else doubted_pcs.pc(giver)


def _not_given(taken: Operation) -> Outcome:
    return Outcome("Q", {"reason": "policy", "field": "given"})


def _giving(chain: str, taken: Operation) -> Operation:
    """The giver's operation that a take carries. Raises ``WireFault`` or ``BadOperation``."""
    given = transfer.heard(taken.body["given"], chain, taken.store)
    body = given.content()
    if (body.get("t"), body.get("tv")) != ("rights.give", 1):
        raise BadOperation("given", "is no giving")
    return read(body, given.lane.store, given.lane.till)


def placed(look: Turn, chain: str, op: Operation) -> Operation:
    """The same operation with what posting must know of it: what gave, and whether it comes too late."""
    giving = _giving(chain, op) if op.kind == "rights.take" else op
    store, till, inc, term = giving.fund[0][3][:4]
    lost = losses.lost(look)
    gone = is_lost((giving.body["inc"], giving.body["term"]), (giving.store, giving.till), lost)
    is_over = is_closed(look, store, till, (inc, term)) or is_lost((inc, term), (store, till), lost)
    more = {"giving": giving, "is_over": is_over, "is_of_the_lost": gone}
    return Operation({**op.body, **more}, op.store, op.till)


def is_closed(look: Turn, store: str, till: str, term: tuple[int, int]) -> bool:
    """Whether a till has closed a term."""
    row = look.one("SELECT value FROM settings WHERE name = ?", (CLOSED.format(store, till),))
    closed = [one.split(",") for one in row[0].split()] if row is not None else []
    return any(is_over_with(term, (int(inc), int(over))) for inc, over in closed)


def note_close(turn: Turn, op: Operation) -> None:
    """A till has closed a term: what is given to it comes too late from now on."""
    name, term = CLOSED.format(op.store, op.till), f"{op.body['inc']},{op.body['term']}"
    row = turn.one("SELECT value FROM settings WHERE name = ?", (name,))
    closed = row[0].split() if row else []
    if term not in closed:
        turn.run(
            "INSERT INTO settings (name, value) VALUES (?, ?)"
            " ON CONFLICT (name) DO UPDATE SET value = excluded.value",
            (name, " ".join([*closed, term])),
        )

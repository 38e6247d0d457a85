"""A PC that burnt or was stolen: two people say so, and everything that its till held comes home.

The only other way home than the till's own word. Each paper of it that was shown becomes a case. Its key
counts up to what headquarters has heard and no further, its lane is sealed there, its reservations end. What
comes to light later is posted, because it happened; what it spent without a right is borne by headquarters or
the store, never by the member, and what came home stays in view as exposure for as long as such papers may
turn up.
"""

from __future__ import annotations

import json

from hub import intake, lost_claims
from hub.decisions import decide
from hub.office import Office
from hub.store import device_keys, doubted_pcs, losses, schema
from hub.store.doubted_pcs import ACCEPTED, REFUSED
from hub.store.engine import Turn
from hub.store.losses import Loss
from points.identifiers import HUB_STORE
from points.wire.lane import Lane

EXPOSED_MS = 400 * 86_400_000
"""How long what came home may still be found spent."""


def ask(
    turn: Turn, office: Office, store: str, till: str, by: str, session: str, evidence: str, epoch: int = 0
) -> bool:
    """Ask that a PC be declared lost, the one that is this till now or the one of an earlier ``epoch``.

    False when there is no such PC, or it was asked for already.
    """
    pc = turn.one(
        "SELECT k.epoch, k.term FROM keys k JOIN agents a ON a.store = k.store AND a.till = k.till"
        " WHERE k.store = ? AND k.till = ? AND k.epoch = CASE ? WHEN 0 THEN a.epoch ELSE ? END",
        (store, till, epoch, epoch),
    )
    if pc is None or store == HUB_STORE:
        return False
    epoch, term = pc
    if losses.asked(turn, store, till, epoch) is not None:
        return False
    losses.keep(turn, Loss(store, till, office.inc, term, epoch, evidence, by, session, office.clock()))
    return True


def withdraw(turn: Turn, office: Office, store: str, till: str, epoch: int) -> bool:
    """It was a mistake, and nothing has happened yet; a closed case keeps who had asked, and why.

    False when nobody had asked, or it was agreed already.
    """
    asked = losses.asked(turn, store, till, epoch)
    if asked is None or asked.approved_ms is not None:
        return False
    losses.forget(turn, store, till, epoch)
    detail = {"till": till, "epoch": epoch, "asked_by": asked.asked_by, "evidence": asked.evidence}
    told, now = json.dumps(detail, ensure_ascii=False), office.clock()
    turn.put(schema.cases, [("loss-withdrawn", "", None, store, told, now, now)])
    return True


def approve(turn: Turn, office: Office, store: str, till: str, epoch: int, by: str, session: str) -> bool:
    """Agree: the PC is lost from now on. False unless another person, in another session, had asked, and
    while one that went on after it has still to tell what both had: it would be taken for the lost one's."""
    asked = losses.asked(turn, store, till, epoch)
    if asked is None or asked.approved_ms is not None:
        return False
    if asked.asked_by.casefold() == by.casefold() or asked.asked_in == session:
        return False
    if device_keys.is_telling(turn, store, till, epoch):
        return False
    lane = turn.one("SELECT seq FROM lanes WHERE store = ? AND till = ? AND epoch = ?", (store, till, epoch))
    seq, now = (int(lane[0]) if lane else 0), office.clock()
    turn.run(
        "UPDATE keys SET revoked_at_ms = ?, max_seq = ?"
        " WHERE store = ? AND till = ? AND epoch = ? AND revoked_at_ms IS NULL",
        (now, seq, store, till, epoch),
        twice=True,
    )
    fact = {
        "agent": [store, till], "inc": asked.inc, "term": asked.term, "epoch": epoch, "seq": seq,
        "evidence": asked.evidence, "asked_by": asked.asked_by, "approved_by": by,
    }  # fmt: skip
    went_on = device_keys.went_on(turn, store, till, epoch)
    if went_on:
        fact["went_on"] = went_on
    before = held_at(turn, store, till)
    intake.keep_twice(turn, store, till)
    decide(turn, office, [("agent.lost", fact)])
    pts = before - held_at(turn, store, till)
    lost_claims.ask_of(turn, office, Lane(office.chain, store, till, epoch))
    turn.run(
        "UPDATE losses SET pts = ? WHERE store = ? AND till = ? AND epoch = ?",
        (pts, store, till, epoch),
        twice=True,
    )
    return True


def believe(turn: Turn, office: Office, lane: Lane) -> None:
    """What a lost PC told late has happened: what was kept is posted from now on (``hub.release``), and its
    key counts up to there."""
    intake.keep_twice(turn, *lane.columns)
    doubted_pcs.keep_late(turn, lane, ACCEPTED)
    turn.run(
        "UPDATE keys SET max_seq = (SELECT seq FROM lanes l WHERE l.store = keys.store AND l.till = keys.till"
        " AND l.epoch = keys.epoch) WHERE store = ? AND till = ? AND epoch = ?",
        lane.columns,
        twice=True,
    )


def disbelieve(turn: Turn, lane: Lane) -> None:
    """It is nobody's: what was kept is dismissed from now on (``hub.release``), and the PC tells nothing
    again."""
    intake.keep_twice(turn, *lane.columns)
    doubted_pcs.keep_late(turn, lane, REFUSED)


def held_at(look: Turn, store: str, till: str) -> int:
    """E + F + H of a counter: what its PCs may spend, or have spent and not told."""
    row = look.one(
        "SELECT (SELECT coalesce(sum(CASE WHEN closed = 0 AND granted + taken > allowance_used"
        " THEN granted + taken - allowance_used ELSE 0 END), 0)"
        " + coalesce(sum(CASE WHEN added > local_used THEN added - local_used ELSE 0 END), 0)"
        " FROM cells WHERE store = ? AND till = ?)"
        " + (SELECT coalesce(sum(pts), 0) FROM reserved WHERE store = ? AND till = ?)",
        (store, till, store, till),
    )
    assert row is not None
    return int(row[0])

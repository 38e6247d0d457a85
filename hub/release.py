"""What is kept of a PC that people have decided about: booked or dismissed, a page in a turn.

The decision is one short turn (``hub.second_pcs``, ``hub.losses``). What follows from it may be thousands
of operations, and whoever writes meanwhile would wait for all of them, so each page is a turn of its own, in
line with the stores' batches. What is still to be done is what still waits: who is killed in between goes on
from there, when headquarters starts and every minute, and doing it twice is the same. Until the last page is
done the PC is not believed yet, so nothing that it tells is posted before what it told earlier.
"""

from __future__ import annotations

import json
import logging
from functools import partial

from hub import intake, lost_claims, reception
from hub.decisions import decide, listens
from hub.delivery import DOUBTED, REVOKED
from hub.office import Office
from hub.store import doubted_pcs, losses, schema
from hub.store.engine import Collision, Turn
from hub.store.sharing import NotDone
from points.wire.lane import Lane

log = logging.getLogger(__name__)

PAGE_OPS = 500
TRIES_MAX = 3
BOOKED = "booked:"
"""Begins the name that a page waits under while it is judged."""


def go_on(office: Office) -> None:
    """Page after page until nothing is pending. What fails is tried again the next time."""
    with office.store.look() as look:
        lanes = [] if listens(look) else doubted_pcs.pending(look, office.chain)
    for lane in lanes:
        try:
            while _page(office, lane):
                pass
        except Exception:
            log.exception("what was kept of %s is not done yet", doubted_pcs.pc(lane))


def _page(office: Office, lane: Lane) -> bool:
    """One turn of its own, in line with whoever else writes; whether there was anything."""
    for _ in range(TRIES_MAX):
        try:
            return office.shared.do(partial(page, office=office, lane=lane))
        except (Collision, NotDone):
            continue
    return False


def page(turn: Turn, office: Office, lane: Lane) -> bool:
    """The first of what is kept of this PC; False when nothing is, or nobody has decided."""
    decision = doubted_pcs.decision(turn, lane)
    waits_on = doubted_pcs.waits_on(lane)
    first = turn.run(
        "SELECT seq FROM waiting WHERE store = ? AND till = ? AND epoch = ? AND on_what = ?"
        " ORDER BY seq LIMIT ?",
        (*lane.columns, waits_on, PAGE_OPS),
    )
    if not first or not decision:
        return False
    if decision == doubted_pcs.ACCEPTED:
        _book(turn, office, lane, first[-1][0])
    else:
        _dismiss(turn, office, lane, [seq for (seq,) in first])
    return True


def _book(turn: Turn, office: Office, lane: Lane, last: int) -> None:
    """It is judged as if it came now, up to this number."""
    alone = BOOKED + doubted_pcs.pc(lane)
    turn.run(
        "UPDATE waiting SET on_what = ?"
        " WHERE store = ? AND till = ? AND epoch = ? AND on_what = ? AND seq <= ?",
        (alone, *lane.columns, doubted_pcs.waits_on(lane), last),
    )
    reception.settle(turn, office, intake.judge_waiting(turn, office, [alone]))
    if not doubted_pcs.keeps(turn, lane):
        end(turn, office, lane)


def end(turn: Turn, office: Office, lane: Lane) -> None:
    """All that was kept of an accepted PC is booked: what waited for that goes on, its papers if it is lost.
    What a lost one tells beyond that is asked about anew."""
    if doubted_pcs.thought_late(turn, lane):
        doubted_pcs.keep_late(turn, lane, "")
    name = intake.MISSING.format(*lane.columns)
    turn.run("DELETE FROM settings WHERE name = ? AND value = ?", (name, intake.HEARD))
    if losses.is_lost(turn, *lane.columns):
        lost_claims.ask_of(turn, office, lane)


def _dismiss(turn: Turn, office: Office, lane: Lane, numbers: list[int]) -> None:
    """By their places alone: the other PC may have the same operations, and what they used lies there too."""
    places = [(*lane.columns, seq) for seq in numbers]
    decide(turn, office, [("op.dismiss", {"place": list(one)}) for one in places])
    reason = REVOKED if doubted_pcs.thought_late(turn, lane) else DOUBTED
    closed = json.dumps({"reason": reason, "pc": doubted_pcs.pc(lane), "closed": True})
    turn.put(schema.told, [(*one, "Q", closed, 1, None) for one in places], on_conflict="replace")

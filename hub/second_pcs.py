"""A second PC of one till: people decide which of the two belongs.

A till that was put back and one that was copied ask for a lane of their own with the same words, so whoever
asks goes on at once (``hub.succession``). That there are two is known when the old lane goes on speaking: it
shows a token that was issued after they parted, which no late copy of a question can. From then on the PC
in the new lane is heard and not believed: what it tells is kept and not posted, and it is granted,
authorised and numbered nothing, until a person says that it belongs. Turned down, its key counts no
further, what was kept of it is dismissed, and the PC of the old lane becomes the till again by going on
itself. So many second PCs a store as the chain allows are accepted unasked.
"""

from __future__ import annotations

import json

from hub import intake, reception
from hub.decisions import decide
from hub.delivery import DOUBTED
from hub.office import Office
from hub.store import doubted_pcs, schema
from hub.store.doubted_pcs import ACCEPTED, ASKED, REFUSED
from hub.store.engine import Turn
from points.wire.lane import Lane

REASON = "second-pc"


def hear(turn: Turn, office: Office, lane: Lane, shown: int | None) -> None:
    """Somebody speaks in a lane that other PCs have continued, and shows the token numbered ``shown``."""
    for (later,) in turn.run(
        "SELECT k.epoch FROM keys k JOIN keys p ON p.kid = k.parent"
        " WHERE p.store = ? AND p.till = ? AND p.epoch = ? AND k.revoked_at_ms IS NULL",
        (lane.store, lane.till, lane.epoch),
    ):
        pc = (lane.store, lane.till, later)
        parted, is_new = doubted_pcs.parted(turn, pc), not doubted_pcs.thought(turn, pc)
        is_alive = shown is not None and parted is not None and shown > parted
        if is_alive and is_new:
            is_room = doubted_pcs.accepted(turn, lane.store) < office.spare_pcs
            doubted_pcs.keep(turn, pc, ACCEPTED if is_room else ASKED)
        _ask_people(turn, office, lane, later, anew=is_alive and is_new)


def _ask_people(turn: Turn, office: Office, lane: Lane, later: int, *, anew: bool) -> None:
    """A case, once; also when people have closed one that did not know yet that both are alive."""
    detail = json.dumps({"till": lane.till, "epoch": lane.epoch, "to": later})
    known = "SELECT 1 FROM cases WHERE reason = ? AND store = ? AND detail = ?"
    if turn.one(known + " AND closed_ms IS NULL" * anew, (REASON, lane.store, detail)) is None:
        row = (REASON, "", None, lane.store, detail, office.clock(), None)
        turn.put(schema.cases, [row], twice=True)


def part(turn: Turn, office: Office, lane: Lane, later: int, token: int) -> None:
    """A PC went on from a lane whose last token was that one. Who is not believed yet is not so for that."""
    pc = (lane.store, lane.till, later)
    doubted_pcs.part(turn, pc, token)
    if doubted_pcs.thought(turn, (lane.store, lane.till, lane.epoch)) == ASKED:
        doubted_pcs.keep(turn, pc, ASKED)
        _ask_people(turn, office, lane, later, anew=False)


def is_next_refused(look: Turn, lane: Lane) -> bool:
    """Whether the PC that took the place of this one was turned down: this one is the till, and goes on."""
    row = look.one("SELECT epoch FROM agents WHERE store = ? AND till = ?", (lane.store, lane.till))
    if row is None or row[0] == lane.epoch:
        return False
    return doubted_pcs.thought(look, (lane.store, lane.till, int(row[0]))) == REFUSED


def asks_for(look: Turn, office: Office, store: str, detail: str) -> Lane | None:
    """The lane of the PC that such a case asks for, while it waits for that."""
    told = json.loads(detail)
    lane = Lane(office.chain, store, told["till"], told.get("to", 0))
    return lane if doubted_pcs.thought(look, (store, lane.till, lane.epoch)) == ASKED else None


def accept(turn: Turn, office: Office, lane: Lane) -> None:
    """It belongs: what was kept of it is judged now, and it is the till."""
    pc = (lane.store, lane.till, lane.epoch)
    doubted_pcs.keep(turn, pc, ACCEPTED)
    reception.settle(turn, office, intake.judge_waiting(turn, office, [doubted_pcs.waits_on(pc)]))


def turn_down(turn: Turn, office: Office, lane: Lane) -> None:
    """It does not: its key vouches for what was posted and no more, and what was kept is dismissed. What it
    may still spend comes home only when two people declare it lost."""
    pc = (lane.store, lane.till, lane.epoch)
    doubted_pcs.keep(turn, pc, REFUSED)
    place = ["store", "till", "epoch", "seq"]
    kept = sorted(turn.find(schema.waiting, place, ["on_what"], [(doubted_pcs.waits_on(pc),)]))
    last = turn.one("SELECT coalesce(max(seq), 0) FROM lanes WHERE store = ? AND till = ? AND epoch = ?", pc)
    assert last is not None
    vouched = kept[0][3] - 1 if kept else last[0]
    turn.run(
        "UPDATE keys SET revoked_at_ms = ?, max_seq = ? WHERE store = ? AND till = ? AND epoch = ?",
        (office.clock(), vouched, *pc),
        twice=True,
    )
    # By their places alone: the other PC may have the same operations, and what they used lies there as well.
    decide(turn, office, [("op.dismiss", {"place": list(one)}) for one in kept])
    closed = json.dumps({"reason": DOUBTED, "pc": doubted_pcs.pc(pc), "closed": True})
    turn.put(schema.told, [(*one, "Q", closed, 1, None) for one in kept], on_conflict="replace")

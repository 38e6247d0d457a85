"""Papers of a PC that is lost: what its sales gave is the member's, though its lane will never tell it.

A claim mints nothing while its lane may still be heard. When two people have declared the PC lost, each of
its papers is a case, and counts when a person accepts it: a thief who has the PC can sign as many as he
likes, and show them before anybody knows that it is gone. Only sales that earned and used no points are taken
so; every other paper stays evidence. It is a fact of headquarters' lane: should the operation surface after
all, it takes the fact's place, once.
"""

from __future__ import annotations

import json

from hub.decisions import decide
from hub.office import Office
from hub.store import doubted_pcs, losses, schema
from hub.store.doubted_pcs import ASKED, REFUSED
from hub.store.engine import Turn
from points.identifiers import bucket, op_bucket
from points.wire import claim
from points.wire.claim import Claim
from points.wire.lane import Lane

SHOWN, AVAILABLE = "shown", "available"
REASON = "claim-of-lost"
CASES_MAX = 500
"""Open cases of one store's lost papers; a thief could print them without end."""


def ask_people(turn: Turn, office: Office, told: Claim, lane: Lane) -> bool:
    """A case of a paper whose PC is lost, once; False when there are too many, or the PC was turned down.

    While nobody has said whether it belongs, its papers wait for that (``ask_of``).
    """
    thinks = doubted_pcs.thought(turn, lane)
    if thinks in (ASKED, REFUSED):
        return thinks == ASKED
    known = turn.one("SELECT 1 FROM cases WHERE reason = ? AND op_id = ?", (REASON, told.op_id))
    if known is not None:
        return True
    open_ = turn.one(
        "SELECT count(*) FROM cases WHERE reason = ? AND store = ? AND closed_ms IS NULL",
        (REASON, lane.store),
    )
    if open_ is not None and open_[0] >= CASES_MAX:
        return False
    detail = json.dumps({"till": lane.till, "epoch": lane.epoch, "pts": told.earned})
    turn.put(schema.cases, [(REASON, told.op_id, told.m or None, lane.store, detail, office.clock(), None)])
    return True


def ask_of(turn: Turn, office: Office, lane: Lane) -> None:
    """A case of each shown paper of a lost PC, as ``ask_people``."""
    for told in claimed(turn, lane):
        ask_people(turn, office, told, lane)


def claimed(look: Turn, lane: Lane) -> list[Claim]:
    """The shown papers of a PC that would count if it is lost."""
    rows = look.run(
        "SELECT c.digits FROM claims c JOIN keys k ON k.kid = c.kid"
        " WHERE c.state = ? AND k.store = ? AND k.till = ? AND k.epoch = ? ORDER BY c.op_id",
        (SHOWN, *lane.columns),
    )
    return [told for (digits,) in rows if _counts(look, told := claim.decode(digits), lane)]


def make_available(turn: Turn, office: Office, papers: list[Claim], lane: Lane) -> int:
    """What these papers of a lost PC gave is the member's from now on; gives the points."""
    now = office.clock()  # nobody has earned in the future, whatever a thief has printed
    bodies = [
        {"m": told.m, "refs": [told.op_id], "pts": told.earned, "earned_st": min(told.st, now),
         "digest": told.op_hash, "place": [lane.store, lane.till, told.epoch, told.seq]}
        for told in papers
    ]  # fmt: skip
    decide(turn, office, [("claim.earn", body) for body in bodies])
    for told in papers:
        turn.run(
            "UPDATE claims SET state = ? WHERE op_bucket = ? AND op_id = ?",
            (AVAILABLE, op_bucket(told.op_id), told.op_id),
            twice=True,
        )
    return sum(told.earned for told in papers)


def accept(turn: Turn, office: Office, op_id: str) -> bool:
    """A person accepts a paper of a PC that is lost. False for one that cannot count."""
    row = turn.one(
        "SELECT c.digits, k.store, k.till, k.epoch FROM claims c JOIN keys k ON k.kid = c.kid"
        " WHERE c.op_bucket = ? AND c.op_id = ? AND c.state = ?",
        (op_bucket(op_id), op_id, SHOWN),
    )
    if row is None:
        return False
    told, lane = claim.decode(row[0]), Lane(office.chain, *row[1:])
    if not losses.is_lost(turn, lane.store, lane.till, lane.epoch) or not _counts(turn, told, lane):
        return False
    make_available(turn, office, [told], lane)
    return True


def _counts(look: Turn, told: Claim, lane: Lane) -> bool:
    """Whether a paper says that a known member earned, used nothing, and nobody has told its operation. What
    a second PC has printed is worth what it tells: nothing before people believe it."""
    if doubted_pcs.thought(look, lane) in (ASKED, REFUSED):
        return False
    key = (op_bucket(told.op_id), told.op_id)
    heard = look.one("SELECT 1 FROM op_seen WHERE op_bucket = ? AND op_id = ?", key)
    issued = look.one("SELECT 1 FROM issued WHERE bucket = ? AND m = ?", (bucket(told.m), told.m))
    is_earning = told.kind is claim.Kind.EARN and told.earned > 0 and not told.used
    is_earning = is_earning and told.seq > 0 and told.epoch > 0  # no lane has such a place
    return is_earning and heard is None and issued is not None

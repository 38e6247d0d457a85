"""What the key of a PC that is lost tells after all.

Its key counts up to what headquarters had heard when two people declared the PC lost. What it signed beyond
that may be an honest day, on a disk from the ashes or in an old PC that was found, or a thief's. Nobody who
brings it is turned away, for it may be the only copy of what happened: it is kept, bounded for each lane, and
nothing of it is posted until a person says whose it is. Believed, all that was kept is posted, because it
happened (``hub.release``), and the key counts up to there; what it tells beyond that is asked about anew.
Turned down, what was kept is dismissed, and the key tells nothing again.
"""

from __future__ import annotations

import json

from hub.office import Office
from hub.store import doubted_pcs, schema
from hub.store.doubted_pcs import ACCEPTED, ASKED, REFUSED
from hub.store.engine import Turn
from points.wire.faults import Problem, WireFault
from points.wire.lane import Lane

REASON = "revoked"
BUSY_S = 60


def is_void(look: Turn, lane: Lane) -> bool:
    """Whether people have turned down what this lane tells."""
    return REFUSED in (doubted_pcs.thought_late(look, lane), doubted_pcs.thought(look, lane))


def hear(turn: Turn, office: Office, lane: Lane) -> bool:
    """Something late is told in this lane: a person is asked, once while the case is open. False when one is
    asked already whether its PC belongs at all.

    It says that it is busy while what people have believed of it is being posted.
    """
    late, pc = doubted_pcs.thought_late(turn, lane), doubted_pcs.thought(turn, lane)
    if late == ASKED or pc == ASKED:
        return late == ASKED
    if late == ACCEPTED or (pc == ACCEPTED and doubted_pcs.keeps(turn, lane)):
        raise WireFault(Problem.BUSY, retry_after_s=BUSY_S)
    doubted_pcs.keep_late(turn, lane, ASKED)
    detail = json.dumps({"till": lane.till, "epoch": lane.epoch}, ensure_ascii=False)
    case = (REASON, "", None, lane.store, detail, office.clock(), None)
    turn.put(schema.cases, [case], twice=True)
    return True


def lane_of(office: Office, store: str, detail: str) -> Lane:
    """The lane that such a case is of."""
    told = json.loads(detail)
    return Lane(office.chain, store, told["till"], told["epoch"])


def is_asked(look: Turn, lane: Lane) -> bool:
    """Whether a person is to say whether it is believed."""
    return doubted_pcs.thought_late(look, lane) == ASKED

"""What a till is shown of the log, and what it says against it: stores are the log's witnesses.

A till is shown the newest signed head as soon as it has not seen it, with the proof that its own head is the
beginning of that, and where its oldest unproved acks stand. Nothing is kept of it: a proof is made of the
stored subtrees when somebody asks. A head that a till has seen and that is not the beginning of this log, and
whatever a till holds against headquarters, become a case each, once; neither keeps a till from anything.
"""

from __future__ import annotations

import json
from functools import cache

from hub.office import Office
from hub.sequencer import Sequencer
from hub.store import log, schema
from hub.store.engine import Turn
from points.wire import checkpoint, tree, witness
from points.wire.batch_header import TreeHead
from points.wire.checkpoint import Checkpoint
from points.wire.hello import LOG, LOG_TOPIC, Piece, Question
from points.wire.lane import Lane
from points.wire.manifest import CHAIN_WIDE
from points.wire.witness import PLACES_MAX, Place, Shown

CONTRADICTED, OWED = "log-contradicted", "log-owed"
OTHER_HEAD = "other-head"
FRESH_MS = 5_000
CASES_MAX = 64
"""Of a store and a reason: a PC that was broken into could tell anything, as often as it likes."""


def shown(office: Office, lane: Lane, asked: Question) -> Piece | None:
    """What is new of the log to this till; None for an older program, and where there is nothing new."""
    if asked.log is None:
        return None
    owed, own = asked.log.owed, asked.sth
    if owed is not None:
        _sign_over_what_waited(office)
    with office.store.look() as look:
        newest = log.newest(look)
        if newest is None:
            return None
        head = checkpoint.read(newest.note)
        places = log.places(look, lane.store, lane.till, owed, head.size, PLACES_MAX) if owed else []
        if _is_seen(own, head) and not places:
            return None
        subtree = cache(log.reader(look))
        grown = tree.prove_consistency(subtree, own.size, head.size) if own and own.size <= head.size else []
        proved = [
            Place(batch_id, leaf, tuple(tree.prove_inclusion(subtree, leaf, head.size)))
            for leaf, batch_id in places
        ]
    raw = witness.encode(Shown(newest.note, tuple(grown), tuple(proved)))
    return Piece(LOG, LOG_TOPIC, CHAIN_WIDE, raw)


def _sign_over_what_waited(office: Office) -> None:
    """Whoever waits for a place need not come again for it: after a quiet hour nobody has signed yet."""
    with office.store.look() as look:
        newest = log.newest(look)
    if newest is None or newest.ms + FRESH_MS < office.clock():
        Sequencer(office).step()


def hear(turn: Turn, office: Office, lane: Lane, asked: Question) -> None:
    """What a till says of the log becomes a case where it is against headquarters."""
    if asked.log is None:
        return
    against = list(asked.log.broken)
    if asked.sth is not None and not _is_ours(turn, asked.sth):
        against.append((OTHER_HEAD, asked.sth.size))
    for why, number in against:
        reason = OWED if why == witness.OWED else CONTRADICTED
        detail = json.dumps({"till": lane.till, "what": why, "at": number})
        told = turn.run("SELECT detail FROM cases WHERE reason = ? AND store = ?", (reason, lane.store))
        if (detail,) not in told and len(told) < CASES_MAX:
            turn.put(schema.cases, [(reason, "", None, lane.store, detail, office.clock(), None)])


def _is_seen(own: TreeHead | None, head: Checkpoint) -> bool:
    return own is not None and (own.size, bytes.fromhex(own.root)) == (head.size, head.root)


def _is_ours(look: Turn, seen: TreeHead) -> bool:
    """Whether the head that a till has seen is a beginning of this log."""
    newest = log.newest(look)
    if newest is None or seen.size > newest.size:
        return False
    return tree.root(log.reader(look), seen.size).hex() == seen.root

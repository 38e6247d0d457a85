"""What a till is shown of the log, and what it says against it: stores are the log's witnesses.

A till is shown the newest signed head as soon as it has not seen it, with the proof that its own head is the
beginning of that, and where its oldest unproved acks stand. Nothing is kept of it: a proof is made of the
stored subtrees when somebody asks. A head that a till has seen and that is not the beginning of this log, and
whatever a till holds against headquarters, become a case each, once; neither keeps a till from anything.
With its places a till is shown what a till of another store has signed to have seen: headquarters that shows
two logs has to keep the stores apart for ever.
"""

from __future__ import annotations

import json
from functools import cache

from hub.office import Office
from hub.sequencer import Sequencer
from hub.store import log, schema
from hub.store.engine import Turn
from points.identifiers import HUB_STORE
from points.wire import checkpoint, envelope, tree, witness
from points.wire.batch_header import TreeHead
from points.wire.checkpoint import Checkpoint
from points.wire.hello import LOG, LOG_TOPIC, Piece, Question
from points.wire.lane import Lane
from points.wire.manifest import CHAIN_WIDE
from points.wire.witness import PLACES_MAX, Place, Seen, Shown

CONTRADICTED, OWED = "log-contradicted", "log-owed"
OTHER_HEAD = "other-head"
FRESH_MS = 5_000
DRAWS_MAX, LATELY_LEAVES = 4, 1_000
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
        newest = log.newest(look, office.inc)
        if newest is None:
            return None
        head = checkpoint.read(newest.note)
        is_former = own is not None and asked.log.inc != office.inc
        places = log.places(look, lane.store, lane.till, owed, head.size, PLACES_MAX) if owed else []
        if _is_seen(own, head) and not is_former and not places:
            return None
        subtree = cache(log.reader(look))
        link = _link(look, office, asked.log.inc) if is_former else None
        grows_to = checkpoint.read(link).size if link else head.size
        grown = tree.prove_consistency(subtree, own.size, grows_to) if own and own.size <= grows_to else []
        proved = tuple(
            Place(batch_id, leaf, tuple(tree.prove_inclusion(subtree, leaf, head.size)))
            for leaf, batch_id in places
        )
        seen = _seen(look, office, lane, head, subtree) if proved else ()
    raw = witness.encode(Shown(newest.note, tuple(grown), proved, link, seen))
    return Piece(LOG, LOG_TOPIC, CHAIN_WIDE, raw)


def _link(look: Turn, office: Office, former: int) -> bytes | None:
    """The last head that is known here of the log before headquarters was restored, vouched for by this one.

    It is that of no leaves where the backup is older than the log.
    """
    key = office.keys.log
    if key is None:
        return None
    newest = log.newest(look, former)
    empty = Checkpoint(checkpoint.origin_of(office.chain, former), 0, tree.EMPTY_ROOT)
    last = checkpoint.read(newest.note) if newest else empty
    return checkpoint.link(last, checkpoint.origin_of(office.chain, office.inc), key)


def _seen(
    look: Turn, office: Office, lane: Lane, head: Checkpoint, subtree: tree.Subtree
) -> tuple[Seen, ...]:
    """A head that a till of another store has signed lately, of those that this log can be held against.

    One that is no beginning of it is a case of its own, when its till says hello.
    """
    for _ in range(DRAWS_MAX):
        back = int.from_bytes(office.chance(4), "big") % min(head.size, LATELY_LEAVES)
        raw = log.envelope_at(look, head.size - 1 - back)
        header, _kid = envelope.peek(raw)
        other = header.moment.sth
        if other is None or header.lane.store in (lane.store, HUB_STORE) or header.moment.inc != office.inc:
            continue
        if not _is_ours(look, other, office.inc, office.inc):
            continue
        proof = tuple(tree.prove_consistency(subtree, other.size, head.size))
        return (Seen(envelope.without_payload(raw), proof),)
    return ()


def _sign_over_what_waited(office: Office) -> None:
    """Whoever waits for a place need not come again for it: after a quiet hour nobody has signed yet."""
    with office.store.look() as look:
        newest = log.newest(look, office.inc)
    if newest is None or newest.ms + FRESH_MS < office.clock():
        Sequencer(office).step()


def hear(turn: Turn, office: Office, lane: Lane, asked: Question) -> None:
    """What a till says of the log becomes a case where it is against headquarters."""
    if asked.log is None:
        return
    against = list(asked.log.broken)
    if asked.sth is not None and not _is_ours(turn, asked.sth, asked.log.inc, office.inc):
        against.append((OTHER_HEAD, asked.sth.size))
    for why, number in against:
        reason = OWED if why == witness.OWED else CONTRADICTED
        detail = json.dumps({"till": lane.till, "what": why, "at": number})
        told = turn.run("SELECT detail FROM cases WHERE reason = ? AND store = ?", (reason, lane.store))
        if (detail,) not in told and len(told) < CASES_MAX:
            turn.put(schema.cases, [(reason, "", None, lane.store, detail, office.clock(), None)])


def _is_seen(own: TreeHead | None, head: Checkpoint) -> bool:
    return own is not None and (own.size, bytes.fromhex(own.root)) == (head.size, head.root)


def _is_ours(look: Turn, seen: TreeHead, inc: int, now: int) -> bool:
    """Whether the head that a till has seen of the log ``inc`` is a beginning of what is here.

    What is beyond the last head of a former log is what was lost when headquarters was restored.
    """
    newest = log.newest(look, inc)
    if newest is None or seen.size > newest.size:
        return inc < now
    return tree.root(log.reader(look), seen.size).hex() == seen.root

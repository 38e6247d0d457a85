"""Taking a new edition of what headquarters tells: rules, keys, phones, and this till's own page.

Each is taken whole in one turn, or not at all; an older one than is held is ignored (W16). Members come piece
by piece behind them (`replica`): what this till's page says of how far its operations are counted is kept
first. Phones are replaced whole: whom headquarters forgets, or who lost a phone, is forgotten here too.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from agent import member_tokens, replica, trust, understanding, visitors
from agent.intents import Kept
from agent.journal.log import EPOCH_STEP
from agent.pending import MEMBERS
from agent.shard_secrets import keep_secret, secret_of
from agent.store import cells, device_keys, feeds, members, outbox
from agent.till import DOUBTED, OWN_TERM, Till
from config.faults import Fault
from config.sqlite import Connection
from points import rights, rulebook
from points.identifiers import BadName, op_id
from points.wire import chunk
from points.wire.faults import Malformed
from points.wire.manifest import PRIVATE_TOPIC, Manifest
from points.wire.visitors import TOPIC as VISITORS

Blobs = Mapping[str, bytes]
Told = tuple[Manifest, bytes]

SHARED = frozenset({"rules", "keys", MEMBERS})
"""Topics that are the same for every till, so that any mirror may have them."""
OF_MEMBERS = frozenset({MEMBERS, VISITORS})
"""Topics with rows of members, which count own operations."""
WHOLE = frozenset({"phones"})
"""Topics whose rows carry no version: an edition replaces the one before, so all of it is fetched."""
FOR_BOTH = frozenset({"s", "k", "token", "d", "o"})
"""Rows of a till's own page that two which were one may both take; of every other one there is only one."""


@dataclass(slots=True)
class Taken:
    """The members whose rights are wanted back, the sales of this till whose right to be refunded is wanted,
    and what headquarters keeps for its operations, of which it had heard up to the position ``heard``."""

    wanted: set[int] = field(default_factory=set)
    sales: set[str] = field(default_factory=set)
    kept: list[Kept] = field(default_factory=list)
    heard: int = 0


def missing(till: Till, manifest: Manifest, blobs: Blobs) -> tuple[str, ...]:
    """The blobs of an edition that are not applied yet; none when it is not newer than the one held.

    Which of the members' are, only their list of steps says: it alone until it is among ``blobs``. Raises
    ``AgentTooOld`` for one in a form that this program does not read.
    """
    understanding.check(manifest)
    held = feeds.edition(till.book, manifest.topic, manifest.shard)[0]
    if manifest.ver <= held:
        return ()
    if manifest.topic == MEMBERS:
        return replica.missing(till, manifest, blobs)
    done = feeds.chunks(till.book, manifest.topic, manifest.shard)
    if manifest.topic in WHOLE:
        return () if set(manifest.blobs) == set(done) else tuple(manifest.blobs)
    return tuple(sha for sha in manifest.blobs if sha not in done)


def take_rules(till: Till, manifest: Manifest, raw: bytes, blobs: Blobs) -> None:
    """A new rule book becomes the current one; one that is not understood stays outside, and is asked for
    again, so that a newer program takes it at once."""
    for piece in manifest.chunks:
        if piece.sha not in blobs:
            continue
        for row in chunk.open_chunk(piece, blobs[piece.sha], manifest.topic, manifest.shard):
            blob = row[0].encode()
            try:
                digest = rulebook.read_told(blob, till.known_rules).hash
            except rulebook.NotUnderstood as error:
                with till.book.turn() as turn:
                    understanding.note(turn, error.names)
                raise Fault("fault.rules_behind", str(error)) from error
            except rulebook.BadRuleBook as error:
                raise Fault("fault.bad_rules", str(error)) from error
            with till.book.turn() as turn:
                feeds.keep_book(turn, digest, blob)
    with till.book.turn() as turn:
        understanding.note(turn, ())
        _keep(turn, manifest, raw)
    till.load_books()
    till.rebuild_rights()


def take_together(
    till: Till,
    told: Mapping[str, Told],
    blobs: Blobs,
    counted: Mapping[int, Any],
    *,
    has_forked: bool = False,
    is_of_now: bool = True,
) -> Taken:
    """Take what is there of keys, phones, visitors and this till's page, all in one turn; what it came to.

    ``counted`` is the lanes' table of the private edition: epoch -> [[last_seq, g]…]. A till that
    ``has_forked`` and cannot go on yet takes no right, number or task: they are another one's too, who uses
    them as well. What is not ``is_of_now`` was on a stick, nobody knows how long.
    """
    page = told.get(PRIVATE_TOPIC)
    mine = _rows(till, page[0], blobs, {}) if page else []
    heard = {str(row[3]): str(row[4]) for row in mine if row[0] == "k"}
    visited = visitors.read(till, told[VISITORS][0], blobs, heard) if VISITORS in told else []
    rows = {
        topic: _rows(till, manifest, blobs, heard)
        for topic, (manifest, _) in told.items()
        if topic != VISITORS
    }
    taken = Taken()
    with till.book.lock:
        with till.book.turn() as turn:
            feeds.keep_counted(turn, _counted(till, counted))
            if "phones" in told and _is_there(told["phones"][0], blobs):
                members.take_phones(turn, _phones(rows["phones"]))
            if VISITORS in told:
                visitors.take(till, turn, visited, told[VISITORS][0].g)
            if "keys" in told:
                _take_keys(turn, rows["keys"])
            if PRIVATE_TOPIC in told:
                manifest = told[PRIVATE_TOPIC][0]
                for row in rows[PRIVATE_TOPIC]:
                    if not has_forked or row[0] in FOR_BOTH:
                        _private_row(till, turn, row, manifest, taken)
                if not has_forked:
                    taken.heard = _session(till, turn, manifest, is_of_now)
            for topic, (manifest, raw) in told.items():
                if topic != PRIVATE_TOPIC or not has_forked:  # else its page was not taken whole
                    _keep(turn, manifest, raw)
        till.session.recall()
        till.gather()
    return taken


def _rows(till: Till, manifest: Manifest, blobs: Blobs, heard: Mapping[str, str]) -> list[list[Any]]:
    """The rows of an edition's chunks that were fetched, opened with the secret that its manifest names."""
    key = None if manifest.enc_kid is None else secret_of(till, manifest.enc_kid, heard)
    return [
        row
        for piece in manifest.chunks
        if piece.sha in blobs
        for row in chunk.open_chunk(piece, blobs[piece.sha], manifest.topic, manifest.shard, key)
    ]


def _is_there(manifest: Manifest, blobs: Blobs) -> bool:
    """Whether an edition was fetched; it was not when it says what is held already."""
    return all(piece.sha in blobs for piece in manifest.chunks)


def _phones(rows: list[list[Any]]) -> list[tuple[str, int]]:
    try:
        return [(str(row[0]), int(row[1])) for row in rows]
    except (TypeError, ValueError, IndexError) as error:
        raise Malformed(why="phone row") from error


def _take_keys(turn: Connection, rows: list[list[Any]]) -> None:
    try:
        device_keys.put(turn, rows)
    except (TypeError, ValueError, IndexError) as error:
        raise Malformed(why="key row") from error


def _counted(till: Till, counted: Mapping[int, Any]) -> list[tuple[int, int]]:
    """(position, g) of the lanes' table: up to where own operations are counted by editions from ``g`` on, of
    those that are newer than the one held.

    Lanes after its own are those of another PC in its place: what is counted there says nothing of this one.
    """
    return [
        (epoch * EPOCH_STEP + last_seq, at)
        for epoch, pairs in counted.items()
        for last_seq, at in pairs
        if epoch <= till.identity.lane.epoch and at > till.pending.oldest_g
    ]


def must_wait(till: Till, manifest: Manifest, counted: Mapping[int, Any], *, is_stuck: bool) -> bool:
    """Whether an edition of members cannot be taken yet, or their points would come and go.

    One that speaks of own operations whose ack was not heard counts them, or keeps them in custody, and only
    the ack says which; where it may never come nobody waits. Of a first edition of visitors that is older
    than what is known of the region's nobody knows what it counts.
    """
    is_first = manifest.topic == VISITORS and till.pending.visitors_g is None
    if is_first and manifest.g < till.pending.g:
        return True
    return not is_stuck and _counts_unheard(till, manifest.g, counted)


def _counts_unheard(till: Till, g: int, counted: Mapping[int, Any]) -> bool:
    own = [last_seq for last_seq, at in counted.get(till.identity.lane.epoch, ()) if at <= g]
    known = min(max(own, default=0), till.log.seq)  # of what a till has no more it hears no ack
    return till.log.pos(known) > max(outbox.delivered(till.book), till.log.pos(0))


def counted_lanes(till: Till, manifest: Manifest, blobs: Blobs) -> dict[int, Any]:
    """This till's part of the private edition's table of lanes: epoch -> [[last_seq, g]…]."""
    if manifest.lanes is None or manifest.lanes not in blobs:
        return {}
    rows = chunk.open_named(manifest.lanes, blobs[manifest.lanes], manifest.topic, manifest.shard)
    return {int(row[2]): row[3] for row in rows if row[0] == "l" and row[1] == till.till}


def _session(till: Till, turn: Connection, manifest: Manifest, is_of_now: bool) -> int:
    """How long this till may be silent from now on; gives the position up to which it was heard.

    A stick renews nothing: headquarters does not hear this till by it when it must. It may only tell that
    there is an end at all.
    """
    assert manifest.private is not None
    own = (lane.next - 1 for lane in manifest.private.next if lane.epoch == till.identity.lane.epoch)
    heard = next(own, 0)
    until_ms = manifest.private.sess_until
    if is_of_now or (till.session.until_ms is None and until_ms is not None):
        till.session.hear(turn, until_ms, heard)
    return till.log.pos(heard)


def _private_row(till: Till, turn: Connection, row: list[Any], manifest: Manifest, taken: Taken) -> None:
    """One typed row; a kind that is not known here is left alone."""
    assert manifest.private is not None
    told = (manifest.inc, manifest.private.term)  # of an earlier term nothing is heard any more
    try:
        match row[0]:
            case "r" if row[1] == "pts" and told >= (till.identity.inc, till.identity.term):
                m, g, sched = int(row[2]), int(row[3]), row[4]
                held = till.rights(m)
                after = rights.hear_grant(held, *told, g, sched)
                if after != held:
                    cells.write(turn, m, after)
                if len(row) > 5 and row[5]:
                    taken.wanted.add(m)
            case "h":
                taken.kept.append(Kept(op_id(row[1]), m=int(row[2])))
            case "hr":
                taken.kept.append(Kept(op_id(row[1]), sale=op_id(row[2])))
            case "w":
                taken.sales.add(str(row[1]))
            case "t":
                trust.hear(turn, till, int(row[1]), int(row[2]), int(row[3]))
            case "token":
                member_tokens.hear_keys(turn, row[1])
            case "d":
                trust.hear_denied(turn, row[1])
            case "own":
                feeds.keep_fact(turn, OWN_TERM, f"{int(row[1])},{int(row[2])}")
                feeds.keep_fact(turn, DOUBTED, str(int(len(row) > 3 and bool(row[3]))))
            case "s":
                feeds.keep_fact(turn, "chain_name", str(row[1]))
                feeds.keep_fact(turn, "store_name", str(row[2]))
            case "k":
                keep_secret(turn, str(row[3]), str(row[4]))
            case "p":
                members.put_pool(turn, [(int(row[1]), str(row[2]))])
            case "o":
                g = int(row[5]) if len(row) > 5 else 0
                pos = int(row[1]) * EPOCH_STEP + int(row[2])
                outbox.keep_outcomes(turn, [(pos, str(row[3]), row[4], g)])
    except (TypeError, ValueError, IndexError, BadName) as error:
        raise Malformed(why="private row") from error


def _keep(turn: Connection, manifest: Manifest, raw: bytes) -> None:
    for sha in manifest.blobs:
        feeds.keep_chunk(turn, manifest.topic, manifest.shard, sha)
    feeds.forget_chunks(turn, manifest.topic, manifest.shard, manifest.blobs)
    feeds.keep_edition(turn, manifest.topic, manifest.shard, manifest.ver, manifest.g, raw)

"""The answer to a till's hello: where its lanes stand, and all that is new for it, of one moment.

What is published, granted and told is made in one turn, after everything that the till has told, so that
nothing of it is older than the rest. A till that has more to send hears of its lanes alone, and so does one
that was acknowledged more than is here: headquarters was put back, and hears it again first. One that holds
all there is hears how long it may be silent, and no edition is made for it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import islice

from hub import (
    admission,
    continuation,
    device_keys,
    dialects,
    directory,
    editions,
    grants,
    member_editions,
    private_page,
    publishing,
    regions,
    restoring,
    second_pcs,
    till_nights,
    witnesses,
)
from hub.office import Office
from hub.store import doubted_pcs
from hub.store.engine import Turn
from points.wire import hello
from points.wire.chain import NO_PARENT
from points.wire.directory import TOPIC as DIRECTORY
from points.wire.faults import NotFound
from points.wire.hello import BLOB, MANIFEST, Piece, Question, Shard, Told
from points.wire.lane import Lane
from points.wire.manifest import CHAIN_WIDE, PRIVATE_TOPIC, LaneNext, private_shard
from points.wire.visitors import TOPIC as VISITORS

INLINE_BYTES_MAX = 256 * 1024
"""How much of blobs comes with an answer, steps of members up to half of it; what is beyond it is fetched by
name."""
STEPS_INLINE_MAX = 16


def answer(office: Office, lane: Lane, asked: Question, raw: bytes) -> bytes:
    """What a device with this lane is told. Raises ``NotFound`` for a lane that is no till's."""
    with office.store.look() as look:
        standing(look, lane)
        is_stale = continuation.is_stale(look, office, lane, asked) or second_pcs.is_next_refused(look, lane)
        has_more = asked.has_more or _has_more(look, lane, asked)
        is_heard = dialects.is_heard(look, office, lane, asked)
        if has_more or is_stale:
            told = _told(office, lane, private_page.lanes(look, lane))
    if is_stale:
        told = replace(told, lanes=_with_own(told.lanes, lane), forked=frozenset({lane.epoch}))
    elif not has_more:
        if not is_heard:
            with office.store.turn() as turn:
                dialects.hear(turn, office, lane, asked)
        with office.publishing, office.store.turn() as turn:
            dialects.check(turn, office, lane)
            witnesses.hear(turn, office, lane, asked)
            told = replace(
                _all(turn, office, lane, asked), token=continuation.next_token(turn, office, lane, asked)
            )
        told = _with_log(told, office, lane, asked)
    return hello.answer(told, raw, office.keys.manifest)


def _has_more(look: Turn, lane: Lane, asked: Question) -> bool:
    """Whether the till was acknowledged something that is not here."""
    of = (lane.store, lane.till)
    rows = look.run("SELECT epoch, seq FROM lanes WHERE store = ? AND till = ?", of)
    here = {int(epoch): int(seq) for epoch, seq in rows}
    return any(upcoming > here.get(epoch, 0) + 1 for epoch, upcoming in asked.lanes.items())


def _with_log(told: Told, office: Office, lane: Lane, asked: Question) -> Told:
    """With what is new of the log; its key to who has seen no head yet."""
    piece, key = witnesses.shown(office, lane, asked), office.keys.log
    if piece is None or key is None:
        return told
    log_public = b"" if asked.sth else key.public_raw
    return replace(told, pieces=(*told.pieces, piece), log_public=log_public)


def _with_own(lanes: tuple[LaneNext, ...], lane: Lane) -> tuple[LaneNext, ...]:
    """The lanes with that of who asks, of which nothing may have arrived yet."""
    if any(one.epoch == lane.epoch for one in lanes):
        return lanes
    return (*lanes, LaneNext(lane.epoch, 1, NO_PARENT.hex()))


def page_of(
    turn: Turn, office: Office, lane: Lane, *, is_shut: bool, shown: int | None = None
) -> private_page.Page:
    """A till's own page as it is when it asks, with what it is granted; ``shown`` is its token's number."""
    is_replaced, term = standing(turn, lane)
    doubted_pcs.begin(turn, lane)
    # A PC whose place another one has taken hears only that its own term is over: two that were
    # told of the same rights and numbers would both use them.
    if is_replaced:
        second_pcs.hear(turn, office, lane, shown)
        return private_page.make(turn, office, lane, (office.inc, term + 1), is_replaced=True)
    is_doubted = not doubted_pcs.is_trusted(turn, lane)
    if is_doubted:
        second_pcs.ask(turn, office, lane)
    else:
        admission.fill_pool(turn, office, lane.store, lane.till)
    if not is_shut and not is_doubted:
        grants.grant_to(turn, office, lane.store, lane.till, office.inc, term)
    turn.run(
        "UPDATE agents SET last_seen_ms = ? WHERE store = ? AND till = ?",
        (office.clock(), lane.store, lane.till),
    )
    return private_page.make(turn, office, lane, (office.inc, term), is_doubted=is_doubted)


def standing(look: Turn, lane: Lane) -> tuple[bool, int]:
    """Whether another PC has taken the place of this one, and the term in which this one began."""
    row = look.one(
        "SELECT a.epoch, k.term FROM agents a JOIN keys k ON k.store = a.store AND k.till = a.till"
        " WHERE a.store = ? AND a.till = ? AND k.epoch = ?",
        (lane.store, lane.till, lane.epoch),
    )
    if row is None:
        raise NotFound()
    return row[0] != lane.epoch, int(row[1])


def _is_behind(look: Turn, lane: Lane, asked: Question) -> bool:
    """Whether more of its lane is here than the till knows: an ack was lost, or it was put back or copied. It
    will go on in another lane then, and what it is granted in this one would lie there for nobody."""
    wants = asked.lanes.get(lane.epoch)
    here = (one.next for one in private_page.lanes(look, lane) if one.epoch == lane.epoch)
    return wants is not None and wants < next(here, 1)


def _all(turn: Turn, office: Office, lane: Lane, asked: Question) -> Told:
    publishing.publish_members(turn, office, lane.store, is_whole=not asked.takes_deltas)
    device_keys.publish_keys(turn, office)
    publishing.publish_phones(turn, office, lane.store)
    feeds, pieces, region = {}, [], regions.of_store(turn, lane.store)
    shards = [
        ("rules", CHAIN_WIDE), (device_keys.TOPIC, CHAIN_WIDE), (member_editions.TOPIC, region),
        ("phones", lane.store),
    ]  # fmt: skip
    if (VISITORS, lane.store) in asked.feeds:  # else its program knows of none
        shards.append((VISITORS, lane.store))
    for topic, shard in shards:
        held = editions.held_edition(turn, topic, shard)
        if held is None:
            continue
        feeds[topic, shard] = held[0]
        if held[0] < asked.feeds.get((topic, shard), 0):
            restoring.suspect(turn, office)
        if held[0] > asked.feeds.get((topic, shard), 0):
            raw = editions.manifest_of(turn, topic, shard)
            pieces.append(Piece(MANIFEST, topic, shard, raw))
            if topic == member_editions.TOPIC:
                steps = member_editions.inline(turn, office, region, raw, asked.feeds.get((topic, shard), 0))
                pieces += [Piece(BLOB, topic, shard, blob) for blob in _fitting(steps)]
    if directory.is_told(turn, lane.store):  # fetched apart from everything else, for it is large
        feeds[DIRECTORY, CHAIN_WIDE] = directory.version(turn)
    page = page_of(
        turn, office, lane, is_shut=asked.is_shut or _is_behind(turn, lane, asked),
        shown=continuation.shown_number(office, lane, asked.token),
    )  # fmt: skip
    if pieces or page.blobs.keys() != asked.held:
        shard = private_shard(lane.store, lane.till)
        left = INLINE_BYTES_MAX - sum(len(piece.raw) for piece in pieces)
        pieces.append(Piece(MANIFEST, PRIVATE_TOPIC, shard, private_page.issue(turn, office, page)))
        for sha, blob in page.blobs.items():
            is_read_anew = sha == page.lanes  # a till keeps its name, not its bytes
            if (is_read_anew or sha not in asked.held) and len(blob) <= left:
                left -= len(blob)
                pieces.append(Piece(BLOB, PRIVATE_TOPIC, shard, blob))
    set_night = till_nights.window(turn)
    told = _told(office, lane, page.private.next, page.private.sess_until, feeds, pieces)
    return told if set_night is None else replace(told, night=(set_night.from_minute, set_night.until_minute))


def _fitting(blobs: Iterable[bytes]) -> Iterator[bytes]:
    """As many of them as come with an answer, from the first on."""
    left = INLINE_BYTES_MAX // 2
    for blob in islice(blobs, STEPS_INLINE_MAX):
        left -= len(blob)
        if left < 0:
            return
        yield blob


def _told(
    office: Office,
    lane: Lane,
    lanes: tuple[LaneNext, ...],
    sess_until: int | None = None,
    feeds: Mapping[Shard, int] | None = None,
    pieces: Sequence[Piece] = (),
) -> Told:
    return Told(
        office.name, office.inc, office.chain, lane.store, lane.till, office.clock(), sess_until, lanes,
        feeds or {}, tuple(pieces),
    )  # fmt: skip

"""A till's own page: where its lanes stand, its rights, its pool, what became of its operations.

It is made when its till asks, after everything the till has told, so that what is granted counts that. A blob
is named by its content: what did not change keeps its name and does not travel again.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from hub import (
    directory,
    editions,
    member_codes,
    member_tokens,
    publishing,
    refund_rights,
    sessions,
    shard_secrets,
    trust,
)
from hub.grants import wanted
from hub.office import Office
from hub.store import device_keys
from hub.store.engine import Turn
from points.holding import ADVANCE, POT
from points.wire import chunk
from points.wire.hello import LANES_TOLD_MAX
from points.wire.lane import Lane
from points.wire.manifest import PRIVATE_TOPIC, Chunk, LaneNext, Private, private_shard

COUNTED_MAX = 60
OUTCOMES_MAX = 2_000


@dataclass(frozen=True, slots=True)
class Page:
    """What a till's own page says now: its chunks, every blob it names with its bytes, and who may be silent
    until when. ``lanes`` names the blob that tells how far the lanes of its store are counted."""

    lane: Lane
    g: int
    chunks: tuple[Chunk, ...]
    lanes: str
    blobs: dict[str, bytes]
    private: Private


def make(
    turn: Turn,
    office: Office,
    lane: Lane,
    term: tuple[int, int],
    *,
    is_replaced: bool = False,
    is_doubted: bool = False,
) -> Page:
    """The page of a till in this (inc, term), and its session renewed.

    A PC that ``is_replaced`` by another one as this till is told of no rights and of no numbers. One that
    ``is_doubted`` is told so, and of no numbers and no budget.
    """
    store, till, epoch = lane.store, lane.till, lane.epoch
    g = publishing.numbered(turn, office)
    risk = [] if is_replaced or is_doubted else trust.row(turn, office, store, till, epoch)
    given = [] if is_replaced else _rights(turn, office, store, till, term)
    own = [*member_tokens.key_rows(office), *([] if is_replaced else [["own", *term, int(is_doubted)]])]
    # What a PC sold it may refund also after another one has taken its place, so it is asked for that right.
    sales = [
        ["w", sale]
        for earlier in device_keys.lineage(turn, store, till, epoch)
        for sale in refund_rights.wanted(turn, (store, till, earlier), office.clock())
    ]
    shard, chunks, blobs = private_shard(store, till), [], {}
    for rows in (
        [*_names(turn, office, store), *own, *given, *risk, *sales, *_kept(turn, store, till, term)],
        [*shard_secrets.private_rows(turn, office, store), *directory.private_rows(turn, office, store)],
        [] if is_replaced or is_doubted else _pool(turn, office, store, till),
        _outcomes(turn, store, till, g),
    ):
        if rows:
            piece, blob = chunk.make(PRIVATE_TOPIC, shard, rows)
            chunks.append(piece)
            blobs[piece.sha] = blob
    counted, blob = chunk.make(PRIVATE_TOPIC, shard, _counted(turn, store))
    blobs[counted.sha] = blob
    until = None if is_replaced else sessions.renew(turn, office, store, till, term)
    return Page(lane, g, tuple(chunks), counted.sha, blobs, Private(term[1], until, lanes(turn, lane)))


def lanes(look: Turn, lane: Lane) -> tuple[LaneNext, ...]:
    """Where the lanes of this till stand: the number that is wanted next of each, and its head."""
    rows = look.run(
        "SELECT epoch, seq, head FROM lanes WHERE store = ? AND till = ?"
        " ORDER BY epoch = ? DESC, epoch DESC LIMIT ?",
        (lane.store, lane.till, lane.epoch, LANES_TOLD_MAX),
    )
    return tuple(LaneNext(epoch, seq + 1, head) for epoch, seq, head in sorted(rows))


def issue(turn: Turn, office: Office, page: Page) -> bytes:
    """The page signed, as the next edition of its shard; its blobs can be fetched by name."""
    shard = private_shard(page.lane.store, page.lane.till)
    for sha, blob in page.blobs.items():
        editions.keep_blob(turn, sha, blob, PRIVATE_TOPIC, shard)
    return editions.keep_edition(
        turn,
        office,
        PRIVATE_TOPIC,
        shard,
        page.g,
        page.chunks,
        {},
        None,
        lanes=page.lanes,
        private=page.private,
    )


def _names(turn: Turn, office: Office, store: str) -> list[list[Any]]:
    row = turn.one("SELECT name FROM stores WHERE store = ?", (store,))
    return [["s", office.chain_name, row[0] if row else store]]


def _rights(turn: Turn, office: Office, store: str, till: str, term: tuple[int, int]) -> list[list[Any]]:
    """A till's allowances; and whatever it holds of a member who is at home elsewhere, wanted back.

    Local rights outlive a term and may stand without any allowance. Behind them stands how many points
    were ever added there: what is added anew and wanted back again is another row than the last one.
    """
    given = {
        m: [granted, json.loads(sched)]
        for m, granted, sched in turn.run(
            "SELECT m, granted, sched FROM cells WHERE store = ? AND till = ? AND inc = ? AND term = ?"
            " AND closed = 0 AND granted + taken > allowance_used",
            (store, till, *term),
        )
    }
    added: dict[int, int] = dict(
        turn.run(
            "SELECT m, added FROM cells c WHERE store = ? AND till = ? AND added > local_used AND (EXISTS"
            " (SELECT 1 FROM cells o WHERE o.bucket = c.bucket AND o.m = c.m"
            " AND (o.store <> c.store OR o.till <> c.till))"
            " OR EXISTS (SELECT 1 FROM recalls r WHERE r.bucket = c.bucket AND r.m = c.m))",
            (store, till),
        )
    )
    back = wanted(turn, office, dict.fromkeys((*given, *added), (store, till)))
    rows = []
    for m in sorted(given.keys() | (added.keys() & back)):
        row = ["r", "pts", m, *given.get(m, [0, []]), int(m in back)]
        rows.append([*row, added[m]] if m in added and m in back else row)
    return rows


def _kept(look: Turn, store: str, till: str, term: tuple[int, int]) -> list[list[Any]]:
    """What is kept for operations that a PC has not told yet; one that lost its database ends it."""
    points = look.run(
        "SELECT intent, m FROM reserved WHERE store = ? AND till = ? AND inc = ? AND term = ?"
        " AND intent NOT LIKE ? AND intent NOT LIKE ? ORDER BY intent",
        (store, till, *term, f"{POT}%", f"{ADVANCE}%"),
    )
    lines = look.run(
        "SELECT intent, sale FROM refund_reserved WHERE store = ? AND till = ? AND inc = ? AND term = ?"
        " AND ended = 0 ORDER BY intent",
        (store, till, *term),
    )
    return [*(["h", *row] for row in points), *(["hr", *row] for row in lines)]


def _pool(turn: Turn, office: Office, store: str, till: str) -> list[list[Any]]:
    rows = turn.run("SELECT m, code FROM pool WHERE store = ? AND till = ? ORDER BY m", (store, till))
    return [["p", m, member_codes.open_code(office, m, bytes(code))] for m, code in rows]


def _outcomes(turn: Turn, store: str, till: str, g: int) -> list[list[Any]]:
    """What was said of operations after their ack, each with the ``g`` from which editions count it.

    What no edition counts yet will be counted by the next one, whose ``g`` is above this one.
    """
    rows = turn.run(
        "SELECT epoch, seq, letter, detail, coalesce(g, ?) FROM told"
        " WHERE store = ? AND till = ? AND later = 1 ORDER BY epoch DESC, seq DESC LIMIT ?",
        (g + 1, store, till, OUTCOMES_MAX),
    )
    return [["o", epoch, seq, letter, json.loads(detail), at] for epoch, seq, letter, detail, at in rows]


def _counted(turn: Turn, store: str) -> list[list[Any]]:
    lanes = turn.run("SELECT till, epoch FROM lanes WHERE store = ? ORDER BY till, epoch", (store,))
    rows = []
    for till, epoch in lanes:
        pairs = turn.run(
            "SELECT last_seq, g FROM counted WHERE store = ? AND till = ? AND epoch = ?"
            " ORDER BY g DESC LIMIT ?",
            (store, till, epoch, COUNTED_MAX),
        )
        if pairs:
            rows.append(["l", till, epoch, [list(pair) for pair in reversed(pairs)]])
    return rows


def forget_counted(turn: Turn) -> None:
    """What no page tells any more of how far each lane was counted when: a row came with every contact."""
    for lane in turn.run("SELECT store, till, epoch FROM counted GROUP BY store, till, epoch"):
        of = "FROM counted WHERE store = ? AND till = ? AND epoch = ?"
        last = turn.one(f"SELECT g {of} ORDER BY g DESC LIMIT 1 OFFSET ?", (*lane, COUNTED_MAX))
        if last is not None:
            turn.run(f"DELETE {of} AND g <= ?", (*lane, last[0]))

"""The one durable act: an operation, its effect on rights and its receipt, on disk together.

The id exists before the first write. When this returns, the operation stands in the chain and in the
database, and in the second file unless that disk refused it: then the state line warns, and the next
operation is recorded only after the copy was made. When it raises, nothing was sold. An error at the
commit itself is ambiguous, so the book is asked by id before anybody is told that it failed.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from agent.journal.clock import StoreTime
from agent.journal.log import Entry
from agent.store import acts, cells, members, outbox, prints, sales
from agent.till import Till
from config.faults import Fault
from config.sqlite import Connection, Error
from points.identifiers import new_op_id
from points.operations import Operation, read
from points.receipts import Receipt
from points.rights import Fund, Rights
from points.wire import canonical


@dataclass(frozen=True, slots=True)
class Mark:
    """What a page knows of an act: its id, a digest of what was asked, and who approved it."""

    act: str = ""
    asked: str = ""
    approved_by: str = ""


UNMARKED = Mark()


@dataclass(slots=True)
class Draft:
    """An operation about to be recorded. ``body`` holds what its kind needs; the rest is added here.

    ``rights`` is the till's cell after it, ``ended`` the intent it ends, ``sealed`` the box that goes
    with it, ``pair`` the number and code it uses up, ``slip`` what makes its receipt, ``mark`` the act
    of a page that asked for it.
    """

    kind: str
    body: dict[str, Any]
    by: str
    m: int | None = None
    fund: Fund = field(default_factory=list)
    rights: Rights | None = None
    op_id: str | None = None
    ended: str | None = None
    sealed: bytes | None = None
    pair: tuple[int, str] | None = None
    slip: Callable[[Operation, int], Receipt] | None = None
    mark: Mark = UNMARKED


@dataclass(frozen=True, slots=True)
class Recorded:
    """What was written: the operation, where it stands, and the receipt that was queued."""

    op: Operation
    entry: Entry
    receipt: Receipt | None


def next_id(till: Till, time: StoreTime) -> str:
    """An id for an operation at ``time``."""
    return new_op_id(time.st_ms, till.chance(10))


def record(till: Till, draft: Draft, time: StoreTime, day: int) -> Recorded:
    """Record one operation. The caller holds ``till.book.lock`` since it read what the draft is made of."""
    return record_all(till, [draft], time, day)[0]


def record_all(till: Till, drafts: Sequence[Draft], time: StoreTime, day: int) -> list[Recorded]:
    """Record operations that belong together, all or none, with one commit and one sync of each file.

    The first is at ``time``, each further one a millisecond later: store time rises strictly.
    """
    till.log.copy()
    done: list[Recorded] = []
    bodies = [_body(till, draft, replace(time, st_ms=time.st_ms + i), day) for i, draft in enumerate(drafts)]
    ops = [read(body, till.store, till.till) for body in bodies]
    first = till.log.pos(till.log.seq + 1)
    receipts = [
        draft.slip(op, first + i) if draft.slip else None
        for i, (draft, op) in enumerate(zip(drafts, ops, strict=True))
    ]
    raws = [canonical.encode_checked(body) for body in bodies]
    try:
        with till.book.turn() as turn:
            entry: Entry | None = None
            for draft, op, raw, receipt in zip(drafts, ops, raws, receipts, strict=True):
                entry = till.log.append(turn, raw, op.id, op.m, op.kind, op.day, after=entry)
                _keep_effects(till, turn, draft, op, entry.pos, receipt)
                done.append(Recorded(op, entry, receipt))
    except Error as error:
        if not ops or sales.entry(till.book, ops[-1].id) is None:
            raise Fault("fault.not_recorded", f"nothing was recorded: {error}") from error
    till.log.settle([one.entry for one in done], ops[-1].st if ops else 0)
    for op in ops:
        till.add_pending(op)
    return done


def _keep_effects(
    till: Till, turn: Connection, draft: Draft, op: Operation, pos: int, receipt: Receipt | None
) -> None:
    """Everything that stands or falls with the operation, in its turn."""
    if op.kind == "sale.earn" and op.body["receipt"] != till.lane_position(pos):
        sales.index_sale(turn, op.body["receipt"], op.day, pos)
    elif op.kind in ("sale.refund", "sale.void"):
        sales.index_return(turn, op.refs[0], pos)
    if draft.rights is not None and op.m is not None:
        cells.write(turn, op.m, draft.rights)
    if draft.pair is not None:
        members.use_pair(turn, *draft.pair)
    if draft.sealed is not None:
        outbox.keep_sealed(turn, op.id, draft.sealed)
    if draft.ended is not None:
        cells.end_intent(turn, draft.ended)
    if draft.mark.act:
        acts.keep(turn, draft.mark.act, draft.mark.asked, pos)
    if receipt is not None:
        prints.add(turn, pos, receipt.to_json())


def _body(till: Till, draft: Draft, time: StoreTime, day: int) -> dict[str, Any]:
    body: dict[str, Any] = {
        "id": draft.op_id or next_id(till, time),
        "t": draft.kind,
        "tv": 1,
        "day": day,
        "st": time.st_ms,
        "boot": time.moment.boot,
        "mono": time.moment.mono_ms,
        "by": draft.by,
        "rule": till.rule().hash,
        **draft.body,
    }
    if draft.m is not None:
        body["m"] = draft.m
    if time.moment.wall_ms != time.st_ms:
        body["at"] = time.moment.wall_ms
    if draft.mark.approved_by:
        body["approved_by"] = draft.mark.approved_by
    if draft.fund:
        rights = draft.rights
        body["fund"] = draft.fund
        body["inc"] = rights.inc if rights else till.identity.inc
        body["term"] = rights.term if rights else till.identity.term
    return body

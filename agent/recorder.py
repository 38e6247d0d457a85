"""The one durable act: an operation, its effect on rights and its receipt, on disk together.

The id exists before the first write. When this returns, the operation stands in the chain and in the
database, and in the second file unless that disk refused it: then the state line warns, and the next
operation is recorded only after the copy was made. When it raises, nothing was sold. An error at the
commit itself is ambiguous, so the book is asked by id before anybody is told that it failed.

A draft may be prepared before the moment of its record: checked, folded and written as bytes with blanks.
Whoever prepared it answers for the state of the till being the same when it is recorded.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from agent.forms import NO_ID, BodyForm, ReceiptForm, text_of
from agent.journal.clock import StoreTime
from agent.journal.log import Entry
from agent.store import acts, cells, members, outbox, prints, sales, trusts
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
    with it, ``pair`` the number and code it uses up, ``phone_tag`` what finds its member by a typed phone,
    ``slip`` what makes its receipt, ``mark`` the act of a page that asked for it, ``begins`` the term that
    begins with it, ``also`` what else is written in its turn.
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
    phone_tag: str = ""
    slip: Callable[[Operation, int], Receipt] | None = None
    mark: Mark = UNMARKED
    begins: tuple[int, int] | None = None
    also: Callable[[Connection], None] | None = None


@dataclass(slots=True)
class Prepared:
    """A draft that was checked at one moment and may be recorded at a later one of the same boot.

    ``op`` is the operation as it would be now; ``day`` its business day, ``cell`` the till's rights after it.
    """

    draft: Draft
    op: Operation
    boot: str
    body: BodyForm
    receipt: ReceiptForm | None
    cell: str | None


@dataclass(slots=True)
class _Write:
    """What the turn writes: an operation, its bytes, its receipt (as values and as text) and its cell."""

    draft: Draft
    op: Operation
    raw: bytes
    receipt: Receipt | ReceiptForm | None
    text: str | None
    cell: str | None


class Recorded:
    """What was written: the operation, where it stands, and the receipt that was queued."""

    __slots__ = ("_receipt", "entry", "op")

    def __init__(self, op: Operation, entry: Entry, receipt: Receipt | ReceiptForm | None) -> None:
        self.op = op
        self.entry = entry
        self._receipt = receipt

    @property
    def receipt(self) -> Receipt | None:
        """The receipt as values; None for an operation that has none."""
        if isinstance(self._receipt, ReceiptForm):
            self._receipt = self._receipt.made(self.op.id, self.op.st)
        return self._receipt


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
    writes: list[_Write] = []
    first = till.log.pos(till.log.seq + 1)
    for i, draft in enumerate(drafts):
        op = _checked(till, draft, replace(time, st_ms=time.st_ms + i), day)
        receipt = draft.slip(op, first + i) if draft.slip else None
        text = text_of(receipt.to_json()) if receipt else None
        cell = cells.text_of(draft.rights) if draft.rights else None
        writes.append(_Write(draft, op, canonical.encode_checked(op.body), receipt, text, cell))
    return _commit(till, writes) if writes else []


def prepare(till: Till, draft: Draft, time: StoreTime, day: int) -> Prepared:
    """Do now all that need not wait for the moment of the record. Raises ``BadOperation``."""
    assert draft.op_id is None, "the id is given at the moment of the record"
    draft.op_id = NO_ID
    op = _checked(till, draft, time, day)
    receipt = draft.slip(op, till.log.pos(till.log.seq + 1)) if draft.slip else None
    return Prepared(
        draft,
        op,
        time.moment.boot,
        BodyForm.of(op.body),
        ReceiptForm.of(receipt) if receipt else None,
        cells.text_of(draft.rights) if draft.rights else None,
    )


def record_prepared(till: Till, prepared: Prepared, time: StoreTime, by: str, mark: Mark) -> Recorded:
    """Record at ``time`` what was prepared. The caller knows that the till is as it was then."""
    till.log.copy()
    moment, st, op_id = time.moment, time.st_ms, next_id(till, time)
    assert moment.boot == prepared.boot, "monotonic time is of one boot"
    assert not mark.approved_by, "an approved act has no blank for who approved it"
    at = moment.wall_ms if moment.wall_ms != st else None
    raw = prepared.body.filled(at, by, op_id, moment.mono_ms, st)
    body = {**prepared.op.body, "id": op_id, "st": st, "mono": moment.mono_ms, "by": by}
    if at is not None:
        body["at"] = at
    else:
        body.pop("at", None)
    op = Operation(body, till.store, till.till)
    form, draft = prepared.receipt, prepared.draft
    draft.mark = mark
    text = form.filled(op_id, st) if form else None
    return _commit(till, [_Write(draft, op, raw, form, text, prepared.cell)])[0]


def _commit(till: Till, writes: Sequence[_Write]) -> list[Recorded]:
    """The turn itself. What can be made before the commit is made before it."""
    log, done = till.log, []
    try:
        with till.book.turn() as turn:
            entry: Entry | None = None
            for write in writes:
                op = write.op
                entry = log.append(turn, write.raw, op.id, op.m, op.kind, op.day, after=entry)
                _keep_effects(till, turn, write, entry.pos)
                done.append(Recorded(op, entry, write.receipt))
            last = done[-1]
            records = log.records([one.entry for one in done])
    except Error as error:
        if len(done) < len(writes) or sales.entry(till.book, done[-1].op.id) is None:
            raise Fault("fault.not_recorded", f"nothing was recorded: {error}") from error
    log.settle(last.entry, last.op.st, records)
    for one in done:
        till.add_pending(one.op)
    return done


def _keep_effects(till: Till, turn: Connection, write: _Write, pos: int) -> None:
    """Everything that stands or falls with the operation, in its turn."""
    draft, op = write.draft, write.op
    if op.kind == "sale.earn" and op.body["receipt"] != till.lane_position(pos):
        sales.index_sale(turn, op.body["receipt"], op.day, pos)
    elif op.kind in sales.FINDABLE_BY_REF:
        sales.index_return(turn, op.refs[0], pos)
    if op.fund:
        trusts.keep(turn, op, pos)
    if write.cell is not None and op.m is not None:
        cells.write_text(turn, op.m, write.cell)
    if draft.begins is not None:
        till.write_term(turn, *draft.begins)
    if draft.pair is not None:
        members.use_pair(turn, *draft.pair)
    if draft.phone_tag and op.m is not None:
        members.put_own_phone(turn, draft.phone_tag, op.m)
    if draft.sealed is not None:
        outbox.keep_sealed(turn, op.id, draft.sealed)
    if draft.ended is not None:
        cells.end_intent(turn, draft.ended)
    if draft.also is not None:
        draft.also(turn)
    if draft.mark.act:
        acts.keep(turn, draft.mark.act, draft.mark.asked, pos)
    if write.text is not None:
        prints.add_text(turn, pos, write.text)


def _checked(till: Till, draft: Draft, time: StoreTime, day: int) -> Operation:
    """The operation of a draft at ``time``. Raises ``BadOperation``."""
    return read(_body(till, draft, time, day), till.store, till.till)


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

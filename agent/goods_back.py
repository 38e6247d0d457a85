"""Goods that come back: refund of lines, and void of a whole sale or redemption of the same day.

The right to refund a sale belongs to the till that made it: it knows what was sold and what came
back already. One that it has ceded, and a sale of another till, comes back by headquarters' reservation
(``agent.reservations``), or without a network within limits (``agent.elsewhere``). The claw-back first burns
this till's own rights; restored points go home.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from agent.funding import No
from agent.journal.log import EPOCH_STEP
from agent.recorder import UNMARKED, Draft, Mark, Recorded, record
from agent.slips import slip
from agent.store import sales
from agent.till import Till
from points import rights
from points.fold import Account
from points.operations import Operation
from points.refusals import Refusal
from points.returns import Sale
from points.wire import canonical

_OURS = re.compile(r"([a-z0-9-]{1,16})-([0-9]{1,10})-([0-9]{1,10})\Z")
EPOCH_MAX = 2**31
"""Epochs from here on have no position that a database can hold."""

ReturnLines = Sequence[Sequence[int]]


@dataclass(frozen=True, slots=True)
class ReturnQuote:
    """What a return would do: points clawed and restored, and the value of the goods.

    ``waits``: whose points they are only headquarters will know, so it takes them back.
    """

    sale: str
    m: int | None
    lines: list[list[int]]
    claw_pts: int
    restore_pts: int
    fen: int
    waits: bool = False


@dataclass(frozen=True, slots=True)
class Returnable:
    """A sale and what can still come back of it, ``[[line, units, fen]…]``; ``origin`` names the store and
    the number of one whose right to be refunded is not this till's."""

    sale: str
    kind: str
    m: int | None
    receipt: str
    day: int
    lines: list[list[Any]]
    rest: list[list[int]]
    origin: str = ""


def find(till: Till, number: str) -> str | None:
    """The id of a sale by its receipt number: the point of sale's, or ours (till-epoch-number)."""
    with till.book.lock:
        found = sales.by_receipt(till.book, number.strip())
        position = _OURS.match(number.strip())
        if found is None and position is not None and position[1] == till.till:
            epoch, seq = int(position[2]), int(position[3])
            is_one = epoch < EPOCH_MAX and seq < EPOCH_STEP
            return sales.by_position(till.book, epoch * EPOCH_STEP + seq) if is_one else None
        return found


def returnable(till: Till, sale: str) -> Returnable | No:
    """What can still come back of a sale of this till."""
    with till.book.lock:
        sold, kept = _sold(till, sale)
        if sold is None:
            return No(Refusal.refund_elsewhere_offline, {})
        if sales.is_ceded(till.book, sale):
            return No(Refusal.refund_ceded, {})
        if kept is None:
            return No(Refusal.nothing_to_refund, {})
        rest = kept.rest()
        return Returnable(
            sale, sold.kind, sold.m, str(sold.body.get("receipt", "")), sold.day,
            [list(line) for line in sold.body.get("lines", ())], rest,
        )  # fmt: skip


def quote(till: Till, sale: str, lines: ReturnLines) -> ReturnQuote | No:
    """What returning ``lines`` [[line, units, fen]…] would claw back and restore."""
    with till.book.lock:
        sold, kept = _sold(till, sale)
        if sold is None or kept is None:
            return No(Refusal.refund_elsewhere_offline, {})
        if sales.is_ceded(till.book, sale):
            return No(Refusal.refund_ceded, {})
        if not kept.rest() or not any(line[1] or line[2] for line in lines):
            return No(Refusal.nothing_to_refund, {})
        left = sum(kept.kept_fen)
        claw, restore = kept.take_back(lines)
        if kept.over_refunded:
            return No(Refusal.refund_too_much, {"money": left})
        came_back = left - sum(kept.kept_fen)
        waits = sold.m is None and not {"who", "pii"}.isdisjoint(sold.body)
        return ReturnQuote(sale, sold.m, [list(line) for line in lines], claw, restore, came_back, waits)


def refund(till: Till, sale: str, lines: ReturnLines, by: str, mark: Mark = UNMARKED) -> Recorded | No:
    """Record a return of lines."""
    with till.book.lock:
        shift = till.shift()
        if shift.closed:
            return No(Refusal.day_closed, {})
        told = quote(till, sale, lines)
        if isinstance(told, No):
            return told
        return _record(till, "sale.refund", told, {"lines": told.lines}, by, mark)


def void(till: Till, sale: str, by: str, mark: Mark = UNMARKED) -> Recorded | No:
    """Take back a whole sale or redemption of this till on its own day."""
    with till.book.lock:
        shift = till.shift()
        sold, kept = _sold(till, sale)
        if shift.closed:
            return No(Refusal.day_closed, {})
        if sold is None or sold.day != shift.day:
            return No(Refusal.not_todays_sale, {})
        if kept is not None:
            told = quote(till, sale, kept.rest())
            return told if isinstance(told, No) else _record(till, "sale.void", told, {}, by, mark)
        if sold.kind != "redeem.cash" or sales.returns_of(till.book, sale):
            return No(Refusal.nothing_to_refund, {})
        undone = ReturnQuote(sale, sold.m, [], 0, sold.body["pts"], 0)
        return _record(till, "sale.void", undone, {}, by, mark)


def _sold(till: Till, sale: str) -> tuple[Operation | None, Sale | None]:
    """The sale as this till recorded it, with its earlier returns taken off."""
    raw = sales.body(till.book, sale)
    if raw is None:
        return None, None
    sold = Operation(canonical.decode(raw), till.store, till.till)
    scratch = Account(sold.m or 0, till.books)
    scratch.remember(sold)
    for _, body in sales.returns_of(till.book, sale):
        scratch.remember(Operation(canonical.decode(body), till.store, till.till))
    return sold, scratch.sale(sale)


def _record(till: Till, kind: str, told: ReturnQuote, body: dict[str, Any], by: str, mark: Mark) -> Recorded:
    said = {"refs": [told.sale], "claw_pts": told.claw_pts, "restore_pts": told.restore_pts}
    draft = Draft(kind, {**body, **said}, by, told.m, mark=mark)
    view = till.look(told.m) if told.m is not None else None
    if view is not None and told.claw_pts:
        draft.rights, draft.fund, _ = rights.burn(view.rights, told.claw_pts)
    moved = {"clawed": told.claw_pts, "restored": told.restore_pts} if view is not None else {}
    draft.slip = slip(till, view, **moved, back_fen=told.fen, unconfirmed=told.waits)
    return record(till, draft, till.time(), till.shift().day)

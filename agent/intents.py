"""What was asked to be kept for an operation, and nobody records under any more, ends by its void.

An act that failed, or was killed, leaves its intent in this till's database. An intent whose database was
lost is known to headquarters alone, which tells of it in this till's page: were it not ended here, points
and lines of a sale would be kept for nobody until the PC is declared lost. One that is being asked right now
is left alone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import NamedTuple

from agent import funding, reservations
from agent.store import cells, refunds, sales
from agent.till import Till
from config.sqlite import Connection
from points.wire import canonical


class Kept(NamedTuple):
    """What headquarters keeps for one operation of this till: points of a member, or lines of a sale."""

    op_id: str
    m: int = 0
    sale: str = ""


def end_cut_off(till: Till, by: str) -> int:
    """Intents that were cut off end, by operation or by void; gives how many were voided.

    At start, and at each contact: an act that failed leaves its intent behind.
    """
    with till.book.lock:
        mine = [(Kept(op_id, m=m), cells.end_intent) for op_id, m in cells.intents(till.book)]
        mine += [(Kept(op_id, sale=sale), refunds.end_intent) for op_id, sale in refunds.intents(till.book)]
        return sum(_end(till, kept, end, by) for kept, end in mine if kept.op_id not in till.asking)


def _end(till: Till, kept: Kept, end: Callable[[Connection, str], None], by: str) -> bool:
    if sales.body(till.book, kept.op_id) is None:
        _void(till, kept, by)
        return True
    with till.book.turn() as turn:
        end(turn, kept.op_id)
    return False


def end_unknown(till: Till, told: Iterable[Kept], heard_pos: int, by: str) -> int:
    """What headquarters keeps and this till knows nothing of is voided; gives how much.

    ``heard_pos`` is how far headquarters had heard this till when it told so: what was recorded since says
    itself what becomes of it.
    """
    with till.book.lock:
        known = {op_id for op_id, _ in (*cells.intents(till.book), *refunds.intents(till.book))} | till.asking
        for _, raw in sales.since(till.book, heard_pos):
            body = canonical.decode(raw)
            known |= {body["id"], *body.get("refs", ())}
        lost = [
            kept
            for kept in told  # one that was recorded long ago may be in custody, and still needs it
            if kept.op_id not in known and sales.body(till.book, kept.op_id) is None
        ]
        for kept in lost:
            _void(till, kept, by)
        return len(lost)


def _void(till: Till, kept: Kept, by: str) -> None:
    if kept.sale:
        reservations.give_up(till, kept.op_id, kept.sale, by)
    else:
        funding.give_up(till, kept.op_id, kept.m, by)

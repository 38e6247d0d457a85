"""What headquarters' rows do not count yet of a till's own operations, each once (W15).

Counted are the operations up to a position, by the edition of members that is held; not those among them
that headquarters keeps in custody, or took later than that. While a newer edition comes piece by piece, a row
of it counts more than the others: each row says which edition told it, and of a pending operation it is
known, as far as headquarters has told, from which edition on it is counted.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from agent.journal.database import Book
from agent.store import feeds, members, sales
from points.operations import Operation
from points.wire import canonical

KINDS = ("member.enrol", "sale.earn", "redeem.cash", "sale.refund", "sale.void")


@dataclass(slots=True)
class Pending:
    """Own operations, by member, that the edition of ``g`` does not count, which is the one that is held.

    ``counted_from`` says by operation from which later one on it is counted, where that is known.
    """

    g: int = 0
    by_member: dict[int, list[Operation]] = field(default_factory=dict)
    counted_from: dict[str, int] = field(default_factory=dict)

    def add(self, op: Operation) -> None:
        """An operation that no row counts yet."""
        if op.m is not None and op.kind in KINDS:
            self.by_member.setdefault(op.m, []).append(op)

    def of(self, book: Book, m: int) -> list[Operation]:
        """What the row of a member does not count."""
        pending = self.by_member.get(m, [])
        if pending and self.counted_from and (told_g := members.told_at(book, m)) > self.g:
            return [op for op in pending if self.counted_from.get(op.id, sales.UNKNOWN) > told_g]
        return list(pending)


def gather(book: Book, g: int, store: str, till: str) -> Pending:
    """Read it from the book, whose edition of members held is of ``g``."""
    pending = Pending(g)
    applied = int(feeds.fact(book, "applied_pos") or 0)
    known = feeds.counted(book, g)
    for pos, body, own_g in sales.uncounted(book, applied, g):
        op = Operation(canonical.decode(body), store, till)
        pending.add(op)
        by_lane = 0 if pos <= applied else next((at for upto, at in known if upto >= pos), sales.UNKNOWN)
        if max(own_g, by_lane) < sales.UNKNOWN:
            pending.counted_from[op.id] = max(own_g, by_lane)
    return pending

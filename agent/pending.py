"""What headquarters' rows do not count yet of a till's own operations, each once (W15).

Counted are the operations up to a position, by the edition of members that is held; not those among them
that headquarters keeps in custody, or took later than that. While a newer edition comes piece by piece, a row
of it counts more than the others: each row says which edition told it, and of a pending operation it is
known, as far as headquarters has told, from which edition on it is counted. Visitors have an edition of their
own, which may count more or less than the region's: pending is what the older of both does not count.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from agent.identity import Identity
from agent.journal.database import Book
from agent.journal.log import EPOCH_STEP
from agent.store import feeds, members, sales
from config.sqlite import Connection
from points.operations import Operation
from points.wire import canonical
from points.wire.visitors import TOPIC as VISITORS

KINDS = ("member.enrol", "sale.earn", "redeem.cash", "sale.refund", "sale.void")
MEMBERS = "members"
POS = {MEMBERS: "applied_pos", VISITORS: "visitors_pos"}
"""The facts that keep up to which position own operations are counted in the editions that are held."""


@dataclass(slots=True)
class Pending:
    """Own operations, by member, that the editions held do not count: that of members, of ``g``, and that of
    visitors, of ``visitors_g``, None where none is held.

    ``counted_from`` says by operation from which edition on it is counted, where that is known.
    """

    g: int = 0
    visitors_g: int | None = None
    by_member: dict[int, list[Operation]] = field(default_factory=dict)
    counted_from: dict[str, int] = field(default_factory=dict)

    @property
    def oldest_g(self) -> int:
        """What every row counts at least."""
        return self.g if self.visitors_g is None else min(self.g, self.visitors_g)

    def add(self, op: Operation) -> None:
        """An operation that no row counts yet."""
        if op.m is not None and op.kind in KINDS:
            self.by_member.setdefault(op.m, []).append(op)

    def of(self, book: Book, m: int) -> list[Operation]:
        """What the row of a member does not count."""
        pending = self.by_member.get(m, [])
        if pending and self.counted_from:
            is_visitor = self.visitors_g is not None and members.is_visitor(book, m)
            edition_g = self.visitors_g if is_visitor and self.visitors_g is not None else self.g
            told_g = max(members.told_at(book, m), edition_g)
            return [op for op in pending if self.counted_from.get(op.id, sales.UNKNOWN) > told_g]
        return list(pending)


def gather(book: Book, who: Identity) -> Pending:
    """Read it from the book."""
    pending = Pending(_held_g(book, who, MEMBERS) or 0, _held_g(book, who, VISITORS))
    g = pending.oldest_g
    applied = _pos(book, MEMBERS if g == pending.g else VISITORS)
    known = feeds.counted(book, g)
    for pos, body, own_g in sales.uncounted(book, applied, g):
        op = Operation(canonical.decode(body), who.lane.store, who.lane.till)
        pending.add(op)
        by_lane = 0 if pos <= applied else next((at for upto, at in known if upto >= pos), sales.UNKNOWN)
        if max(own_g, by_lane) < sales.UNKNOWN:
            pending.counted_from[op.id] = max(own_g, by_lane)
    return pending


def note_counted(book: Book, who: Identity, turn: Connection, topic: str, g: int) -> None:
    """Keep up to which position own operations are counted in an edition of ``g`` that is held from now on.

    It never goes back, but from a lane that is another PC's. What the other edition counts this one counts
    too, unless that is newer.
    """
    other = VISITORS if topic == MEMBERS else MEMBERS
    other_g, next_lane = _held_g(book, who, other), (who.lane.epoch + 1) * EPOCH_STEP
    found = [pos for pos, at in feeds.counted(book, 0) if at <= g]
    before = [_pos(book, topic), *([_pos(book, other)] if other_g is not None and other_g <= g else [])]
    upto = max(0, *found, *(pos for pos in before if pos < next_lane))
    feeds.keep_fact(turn, POS[topic], str(upto))
    feeds.forget_counted(turn, g if other_g is None else min(g, other_g))


def _pos(book: Book, topic: str) -> int:
    return int(feeds.fact(book, POS[topic]) or 0)


def _held_g(book: Book, who: Identity, topic: str) -> int | None:
    ver, g = feeds.edition(book, topic, who.region if topic == MEMBERS else who.lane.store)
    return g if ver else None

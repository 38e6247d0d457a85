"""A member's debt is written off: one person asks and says why, another one agrees in another session.

Whoever bears each part of it has paid for it and is not paid back; the member owes it no more. It is a fact
of headquarters' lane, folded where it stands: if points that come to light later had repaid a part before
it, only the rest is written off. Only debt can be: more rights out than points is no debt of anybody, it
ends when the rights come home, are spent, or their PC is declared lost.
"""

from __future__ import annotations

from typing import NamedTuple

from hub.decisions import decide
from hub.office import Office
from hub.store import schema, standings
from hub.store.engine import Turn
from points.decided import WRITE_OFF
from points.fold import FOLDED
from points.identifiers import bucket
from points.order import canonical as in_order


class WriteOff(NamedTuple):
    """What is asked for, or was agreed upon: points of a member, why, by whom and when."""

    m: int
    asked_ms: int
    pts: int
    note: str
    asked_by: str
    asked_in: str
    approved_by: str | None = None
    approved_ms: int | None = None
    op_id: str | None = None


COLUMNS = ", ".join(WriteOff._fields)


def ask(turn: Turn, office: Office, m: int, pts: int, by: str, session: str, note: str) -> bool:
    """Ask that ``pts`` of a member's debt be written off.

    False for more than is owed, and while something is asked for already.
    """
    if not 1 <= pts <= _debt(turn, m) or pending(turn, m) is not None:
        return False
    last = turn.one(
        "SELECT coalesce(max(asked_ms), 0) FROM written_off WHERE bucket = ? AND m = ?", (bucket(m), m)
    )
    assert last is not None
    _keep(turn, WriteOff(m, max(office.clock(), int(last[0]) + 1), pts, note, by, session))
    return True


def withdraw(turn: Turn, m: int) -> bool:
    """It is not asked for any more. False when nothing was."""
    asked = pending(turn, m)
    if asked is None:
        return False
    turn.run(
        "DELETE FROM written_off WHERE bucket = ? AND m = ? AND asked_ms = ?",
        (bucket(m), m, asked.asked_ms),
        twice=True,
    )
    return True


def approve(turn: Turn, office: Office, m: int, by: str, session: str) -> bool:
    """Agree: it is written off. False unless another person, in another session, had asked."""
    asked = pending(turn, m)
    if asked is None or asked.asked_by.casefold() == by.casefold() or asked.asked_in == session:
        return False
    # It stands behind all that was known of the member, however far ahead a till's time is of ours.
    known = in_order(standings.histories(turn, [m], FOLDED)[m])
    body = {"m": m, "refs": [known[-1].id], "pts": asked.pts, "note": asked.note,
            "asked_by": asked.asked_by, "approved_by": by}  # fmt: skip
    (op_id,) = decide(turn, office, [("debt.writeoff", body)])
    _keep(turn, asked._replace(approved_by=by, approved_ms=office.clock(), op_id=op_id))
    return True


def pending(look: Turn, m: int) -> WriteOff | None:
    """What is asked for and nobody has agreed to."""
    row = look.one(
        f"SELECT {COLUMNS} FROM written_off WHERE bucket = ? AND m = ? AND approved_ms IS NULL",
        (bucket(m), m),
    )
    return None if row is None else WriteOff(*row)


def every(look: Turn, limit: int) -> list[WriteOff]:
    """What was asked for or agreed upon, the newest first."""
    rows = look.run(f"SELECT {COLUMNS} FROM written_off ORDER BY asked_ms DESC, m LIMIT ?", (limit,))
    return [WriteOff(*row) for row in rows]


def borne(look: Turn, one: WriteOff) -> dict[str, int]:
    """What was really written off by it, by who bears it."""
    rows = look.run(
        "SELECT debit, sum(pts) FROM postings WHERE bucket = ? AND m = ? AND op_id = ? AND debit LIKE ?"
        " GROUP BY debit ORDER BY debit",
        (bucket(one.m), one.m, one.op_id or "", WRITE_OFF.format("%")),
    )
    return {debit.partition(":")[2]: int(pts) for debit, pts in rows if pts}


def _debt(look: Turn, m: int) -> int:
    row = standings.load(look, [m])[m].standing.row
    return row.debt if row is not None else 0


def _keep(turn: Turn, one: WriteOff) -> None:
    turn.put(schema.written_off, [(bucket(one.m), *one)], on_conflict="replace", twice=True)

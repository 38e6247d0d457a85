"""What operations make of the members they touch: rows, legs and cells, before anything is written.

Plain operations are posted onto the member's row (``points.checkpoint``). Else the account is continued from
its checkpoint where that is exact (``points.judging.extends``), or its whole history is folded again and
only the difference to what was posted is posted. A failure in one member's operations spoils no other.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterable, Mapping, Sequence, Set
from dataclasses import dataclass, field
from typing import Any

from hub.reading import Heard
from hub.store import schema, standings
from hub.store.engine import Turn
from hub.store.standings import CellRow, Change, Held, LegKey
from points.checkpoint import Plain, Spend, follows, post_plain
from points.fold import FOLDED, Account
from points.holding import Agent, available
from points.identifiers import bucket
from points.judging import BEHIND, Outcome, Posted, extends, key_of
from points.legs import Leg
from points.members import ROW_CODES, ROW_ENTRIES, end
from points.operations import Operation
from points.postings import correction, totals
from points.rulebook import RuleBook

log = logging.getLogger(__name__)

VISITS = {"sale.earn": True, "redeem.cash": False}
"""Where a member is seen; grants go by how often something was bought there."""

BAD_MAX = 16
"""Operations of one member in one judgement that are told apart from the others; with more of them, what
comes behind goes into custody too."""

Post = Callable[..., Posted]


@dataclass(slots=True)
class Made:
    """The changes, what is said of operations by their ids, ids that could not be posted, and members of whom
    more is out than they have."""

    changes: list[Change] = field(default_factory=list)
    overdrawn: set[int] = field(default_factory=set)
    remarks: dict[str, Outcome] = field(default_factory=dict)
    spoiled: set[str] = field(default_factory=set)


def changes_of(
    turn: Turn,
    groups: Mapping[int, Sequence[Operation]],
    held: Mapping[int, Held],
    books: Mapping[str, RuleBook],
    today: int,
    post: Post,
    *,
    whole: bool = True,
) -> Made:
    """What ``groups`` of operations, in order, make of their members; ``turn`` is only read.

    ``today`` is headquarters' local day, ``post`` is ``points.judging.post``. Who must be folded whole is
    left out without ``whole``.
    """
    made = Made()
    rest: dict[int, Sequence[Operation]] = {}
    for m, ops in groups.items():
        try:
            change = _continued(held[m], ops, books, today, made.remarks)
        except Exception:  # the long way has a guard of its own
            log.exception("plain operations of one member could not be posted the short way")
            change = None
        if change is None:
            rest[m] = ops
        else:
            made.changes.append(change)
    if rest:
        late = {m for m, ops in rest.items() if not _continues(held[m], ops, books, today)}
        if not whole:
            rest = {m: ops for m, ops in rest.items() if m not in late}
        _fold(turn, rest, late, held, books, post, made, today)
    return made


def _continued(
    held: Held,
    ops: Sequence[Operation],
    books: Mapping[str, RuleBook],
    today: int,
    remarks: dict[str, Outcome],
) -> Change | None:
    """The change by plain operations in order, posted onto the row; None for everything else."""
    row = held.row
    if row is None or held.reserved:
        return None
    plain: list[Plain] = []
    cells: dict[Agent, CellRow] = {}
    for op in ops:
        does = op.plain if isinstance(op, Heard) else None
        if does is None:
            return None
        plain.append(does)
        agent = (op.store, op.till)
        cell = cells.get(agent) or held.cells.get(agent) or standings.new_cell(held.m, agent)
        if standings.is_overdrawn(cell):
            return None
        if isinstance(does, Spend):
            cell = standings.after_spending(cell, op.day, does.pts)
            if standings.is_overdrawn(cell) or standings.draws_expired(row, does.today, today):
                return None
        else:
            cell = standings.after_purchase(cell, op.day, does.added)
        cells[agent] = cell
    if not follows(row, held.last_key, ops):
        return None
    done = post_plain(row, ops, plain, books)
    if done is None:
        return None
    done.row[1] = held.ver + 1
    if done.remarks:
        remarks |= done.remarks
    return Change(
        held, done.row, key_of(ops[-1]), done.legs, done.rights, (), done.at_once, list(cells.values())
    )


def _fold(
    turn: Turn,
    groups: Mapping[int, Sequence[Operation]],
    late: Set[int],
    held: Mapping[int, Held],
    books: Mapping[str, RuleBook],
    post: Post,
    made: Made,
    today: int,
) -> None:
    """The changes by a fold: continued from the checkpoint, or of everything again if ``late``."""
    whole = late & groups.keys()
    history = standings.histories(turn, whole, FOLDED)
    posted = standings.posted(turn, whole)
    codes = _codes(turn, [m for m in groups if held[m].ver == 0])
    for m, ops in groups.items():
        mine = held[m]
        past = history.get(m, []) if m in whole else None
        try:
            done = post(mine.standing, ops, past, books)
        except Exception:  # what cannot be posted goes into custody, all others go on
            log.exception("operations of one member could not be posted")
            sound = _sound(turn, m, ops, past, books, post)
            bad = [op for op in ops if op not in sound]
            sound = [op for op in sound if not _is_behind(op, bad, ops)]
            made.spoiled |= {op.id for op in ops} - {op.id for op in sound}
            if not sound:
                continue
            ops, mine = sound, standings.load(turn, {m})[m]
            done = post(mine.standing, ops, past, books)
        legs, expired = done.legs, []
        only_gives_back = all(op.kind == "rights.return" for op in ops)  # most that is folded here
        if not only_gives_back and available(done.account, mine.standing, today) < 0:
            made.overdrawn.add(m)
        row = _row(mine, done.account, codes.get(m))
        if past is not None:
            legs = correction(done.legs, posted[m].legs)
            expired = corrected(done.account, posted[m].expiry)
            row = without_expired(row, posted[m].expiry + totals(expired), standings.dropped_day(mine.row))
        made.remarks |= done.remarks
        visits = [((op.store, op.till), op.day, VISITS[op.kind]) for op in ops if op.kind in VISITS]
        cells = standings.cells_after(mine, _sched(ops), visits)
        made.changes.append(Change(mine, row, mine.standing.last_key, legs, done.rights, expired, (), cells))


def _sound(
    turn: Turn,
    m: int,
    ops: Sequence[Operation],
    past: list[Operation] | None,
    books: Mapping[str, RuleBook],
    post: Post,
) -> list[Operation]:
    """Those of a member's operations that can be posted together, when not all can."""

    def fits(some: Sequence[Operation]) -> bool:
        try:
            post(standings.load(turn, {m})[m].standing, some, past, books)
        except Exception:
            return False
        return True

    good: list[Operation] = []
    rest = list(ops)
    for _ in range(BAD_MAX):
        fit, unfit = 0, len(rest)  # how many of the rest can be posted, and how many cannot
        while unfit - fit > 1:
            half = (fit + unfit) // 2
            fit, unfit = (half, unfit) if fits([*good, *rest[:half]]) else (fit, half)
        good += rest[:fit]
        rest = rest[unfit:]
        if fits([*good, *rest]):
            return [*good, *rest]
    return good if fits(good) else []


def _is_behind(op: Operation, bad: Sequence[Operation], ops: Sequence[Operation]) -> bool:
    """Whether an operation gives away what an earlier one of its lane, which cannot be posted, may have
    brought."""
    lane = (op.store, op.till)
    return op.kind in BEHIND and any(
        (one.store, one.till) == lane and ops.index(one) < ops.index(op) for one in bad
    )


def without_expired(row: Sequence[Any], expired: Mapping[LegKey, int], before: int = 0) -> list[Any]:
    """A row without the lots whose expiry is posted, and behind it the last day of any such lot."""
    gone = {ref for (_, _, _, ref), pts in expired.items() if pts}
    last = max([before, *(lot[3] for lot in row[8] if lot[0] in gone)])
    kept = [*row[:8], [lot for lot in row[8] if lot[0] not in gone], *row[9:ROW_ENTRIES]]
    return [*kept, last] if last else kept


def corrected(account: Account, posted: Mapping[LegKey, int]) -> list[Leg]:
    """The legs that make the posted expiry of lots what a fresh fold says they still hold."""
    wanted = []
    for (op_id, debit, credit, ref), pts in posted.items():
        lot = account.lots.get(ref)
        if pts and lot is not None and lot.remaining:
            wanted.append(Leg(op_id, debit, credit, ref, lot.remaining))
    return correction(wanted, posted)


def _continues(held: Held, ops: Sequence[Operation], books: Mapping[str, RuleBook], today: int) -> bool:
    """Whether facts continue the checkpoint; what cannot even be asked is folded whole, under guard."""
    try:
        if not extends(held.standing, ops, books):
            return False
        days = [books[op.rule].today(op.st) for op in ops if op.kind in FOLDED and op.fund]
        return held.row is None or not days or not standings.draws_expired(held.row, min(days), today)
    except Exception:
        log.exception("operations of one member could not be placed")
        return False


def _codes(turn: Turn, ms: Sequence[int]) -> dict[int, str]:
    """The hash of the code of each member that is heard of for the first time."""
    return dict(turn.find(schema.issued, ["m", "who"], ["bucket", "m"], [(bucket(m), m) for m in ms]))


def _row(held: Held, account: Account, who: str | None) -> list[Any]:
    """The member's new row; what the fold does not know (name, codes) is carried over."""
    old = held.row
    name, tail = (old[5], old[6]) if old else ("", "")
    row = end(account, held.ver + 1, name, tail)
    row.append(old[ROW_CODES] if old and len(old) > ROW_CODES else ([who[:16]] if who else []))
    return row if old is None else [*row, *old[ROW_ENTRIES:]]


def _sched(ops: Iterable[Operation]) -> dict[tuple[str, str], str]:
    """The newest schedule of each till that was granted to."""
    return {
        (op.body["to"][0], op.body["to"][1]): json.dumps(op.body["sched"])
        for op in ops
        if op.kind == "rights.grant"
    }

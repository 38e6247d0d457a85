"""Plain operations posted in advance: the rows they would write, drafted on what is held now.

What plain operations make of a member depends on nothing but the member, so it can be found before the
batch's turn and in another process, while other batches are written. A draft says which version of the
member it was made on; it is written only if that is still the member's version, and only if the turn
admits just the operations it was made of. Whoever makes none loses nothing but speed.
"""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from hub.reading import Head, Heard
from hub.store import standings
from hub.store.engine import Turn
from hub.store.standings import CellRow, Change, Held, Rows
from points.checkpoint import Act, Plain, Spend, follows, post_plain
from points.judging import Agent, Outcome, key_of
from points.operations import Operation
from points.rulebook import RuleBook

log = logging.getLogger(__name__)

RECENT_MAX = 200_000


class Draft(NamedTuple):
    """The rows of one member after the operations ``ids``, which stand at ``places`` in their batch, and what
    is said of some of these: their letter and detail."""

    places: Sequence[int]
    ids: Sequence[str]
    rows: Rows
    remarks: Mapping[str, tuple[str, dict[str, Any]]]


@dataclass(frozen=True, slots=True)
class Drafts:
    """By member; made on what was held after the arrival ``as_of``, on headquarters' local day ``today``."""

    as_of: int
    today: int
    by_member: dict[int, Draft]


NONE = Drafts(0, 0, {})


class Recent:
    """Who was changed lately, so that drafts made before are not tried; a hint, the version decides."""

    def __init__(self) -> None:
        self._arrival: dict[int, int] = {}
        self._since = 0

    def note(self, ms: Iterable[int], arrival: int) -> None:
        """These members were changed by an arrival; called inside its turn."""
        if len(self._arrival) > RECENT_MAX:
            self._arrival.clear()
            self._since = arrival
        self._arrival.update(dict.fromkeys(ms, arrival))

    def still_good(self, drafts: Drafts, today: int) -> dict[int, Draft]:
        """The drafts on members whom nothing has changed since."""
        as_of = drafts.as_of
        if drafts.today != today or as_of < self._since:
            return {}
        changed = self._arrival.get
        return {m: draft for m, draft in drafts.by_member.items() if changed(m, 0) <= as_of}


def draft(look: Turn, heads: Sequence[Head | None], books: Mapping[str, RuleBook], today: int) -> Drafts:
    """Drafts for the members of a batch who have plain operations only."""
    arrived = look.one("SELECT value FROM settings WHERE name = 'arrived'")
    groups: dict[int, list[int]] = defaultdict(list)
    others = set()
    for place, head in enumerate(heads):
        if head is None or head.m is None:
            continue
        if head.plain is None:
            others.add(head.m)
        else:
            groups[head.m].append(place)
    for m in others:
        groups.pop(m, None)
    made: dict[int, Draft] = {}
    for m, held in standings.load(look, groups).items():
        remarks: dict[str, Outcome] = {}
        ops = [head for place in groups[m] if (head := heads[place]) is not None]
        try:
            change = continued(held, ops, books, today, remarks)
        except Exception:  # the turn has guards of its own
            log.exception("plain operations of one member could not be drafted")
            continue
        if change is not None:
            made[m] = Draft(groups[m], [op.id for op in ops], standings.rows_of(change), remarks)
    return Drafts(int(arrived[0]) if arrived else 0, today, made)


def continued(
    held: Held,
    ops: Sequence[Head | Operation],
    books: Mapping[str, RuleBook],
    today: int,
    remarks: dict[str, Outcome],
) -> Change | None:
    """The change by plain operations in order, posted onto the row; None for everything else."""
    row = held.row
    if row is None or held.reserved:
        return None
    plain: list[tuple[Act, Plain]] = []
    cells: dict[Agent, CellRow] = {}
    for op in ops:
        does = op.plain if isinstance(op, (Head, Heard)) else None
        if does is None:
            return None
        plain.append((op, does))
        agent = (op.store, op.till)
        before = cells.get(agent) or held.cells.get(agent) or standings.new_cell(held.m, agent)
        if isinstance(does, Spend):
            after = standings.after_spending(before, op.day, does.pts)
            if standings.draws_expired(row, does.today, today):
                return None
        else:
            after = standings.after_purchase(before, op.day, does.added)
        if standings.is_overdrawn(before) or standings.is_overdrawn(after):
            return None
        cells[agent] = after
    if not follows(row, held.last_key, ops):
        return None
    done = post_plain(row, plain, books)
    if done is None:
        return None
    done.row[1] = held.ver + 1
    if done.remarks:
        remarks |= done.remarks
    return Change(
        held, done.row, key_of(ops[-1]), done.legs, done.rights, (), done.at_once, list(cells.values())
    )

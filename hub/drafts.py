"""Operations posted in advance: the rows they would write, drafted on what is held now.

What most operations make of a member depends on nothing but the member, so it can be found before the
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

from hub.changes import changes_of
from hub.reading import Head, Heard
from hub.store import standings
from hub.store.engine import Turn
from hub.store.standings import Rows
from points.judging import post
from points.operations import Operation
from points.rulebook import RuleBook

log = logging.getLogger(__name__)

RECENT_MAX = 200_000
MEMBERS_AT_ONCE = 100
"""As many as a processor's own cache holds with all that is made of them."""


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


DRAFTED = frozenset({"sale.earn", "redeem.cash", "sale.refund", "sale.void", "rights.return"})
"""Kinds of which it is known in advance that they will be admitted, if what they refer to is posted."""


def draft(
    look: Turn,
    heads: Sequence[Head | None],
    bodies: Sequence[bytes],
    books: Mapping[str, RuleBook],
    today: int,
) -> Drafts:
    """Drafts for the members of a batch whose operations will surely be admitted."""
    arrived = look.one("SELECT value FROM settings WHERE name = 'arrived'")
    places: dict[int, list[int]] = defaultdict(list)
    groups: dict[int, list[Operation]] = defaultdict(list)
    others = set()
    for place, head in enumerate(heads):
        if head is None or head.m is None:
            continue
        if head.kind in DRAFTED and head.rule in books:
            groups[head.m].append(Heard(head, bodies[place]))
            places[head.m].append(place)
        else:
            others.add(head.m)
    drafts: dict[int, Draft] = {}
    ms = sorted(groups.keys() - others)
    for start in range(0, len(ms), MEMBERS_AT_ONCE):
        held = standings.load(look, ms[start : start + MEMBERS_AT_ONCE])
        known = {m: groups[m] for m, one in held.items() if one.ver}
        made = changes_of(look, known, held, books, today, post)
        for change in made.changes:
            m = change.held.m
            ops, past = groups[m], made.histories.get(m, ())
            if change.held.is_reserved_anew or not _is_settled(ops, past, books):
                continue
            ids = [op.id for op in ops]
            remarks = {op_id: made.remarks[op_id] for op_id in ids if op_id in made.remarks}
            drafts[m] = Draft(places[m], ids, standings.rows_of(change), remarks)
    return Drafts(int(arrived[0]) if arrived else 0, today, drafts)


def _is_settled(ops: Sequence[Operation], past: Sequence[Operation], books: Mapping[str, RuleBook]) -> bool:
    """Whether operations refer only to what was posted for their member before, all of it by these books."""
    before = {one.id for one in past if one.rule in books}
    if len(before) < len(past):
        return False
    for op in ops:
        if op.refs and not before.issuperset(op.refs):
            return False
        before.add(op.id)
    return True

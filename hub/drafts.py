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
from hub.reading import Heard
from hub.store import standings
from hub.store.engine import Turn
from hub.store.standings import Rows
from points.judging import post
from points.rulebook import RuleBook

log = logging.getLogger(__name__)

RECENT_MAX = 200_000
MEMBERS_AT_ONCE = 100
"""As many as a processor's own cache holds with all that is made of them."""


class Draft(NamedTuple):
    """The rows of one member after the operations ``ids``, which stand at ``places`` in their batch, are of
    these ``kinds`` and at the latest of store time ``st``; what is said of some: their letter and detail."""

    places: Sequence[int]
    ids: Sequence[str]
    kinds: Sequence[str]
    st: int
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


DRAFTED = frozenset({"sale.earn", "redeem.cash", "rights.return"})
"""Kinds that continue what is held of a member, and will surely be admitted. What folds a whole history is
left to the turn: that shares the work evenly."""


def _trusts(op: Heard) -> bool:
    """Whether it spends by trust, which is counted in its turn."""
    return any(entry[0] == "trust" for entry in op.fund)


def draft(look: Turn, heard: Sequence[Heard | None], books: Mapping[str, RuleBook], today: int) -> Drafts:
    """Drafts for the members of a batch whose operations will surely be admitted."""
    arrived = look.one("SELECT value FROM settings WHERE name = 'arrived'")
    places: dict[int, list[int]] = defaultdict(list)
    groups: dict[int, list[Heard]] = defaultdict(list)
    others = set()
    for place, op in enumerate(heard):
        if op is None or op.m is None:
            continue
        if op.plain is not None or (op.kind in DRAFTED and op.rule in books and not _trusts(op)):
            groups[op.m].append(op)
            places[op.m].append(place)
        else:
            others.add(op.m)
    drafts: dict[int, Draft] = {}
    ms = sorted(groups.keys() - others)
    for start in range(0, len(ms), MEMBERS_AT_ONCE):
        held = standings.load(look, ms[start : start + MEMBERS_AT_ONCE])
        known = {m: groups[m] for m, one in held.items() if one.ver}
        made = changes_of(look, known, held, books, today, post, whole=False)
        for change in made.changes:
            m = change.held.m
            if change.held.is_reserved_anew or m in made.overdrawn:
                continue  # there is more to be done in the turn than to write rows
            ops = groups[m]
            ids = [op.id for op in ops]
            remarks = {op_id: said for op_id in ids if (said := made.remarks.get(op_id)) is not None}
            drafts[m] = Draft(
                places[m],
                ids,
                [op.kind for op in ops],
                max([op.st for op in ops]),
                standings.rows_of(change),
                remarks,
            )
    return Drafts(int(arrived[0]) if arrived else 0, today, drafts)

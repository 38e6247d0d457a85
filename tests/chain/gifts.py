"""Points that a till gave a sister till: what disks and headquarters' books tell of them, for the laws.

A gift stands in its giver's book from the moment it can be spoken of. Until headquarters hears of it, by the
giver's lane or the receiver's, the giver's cell covers it; from then on the receiver's does. It may be taken
as long as the term that it names is open at the PC that was admitted for that term.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from points.fund import points_moved

if TYPE_CHECKING:
    from tests.chain.pc import Pc
    from tests.chain.world import World

Agent = tuple[str, str]
POT, ADVANCE = "give:", "gave:"
"""Reservations of headquarters that stand for gifts."""


@dataclass(frozen=True, slots=True)
class Gift:
    """One giving as its giver recorded it, and what became of it."""

    id: str
    m: int
    pts: int
    giver: Agent
    to: Agent
    term: tuple[int, int]
    was_heard: bool
    is_in_advance: bool
    """Headquarters has it from the receiver, and the giver's cell has yet to pay."""
    was_taken: bool
    is_open: bool
    """A PC may still take it, or has it in the term that it is in."""

    @property
    def is_on_its_way(self) -> bool:
        """Nobody has it, and somebody may still have it."""
        return self.is_open and not self.was_taken


def given(world: World, m: int = 0, store: str = "") -> dict[str, Gift]:
    """Gifts by their ids: of one member or all, in one store or all."""
    found = {}
    for number, tills in enumerate(world.plan.tills):
        name = f"s{number}"
        if tills > 1 and store in ("", name):
            pcs = [pc for pc in world.every_pc() if pc.name[0] == name]
            for pc in [pc for pc in world.whole_fleet() if pc.name[0] == name]:
                for body in _gave(pc, m):
                    gift = _gift(world, pc, body, pcs)
                    found[gift.id] = gift
    return found


def _gave(pc: Pc, m: int) -> Iterable[dict[str, Any]]:
    where, arguments = ("", ()) if not m else (" AND m = ?", (m,))
    rows = pc.disk.database.execute("SELECT body FROM ops WHERE kind = 'rights.give'" + where, arguments)
    return [json.loads(bytes(body)) for (body,) in rows]


def _gift(world: World, giver: Pc, body: dict[str, Any], pcs: Iterable[Pc]) -> Gift:
    store, till, inc, term, *_ = body["fund"][0][3]
    give, m, at = body["id"], body["m"], "{}/{}".format(*giver.name)
    moved = world.hub.rows("SELECT 1 FROM voided WHERE m = ? AND intent = ?", m, f"{give}@{at}")
    ahead = world.hub.rows("SELECT 1 FROM reserved WHERE m = ? AND intent = ?", m, ADVANCE + give)
    there = [pc for pc in pcs if pc.name == (store, till)]
    taken = [pc for pc in there if _count(pc, "SELECT count(*) FROM returns WHERE sale = ?", give)]
    is_open = any(
        (pc.identity.inc, pc.identity.term) == (inc, term) == term_of(pc) and not has_closed(pc)
        for pc in there
    )
    pts = sum(n for _, n in points_moved(body["fund"]))
    return Gift(
        give, m, pts, giver.name, (store, till), (inc, term), bool(moved), bool(ahead), bool(taken), is_open
    )


def _count(pc: Pc, sql: str, *arguments: Any) -> int:
    return int(pc.disk.database.execute(sql, arguments).fetchone()[0])


def term_of(pc: Pc) -> tuple[int, int]:
    """The rights term that a PC is in, as its disk says."""
    row = pc.disk.database.execute("SELECT value FROM facts WHERE name = 'term'").fetchone()
    if row is None:
        return pc.identity.inc, pc.identity.term
    inc, term = map(int, row[0].split(","))
    return inc, term


def has_closed(pc: Pc) -> bool:
    """Whether a PC's own book says that the term it was admitted for is over."""
    return bool(_count(pc, "SELECT count(*) FROM ops WHERE kind = 'rights.close'"))


def count(world: World) -> None:
    """Mark what became of gifts, from what is written."""
    marks = world.marks
    at = {
        (kind, json.loads(bytes(body))["refs"][0] if kind == "rights.take" else op_id): n
        for kind, op_id, n, body in world.hub.rows(
            "SELECT kind, op_id, n, body FROM facts WHERE kind IN ('rights.give', 'rights.take')"
        )
    }
    for gift in given(world).values():
        gave, took = at.get(("rights.give", gift.id), 0), at.get(("rights.take", gift.id))
        marks["gift taken"] += took is not None
        marks["take heard before its give"] += took is not None and took < gave
        marks["gift never taken"] += took is None
        marks["gift never taken that came home"] += took is None and not gift.is_open

"""A member's points are called home by hand: whoever holds them is asked, and nobody is granted them today.

Somebody at headquarters has a reason: a complaint, a suspicion, a purchase in the app. A till that listens
gives back at once, every other one finds it in its page at its next contact. Rights come home by the till's
own word as always, so a call is never more than a question. It ends with its day.
"""

from __future__ import annotations

from collections.abc import Iterable

from hub.office import Office
from hub.store import schema, standings
from hub.store.engine import Turn
from points.identifiers import bucket


def call(turn: Turn, office: Office, m: int, by: str, note: str) -> int:
    """Call a member's points home until the end of the day; gives the points that are out."""
    standing = standings.load(turn, [m])[m].standing
    turn.put(
        schema.recalls, [(bucket(m), m, office.today(), by, note, office.clock())], on_conflict="replace"
    )
    holders = [agent for agent, cell in standing.cells.items() if cell.escrow or cell.home]
    office.bells.ring(holders, m)
    return standing.held


def called(look: Turn, ms: Iterable[int], today: int) -> set[int]:
    """Those of these members whose points are called home today."""
    rows = look.find(schema.recalls, ["m", "day"], ["bucket", "m"], [(bucket(m), m) for m in ms])
    return {m for m, day in rows if day >= today}

"""A member's points are called home by hand: whoever holds them is asked, and nobody is granted them today.

Somebody at headquarters has a reason: a complaint, a suspicion, a purchase in the app. A till that listens
gives back at once, every other one finds it in its page at its next contact. Rights come home by the till's
own word as always, so a call is never more than a question. It ends with its day.

Headquarters calls by itself when a return, an expiry or a wrong spending has left more of a member's points
out than there are: what is out pays for it when it comes home, and then the call is over.
"""

from __future__ import annotations

from collections.abc import Iterable

from hub.bells import Agent
from hub.office import Office
from hub.store import schema, standings
from hub.store.engine import Turn
from points.holding import available
from points.identifiers import bucket
from points.members import begin

OVERDRAWN, BY_HAND = 0, 1
"""Why: more is out than there is, or somebody wants it; each is a call of its own."""


def call(turn: Turn, office: Office, m: int, by: str, note: str) -> list[Agent]:
    """Call a member's points home until the end of the day; gives whom to ring, once it is durable."""
    standing = standings.load(turn, [m])[m].standing
    turn.put(
        schema.recalls,
        [(bucket(m), m, BY_HAND, office.today(), by, note, office.clock())],
        on_conflict="replace",
        twice=True,
    )
    return [agent for agent, cell in standing.cells.items() if cell.escrow or cell.home]


def call_overdrawn(turn: Turn, office: Office, ms: Iterable[int]) -> list[tuple[Agent, int]]:
    """Call home what is out of members who have less; gives whom to ring for whom, once it is durable."""
    today, now = office.today(), office.clock()
    rows = [(bucket(m), m, OVERDRAWN, today, "hq", "", now) for m in sorted(ms)]
    turn.put(schema.recalls, rows, on_conflict="replace")
    return [
        (agent, m)
        for m, held in standings.load(turn, ms).items()
        for agent, cell in held.standing.cells.items()
        if cell.escrow or cell.home
    ]


def by_hand(look: Turn, ms: Iterable[int], today: int) -> set[int]:
    """Those of these members whose points somebody has called home today."""
    return {m for m, why, day in _calls(look, ms) if why == BY_HAND and day >= today}


def passed_over(look: Turn, store: str, till: str) -> list[int]:
    """Members of a till that were passed over by hand, on any day: they are looked at again."""
    rows = look.run(
        "SELECT r.m FROM recalls r JOIN cells c ON c.bucket = r.bucket AND c.m = r.m"
        " WHERE r.by_hand = 1 AND c.store = ? AND c.till = ?",
        (store, till),
    )
    return [m for (m,) in rows]


def end_past(turn: Turn, ms: Iterable[int], today: int) -> None:
    """The calls by hand of earlier days are over for these members, who were looked at again."""
    turn.many(
        "DELETE FROM recalls WHERE bucket = ? AND m = ? AND by_hand = 1 AND day < ?",
        [(bucket(m), m, today) for m in ms],
    )


def called(turn: Turn, ms: Iterable[int], office: Office) -> set[int]:
    """Those of these members whose points are called home: by somebody today, or because more is out.

    A call for what was out ends when it has been paid for.
    """
    today, calls = office.today(), _calls(turn, ms)
    found = {m for m, why, day in calls if why == BY_HAND and day >= today}
    over = []
    for m, held in standings.load(turn, {m for m, why, _ in calls if why == OVERDRAWN}).items():
        row = held.standing.row
        if row is not None and available(begin(row, office.books), held.standing, today) < 0:
            found.add(m)
        else:
            over.append((bucket(m), m, OVERDRAWN))
    turn.many("DELETE FROM recalls WHERE bucket = ? AND m = ? AND by_hand = ?", over)
    return found


def _calls(look: Turn, ms: Iterable[int]) -> list[tuple[int, int, int]]:
    if look.one("SELECT 1 FROM recalls LIMIT 1") is None:  # nearly always
        return []
    keys = [(bucket(m), m) for m in ms]
    return list(look.find(schema.recalls, ["m", "by_hand", "day"], ["bucket", "m"], keys))

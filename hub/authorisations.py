"""Answering a till that asks for points online: reserved durably, then said.

The same question has the same answer. A reservation is kept under the id of the operation that asks.
It ends by that operation, by its ``auth.void``, or with the till's term; never by time, so an answer
that was lost can strand points for a while and never spends them twice.
"""

from __future__ import annotations

from hub.decisions import decide
from hub.office import Office
from hub.posting import op_bucket
from hub.store import standings
from points.judging import available
from points.members import begin


def authorise(
    office: Office, agent: tuple[str, str], term: tuple[int, int], intent: str, m: int, pts: int
) -> str:
    """``granted``, or the name of the refusal."""
    with office.store.turn() as turn:
        standing = standings.load(turn, [m])[m].standing
        asked = standing.reserved.get(intent)
        if asked is not None:
            return "granted" if asked[:3] == (*agent, pts) else "not_enough_points"
        ended = turn.one(
            "SELECT 1 FROM op_seen WHERE op_bucket = ? AND op_id = ?", (op_bucket(intent), intent)
        )
        row = standing.row
        if ended is not None or standing.is_over(intent, agent) or row is None:
            return "not_enough_points"
        if row.status == "frozen":
            return "frozen"
        if row.debt:
            return "debt"
        if available(begin(row, office.books), standing, office.today()) < pts:
            return "not_enough_points"
        body = {"m": m, "refs": [intent], "to": list(agent), "inc": term[0], "term": term[1], "n": pts}
        decide(turn, office, [("auth.reserve", body)])
        return "granted"

"""A member whose points lie at a silent till is served all the same, within a budget, at headquarters' risk.

Only online, and only when the till's session is surely over, so that an honest till spends them no more. Its
rights stay where they are: the promise goes beyond what headquarters holds, and stands as overhang until they
come home and pay for it. If they turn out spent, what is lacking is debt that headquarters bears. What is
lacking counts against the budgets until it has come home, was repaid or was written off, so that all that
this can ever cost is at most the budgets. They are 0 unless headquarters says otherwise.
"""

from __future__ import annotations

from collections import Counter
from typing import Any

from hub import denials, recalls, sessions
from hub.bells import Agent
from hub.decisions import decide
from hub.office import Office
from hub.store import promises, standings
from hub.store.engine import Turn
from hub.store.promises import Promise
from hub.store.standings import Held
from points.holding import Standing, available
from points.members import begin


def promise(turn: Turn, office: Office, body: dict[str, Any], standing: Standing, free: int) -> bool:
    """Reserve what ``body`` asks for (as ``auth.reserve`` says it), though headquarters holds only ``free``.

    False when no budget has room for what is lacking, or it does not lie at silent tills.
    """
    budget, m, asked = office.unlock, body["m"], body["n"]
    if not min(budget) or denials.is_denied(turn, m):
        return False
    silent = _silent(turn, office, standing, (body["to"][0], body["to"][1]))
    if free + sum(silent.values()) < asked:
        return False
    lacking = asked - max(0, free)
    out = outstanding(turn, office)
    here = Counter[Agent]()
    for one in out:
        here[one.store, one.till] += one.pts
    mine = [one for one in out if one.m == m]
    if sum(one.pts for one in mine) + lacking > budget.member:
        return False
    if sum(one.pts for one in out) + lacking > budget.chain:
        return False
    parts, left = [], lacking
    for agent, pts in sorted(silent.items()):
        taken = sum(one.pts for one in mine if (one.store, one.till) == agent)
        part = min(left, max(0, pts - taken), max(0, budget.till - here[agent]))
        left -= part
        parts += [[*agent, part]] if part else []
    if left:
        return False
    decide(turn, office, [("auth.unlock", {**body, "unlock": parts})])
    recalls.call_overdrawn(turn, office, {m})
    return True


def outstanding(look: Turn, office: Office) -> list[Promise]:
    """What is lacking at this moment of all that was promised, the newest first.

    A promise is never forgotten, for who has heard the same facts in another order shall say the same. So
    whatever else its member comes to owe counts as lacking of it too: that promises less, never more.
    """
    kept = promises.every(look)
    short = {m: _short(office, held) for m, held in standings.load(look, {one.m for one in kept}).items()}
    out = []
    for one in kept:  # what came home has paid for the oldest first
        pts = min(one.pts, short[one.m])
        short[one.m] -= pts
        if pts:
            out.append(one._replace(pts=pts))
    return out


def _silent(look: Turn, office: Office, standing: Standing, asking: Agent) -> dict[Agent, int]:
    """What lies as allowance at other tills whose sessions are surely over, and those of their sister tills
    too: a till may have given it to one of those, and headquarters does not know yet."""
    return {
        agent: cell.escrow
        for agent, cell in standing.cells.items()
        if cell.escrow
        and agent != asking
        and sessions.is_surely_over(look, office, *agent, cell.term)
        and _is_store_silent(look, office, agent[0])
    }


def _is_store_silent(look: Turn, office: Office, store: str) -> bool:
    """Whether no till of a store may spend an allowance any more."""
    tills = look.run("SELECT till, term FROM agents WHERE store = ?", (store,))
    return all(sessions.is_surely_over(look, office, store, till, (office.inc, term)) for till, term in tills)


def _short(office: Office, held: Held) -> int:
    """Points of a member that are promised or spent and are not there."""
    row = held.standing.row
    if row is None:
        return 0
    return row.debt + max(0, -available(begin(row, office.books), held.standing, office.today()))

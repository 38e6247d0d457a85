"""Answering a till that asks for points online: reserved durably, then said.

The same question has the same answer. A reservation is kept under the id of the operation that asks.
It ends by that operation, by its ``auth.void``, or with the till's term; never by time, so an answer
that was lost can strand points for a while and never spends them twice.

Points that lie at other tills are asked for, while the question waits: a till that is listening gives
them back within a moment, and then they are there to be reserved. What no listening till holds is refused,
unless it lies at a silent till and a budget has room for it (``hub.unlocks``).
"""

from __future__ import annotations

import asyncio
from typing import NamedTuple

from hub import restoring, unlocks
from hub.bells import Agent
from hub.decisions import decide
from hub.office import Office
from hub.store import standings
from points.holding import available
from points.identifiers import op_bucket
from points.members import begin

RECALL_MS_MAX = 500
"""How long rights are waited for that other tills hold; the till that asks waits 800 ms for everything."""
NOT_ENOUGH, ELSEWHERE = "not_enough_points", "held_elsewhere"


class Asked(NamedTuple):
    """Who asks for what: the till and its term, the operation that it is for, the member and the points."""

    agent: Agent
    term: tuple[int, int]
    intent: str
    m: int
    pts: int


async def wait(office: Office, asked: Asked) -> str:
    """Ask the tills that hold what is lacking, and reserve it as soon as it has come home.

    No thread waits: they are needed to take in what is waited for.
    """
    loop = asyncio.get_running_loop()
    with office.bells.awaiting(asked.m) as posted:
        said, held = await asyncio.to_thread(reserve, office, asked)  # it may have come in between
        rung = said == ELSEWHERE and office.bells.ring(held, asked.m)
        end_s = loop.time() + RECALL_MS_MAX / 1000
        while rung and said == ELSEWHERE:
            try:
                await asyncio.wait_for(posted.wait(), end_s - loop.time())
            except TimeoutError:
                break
            posted.clear()
            said, _ = await asyncio.to_thread(reserve, office, asked)
        return await asyncio.to_thread(unlock, office, asked) if said == ELSEWHERE else said


def unlock(office: Office, asked: Asked) -> str:
    """The last word on points that no listening till holds."""
    return reserve(office, asked, beyond=True)[0] if min(office.unlock) else ELSEWHERE


def reserve(office: Office, asked: Asked, *, beyond: bool = False) -> tuple[str, list[Agent]]:
    """``granted`` or the name of the refusal, and the other tills that hold what is lacking.

    ``beyond``: nobody is waited for any more, and what lies at silent tills may be promised within a budget.
    """
    agent, term, intent, m, pts = asked
    with office.store.turn() as turn:
        if restoring.held_back(turn, [m]):
            return ELSEWHERE, []
        standing = standings.load(turn, [m])[m].standing
        known = standing.reserved.get(intent)
        if known is not None:
            return "granted" if known[:3] == (*agent, pts) else NOT_ENOUGH, []
        ended = turn.one(
            "SELECT 1 FROM op_seen WHERE op_bucket = ? AND op_id = ?", (op_bucket(intent), intent)
        )
        row = standing.row
        if ended is not None or standing.is_over(intent, agent) or row is None:
            return NOT_ENOUGH, []
        if row.status == "frozen":
            return "frozen", []
        if row.debt:
            return "debt", []
        body = {"m": m, "refs": [intent], "to": list(agent), "inc": term[0], "term": term[1], "n": pts}
        free = available(begin(row, office.books), standing, office.today())
        if free < pts:
            there = {till: cell.escrow + cell.home for till, cell in standing.cells.items() if till != agent}
            if free + sum(there.values()) < pts:
                return NOT_ENOUGH, []
            if beyond and unlocks.promise(turn, office, body, standing, free):
                return "granted", []
            return ELSEWHERE, [till for till, n in there.items() if n]
        decide(turn, office, [("auth.reserve", body)])
        return "granted", []

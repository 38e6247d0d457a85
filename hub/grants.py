"""A member's points are granted to one till, which may spend them offline: the one that the policy names.

Whom it names is not this module's to know (``hub.policy``). Points are granted only while headquarters itself
holds them (``available``), to one till at a time, so what all tills together may spend never exceeds the
balance (P10). Rights that lie where the policy would not put them any more are wanted back.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

from hub import recalls, restoring
from hub.decisions import Fact, decide
from hub.office import Office
from hub.policy import Agent, Purchase
from hub.store import schema, standings
from hub.store.engine import Turn
from hub.store.standings import Held
from points.expiry import expiry_rank
from points.holding import available
from points.identifiers import bucket
from points.members import begin
from points.rights import is_over_with


def schedule(
    lots: Sequence[Sequence[int]], held: Sequence[Sequence[int]], granted: int, fresh: int
) -> list[list[int]]:
    """The grant's schedule [[expires_on, points]…] after ``fresh`` more points.

    Entries already given are never re-dated. New ones take the dates of the member's lots, the
    soonest first, so that no right outlives its points.
    """
    entries: dict[int, int] = defaultdict(int)
    for expires_on, points in held:
        entries[expires_on] += points
    left = fresh
    for expires_on, points in sorted(lots, key=lambda lot: expiry_rank(lot[0])):
        part = min(left, points)
        if part:
            entries[expires_on] += part
            left -= part
    assert left == 0, "a grant is never more than the lots hold"
    assert sum(entries.values()) == granted + fresh
    return [[day, points] for day, points in sorted(entries.items(), key=lambda e: expiry_rank(e[0]))]


def grant_to(turn: Turn, office: Office, store: str, till: str, inc: int, term: int) -> int:
    """Grant this till what it should hold of the members it serves; gives the points granted.

    Only members that changed since this till was last granted to are looked at; every till that served
    a member has a cell for it.
    """
    today = office.today()
    row = turn.one("SELECT granted_at FROM agents WHERE store = ? AND till = ?", (store, till))
    since = row[0] if row else 0
    latest = turn.one("SELECT coalesce(max(touched), 0) FROM changed")
    assert latest is not None
    ms = [
        m
        for (m,) in turn.run(
            "SELECT c.m FROM cells c JOIN members t ON t.bucket = c.bucket AND t.m = c.m"
            " WHERE c.store = ? AND c.till = ? AND t.touched > ?",
            (store, till, since),
        )
    ]
    passed_over = set(recalls.passed_over(turn, store, till))
    ms += passed_over
    here = {m for m, agent in homes(turn, office, ms).items() if agent == (store, till)}
    awaited = office.bells.awaited() & here
    held_back = restoring.held_back(turn, here)
    chosen = sorted(here - awaited - held_back - recalls.by_hand(turn, here, today))
    facts = [
        fact
        for held in standings.load(turn, chosen).values()
        if (fact := _grant(office, held, (store, till), inc, term, today)) is not None
    ]
    decide(turn, office, facts)
    recalls.end_past(turn, passed_over.intersection(chosen), today)
    if not awaited and not held_back:  # else they are looked at again, whether or not somebody got them
        turn.run("UPDATE agents SET granted_at = ? WHERE store = ? AND till = ?", (latest[0], store, till))
    return sum(sum(entry[1] for entry in fact[1]["sched"]) for fact in facts)


def homes(turn: Turn, office: Office, ms: Iterable[int]) -> dict[int, Agent | None]:
    """Where each member's rights should lie, by headquarters' policy."""
    today = office.today()
    purchases: dict[int, list[Purchase]] = {m: [] for m in ms}
    keys = [(bucket(m), m) for m in purchases]
    for m, store, till, days in turn.find(
        schema.cells, ["m", "store", "till", "bought_on"], ["bucket", "m"], keys
    ):
        purchases[m] += [(int(day), (store, till)) for day in days.split()]
    return {m: office.policy(made, today) for m, made in purchases.items()}


def _grant(office: Office, held: Held, agent: Agent, inc: int, term: int, today: int) -> Fact | None:
    row = held.standing.row
    if row is None or row.status != "active" or row.debt:
        return None
    account = begin(row, office.books)
    fresh = available(account, held.standing, today)
    if fresh <= 0:
        return None
    cell = held.standing.cells.get(agent)
    granted = cell.granted if cell else 0
    before: Sequence[Sequence[int]] = json.loads(held.sched(agent)) if granted else []
    if cell is not None and cell.closed and cell.term >= (inc, term):
        return None  # this term is over for good; the till must begin another
    if cell is not None and cell.term != (inc, term):
        if cell.escrow and not is_over_with(cell.term, (inc, term)):
            return None  # the old device may still spend what it holds, until its term is closed
        before, granted = [], 0
    lots = [[lot.expires_on, lot.remaining] for lot in account.in_order(today)]
    sched = schedule(lots, before, granted, fresh)
    to = {"m": held.standing.m, "to": list(agent), "inc": inc, "term": term}
    return "rights.grant", {**to, "g": granted + fresh, "sched": sched}


def wanted(turn: Turn, office: Office, cells: Mapping[int, Agent]) -> set[int]:
    """Members whose rights lie at a till where they should not lie any more, or are called home."""
    at_home = homes(turn, office, cells).items()
    elsewhere = {m for m, agent in at_home if agent is not None and agent != cells[m]}
    return elsewhere | recalls.called(turn, cells, office)

"""Headquarters proves itself: every member folded again from the facts and compared with what is kept.

Checked for each member: the row equals a fresh fold; the postings of the fold equal its legs (P5,
P16); every cell equals the sum of the operations' funding; and what headquarters holds itself is
the balance less debt, allowances, local rights and reservations (P10). Over all: the trial balance
is zero and every posting cites an operation that is kept (P13).
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from hub.office import Office
from hub.store import standings
from hub.store.engine import Turn
from points.fold import FOLDED, MEM, fold
from points.members import end
from points.postings import totals

MEMBERS_A_PASS = 500


@dataclass
class Verified:
    """What was found. ``faults`` is empty when everything agrees."""

    members: int = 0
    facts: int = 0
    faults: list[str] = field(default_factory=list)


def verify(office: Office, tell: Callable[[int, int], None] | None = None) -> Verified:
    """Fold every member again and compare. ``tell`` hears (done, all)."""
    done = Verified()
    with office.store.look() as look:
        ms = [m for (m,) in look.run("SELECT m FROM members ORDER BY bucket, m")]
        for start in range(0, len(ms), MEMBERS_A_PASS):
            part = ms[start : start + MEMBERS_A_PASS]
            _members(look, office, part, done)
            if tell:
                tell(start + len(part), len(ms))
        balance = Counter(_sums(look, "credit"))
        balance.subtract(_sums(look, "debit"))
        if sum(balance.values()):
            done.faults.append(f"the trial balance is {sum(balance.values())}, not 0")
        orphans = look.one(
            "SELECT count(*) FROM postings p"
            " WHERE NOT EXISTS (SELECT 1 FROM op_seen o WHERE o.op_id = p.op_id)"
        )
        if orphans and orphans[0]:
            done.faults.append(f"{orphans[0]} postings cite no operation")
    return done


def _sums(look: Turn, side: str) -> dict[str, int]:
    return {
        account: int(pts)
        for account, pts in look.run(f"SELECT {side}, sum(pts) FROM postings GROUP BY {side}")
    }


def _members(look: Turn, office: Office, ms: list[int], done: Verified) -> None:
    held = standings.load(look, ms)
    history = standings.histories(look, ms, FOLDED)
    posted = standings.posted(look, ms)
    nets = _nets(look, ms)
    for m in ms:
        facts = history.get(m, [])
        account = fold(m, facts, office.books)
        kept = held[m]
        assert kept.row is not None
        done.members += 1
        done.facts += len(facts)
        fresh = end(account, kept.ver, kept.row[5], kept.row[6])
        if fresh[2:5] + fresh[7:10] != kept.row[2:5] + kept.row[7:10]:
            done.faults.append(f"member {m}: the row is not the fold of its facts")
        legs = {key: pts for key, pts in totals(account.legs).items() if pts}
        if legs != {key: pts for key, pts in posted.get(m, {}).items() if pts}:
            done.faults.append(f"member {m}: the postings are not the fold's")
        whole = sum(lot.remaining for lot in account.lots.values()) - account.debt
        if nets.get((m, MEM), 0) != whole - kept.standing.held:
            done.faults.append(f"member {m}: what headquarters holds is not the rest of the balance")


def _nets(look: Turn, ms: list[int]) -> Counter[tuple[int, str]]:
    """Credit less debit of each member's accounts; debt is a debit account and counts as what is owed."""
    nets: Counter[tuple[int, str]] = Counter()
    marks = ", ".join("?" * len(ms))
    for sign, side in ((1, "credit"), (-1, "debit")):
        for m, account, pts in look.run(
            f"SELECT m, {side}, sum(pts) FROM postings WHERE m IN ({marks}) GROUP BY m, {side}", ms
        ):
            nets[m, account] += sign * int(pts)
    return nets


def state(office: Office) -> dict[str, Any]:
    """Everything that two headquarters with the same facts must agree on, for comparing them."""
    with office.store.look() as look:
        rows = [json.loads(row) for (row,) in look.run('SELECT "row" FROM members ORDER BY m')]
        settlement: Counter[str] = Counter()
        for debit, credit, ref, pts in look.run(
            "SELECT debit, credit, ref, sum(pts) FROM postings"
            " WHERE debit LIKE 'settle:%' GROUP BY debit, credit, ref"
        ):
            settlement[f"{debit[7:]}|{credit[7:]}|{ref}"] += int(pts)
        balance = Counter(_sums(look, "credit"))
        balance.subtract(_sums(look, "debit"))
        cells = look.run(
            "SELECT m, store, till, granted, allowance_used, added, local_used, closed"
            " FROM cells ORDER BY m, store, till"
        )
        return {
            "members": {
                str(row[0]): {
                    "tier_pts": row[4],
                    "debt": row[7],
                    "lots": sorted([lot[0], lot[1], lot[3], lot[5]] for lot in row[8]),
                }
                for row in rows
            },
            "settlement": {key: pts for key, pts in sorted(settlement.items()) if pts},
            "accounts": {account: pts for account, pts in sorted(balance.items()) if pts},
            "cells": [list(cell) for cell in cells if any(cell[3:7])],
            "reserved": [
                list(row) for row in look.run("SELECT m, intent, pts FROM reserved ORDER BY m, intent")
            ],
            "waiting": [
                list(row)
                for row in look.run("SELECT store, till, seq, on_what FROM waiting ORDER BY 1, 2, 3")
            ],
            "outcomes": dict(look.run("SELECT letter, count(*) FROM told GROUP BY letter")),
            "cases": dict(look.run("SELECT reason, count(*) FROM cases GROUP BY reason")),
            "operations": (look.one("SELECT count(*) FROM op_seen WHERE posted = 1") or (0,))[0],
        }

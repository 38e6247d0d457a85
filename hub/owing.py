"""Who owes points, and of whom more is out than there is: looked through at night, oldest first.

Everybody must be looked at to know it, which no page may do. What is found stands until the next night, with
who bears it and since when.
"""

from __future__ import annotations

import json
from typing import Any

from hub import unlocks
from hub.office import Office
from hub.store import standings
from hub.store.engine import Turn
from points.debt import DEBT
from points.fold import FOLDED, Account, fold
from points.holding import available
from points.identifiers import BUCKETS, HUB_STORE
from points.members import begin
from points.order import canonical as in_order

KEPT = "owed"
ROWS_MAX = 500
DAY_MS = 86_400_000

Row = list[Any]
"""[member, debt, overhang, bearers, since ms, days]."""


def note(office: Office) -> int:
    """Look through everybody, bucket by bucket, and keep what is found; gives how many owe."""
    rows = [row for number in range(BUCKETS) for row in _bucket(office, number)]
    rows.sort(key=lambda row: (row[4], row[0]))
    with office.store.turn() as turn:
        turn.run(
            "INSERT INTO settings (name, value) VALUES (?, ?)"
            " ON CONFLICT (name) DO UPDATE SET value = excluded.value",
            (KEPT, json.dumps(rows[:ROWS_MAX], ensure_ascii=False)),
        )
    return len(rows)


def kept(look: Turn) -> list[Row]:
    """What the last night found."""
    row = look.one("SELECT value FROM settings WHERE name = ?", (KEPT,))
    found: list[Row] = json.loads(row[0]) if row else []
    return found


def _bucket(office: Office, number: int) -> list[Row]:
    now, today = office.clock(), office.today()
    rows: list[Row] = []
    with office.store.look() as look:
        promised = {one.m for one in unlocks.outstanding(look, office)}
        ms = [m for (m,) in look.run("SELECT m FROM members WHERE bucket = ?", (number,))]
        for m, held in standings.load(look, ms).items():
            row = held.standing.row
            if row is None:
                continue
            over = max(0, -available(begin(row, office.books), held.standing, today))
            if not (row.debt or over):
                continue
            facts = in_order(standings.histories(look, [m], FOLDED).get(m, []))
            bearers = _bearers(fold(m, facts, office.books))
            since = min((op.st for op in facts if op.id in bearers), default=now)
            risk = {HUB_STORE} if m in promised else set()
            who = " ".join(sorted(risk | {bearer for named in bearers.values() for bearer in named}))
            rows.append([m, row.debt, over, who, since, (now - since) // DAY_MS])
    return rows


def _bearers(account: Account) -> dict[str, set[str]]:
    """Who bears what is owed, by the operation that used it."""
    owed_by = {
        op_id: {draw.bearer for draw in draws if draw.home == DEBT} for op_id, draws in account.draws.items()
    }
    return {op_id: named for op_id, named in owed_by.items() if named}

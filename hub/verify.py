"""Headquarters proves itself: every member folded again from the facts and compared with what is kept.

Checked for each member: the row equals a fresh fold; the postings of the fold equal its legs (P5,
P16); what expired is what lay in the lots; every till's accounts equal its cell; and what
headquarters holds itself is the points in lots less allowances, local rights and reservations, debt
standing apart (P10). Over all: every posting cites an operation whose signature verifies (P13,
``hub.provenance``), belongs to a member who has a row, and none is missing in the member's numbering; who
may refund a sale, and what is reserved of it, is what was ceded, decided and ended (``hub.refund_rights``);
each receipt stands in the log once, and the signed heads are of these receipts (``hub.log_check``).
That debits equal credits needs no check: each posting is one number with two accounts.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from hub import changes, log_check, provenance, refund_rights, unlocks
from hub.office import Office
from hub.store import losses, schema, standings
from hub.store.engine import Turn
from hub.store.standings import Ledger
from points.fold import FOLDED, fold
from points.identifiers import op_bucket
from points.legs import MEM, OWED
from points.members import end
from points.postings import held_by, totals

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
        _strays(look, done)
        done.faults += refund_rights.faults(look)
        done.faults += provenance.unsigned(look, office)
        done.faults += log_check.faults(look, office)
    return done


def _strays(look: Turn, done: Verified) -> None:
    """Postings and facts that no member's row answers for, and postings that were taken out."""
    for m, row in look.run(
        "SELECT p.m, t.m FROM"
        " (SELECT bucket, m, count(*) AS lines, max(n) AS last FROM postings GROUP BY bucket, m) p"
        " LEFT JOIN members t ON t.bucket = p.bucket AND t.m = p.m"
        " WHERE t.m IS NULL OR t.legs <> p.lines OR p.last <> p.lines ORDER BY p.m"
    ):
        what = "there are postings and no row" if row is None else "the postings are not numbered through"
        done.faults.append(f"member {m}: {what}")
    for (m,) in look.run(
        "SELECT DISTINCT f.m FROM facts f LEFT JOIN members t ON t.bucket = f.bucket AND t.m = f.m"
        " WHERE f.m <> 0 AND t.m IS NULL ORDER BY f.m"
    ):
        done.faults.append(f"member {m}: there are facts and no row")


def _sums(look: Turn, side: str) -> dict[str, int]:
    return {
        account: int(pts)
        for account, pts in look.run(f"SELECT {side}, sum(pts) FROM postings GROUP BY {side}")
    }


def _members(look: Turn, office: Office, ms: list[int], done: Verified) -> None:
    held = standings.load(look, ms)
    history = standings.histories(look, ms, FOLDED)
    posted = _posted(look, ms, done)
    for m in ms:
        facts = history.get(m, [])
        account = fold(m, facts, office.books)
        kept, mine = held[m], posted[m]
        assert kept.row is not None
        done.members += 1
        done.facts += len(facts)
        fresh = end(account, kept.ver, kept.row[5], kept.row[6])
        fresh = changes.without_expired(fresh, mine.expiry)
        if fresh[2:5] + fresh[7:10] != kept.row[2:5] + kept.row[7:10]:
            done.faults.append(f"member {m}: the row is not the fold of its facts")
        legs = {key: pts for key, pts in totals(account.legs).items() if pts}
        if legs != {key: pts for key, pts in mine.legs.items() if pts}:
            done.faults.append(f"member {m}: the postings are not the fold's")
        expired = sum(mine.expiry.values())
        if changes.corrected(account, mine.expiry):
            done.faults.append(f"member {m}: what expired is not what lay in the lots")
        whole = sum(lot.remaining for lot in account.lots.values()) - expired
        if mine.nets[MEM] != whole - kept.standing.held:
            done.faults.append(f"member {m}: what headquarters holds is not the rest of the balance")
        if mine.nets[OWED] != -account.debt:
            done.faults.append(f"member {m}: what is owed is not the debt")
        for (store, till), cell in kept.standing.cells.items():
            for kind, pts in (("lease", cell.escrow), ("local", cell.home)):
                if mine.nets[held_by(kind, store, till)] != pts:
                    done.faults.append(f"member {m}: {kind} of {store}/{till} is not its cell's")


def _posted(look: Turn, ms: list[int], done: Verified) -> dict[int, Ledger]:
    books = standings.posted(look, ms)
    cited = {op_id for ledger in books.values() for op_id in ledger.cited}
    keys = [(op_bucket(op_id), op_id) for op_id in cited]
    found = look.find(schema.op_seen, ["op_id"], ["op_bucket", "op_id"], keys)
    for op_id in sorted(cited - {op_id for (op_id,) in found}):
        done.faults.append(f"a posting cites {op_id}, which is no operation")
    return books


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
            "SELECT m, store, till, granted, taken, allowance_used, added, local_used, closed"
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
            "cells": [list(cell) for cell in cells if any(cell[3:8])],
            "reserved": [
                list(row) for row in look.run("SELECT m, intent, pts FROM reserved ORDER BY m, intent")
            ],
            "unlocked": sorted(
                [one.m, one.store, one.till, one.pts] for one in unlocks.outstanding(look, office)
            ),
            **refund_rights.state(look),
            "lost": losses.declared(look),
            "waiting": [
                list(row)
                for row in look.run("SELECT store, till, seq, on_what FROM waiting ORDER BY 1, 2, 3")
            ],
            "outcomes": dict(look.run("SELECT letter, count(*) FROM told GROUP BY letter")),
            "cases": dict(look.run("SELECT reason, count(*) FROM cases GROUP BY reason")),
            "operations": (look.one("SELECT count(*) FROM op_seen WHERE posted = 1") or (0,))[0],
        }

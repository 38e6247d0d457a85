"""The books against a few lines of arithmetic that know neither fold nor postings; and against tampering.

A random history of two stores: sales, goods that come back at once, points as cash, first in first out.
What every account must hold is counted here from the bodies that were sent, one after the other.
"""

from __future__ import annotations

import random
from collections import Counter, deque
from typing import Any

import pytest
from headquarters import Headquarters
from pretend_till import PretendTill, points_of

from hub.verify import verify
from points.wire import canonical, chain, envelope

DAY_MS = 86_400_000


def history(hq: Headquarters, till: PretendTill, other: PretendTill, seed: int) -> list[tuple[str, Any]]:
    """Two days in two stores; every operation as (store, body), in the order in which it happened."""
    dice = random.Random(seed)
    happened: list[tuple[str, Any]] = []
    ms = [till.enrol(), till.enrol(), other.enrol()]
    left: Counter[int] = Counter()
    for _ in range(60):
        at, m = dice.choice([till, other]), dice.choice(ms)
        at.st = max(till.st, other.st) + dice.randrange(1, DAY_MS // 30)
        if dice.random() < 0.6 or not left[m]:
            fen = dice.randrange(100, 30_000)
            sale = at.op(
                "sale.earn", m, receipt=f"x{len(happened)}", lines=[[1, "all", 1, fen]],
                tenders=[["cash", fen]], tier=0, m_bp=10_000, day_used=0, desired=fen // 100, pts=fen // 100,
            )  # fmt: skip
            happened.append((at.lane.store, sale))
            back = dice.choice([0, 0, fen, fen // 3])
            if back:
                happened.append((at.lane.store, at.refund(m, sale, back)))
            left[m] += (fen - back) // 100
        else:
            pts = dice.randrange(1, left[m] + 1)
            happened.append((at.lane.store, at.redeem(m, pts, ["trust", pts])))
            left[m] -= pts
    hq.clock.now_ms = max(till.st, other.st)
    for at in (other, till):
        said = at.send()
        assert {code for code, _ in said.values()} <= {"J"}, said
    return happened


def by_hand(happened: list[tuple[str, Any]]) -> tuple[Counter[int], Counter[str], Counter[tuple[str, str]]]:
    """(points by member, balance by account, points owed by (issuer, store)), counted one by one."""
    points: Counter[int] = Counter()
    accounts: Counter[str] = Counter()
    owed: Counter[tuple[str, str]] = Counter()
    lots: dict[int, deque[list[Any]]] = {}
    fen_of: dict[str, int] = {}
    for store, body in happened:
        m = body["m"]
        if body["t"] == "sale.earn":
            fen_of[body["id"]] = body["lines"][0][3]
            lots.setdefault(m, deque()).append([store, body["lines"][0][3] // 100])
        elif body["t"] == "sale.refund":
            lots[m][-1][1] = (fen_of[body["refs"][0]] - body["lines"][0][2]) // 100
        else:
            left = body["pts"]
            while left:
                issuer, pts = lots[m][0]
                part = min(pts, left)
                lots[m][0][1] -= part
                left -= part
                accounts[f"x.redeem:{store}"] += part
                accounts[f"x.issue:{issuer}"] -= part
                if issuer != store:
                    owed[issuer, store] += part
                if not lots[m][0][1]:
                    lots[m].popleft()
    for m, queue in lots.items():
        for issuer, pts in queue:
            points[m] += pts
            accounts[f"x.issue:{issuer}"] -= pts
    return points, accounts, owed


def balances(hq: Headquarters) -> Counter[str]:
    """Every account's credit less debit, added up in SQL."""
    sums: Counter[str] = Counter()
    for side, sign in (("credit", 1), ("debit", -1)):
        for account, pts in hq.rows(f"SELECT {side}, sum(pts) FROM postings GROUP BY {side}"):
            sums[account] += sign * int(pts)
    return sums


@pytest.mark.parametrize("seed", range(4))
def test_every_account_holds_what_is_counted_by_hand(
    hq: Headquarters, till: PretendTill, other: PretendTill, seed: int
) -> None:
    points, accounts, owed = by_hand(history(hq, till, other, seed))
    assert owed, "nobody owes anybody: the history proves little"
    assert {m: points_of(hq, m) for m in points} == {m: (pts, 0) for m, pts in points.items()}
    told = balances(hq)
    outside = {name: pts for name, pts in told.items() if name.startswith("x.") and pts}
    assert outside == {name: pts for name, pts in accounts.items() if pts}
    members = sum(pts for name, pts in told.items() if name.startswith("mem."))
    assert members == points.total()
    settled = {
        (debit[7:], credit[7:]): int(pts)
        for debit, credit, pts in hq.rows(
            "SELECT debit, credit, sum(pts) FROM postings WHERE debit LIKE 'settle:%' GROUP BY debit, credit"
        )
        if pts
    }
    assert settled == dict(owed)


TAMPERED = {
    "a posting is raised": "UPDATE postings SET pts = pts + 1 WHERE n = 1",
    "a posting names another account": "UPDATE postings SET credit = 'mem.auth' WHERE n = 1",
    "a posting is gone": "DELETE FROM postings WHERE n = 2",
    "postings that cancel each other are added": (
        "INSERT INTO postings SELECT bucket, m, 900 + n, rights, op_id, 'mem.auth', 'x.redeem:s001', '', pts"
        " FROM postings WHERE n = 1 UNION ALL"
        " SELECT bucket, m, 950 + n, rights, op_id, 'x.redeem:s001', 'mem.auth', '', pts"
        " FROM postings WHERE n = 1"
    ),
    "two that cancel each other are gone": (
        "DELETE FROM postings WHERE rights = 1 AND m = (SELECT m FROM facts WHERE kind = 'rights.return')"
    ),
    "a posting cites nothing": "UPDATE postings SET op_id = 'f' WHERE n = 1",
    "a posting is nobody's": "UPDATE postings SET m = 77777 WHERE n = 1 AND m = 1024",
    "a fact is gone": "DELETE FROM facts WHERE kind = 'redeem.cash'",
    "a fact is nobody's": "UPDATE facts SET m = 77777 WHERE kind = 'redeem.cash'",
    "a row is raised": 'UPDATE members SET "row" = replace("row", \'"active",0,\', \'"active",0,1\')',
    "a row is gone": "DELETE FROM members WHERE m = (SELECT max(m) FROM members)",
    "a cell is raised": "UPDATE cells SET added = added + 1",
    "a fact says another receipt": (
        "UPDATE facts SET body = CAST(replace(CAST(body AS TEXT), 'receipt\":\"x', 'receipt\":\"y') AS BLOB)"
        " WHERE kind = 'sale.earn'"
    ),
    "an operation is made up": (
        "INSERT INTO op_seen SELECT replace(op_id, substr(op_id, 1, 4), 'ffff'), op_bucket, store, till,"
        " epoch, seq, digest, m, posted FROM op_seen WHERE seq = 3"
    ),
    "an operation stands elsewhere": "UPDATE op_seen SET seq = seq + 1 WHERE seq = 3 AND store = 's001'",
    "a batch is gone": "DELETE FROM batches WHERE store = 's001' AND first > 1",
    "a batch is another's": (
        "UPDATE batches SET envelope = (SELECT b.envelope FROM batches b WHERE b.store = 's002')"
        " WHERE store = 's001' AND first > 1"
    ),
    "a key is another": (
        "UPDATE keys SET public = (SELECT k.public FROM keys k WHERE k.store = 's002') WHERE store = 's001'"
    ),
}
TABLES = ("postings", "facts", "members", "cells", "op_seen", "batches", "keys")


@pytest.mark.parametrize("how", TAMPERED)
def test_whatever_is_tampered_with_is_found(
    hq: Headquarters, till: PretendTill, other: PretendTill, how: str
) -> None:
    history(hq, till, other, 1)
    m = till.enrol()
    till.earn(m, 10)
    till.op("rights.return", m, fund=[["back_l", 10]])
    till.send()
    assert verify(hq.office).faults == []
    with hq.office.store.turn() as turn:
        kept = {name: turn.run(f"SELECT * FROM {name}") for name in TABLES}
        turn.run(TAMPERED[how])
    assert verify(hq.office).faults, how
    with hq.office.store.turn() as turn:
        for name, rows in kept.items():
            turn.run(f"DELETE FROM {name}")
            turn.many(f"INSERT INTO {name} VALUES ({', '.join('?' * len(rows[0]))})", rows)


def test_a_fact_that_was_changed_everywhere_but_in_its_envelope_is_found(
    hq: Headquarters, till: PretendTill
) -> None:
    """Whoever has the database can make fact, digest, posting and row agree; the signature stays."""
    m = till.enrol()
    sale = till.earn(m, 10)
    till.send()
    body = canonical.encode({**sale, "receipt": "another"})
    digest = (chain.body_digest16(body), sale["id"])
    with hq.office.store.turn() as turn:
        kept = turn.one("SELECT digest FROM op_seen WHERE op_id = ?", (sale["id"],))
        turn.run("UPDATE facts SET body = ? WHERE op_id = ?", (body, sale["id"]))
        turn.run("UPDATE op_seen SET digest = ? WHERE op_id = ?", digest)
    assert kept is not None
    assert verify(hq.office).faults == [f"{sale['id']} is in no envelope that verifies"]
    with hq.office.store.turn() as turn:
        turn.run("UPDATE facts SET body = ? WHERE op_id = ?", (canonical.encode(sale), sale["id"]))
        turn.run("UPDATE op_seen SET digest = ? WHERE op_id = ?", (kept[0], sale["id"]))


def test_a_signature_that_does_not_verify_vouches_for_nothing(hq: Headquarters, till: PretendTill) -> None:
    sale = till.earn(till.enrol(), 10)
    till.send()
    here = " WHERE store = 's001' AND till = '01'"
    ((raw,),) = hq.rows(f"SELECT envelope FROM batches{here}")
    last = len(raw) - envelope.peek(raw)[0].psize - 1  # a signature ends where the payload begins
    forged = raw[:last] + bytes([raw[last] ^ 1]) + raw[last + 1 :]
    with hq.office.store.turn() as turn:
        turn.run(f"UPDATE batches SET envelope = ?{here}", (forged,))
    faults = verify(hq.office).faults
    assert "the batch s001/01/1/1 does not verify: bad-signature" in faults
    assert f"{sale['id']} is in no envelope that verifies" in faults
    with hq.office.store.turn() as turn:
        turn.run(f"UPDATE batches SET envelope = ?{here}", (raw,))

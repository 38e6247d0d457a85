"""What the console tells of all stores together: how they stand, what is open, who owes whom.

Only questions to the database; nothing here changes anything.
"""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

from hub import dialects
from hub.console.tables import Column, Table
from hub.store.engine import Turn

ROWS_MAX = 500

HELD = (
    "SELECT store, till, sum(CASE WHEN closed = 0 AND granted + taken > allowance_used"
    " THEN granted + taken - allowance_used ELSE 0 END),"
    " sum(CASE WHEN added > local_used THEN added - local_used ELSE 0 END)"
    " FROM cells GROUP BY store, till"
)


def stores(look: Turn) -> Table:
    """Every till: when it was seen, up to when its work is known, what it may spend, what waits."""
    rights = {(store, till): (int(e), int(f)) for store, till, e, f in look.run(HELD)}
    reserved = {
        (store, till): int(n)
        for store, till, n in look.run("SELECT store, till, sum(pts) FROM reserved GROUP BY store, till")
    }
    lanes = {
        (store, till): (int(seq), int(st))
        for store, till, seq, st in look.run(
            "SELECT store, till, sum(seq), max(st) FROM lanes GROUP BY store, till"
        )
    }
    waits = {
        (store, till): n
        for store, till, n in look.run("SELECT store, till, count(*) FROM waiting GROUP BY store, till")
    }
    lagging, rows = dialects.lagging(look), []
    for store, name, till, seen in look.run(
        "SELECT a.store, s.name, a.till, a.last_seen_ms FROM agents a JOIN stores s ON s.store = a.store"
        " ORDER BY a.store, a.till"
    ):
        at = (store, till)
        e, f = rights.get(at, (0, 0))
        h = reserved.get(at, 0)
        seq, st = lanes.get(at, (0, 0))
        rows.append([store, name, till, seen, st or None, seq, e, f, h, e + f + h, waits.get(at, 0),
                     " ".join(lagging.get(at, ()))])  # fmt: skip
    columns = [
        Column("store", "store"), Column("store_name"), Column("till"), Column("last_seen", "time"),
        Column("known_up_to", "time"), Column("operations", "n"), Column("allowance", "n"),
        Column("local", "n"), Column("reserved", "n"), Column("exposure", "n"), Column("waiting", "n"),
        Column("lacks_rules"),
    ]  # fmt: skip
    return Table("stores", columns, rows)


def cases(look: Turn, store: str = "") -> Table:
    """What people should look at, the newest first."""
    where, arguments = (" WHERE store = ?", [store]) if store else ("", [])
    rows = look.run(
        "SELECT id, opened_ms, reason, store, m, op_id, detail, closed_ms FROM cases"
        f"{where} ORDER BY id DESC LIMIT {ROWS_MAX}",
        arguments,
    )
    columns = [
        Column("case", "case"), Column("opened", "time"), Column("reason", "why"), Column("store", "store"),
        Column("member", "member"), Column("operation"), Column("closed", "time"),
    ]  # fmt: skip
    told = [
        [number, opened, json.dumps({"reason": reason, **json.loads(detail)}), at, m, op_id, closed]
        for number, opened, reason, at, m, op_id, detail, closed in rows
    ]
    return Table("cases", columns, told)


def settlement(look: Turn) -> Table:
    """Points that one store owes another because its points were used there, by rule book."""
    sums: Counter[tuple[str, str, str]] = Counter()
    for debit, credit, ref, pts in look.run(
        "SELECT debit, credit, ref, sum(pts) FROM postings WHERE debit LIKE 'settle:%'"
        " GROUP BY debit, credit, ref"
    ):
        sums[debit[7:], credit[7:], ref] += int(pts)
    rows = [[issuer, store, pts, ref[:12]] for (issuer, store, ref), pts in sorted(sums.items()) if pts]
    columns = [
        Column("issuer", "store"), Column("redeemed_at", "store"), Column("points", "n"), Column("rulebook"),
    ]  # fmt: skip
    return Table("settlement", columns, rows)


def positions(look: Turn) -> Table:
    """What settlement comes to for each store; the sum over all is zero."""
    nets: Counter[str] = Counter()
    for issuer, store, pts, _ in settlement(look).rows:
        nets[store] += pts
        nets[issuer] -= pts
    columns = [Column("store", "store"), Column("position", "n")]
    return Table("positions", columns, [[store, pts] for store, pts in sorted(nets.items())])


def tickets(look: Turn) -> Table:
    """Opening tickets: which were used, which are still good."""
    rows = look.run(
        "SELECT store, till, expires_ms, CASE WHEN answer IS NULL THEN 0 ELSE 1 END FROM tickets"
        f" ORDER BY expires_ms DESC LIMIT {ROWS_MAX}"
    )
    said = {0: "console.ticket_open", 1: "console.ticket_used"}
    columns = [
        Column("store", "store"), Column("till"), Column("good_until", "time"), Column("state", "said"),
    ]  # fmt: skip
    return Table("tickets", columns, [[store, till, until, said[used]] for store, till, until, used in rows])


def operations(look: Turn, store: str) -> Table:
    """A store's latest operations in custody or with a remark, by lane."""
    rows = look.run(
        "SELECT till, epoch, seq, letter, detail, later FROM told WHERE store = ?"
        f" ORDER BY epoch DESC, seq DESC LIMIT {ROWS_MAX}",
        (store,),
    )
    told: list[list[Any]] = [
        [till, f"{epoch}/{seq}", f"console.outcome_{letter.lower()}", detail,
         "console.later" if later else "console.at_once"]
        for till, epoch, seq, letter, detail, later in rows
    ]  # fmt: skip
    columns = [
        Column("till"), Column("lane_position"), Column("outcome", "said"), Column("reason", "why"),
        Column("told_when", "said"),
    ]  # fmt: skip
    return Table("operations", columns, told)

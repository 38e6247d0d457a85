"""One member's story: every operation with what it did to the points, so that a balance can be explained.

The story is told by the fold itself, over all facts that headquarters holds; nothing is told from
memory. A person is shown masked.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from hub.console.tables import Column, Table
from hub.office import Office
from hub.posting import Place
from hub.store import schema, standings
from hub.store.engine import Turn
from points.debt import DEBT
from points.fold import FOLDED, Account, fold
from points.identifiers import bucket, op_bucket
from points.legs import Leg
from points.members import own_row
from points.operations import Operation
from points.order import canonical as in_order

SAID: Mapping[tuple[str, str], str] = {
    ("x.issue", "mem.avail"): "leg_issued",
    ("mem.avail", "x.redeem"): "leg_used",
    ("mem.debt", "x.redeem"): "leg_used_owed",
    ("mem.avail", "x.issue"): "leg_clawed",
    ("mem.debt", "x.issue"): "leg_clawed_owed",
    ("mem.avail", "mem.debt"): "leg_repaid",
    ("x.redeem", "mem.avail"): "leg_returned",
    ("x.redeem", "mem.debt"): "leg_returned_owed",
    ("mem.avail", "x.expire"): "leg_expired",
    ("settle", "settle"): "leg_settled",
    ("x.writeoff", "mem.debt"): "leg_written_off",
    ("x.redeem", "x.writeoff"): "leg_returned_written_off",
}

Said = tuple[str, dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Story:
    """What the page shows. ``balance`` is on ``today``; ``held`` of it lies with tills."""

    m: int
    name: str
    tail: str
    status: str
    tier: str
    tier_pts: int
    balance: int
    debt: int
    held: int
    lots: Table
    rights: Table
    debts: Table
    operations: Table
    legs: Table


def tell(look: Turn, office: Office, m: int) -> Story | None:
    """The story of a member; None when nothing was ever heard of the number."""
    kept = standings.load(look, [m])[m]
    if kept.row is None:
        return None
    row, today = own_row(kept.row), office.today()
    facts = in_order(standings.histories(look, [m], FOLDED).get(m, []))
    account = fold(m, facts, office.books)
    places = _places(look, facts)
    names = {op.id: _receipt(op, places.get(op.id)) for op in facts}
    tiers = office.rules().tiers
    return Story(
        m=m,
        name=row.name_masked,
        tail=row.tail,
        status=row.status,
        tier=tiers[min(row.tier, len(tiers) - 1)].name,
        tier_pts=row.tier_pts,
        balance=account.balance(today),
        debt=account.debt,
        held=kept.standing.held,
        lots=_lots(account, names),
        rights=_rights(kept),
        debts=_debts(account, names),
        operations=_operations(look, account, facts, places, names),
        legs=_legs(look, account, m, names),
    )


def _receipt(op: Operation, place: Place | None) -> str:
    """The number on the paper: the shop's own, else till, epoch and position in the lane."""
    if op.body.get("receipt"):
        return str(op.body["receipt"])
    return op.id[:8] if place is None else f"{place[1]}-{place[2]}-{place[3]}"


def _lots(account: Account, names: Mapping[str, str]) -> Table:
    rows = [
        [names.get(lot.id.partition(".")[0], lot.id[:8]), lot.issuer, lot.pts, lot.remaining, lot.expires_on]
        for lot in account.lots.values()
    ]
    columns = [
        Column("from_receipt"), Column("issuer", "store"), Column("given", "n"), Column("remaining", "n"),
        Column("expires", "day"),
    ]  # fmt: skip
    return Table("lots", columns, rows)


def _rights(kept: standings.Held) -> Table:
    rows = [
        [store, till, cell.escrow, cell.home, f"{cell.term[0]}/{cell.term[1]}"]
        for (store, till), cell in sorted(kept.standing.cells.items())
    ]
    rows += [
        [store, till, pts, 0, f"{'SISTER' if ':' in intent else 'INTENT'} {intent.rpartition(':')[2][:8]}"]
        for intent, (store, till, pts, *_) in sorted(kept.standing.reserved.items())
    ]
    columns = [
        Column("store", "store"), Column("till"), Column("allowance", "n"), Column("local", "n"),
        Column("term"),
    ]  # fmt: skip
    return Table("rights", columns, rows)


def _debts(account: Account, names: Mapping[str, str]) -> Table:
    rows = [
        [names.get(op_id, op_id[:8]), draw.pts, draw.bearer]
        for op_id, draws in account.draws.items()
        for draw in draws
        if draw.home == DEBT
    ]
    columns = [Column("used_by_receipt"), Column("points", "n"), Column("bearer", "store")]
    return Table("debts", columns, rows)


def _places(look: Turn, facts: list[Operation]) -> dict[str, Place]:
    return {
        op_id: (store, till, epoch, seq)
        for op_id, store, till, epoch, seq in look.find(
            schema.op_seen,
            ["op_id", "store", "till", "epoch", "seq"],
            ["op_bucket", "op_id"],
            [(op_bucket(op.id), op.id) for op in facts],
        )
    }


def _operations(
    look: Turn,
    account: Account,
    facts: list[Operation],
    places: Mapping[str, Place],
    names: Mapping[str, str],
) -> Table:
    told = {
        tuple(place): (letter, detail)
        for *place, letter, detail in look.find(
            schema.told,
            ["store", "till", "epoch", "seq", "letter", "detail"],
            ["store", "till", "epoch", "seq"],
            places.values(),
        )
    }
    change: defaultdict[str, int] = defaultdict(int)
    for leg in account.legs:
        if leg.credit == "mem.avail":
            change[leg.op] += leg.pts
        if leg.debit == "mem.avail":
            change[leg.op] -= leg.pts
    rows, balance = [], 0
    for op in facts:
        letter, detail = told.get(places.get(op.id, ()), ("a", "{}"))
        balance += change[op.id]
        rows.append(
            [op.st, op.store, op.till, f"console.kind_{op.kind.replace('.', '_')}", names[op.id],
             change[op.id], balance, f"console.outcome_{letter.lower()}", detail if letter != "a" else ""]
        )  # fmt: skip
    columns = [
        Column("when", "time"), Column("store", "store"), Column("till"), Column("kind", "said"),
        Column("receipt"), Column("change", "n"), Column("balance_after", "n"), Column("outcome", "said"),
        Column("reason", "why"),
    ]  # fmt: skip
    return Table("operations", columns, rows)


def _legs(look: Turn, account: Account, m: int, names: Mapping[str, str]) -> Table:
    expired = look.run(
        "SELECT op_id, debit, credit, ref, pts FROM postings WHERE bucket = ? AND m = ? AND rights = ?"
        " ORDER BY n",
        (bucket(m), m, schema.EXPIRY),
    )
    rows = [
        [names.get(leg.op, leg.op[:8]), _said(leg), leg.pts, names.get(leg.ref.partition(".")[0], "")]
        for leg in [*account.legs, *(Leg(*row) for row in expired)]
    ]
    columns = [Column("receipt"), Column("what", "said"), Column("points", "n"), Column("lot_of_receipt")]
    return Table("legs", columns, rows)


def _said(leg: Leg) -> Said:
    debit, _, giver = leg.debit.partition(":")
    credit, _, taker = leg.credit.partition(":")
    key = SAID.get((debit, credit), "leg_other")
    return f"console.{key}", {"giver": giver or leg.debit, "taker": taker or leg.credit}

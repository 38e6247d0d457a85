"""What headquarters has out of its hands: by till, by store, by what may go wrong, and what is owed.

Every figure is a sum of posted facts at this moment, but what is owed, which a night finds. What is out is
not lost: tills spend it rightly, and the bound says what could be spent twice if the worst happened to one.
"""

from __future__ import annotations

from collections import Counter

from hub import owing, trust
from hub.console import chain_wide
from hub.console.tables import Column, Table
from hub.losses import EXPOSED_MS
from hub.office import Office
from hub.store import losses
from hub.store.engine import Turn


def by_store(look: Turn) -> Table:
    """What the tills of each store hold."""
    sums: dict[str, Counter[str]] = {}
    names = {}
    for store, name, _, _, _, _, e, f, h, out, _ in chain_wide.stores(look).rows:
        names[store] = name
        sums.setdefault(store, Counter()).update(allowance=e, local=f, reserved=h, exposure=out, tills=1)
    keys = ("tills", "allowance", "local", "reserved", "exposure")
    rows = [[store, names[store], *(sums[store][key] for key in keys)] for store in sorted(sums)]
    rows.sort(key=lambda row: -row[-1])
    return Table(
        "by_store", [Column("store", "store"), Column("store_name"), *(Column(k, "n") for k in keys)], rows
    )


def bounds(look: Turn, office: Office) -> Table:
    """The most points that could be spent twice, for each thing that may go wrong."""
    tills = chain_wide.stores(look).rows
    worst = max(tills, key=lambda row: row[6] + row[7], default=None)
    most = worst[6] + worst[7] + office.trust.till if worst else 0
    where = f"{worst[0]}/{worst[2]}" if worst else ""
    lost = sum(loss.pts for loss in losses.every(look, office.clock() - EXPOSED_MS) if loss.approved_ms)
    rows = [
        ["console.bound_network", 0, ""],
        ["console.bound_clock", 0, ""],
        ["console.bound_crash", 0, ""],
        ["console.bound_clone", most, where],
        ["console.bound_key", most, where],
        ["console.bound_lost", lost, ""],
        ["console.bound_trust", trust.at_risk(look), ""],
    ]
    return Table(
        "bounds", [Column("what_happens", "said"), Column("at_most", "n"), Column("worst_till")], rows
    )


def lost(look: Turn, now_ms: int) -> Table:
    """PCs that were declared lost, or are about to be."""
    rows = [
        [loss.store, loss.till, loss.epoch, loss.asked_by, loss.approved_by or "", loss.approved_ms, loss.pts,
         loss.evidence]
        for loss in losses.every(look, now_ms - EXPOSED_MS)
    ]  # fmt: skip
    columns = [
        Column("store", "store"), Column("till"), Column("pc"), Column("asked_by"), Column("approved_by"),
        Column("lost_since", "time"), Column("came_home", "n"), Column("evidence"),
    ]  # fmt: skip
    return Table("lost", columns, rows)


def owed(look: Turn) -> Table:
    """Members who owe points, or of whom more is out than they have, as the last night found them."""
    columns = [
        Column("member", "member"), Column("debt", "n"), Column("overhang", "n"), Column("bearer"),
        Column("since", "time"), Column("days", "n"),
    ]  # fmt: skip
    return Table("owed", columns, owing.kept(look))

"""What headquarters has out of its hands: by till, by store, by what may go wrong, and what is owed.

Every figure is a sum of posted facts at this moment, but what is owed, which a night finds. What is out is
not lost: tills spend it rightly, and the bound says what could be spent twice if the worst happened to one.
"""

from __future__ import annotations

from collections import Counter
from typing import Any

from hub import lost_claims, owing, restoring, sessions, trust, unlocks, write_offs
from hub.console import chain_wide
from hub.console.tables import Column, Table
from hub.losses import EXPOSED_MS
from hub.office import Office
from hub.store import losses
from hub.store.engine import Turn
from points.identifiers import HUB_STORE


def by_store(look: Turn) -> Table:
    """What the tills of each store hold."""
    sums: dict[str, Counter[str]] = {}
    names = {}
    for store, name, _, _, _, _, e, f, h, out, *_ in chain_wide.stores(look).rows:
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
        ["console.bound_restored", 0, ""],
        ["console.bound_clone", most, where],
        ["console.bound_key", most, where],
        ["console.bound_lost", lost, ""],
        ["console.bound_trust", trust.at_risk(look), ""],
        ["console.bound_unlock", _unlockable(look, office), ""],
    ]
    return Table(
        "bounds", [Column("what_happens", "said"), Column("at_most", "n"), Column("worst_till")], rows
    )


def _unlockable(look: Turn, office: Office) -> int:
    """What may be lacking of promises for silent tills: their budget, or more if it was larger once."""
    now = sum(one.pts for one in unlocks.outstanding(look, office))
    return max(now, office.unlock.chain if min(office.unlock) else 0)


def silent(look: Turn, office: Office) -> Table:
    """Tills that were silent for so long that they may not spend what they hold as allowance."""
    rows = []
    for store, till, term, until in sessions.over(look, office):
        row = look.one(
            "SELECT coalesce(sum(CASE WHEN granted + taken > allowance_used"
            " THEN granted + taken - allowance_used ELSE 0 END), 0) FROM cells"
            " WHERE store = ? AND till = ? AND inc = ? AND term = ? AND closed = 0",
            (store, till, *term),
        )
        pts = int(row[0]) if row else 0
        sure = sessions.is_surely_over(look, office, store, till, term)
        if pts:
            said = "console.session_over" if sure else "console.session_perhaps_over"
            rows.append([store, till, until, said, pts])
    columns = [
        Column("store", "store"), Column("till"), Column("session_until", "time"), Column("state", "said"),
        Column("allowance", "n"),
    ]  # fmt: skip
    return Table("silent", columns, rows)


def awaited(look: Turn) -> Table:
    """Tills that were not heard since headquarters was put back."""
    told = restoring.state(look)
    rows = [[pc.store, pc.till, pc.epoch, told.ms] for pc in told.missing] if told is not None else []
    columns = [Column("store", "store"), Column("till"), Column("pc"), Column("since", "time")]
    return Table("awaited", columns, rows)


def unlocked(look: Turn, office: Office) -> Table:
    """What was promised to members whose points lie at silent tills, and has not come home."""
    rows = [
        [one.m, one.pts, one.store, one.till, one.at_ms, HUB_STORE]
        for one in unlocks.outstanding(look, office)
    ]
    columns = [
        Column("member", "member"), Column("points", "n"), Column("lies_at", "store"), Column("till"),
        Column("since", "time"), Column("bearer"),
    ]  # fmt: skip
    return Table("unlocked", columns, rows)


def written_off(look: Turn) -> Table:
    """Debts that were written off, or are about to be, with who bears them."""
    rows: list[list[Any]] = []
    for one in write_offs.every(look, chain_wide.ROWS_MAX):
        borne = write_offs.borne(look, one)
        who = " ".join(borne)
        rows.append([one.m, one.pts, sum(borne.values()), who, one.asked_by, one.approved_by or "",
                     one.approved_ms, one.note])  # fmt: skip
    columns = [
        Column("member", "member"), Column("asked_off", "n"), Column("off", "n"), Column("bearer"),
        Column("off_asked_by"), Column("approved_by"), Column("when", "time"), Column("note"),
    ]  # fmt: skip
    return Table("written_off", columns, rows)


def lost(look: Turn, chain: str, now_ms: int) -> Table:
    """PCs that were declared lost, or are about to be."""
    rows = [
        [loss.store, loss.till, loss.epoch, loss.asked_by, loss.approved_by or "", loss.approved_ms, loss.pts,
         sum(told.earned for told in lost_claims.claimed(look, loss.lane(chain))),
         loss.evidence]
        for loss in losses.every(look, now_ms - EXPOSED_MS)
    ]  # fmt: skip
    columns = [
        Column("store", "store"), Column("till"), Column("pc"), Column("asked_by"), Column("approved_by"),
        Column("lost_since", "time"), Column("came_home", "n"), Column("on_papers", "n"), Column("evidence"),
    ]  # fmt: skip
    return Table("lost", columns, rows)


def owed(look: Turn) -> Table:
    """Members who owe points, or of whom more is out than they have, as the last night found them."""
    columns = [
        Column("member", "member"), Column("debt", "n"), Column("overhang", "n"), Column("bearer"),
        Column("since", "time"), Column("days", "n"),
    ]  # fmt: skip
    return Table("owed", columns, owing.kept(look))

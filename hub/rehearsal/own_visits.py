"""Headquarters' own history: every posted purchase and redemption as a visit, for a rehearsal.

What was refused at a counter is not known here, so a wish is a redemption that was approved; refunds, claims
and points that were given without a purchase are left out. Members are headquarters' numbers, and nothing
else of them leaves. Read a bucket of members at a time.
"""

from __future__ import annotations

from collections.abc import Iterator

from hub.office import Office
from hub.rehearsal.history import Visit
from points.fund import SPENDS
from points.identifiers import BUCKETS
from points.operations import Operation
from points.wire import canonical


def visits(office: Office) -> Iterator[Visit]:
    """What headquarters has posted, in no order."""
    for shard in range(BUCKETS):
        with office.store.look() as look:
            rows = look.run(
                "SELECT m, store, till, body FROM facts WHERE bucket = ?"
                " AND kind IN ('sale.earn', 'redeem.cash') ORDER BY m, n",
                (shard,),
            )
        for m, store, till, body in rows:
            op = Operation(canonical.read_own(body), store, till)
            earned = op.body["pts"] if op.kind == "sale.earn" else 0
            wish = sum(n for act, n in op.moves() if act in SPENDS)
            yield Visit(op.st + _offset_ms(office, op.st), str(m), store, till, earned, wish)


def _offset_ms(office: Office, st: int) -> int:
    """What the shop's wall showed above UTC, by the rule book in force."""
    zone = office.rules().zone
    return next((minutes for since, minutes in reversed(zone) if since <= st), zone[0][1]) * 60_000

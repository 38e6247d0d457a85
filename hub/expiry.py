"""Points that expired are posted as expired, once it is final, and only by headquarters.

Points past their day are unspendable everywhere without anybody's message; this is the ledger's side of
it. It is final for a member when every till that holds rights in the member has told of a later day:
until then an operation of the old day may still arrive. What arrives even later folds the member again,
and the expiry is corrected in the same transaction. Doing it twice posts nothing more, and it may stop
after any bucket and go on.

A lot whose expiry is posted leaves the member's row: nobody can spend it and nobody must hear of it for
ever. What is kept in its place, behind the row that stores are told, is the last day of such a lot: a
fact of that day or before is folded from the facts, where every lot still is.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping

from hub import arrivals
from hub.changes import without_expired
from hub.office import Office
from hub.store import standings
from hub.store.engine import Turn
from hub.store.standings import Change, Held, LegKey
from points.expiry import is_past
from points.fold import Account
from points.identifiers import BUCKETS
from points.legs import Leg
from points.members import begin
from points.postings import expiry_legs, totals

Passed = dict[tuple[str, str], int]
"""The local day that each till's lanes have reached."""


def post_expiry(office: Office, tell: Callable[[int, int], None] | None = None) -> int:
    """Post what has expired for good, bucket by bucket; gives the points. ``tell`` hears (done, all)."""
    today = office.today()
    total = 0
    for number in range(BUCKETS):
        with office.store.turn() as turn:
            total += _bucket(turn, office, number, today)
        if tell:
            tell(number + 1, BUCKETS)
    return total


def _bucket(turn: Turn, office: Office, number: int, today: int) -> int:
    rows = turn.run('SELECT m, "row" FROM members WHERE bucket = ?', (number,))
    stale = [m for m, row in rows if any(lot[1] and is_past(lot[3], today) for lot in json.loads(row)[8])]
    if not stale:
        return 0
    held = standings.load(turn, stale)
    posted = standings.posted(turn, stale)
    passed = _passed(turn, office)
    changes = []
    for m in stale:
        one = held[m]
        assert one.row is not None
        assert one.standing.row is not None
        account = begin(one.standing.row, office.books)
        legs = _new_legs(account, posted[m].expiry, final_day(one, passed, today))
        if legs:
            row = [one.row[0], one.ver + 1, *one.row[2:]]
            gone = posted[m].expiry + totals(legs)
            row = without_expired(row, gone, standings.dropped_day(row))
            changes.append(Change(one, row, one.last_key, expiry=legs))
    if changes:
        standings.save(turn, changes, arrivals.next_arrival(turn))
    return sum(leg.pts for change in changes for leg in change.expiry)


def _new_legs(account: Account, posted: Mapping[LegKey, int], final: int) -> list[Leg]:
    """What has expired for good and was not posted yet; what was posted before stays as it is."""
    legs = expiry_legs(account, final)
    return [leg for leg in legs if not posted.get((leg.op, leg.debit, leg.credit, leg.ref))]


def final_day(held: Held, passed: Passed, today: int) -> int:
    """The first day that is not final yet: today, or the day of the slowest till that holds rights."""
    holders = {agent for agent, cell in held.standing.cells.items() if cell.escrow or cell.home}
    holders |= {(store, till) for store, till, *_ in held.standing.reserved.values()}
    return min([today, *(passed.get(agent, 0) for agent in holders)])


def _passed(turn: Turn, office: Office) -> Passed:
    rules = office.rules()
    passed: Passed = {}
    for store, till, st in turn.run("SELECT store, till, max(st) FROM lanes GROUP BY store, till"):
        passed[store, till] = rules.today(st)
    return passed

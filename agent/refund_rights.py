"""The right to refund a sale of this till, and how it goes to headquarters: one operation, for ever.

Headquarters asks for it in this till's own page, when somebody stands at another counter with the paper. All
that came back here stands before the ceding in this till's lane, so who has it knows what is left. From then
on this till asks headquarters like every other one. A program that is killed has ceded or has not.
"""

from __future__ import annotations

from collections.abc import Iterable

from agent.recorder import Draft, record
from agent.store import sales
from agent.till import Till
from points.wire import canonical

BY = "agent"


def cede(till: Till, sale: str) -> bool:
    """Give the right to refund one of this till's sales to headquarters; False when it has none to give."""
    with till.book.lock:
        raw = sales.body(till.book, sale)
        if raw is None or sales.is_ceded(till.book, sale):
            return False
        body = canonical.decode(raw)
        if body["t"] != "sale.earn":
            return False
        record(till, Draft("refund.cede", {"refs": [sale]}, BY, body.get("m")), till.time(), till.shift().day)
        return True


def cede_wanted(till: Till, wanted: Iterable[str]) -> int:
    """Give what headquarters' page asks for; how many."""
    return sum(cede(till, sale) for sale in sorted(wanted))

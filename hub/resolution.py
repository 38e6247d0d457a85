"""Naming the member of an operation that came without a number: a code from another region, once.

The till knew only the code's hash. As soon as headquarters knows which member it points to, a
``member.resolve`` fact says so, and the operation that waited is posted like any other.
"""

from __future__ import annotations

from hub.decisions import decide
from hub.office import Office
from hub.store import schema
from hub.store.engine import Turn
from points.wire import canonical

PREFIX = "resolve:"


def resolve_waiting(turn: Turn, office: Office) -> int:
    """Resolve every waiting operation whose code is known by now; gives how many."""
    whos: dict[str, str] = {}
    for on_what, body in turn.run("SELECT on_what, body FROM waiting WHERE on_what LIKE 'resolve:%'"):
        who = canonical.decode(bytes(body)).get("who")
        if isinstance(who, str):
            whos[on_what.removeprefix(PREFIX)] = who
    aliases = {f"code:{who}" for who in whos.values()}
    known: dict[str, int] = dict(
        turn.find(schema.identities, ["alias", "m"], ["alias"], [(alias,) for alias in aliases])
    )
    facts = [
        ("member.resolve", {"refs": [op_id], "m": known[f"code:{who}"]})
        for op_id, who in sorted(whos.items())
        if f"code:{who}" in known
    ]
    decide(turn, office, facts)
    return len(facts)

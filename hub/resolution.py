"""Naming the member of an operation that came without a number: a code from another region, once.

The till knew only the code's hash. As soon as headquarters knows which member it points to, a
``member.resolve`` fact says so, and the operation that waited is posted like any other.
"""

from __future__ import annotations

from collections.abc import Iterable

from hub.decisions import decide, listens
from hub.judgement import RESOLVE
from hub.office import Office
from hub.store import schema
from hub.store.engine import Turn
from points.wire import canonical


def resolve_waiting(turn: Turn, office: Office, awaited: Iterable[str]) -> int:
    """Resolve those of the waiting operations whose code is known by now; gives how many.

    ``awaited`` are the names that operations wait for; those of codes begin with ``RESOLVE``. A headquarters
    that only listens resolves nothing: the fact that did is in its lane.
    """
    if listens(turn):
        return 0
    names = sorted(name for name in set(awaited) if name.startswith(RESOLVE))
    whos: dict[str, str] = {}
    for on_what, body in turn.find(
        schema.waiting, ["on_what", "body"], ["on_what"], [(name,) for name in names]
    ):
        who = canonical.decode(bytes(body)).get("who")
        if isinstance(who, str):
            whos[on_what.removeprefix(RESOLVE)] = who
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

"""Naming the member of an operation that came without a number: by a code, or by what lies in its sealed box.

A till that does not know a code writes its hash, and a till that does not know a typed phone seals it
to headquarters. As soon as headquarters knows which member is meant, a ``member.resolve`` fact says so,
and the operation that waited is posted like any other. A phone that nobody has yet makes a new member.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from hub import admission, personal, visitors
from hub.custody import RESOLVE
from hub.decisions import decide, listens
from hub.office import Office
from hub.store import schema
from hub.store.engine import Turn
from points.wire import canonical

Named = dict[str, int]
"""Operation id -> member."""


def resolve_waiting(turn: Turn, office: Office, awaited: Iterable[str]) -> int:
    """Resolve those of the waiting operations whose member is known by now; gives how many.

    ``awaited`` are the names that operations wait for; those of members begin with ``RESOLVE``. A
    headquarters that only listens resolves nothing: the fact that did is in its lane.
    """
    if listens(turn):
        return 0
    names = sorted(name for name in set(awaited) if name.startswith(RESOLVE))
    waiting = {
        on_what.removeprefix(RESOLVE): (store, canonical.decode(bytes(body)))
        for on_what, store, body in turn.find(
            schema.waiting, ["on_what", "store", "body"], ["on_what"], [(name,) for name in names]
        )
    }
    named = _by_code(turn, {op_id: body for op_id, (_, body) in waiting.items()})
    for op_id, (store, body) in sorted(waiting.items()):
        if op_id not in named and isinstance(body.get("pii"), str):
            m = _by_box(turn, office, op_id, store, body["pii"])
            if m is not None:
                named[op_id] = m
    for op_id, m in named.items():
        visitors.saw(turn, office, waiting[op_id][0], [m])
    decide(
        turn, office, [("member.resolve", {"refs": [op_id], "m": m}) for op_id, m in sorted(named.items())]
    )
    return len(named)


def _by_code(turn: Turn, bodies: dict[str, dict[str, Any]]) -> Named:
    whos = {op_id: body["who"] for op_id, body in bodies.items() if isinstance(body.get("who"), str)}
    aliases = {f"code:{who}" for who in whos.values()}
    known: dict[str, int] = dict(
        turn.find(schema.identities, ["alias", "m"], ["alias"], [(alias,) for alias in aliases])
    )
    return {op_id: known[f"code:{who}"] for op_id, who in whos.items() if f"code:{who}" in known}


def _by_box(turn: Turn, office: Office, op_id: str, store: str, committed: str) -> int | None:
    """The member whose phone lies in an operation's box, enrolled now if nobody has it; None without one.

    What a known member told earlier stays: a cashier types a phone, and no name.
    """
    person = personal.take_box(turn, office, op_id, store, committed)
    if person is None or not person.get("phone"):
        return None
    m = personal.by_phone(turn, office, person["phone"])
    is_new = m is None
    if m is None:
        m = admission.enrol_new(turn, office)
    personal.is_known_as(turn, office, m, store, person["phone"])
    if is_new:
        personal.keep(turn, office, m, person)
    return m

"""The right to refund a sale, given by the till that sold it to one PC of a sister till of its store.

Whoever was given it carries the giver's signed operation in each refund, and in the ceding that ends its
right, so headquarters knows of the gift by whichever of both lanes it hears first. Only the PC that made a
sale gives its right to a sister till; who was given it can only cede it to headquarters.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from hub.store import device_keys, schema
from hub.store.engine import Turn
from points.fields import BadOperation
from points.identifiers import op_bucket
from points.judging import Outcome, Seen
from points.operations import Operation, read
from points.wire import canonical, transfer
from points.wire.faults import WireFault

KIND = "refund.give"
Place = tuple[str, str, int, int]
PcLane = tuple[str, str, int]


def doubt(look: Turn, chain: str, place: Place, op: Operation, sold: Seen | None) -> Outcome | None:
    """What keeps an operation in custody that shows a gift; None if the till that sold has signed it.

    A key that was revoked since counts: who was given the right could not know, and goods came back.
    """
    try:
        given = transfer.heard(op.body["given"], chain, op.store)
        record = device_keys.find(look, given.kid, chain)
        if record is None:
            return _not_given()
        given.check(record)
        giving = _giving(op)
    except (WireFault, BadOperation):
        return _not_given()
    giver = (given.lane.store, given.lane.till, given.lane.epoch)
    to: PcLane = (*giving.body["to"][:2], giving.body["to"][2])
    is_the_sellers = sold is not None and (
        device_keys.continues(look, giver, sold.lane)
        or device_keys.continues(look, sold.lane, giver)  # both were moved to another lane after a fork
    )
    is_this = giving.refs == op.refs[:1] and device_keys.continues(look, place[:3], to)
    return None if is_the_sellers and is_this else _not_given()


def _not_given() -> Outcome:
    return Outcome("Q", {"reason": "policy", "field": "given"})


def _giving(op: Operation) -> Operation:
    """The gift that an operation shows. Raises ``WireFault`` or ``BadOperation``."""
    till, text = op.body["given"][0], op.body["given"][5]
    body = canonical.decode(text.encode())
    if (body.get("t"), body.get("tv")) != (KIND, 1):
        raise BadOperation("given", "gives no right to refund")
    return read(body, op.store, till)


def note(turn: Turn, op: Operation) -> None:
    """Keep a gift, from the giver's own lane or as another operation shows it.

    A till that gives what it has given away already has given it to the first.
    """
    if op.kind == KIND:
        giving = op
    elif "given" in op.body:
        giving = _giving(op)
    else:
        return
    sale, known = giving.refs[0], _row(turn, giving.refs[0])
    if known is None or giving.id < known[0]:
        row = (op_bucket(sale), sale, giving.id, *giving.body["to"][:3])
        turn.put(schema.refund_given, [row], on_conflict="replace")


def _row(look: Turn, sale: str) -> tuple[Any, ...] | None:
    return look.one(
        "SELECT op_id, store, till, epoch FROM refund_given WHERE op_bucket = ? AND sale = ?",
        (op_bucket(sale), sale),
    )


def given_to(look: Turn, sale: str) -> PcLane | None:
    """To which PC the till that sold gave its right; None for nobody."""
    row = _row(look, sale)
    return None if row is None else (row[1], row[2], int(row[3]))


def faults(look: Turn) -> list[str]:
    """Where what is kept is not what the facts say."""
    rows = look.run(
        "SELECT store, till, body FROM facts"
        " WHERE kind IN ('refund.give', 'refund.cede', 'sale.refund') ORDER BY bucket, m, n"
    )
    said = _said((store, till, json.loads(bytes(raw))) for store, till, raw in rows)
    kept = {row[0]: row[1:] for row in look.run("SELECT sale, op_id, store, till, epoch FROM refund_given")}
    return [
        f"sale {sale}: its right is not where it was given"
        for sale in sorted(kept.keys() | said.keys())
        if kept.get(sale) != said.get(sale)
    ]


def _said(facts: Iterable[tuple[str, str, Mapping[str, Any]]]) -> dict[str, tuple[Any, ...]]:
    said: dict[str, tuple[Any, ...]] = {}
    for store, till, body in facts:
        if body["t"] == KIND:
            giving = Operation(body, store, till)
        elif "given" in body:
            try:
                giving = _giving(Operation(body, store, till))
            except (WireFault, BadOperation, IndexError, KeyError, TypeError, AttributeError):
                continue  # posted when nobody knew what a gift is
        else:
            continue
        sale, known = giving.refs[0], said.get(giving.refs[0])
        if known is None or giving.id < known[0]:
            said[sale] = (giving.id, *giving.body["to"][:3])
    return said


def state(look: Turn) -> list[list[Any]]:
    """What two headquarters with the same facts must agree on."""
    rows = look.run("SELECT sale, op_id, store, till, epoch FROM refund_given ORDER BY sale")
    return [list(row) for row in rows]

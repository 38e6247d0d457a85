"""Who may refund a sale, and what of it is reserved: kept from facts and decisions in any order.

The right belongs to the PC that made the sale, or to the one of a sister till that it gave it to
(``hub.refund_gifts``), until that PC cedes it to headquarters or is declared lost. From then on headquarters
reserves lines for one refund at a time. A reservation ends by its own till's operation or void, by the
dismissal of that operation, or with that PC's term; never by time. What is over stays written, so that a
reserve which is heard after its end reserves nothing.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from hub import handovers, refund_gifts
from hub.bells import Agent
from hub.refund_gifts import PcLane, Place
from hub.store import device_keys, losses, schema, standings
from hub.store.engine import Turn
from points.identifiers import bucket, op_bucket
from points.judging import Outcome, Seen, is_at_home, key_of
from points.operations import Operation
from points.order import canonical
from points.returns import Sale
from points.rulebook import RuleBook

GOODS = frozenset({"sale.earn", "sale.refund", "sale.void"})
HEARD = frozenset(
    {
        *("refund.give", "refund.cede", "refund.reserve", "refund.void", "sale.refund"),
        *("op.dismiss", "rights.close", "agent.lost"),
    }
)
"""Kinds that may change who may refund a sale, or what is reserved."""
GIVE_AWAY = frozenset({"refund.give", "refund.cede"})
DOUBTED = GIVE_AWAY | {"sale.refund"}
"""Kinds of which it is asked whether their till has the right that they give away or use."""
WANTED_MS = 15 * 60_000
"""How long a till is told that its right is wanted, after somebody asked last; no customer waits longer."""

Lines = list[list[int]]


def doubt(look: Turn, chain: str, place: Place, op: Operation, sold: Seen | None) -> Outcome | None:
    """What keeps an operation in custody that gives a right away or stands on a gift.

    Only the PC that made a sale has a right to give, and who was given it shows by whom.
    """
    if "given" in op.body:
        return refund_gifts.doubt(look, chain, place, op, sold)
    if op.kind == "sale.refund":
        return None
    if sold is not None and device_keys.continues(look, place[:3], sold.lane):
        return None
    return Outcome("Q", {"reason": "policy", "field": "refs"})


def note(turn: Turn, op: Operation) -> None:
    """Keep what an operation that is posted now says of the right to refund."""
    body, agent = op.body, (op.store, op.till)
    if op.kind in DOUBTED:
        refund_gifts.note(turn, op)
    if op.kind in GIVE_AWAY:
        turn.run("DELETE FROM refund_wanted WHERE store = ? AND till = ? AND sale = ?", (*agent, op.refs[0]))
    match op.kind:
        case "refund.cede":
            sale = op.refs[0]
            turn.put(schema.ceded, [(op_bucket(sale), sale, op.id)], on_conflict="ignore")
        case "refund.reserve":
            store, till = body["to"][:2]
            _reserve(
                turn, body["sale"], op.refs[0], (store, till), (body["inc"], body["term"]), body["lines"]
            )
        case "refund.void":
            _end(turn, body["sale"], op.refs[0], agent)
        case "sale.refund":
            turn.run(
                "UPDATE refund_reserved SET ended = 1"
                " WHERE op_bucket = ? AND sale = ? AND intent = ? AND store = ? AND till = ?",
                (op_bucket(op.refs[0]), op.refs[0], op.id, *agent),
            )
        case "op.dismiss":
            for intent in op.refs:
                turn.run(
                    "UPDATE refund_reserved SET ended = 1 WHERE store = ? AND till = ? AND intent = ?",
                    (*body["place"][:2], intent),
                )
        case "rights.close":
            _end_term(turn, agent, (body["inc"], body["term"]))
        case "agent.lost":
            store, till = body["agent"][:2]
            _end_term(turn, (store, till), (body["inc"], body["term"]))


def _reserve(turn: Turn, sale: str, intent: str, agent: Agent, term: tuple[int, int], lines: Lines) -> None:
    at = (op_bucket(sale), sale, intent, *agent)
    known = turn.one(
        "SELECT ended FROM refund_reserved"
        " WHERE op_bucket = ? AND sale = ? AND intent = ? AND store = ? AND till = ?",
        at,
    )
    ended = int((known is not None and bool(known[0])) or _is_over(turn, sale, intent, agent, term))
    turn.put(schema.refund_reserved, [(*at, *term, json.dumps(lines), ended)], on_conflict="replace")


def _is_over(turn: Turn, sale: str, intent: str, agent: Agent, term: tuple[int, int]) -> bool:
    """Whether an intent has ended otherwise than by its void: its refund is posted or was closed unposted, or
    its term is over."""
    heard = turn.one(
        "SELECT store, till, m, posted FROM op_seen WHERE op_bucket = ? AND op_id = ?",
        (op_bucket(intent), intent),
    )
    if heard is not None and heard[:2] == agent and heard[3] and _is_refund(turn, intent, heard[2], sale):
        return True
    if turn.one("SELECT 1 FROM dismissed WHERE op_id = ? AND store = ? AND till = ?", (intent, *agent)):
        return True
    if term in losses.lost(turn).get(agent, ()):
        return True
    return handovers.is_closed(turn, *agent, term)  # which waits for whatever waits in its lane


def _is_refund(turn: Turn, op_id: str, m: int | None, sale: str) -> bool:
    """Whether a posted operation is a refund of a sale."""
    of = m or 0
    row = turn.one(
        "SELECT kind, body FROM facts WHERE bucket = ? AND m = ? AND op_id = ?", (bucket(of), of, op_id)
    )
    return row is not None and row[0] == "sale.refund" and json.loads(bytes(row[1]))["refs"] == [sale]


def _end(turn: Turn, sale: str, intent: str, agent: Agent) -> None:
    """A void may come before what it ends."""
    at = (op_bucket(sale), sale, intent, *agent)
    turn.put(schema.refund_reserved, [(*at, 1, 1, "[]", 1)], on_conflict="ignore")
    turn.run(
        "UPDATE refund_reserved SET ended = 1"
        " WHERE op_bucket = ? AND sale = ? AND intent = ? AND store = ? AND till = ?",
        at,
    )


def _end_term(turn: Turn, agent: Agent, term: tuple[int, int]) -> None:
    turn.run(
        "UPDATE refund_reserved SET ended = 1 WHERE store = ? AND till = ? AND inc <= ? AND term = ?",
        (*agent, *term),
    )


# -- asking ----------------------------------------------------------------------------------------


def holder(look: Turn, sale: str, lane: PcLane) -> PcLane | None:
    """The PC that may refund a sale of ``lane``; None for headquarters: it was ceded, or that PC is lost."""
    at = (op_bucket(sale), sale)
    if look.one("SELECT 1 FROM ceded WHERE op_bucket = ? AND sale = ?", at) is not None:
        return None
    has_it = refund_gifts.given_to(look, sale) or lane
    return None if losses.is_lost(look, *has_it) else has_it


def reserved(look: Turn, sale: str) -> dict[tuple[str, Agent], Lines]:
    """What is reserved of a sale and not over: (intent, its till) -> lines."""
    rows = look.run(
        "SELECT intent, store, till, lines FROM refund_reserved"
        " WHERE op_bucket = ? AND sale = ? AND ended = 0 ORDER BY intent, store, till",
        (op_bucket(sale), sale),
    )
    return {(intent, (store, till)): json.loads(lines) for intent, store, till, lines in rows}


def is_ended(look: Turn, sale: str, intent: str, agent: Agent) -> bool:
    """Whether this till's intent is over, or something was recorded under its id."""
    row = look.one(
        "SELECT ended FROM refund_reserved"
        " WHERE op_bucket = ? AND sale = ? AND intent = ? AND store = ? AND till = ?",
        (op_bucket(sale), sale, intent, *agent),
    )
    if row is not None:
        return bool(row[0])
    at = (op_bucket(intent), intent)
    return look.one("SELECT 1 FROM op_seen WHERE op_bucket = ? AND op_id = ?", at) is not None


def kept(look: Turn, books: Mapping[str, RuleBook], sale: str, m: int) -> tuple[Operation, Sale] | None:
    """A posted sale, with all that came back of it taken off; None for what is no sale of this member."""
    facts = standings.histories(look, [m], GOODS).get(m, [])
    sold = next((op for op in facts if op.id == sale and op.kind == "sale.earn"), None)
    if sold is None:
        return None
    left = Sale(sold.body, books[sold.rule])
    for op in canonical(facts):
        if op.refs and op.refs[0] == sale:
            left.take_back_as(op.kind, op.body)
    return sold, left


def may_refund(look: Turn, fresh: Mapping[str, Operation], sold: Operation, back: Operation) -> bool:
    """Whether goods that came back to the line did so by right: where they were sold, or where that right was
    given, before it was given away, or as they were reserved. ``fresh`` are gifts of the same arrival."""
    kept = look.one(
        "SELECT lines FROM refund_reserved"
        " WHERE op_bucket = ? AND sale = ? AND intent = ? AND store = ? AND till = ?",
        (op_bucket(sold.id), sold.id, back.id, back.store, back.till),
    )
    if kept is not None and json.loads(kept[0]) == [list(line) for line in back.body.get("lines", ())]:
        return True
    if not is_at_home(sold, back) and "given" not in back.body:
        return False
    at = (op_bucket(sold.id), sold.id)
    gone = look.run(
        "SELECT op_id FROM ceded WHERE op_bucket = ? AND sale = ?"
        " UNION ALL SELECT op_id FROM refund_given WHERE op_bucket = ? AND sale = ?",
        (*at, *at),
    )
    gifts = [fresh.get(op_id) or _fact(look, back.m or 0, op_id) for (op_id,) in gone]
    own = [op for op in gifts if op is not None and (op.store, op.till) == (back.store, back.till)]
    return all(key_of(back) < key_of(op) for op in own)


def _fact(look: Turn, m: int, op_id: str) -> Operation | None:
    row = look.one(
        "SELECT body, store, till FROM facts WHERE bucket = ? AND m = ? AND op_id = ?", (bucket(m), m, op_id)
    )
    return None if row is None else Operation(json.loads(bytes(row[0])), *row[1:])


def want(turn: Turn, lane: tuple[str, str, int], sale: str, now_ms: int) -> None:
    """Somebody needs the right to refund a sale of this lane; its till's page says so for a while."""
    turn.run("DELETE FROM refund_wanted WHERE asked_ms < ?", (now_ms - WANTED_MS,))
    turn.put(schema.refund_wanted, [(*lane, sale, now_ms)], on_conflict="replace")


def wanted(look: Turn, lane: tuple[str, str, int], now_ms: int) -> Iterable[str]:
    """The sales of a lane whose right to be refunded is wanted now."""
    rows = look.run(
        "SELECT sale FROM refund_wanted WHERE store = ? AND till = ? AND epoch = ? AND asked_ms >= ?"
        " ORDER BY sale",
        (*lane, now_ms - WANTED_MS),
    )
    return [sale for (sale,) in rows]


# -- proving ---------------------------------------------------------------------------------------


def faults(look: Turn) -> list[str]:
    """Where what is kept is not what the facts say."""
    said: dict[tuple[str, str, str, str], list[Any]] = {}
    given: set[str] = set()
    over: set[tuple[str, str, str, str]] = set()
    for kind, store, till, raw in look.run(
        "SELECT kind, store, till, body FROM facts"
        " WHERE kind IN ('refund.cede', 'refund.reserve', 'refund.void')"
    ):
        body = json.loads(bytes(raw))
        ref = body["refs"][0]
        if kind == "refund.cede":
            given.add(ref)
        elif kind == "refund.void":
            over.add((body["sale"], ref, store, till))
        else:
            said[body["sale"], ref, *body["to"][:2]] = [body["inc"], body["term"], body["lines"]]
    rows = {
        tuple(row[:4]): row[4:]
        for row in look.run("SELECT sale, intent, store, till, inc, term, lines, ended FROM refund_reserved")
    }
    found = []
    for at in sorted(rows.keys() | said.keys() | over):
        row = rows.get(at)
        if row is None or (at not in said and at not in over):
            found.append(f"sale {at[0]}: what is reserved by {at[2]}/{at[3]} is not what was decided")
            continue
        if at in said and [*row[:2], json.loads(row[2])] != said[at]:
            found.append(f"sale {at[0]}: the lines reserved by {at[2]}/{at[3]} are not those decided")
        if (at in over or _is_over(look, at[0], at[1], at[2:], tuple(row[:2]))) is not bool(row[3]):
            found.append(f"sale {at[0]}: the reservation of {at[2]}/{at[3]} is not as open as its facts say")
    ceded = {sale for (sale,) in look.run("SELECT sale FROM ceded")}
    found += [f"sale {sale}: its right is not where it was ceded" for sale in sorted(ceded ^ given)]
    return found + refund_gifts.faults(look)


def state(look: Turn) -> dict[str, Any]:
    """What two headquarters with the same facts must agree on."""
    return {
        "refunds_given": refund_gifts.state(look),
        "ceded": [sale for (sale,) in look.run("SELECT sale FROM ceded ORDER BY sale")],
        "refunds": [
            list(row)
            for row in look.run(
                "SELECT sale, intent, store, till, lines, ended FROM refund_reserved ORDER BY 1, 2, 3, 4"
            )
        ],
    }

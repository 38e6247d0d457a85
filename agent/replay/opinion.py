"""The second opinion: an independent serial ledger is given the driver's own book, and must agree.

The ledger is another program with other data structures; it is asked as a process and told only what the
counters answered, of which the driver has seen that it is what it asked. Compared to the point: balances,
lots, draws, debt, tier points and settlement of every member; every account of the trial balance; that each
sale gave what its recorded inputs give by the rules; and that nothing was spent that nobody had.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from agent.replay.year import Told, Wish
from points.fold import Account, fold
from points.identifiers import HUB_STORE
from points.lots import Draw
from points.operations import Operation
from points.rulebook import RuleBook

FOLDED = ("member.enrol", "sale.earn", "redeem.cash", "sale.refund", "sale.void")

State = dict[str, Any]


def ask(ledger: Path, told: Told, book: Mapping[str, Any], rule: str, today: int) -> dict[int, State]:
    """The ledger's account of every member of the driver's book."""
    events: dict[int, list[Any]] = defaultdict(list)
    for store, _, body in told.ops:
        m = told.members.get(body["id"], body.get("m"))
        if m is not None and body["t"] in FOLDED:
            events[m].append({"store": store, "till": "01", "op": {**body, "m": m}})
    questions = [
        {"m": m, "today": today, "events": ops, "sort": True, "checked": False}
        for m, ops in sorted(events.items())
    ]
    return run(ledger, {rule: book}, questions)


def run(ledger: Path, books: Mapping[str, Any], questions: list[dict[str, Any]]) -> dict[int, State]:
    """Ask the ledger's program; its answers by ``m``."""
    lines = [json.dumps({"rules": books}), *map(json.dumps, questions)]
    done = subprocess.run(
        [sys.executable, str(ledger)], input="\n".join(lines), capture_output=True, text=True, check=True
    )
    answers = (json.loads(line) for line in done.stdout.splitlines())
    return {answer["m"]: answer for answer in answers}


def differences(
    opinion: Mapping[int, State], hub: State, rule: str, settle: list[int], today: int
) -> list[str]:
    """Where headquarters and the ledger do not agree; empty when they do."""
    found = []
    settled: Counter[str] = Counter()
    for m, said in opinion.items():
        found += [f"member {m}: the ledger doubts {doubt}" for doubt in said["doubts"]]
        kept = hub["members"].get(str(m), {"lots": [], "debt": 0, "tier_pts": 0})
        lots = sorted(
            [pts, last, issuer] for _, pts, last, issuer in kept["lots"] if not last or last >= today
        )
        if lots != sorted(said["lots"]):
            found.append(f"member {m}: lots {lots} at headquarters, {sorted(said['lots'])} by the ledger")
        if sum(lot[0] for lot in lots) != said["balance"]:
            found.append(f"member {m}: balance")
        if said["bearers"].get(HUB_STORE):
            found.append(f"member {m}: headquarters bears a debt, so something was spent that nobody had")
        for key in ("debt", "tier_pts"):
            if kept[key] != said[key]:
                found.append(f"member {m}: {key} {kept[key]} at headquarters, {said[key]} by the ledger")
        for issuer, store, fen, pts, n in said["settlement"]:
            assert [fen, pts] == settle
            settled[f"{issuer}|{store}|{rule}"] += n
    extra = set(hub["members"]) - {str(m) for m in opinion}
    if extra:
        found.append(f"members that nobody told of: {sorted(extra)[:5]}")
    ours = {key: n for key, n in settled.items() if n}
    if ours != hub["settlement"]:
        found.append(f"settlement: {len(ours)} legs by the ledger, {len(hub['settlement'])} at headquarters")
    if sum(hub["accounts"].values()):
        found.append("the trial balance is not zero")
    found += _accounts(opinion, hub, today)
    told = {reason: n for reason, n in hub["cases"].items() if reason in ("earn-differs", "tier-differs")}
    if told:
        found.append(f"headquarters found sales that gave other points than the rules: {told}")
    return found


def draws_differ(opinion: Mapping[int, State], told: Told, books: Mapping[str, RuleBook]) -> list[str]:
    """Members of whom the product's own fold draws other points for a redemption than the ledger, in order.

    A draw is told by the sale that its lot came with, its issuer and last day, or by who bears it as a debt.
    """
    facts: dict[int, list[Operation]] = defaultdict(list)
    for store, _, body in told.ops:
        m = told.members.get(body["id"], body.get("m"))
        if m is not None and body["t"] in FOLDED:
            facts[m].append(Operation(body, store, "01"))
    found = []
    for m, ops in facts.items():
        account = fold(m, ops, books)
        ours = {
            op_id: _together([_home(account, draw), draw.pts] for draw in draws)
            for op_id, draws in account.draws.items()
            if draws
        }
        if ours != {op_id: _together(runs) for op_id, runs in opinion[m]["draws"].items() if runs}:
            found.append(f"member {m}: its redemptions draw on other points than the ledger's")
    return found


def _home(account: Account, draw: Draw) -> list[Any]:
    lot = account.lots.get(draw.home)
    return ["", draw.bearer, 0] if lot is None else [lot.sale, lot.issuer, lot.expires_on]


def _together(runs: Iterable[Any]) -> list[list[Any]]:
    """Neighbouring draws on the same points as one."""
    joined: list[list[Any]] = []
    for home, pts in runs:
        if joined and joined[-1][0] == home:
            joined[-1][1] += pts
        else:
            joined.append([home, pts])
    return joined


def _accounts(opinion: Mapping[int, State], hub: State, today: int) -> list[str]:
    """Every account of the trial balance that is not what the ledger's sums make it.

    Where points are held (with headquarters, with tills) is one sum: what members have, and what has
    expired and was not posted so yet. Posted breakage and that are one sum by issuer.
    """
    ours: Counter[str] = Counter()
    for said in opinion.values():
        ours["mem"] += said["balance"]
        ours["mem.debt"] -= said["debt"]
        for name, sign in (("issue", -1), ("redeem", 1), ("expire", 1)):
            for store, pts in said["accounts"][name].items():
                ours[f"x.{name}:{store}"] += sign * pts
    theirs: Counter[str] = Counter()
    for account, pts in hub["accounts"].items():
        held = account.startswith("mem.") and account != "mem.debt"
        if not account.startswith("settle:"):
            theirs["mem" if held else account] += pts
    for member in hub["members"].values():
        for _, pts, last, issuer in member["lots"]:
            if last and last < today:
                theirs["mem"] -= pts
                theirs[f"x.expire:{issuer}"] += pts
    return [
        f"account {name}: {theirs[name]} at headquarters, {ours[name]} by the ledger"
        for name in sorted(ours.keys() | theirs.keys())
        if ours[name] != theirs[name]
    ]


def overspent(told: Told, hub: HubFacts) -> list[str]:
    """Spends that no right covered, by the operations alone: local from adds, allowance from grants, what was
    authorised from its own reservation; and by trust, of which no till here has any."""
    local: Counter[Cell] = Counter()
    allowance: Counter[Cell] = Counter()
    reserved = {intent: n for held in hub.reserved.values() for _, intent, n in held}
    found = []
    for store, _, body in told.ops:
        cell = (store, body.get("m", 0))
        for act, n, *_ in body.get("fund", ()):
            local[cell] += _SIGN_LOCAL.get(act, 0) * n
            allowance[cell] += n if act in _ALLOWANCE else 0
            if act == "auth" and n > reserved.get(body["id"], 0):
                found.append(f"{store} spent {n} of member {cell[1]} that headquarters had not reserved")
            if act == "trust":
                found.append(f"{store} spent {n} of member {cell[1]} by trust")
        if local[cell] < 0:
            found.append(f"{store} spent local points of member {cell[1]} that it had not earned")
    for cell, used in allowance.items():
        granted = max((g for _, g in hub.grants.get(cell, ())), default=0)
        if used > granted:
            found.append(f"{cell[0]} used {used} of member {cell[1]}, granted {granted}")
    return found


Cell = tuple[str, int]
_SIGN_LOCAL = {"add": 1, "local": -1, "burn_l": -1, "back_l": -1}
_ALLOWANCE = ("allowance", "burn_a", "back_a")
CONTACT_MS = 59_999
"""Decisions of one contact carry times up to this much after its beginning."""


@dataclass
class HubFacts:
    """Headquarters' own decisions, read from its lane: cumulative grants, reservations, and when."""

    grants: dict[Cell, list[tuple[int, int]]] = field(default_factory=dict)
    reserved: dict[int, list[tuple[int, str, int]]] = field(default_factory=dict)


def needless(told: Told, hub: HubFacts, ask_balance: Callable[[list[Any]], list[int]]) -> list[str]:
    """Refusals that the stated policy did not need.

    Policy: own rights first, whatever the network; then headquarters, if it is reached, by what it
    knows at that moment and has not given to another till. ``ask_balance`` folds lists of events for
    (events, day) and gives balances.
    """
    ops: dict[int, list[tuple[str, int, dict[str, Any]]]] = defaultdict(list)
    for store, seq, body in told.ops:
        m = told.members.get(body["id"], body.get("m"))
        if m is not None:
            ops[m].append((store, seq, body))
    contacts: dict[str, list[tuple[int, int]]] = defaultdict(list)
    for store, at_ms, seq in told.contacts:
        contacts[store].append((at_ms, seq))
    found, asked = [], []
    for wish in told.wishes:
        if not wish.refused:
            continue
        short = wish.points - _own(wish, ops[wish.m], contacts[wish.store], hub)
        if short <= 0:
            found.append(f"{wish.store} refused member {wish.m} and had the rights")
        elif wish.connected:
            asked.append((wish, short, _delivered(wish, ops[wish.m], contacts)))
    questions = [([_event(op) for op in known], wish.st_ms) for wish, _, known in asked]
    for (wish, short, known), balance in zip(asked, ask_balance(questions), strict=True):
        if balance - _held(wish, known, hub) >= short:
            found.append(f"headquarters refused {short} of member {wish.m} and held them")
    return found


def _event(op: tuple[str, int, dict[str, Any]]) -> dict[str, Any]:
    return {"store": op[0], "till": "01", "op": op[2]}


def _own(
    wish: Wish, ops: list[tuple[str, int, dict[str, Any]]], contacts: list[tuple[int, int]], hub: HubFacts
) -> int:
    """The till's rights at the wish: its own adds and uses, and the grants it had heard."""
    heard_by = max((at for at, _ in contacts if at < wish.st_ms), default=0) + CONTACT_MS
    rights = max((g for at, g in hub.grants.get((wish.store, wish.m), ()) if at <= heard_by), default=0)
    for store, _, body in ops:
        if store == wish.store and body["st"] < wish.st_ms:
            for act, n, *_ in body.get("fund", ()):
                rights += _SIGN_LOCAL.get(act, 0) * n - (n if act in _ALLOWANCE else 0)
    return rights


def _delivered(
    wish: Wish, ops: list[tuple[str, int, dict[str, Any]]], contacts: Mapping[str, list[tuple[int, int]]]
) -> list[tuple[str, int, dict[str, Any]]]:
    """What headquarters had been told of the member before the wish."""
    upto = {
        store: max((seq for at, seq in times if at < wish.st_ms), default=0)
        for store, times in contacts.items()
    }
    return [op for op in ops if op[1] <= upto.get(op[0], 0)]


def _held(wish: Wish, known: list[tuple[str, int, dict[str, Any]]], hub: HubFacts) -> int:
    """Points that lay with tills or in reservations, as headquarters knew."""
    held = 0
    for (_, m), grants in hub.grants.items():
        if m == wish.m:
            held += max((g for at, g in grants if at < wish.st_ms), default=0)
    ended = {body["id"] for _, _, body in known} | {
        ref for _, _, body in known if body["t"] == "auth.void" for ref in body["refs"]
    }
    held += sum(
        n for at, intent, n in hub.reserved.get(wish.m, ()) if at < wish.st_ms and intent not in ended
    )
    for _, _, body in known:
        for act, n, *_ in body.get("fund", ()):
            held += _SIGN_LOCAL.get(act, 0) * n - (n if act in _ALLOWANCE else 0)
    return held

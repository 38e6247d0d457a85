"""What must hold in a chain: at every moment, and when everything has come to rest.

At every moment: what a till may still spend of an allowance and what it has spent and not told is covered by
what headquarters has set aside for it (R10); the same for the points it earned itself; and all tills together
may not spend more of a member than the member was seen to earn. What a sister till gave is its giver's to
answer for until headquarters hears of it (``gifts``). A headquarters that was put back hears a store first.

At rest: every operation stands at headquarters exactly once and to the byte, every paper that was seen is
among them and nothing else; nothing waits, is reserved or held for a till that does not know it; headquarters
proves its own books; an independent ledger, told what the tills recorded, has every balance, lot, debt,
settlement and account the same, impossible times set right; and what a till shows is what headquarters has.
"""

from __future__ import annotations

import importlib
import json
import random
import sys
from collections import Counter, defaultdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from agent.replay import opinion
from agent.store import cells, feeds, wants
from hub import regions
from hub.store import schema
from hub.verify import state, verify
from points.fold import FOLDED, fold
from points.fund import GIVES, USES_ALLOWANCE, USES_LOCAL, points_moved
from points.identifiers import HUB_STORE
from points.operations import Operation
from points.wire import canonical
from points.wire.manifest import PRIVATE_TOPIC, private_shard
from tests.chain import clocks, custody, gifts, goods, wallets
from tests.chain.gifts import POT, Gift
from tests.chain.pc import Pc

if TYPE_CHECKING:
    from tests.chain.world import World

ORACLES = str(Path(__file__).resolve().parents[1] / "oracles")
if ORACLES not in sys.path:
    sys.path.append(ORACLES)
ledger = importlib.import_module("ledger")

ELSEWHERE = frozenset({"refund-beyond-sale", "return-differs"})
"""What headquarters may remark where goods came back at two tills."""
UNHEARD = frozenset({"tier-differs"})
"""What it may remark where goods came back of which another till had not heard."""


class Violated(Exception):
    """A law was broken; the message says which and where, in words."""


# -- at any moment -----------------------------------------------------------------------------------


def at_any_moment(world: World, pc: Pc, m: int = 0) -> None:
    """The laws of every moment, for the till of this PC: of one member, or of all that it has rights of."""
    if world.hub.awaits(pc.name[0]):
        return
    _covered(world, pc, m)
    if m and (fault := wallets.fault(world, m)):
        raise Violated(fault)
    if fault := custody.fault(world, pc):
        raise Violated(fault)


def _covered(world: World, pc: Pc, only: int = 0) -> None:
    store, till = pc.name
    allowance: Counter[int] = Counter()
    local: Counter[int] = Counter()
    given = gifts.given(world, only, store)
    for one in world.every_pc():
        if one.name == pc.name:
            _count(world, one, only, allowance, local, given)
    for gift in given.values():
        if gift.to == pc.name and gift.was_heard and gift.is_on_its_way:
            allowance[gift.m] += gift.pts
    kept = _set_aside(world, pc, only)
    for m in allowance.keys() | local.keys():
        escrow, home = kept.get(m, (0, 0))
        if allowance[m] > escrow:
            raise Violated(
                f"R10: {store}/{till} may spend or has spent unheard {allowance[m]} points of an allowance of"
                f" member {m}, headquarters has set aside {escrow}"
            )
        if local[m] > home:
            raise Violated(
                f"local rights: {store}/{till} may spend or has spent unheard {local[m]} points of member {m}"
                f" that it earned, headquarters knows of {home}"
            )


def _set_aside(world: World, pc: Pc, only: int = 0) -> dict[int, tuple[int, int]]:
    """What headquarters keeps for this PC's till, by member: (allowance, local)."""
    where, arguments = ("", pc.name) if not only else (" AND m = ?", (*pc.name, only))
    kept = {
        m: (0 if closed else max(0, granted - used_a), max(0, added - used_l))
        for m, granted, used_a, added, used_l, closed in world.hub.rows(
            "SELECT m, granted + taken, allowance_used, added, local_used, closed FROM cells"
            " WHERE store = ? AND till = ?" + where, *arguments
        )
    }  # fmt: skip
    for m, pts in world.hub.rows(
        f"SELECT m, pts FROM reserved WHERE intent LIKE '{POT}%' AND store = ? AND till = ?" + where,
        *arguments,
    ):
        escrow, home = kept.get(m, (0, 0))
        kept[m] = (escrow + pts, home)
    return kept


def _count(
    world: World, pc: Pc, only: int, allowance: Counter[int], local: Counter[int], given: dict[str, Gift]
) -> None:
    """Add what this PC may spend and what it spent that headquarters has not posted."""
    database = pc.disk.database
    where, arguments = ("", ()) if not only else (" WHERE m = ?", (only,))
    rights = {
        m: cells._rights(text)
        for m, text in database.execute("SELECT m, cell FROM rights" + where, arguments)
    }
    for m, held in rights.items():
        left_l, left_a = wallets.left(held)
        local[m] += left_l
        allowance[m] += left_a
    for body in wallets.unposted(world, pc, only):
        m, pair = body["m"], (body.get("inc"), body.get("term"))
        mine = rights.get(m)
        is_mine = mine is not None and pair == (mine.inc, mine.term)
        gift = given.get(body["refs"][0] if body["t"] == "rights.take" else body["id"])
        for act, n in points_moved(body["fund"]):
            if act == "add":
                local[m] -= n
            elif act == "take":
                allowance[m] -= n if is_mine and gift is not None and not gift.was_heard else 0
            elif act in GIVES and gift is not None and gift.was_heard and not gift.is_in_advance:
                continue
            elif act in USES_LOCAL:
                local[m] += n
            elif act in USES_ALLOWANCE and is_mine:
                allowance[m] += n


# -- at rest -----------------------------------------------------------------------------------------


def at_rest(world: World) -> None:
    """The laws of a chain that has come to rest."""
    recorded = _exactly_once(world)
    _seen(world, recorded)
    beyond = goods.beyond_sale(raw for _, _, raw in recorded.values())
    _ask(not beyond, "more came back than was sold: " + "; ".join(beyond[:3]))
    _nothing_hangs(world)
    faults = verify(world.hub.office).faults
    _ask(not faults, "headquarters does not prove its books: " + "; ".join(faults[:3]))
    _remarks(world)
    _second_opinion(world, recorded)
    _any_order(world, recorded)
    for pcs in world.pcs.values():
        for pc in pcs:
            at_any_moment(world, pc)
            if not pc.is_replaced:
                _shows_what_is(world, pc)
    for m in world.witness.members:
        _ask(not (fault := wallets.fault(world, m)), fault)
    for m, store, till in world.hub.rows(
        "SELECT m, c.store, c.till FROM cells c JOIN agents a ON a.store = c.store AND a.till = c.till"
        " WHERE c.closed = 0 AND c.granted + c.taken > c.allowance_used AND c.term < a.term"
    ):
        raise Violated(f"an allowance of member {m} stays with a PC that {store}/{till} is no more")


Recorded = dict[str, tuple[str, str, bytes]]


def _ask(holds: bool, law: str) -> None:
    if not holds:
        raise Violated(law)


def _exactly_once(world: World) -> Recorded:
    """Every recorded operation is posted once, to the byte, in an unbroken lane; nothing else is."""
    recorded: Recorded = world.losses.heard(world.hub)
    for pc in world.every_pc():
        log, lane = pc.till.log, pc.identity.lane
        entries = list(log.walk())
        _ask(len(entries) == log.seq, f"the log of {pc.name} has a gap")
        heads = world.hub.rows(
            "SELECT seq, head FROM lanes WHERE store = ? AND till = ? AND epoch = ?",
            lane.store, lane.till, lane.epoch,
        )  # fmt: skip
        _ask(
            heads == ([(log.seq, log.head.hex())] if log.seq else []),
            f"headquarters' end of the lane of {pc.name} is not the till's",
        )
        last_st = 0
        for entry in entries:
            body = json.loads(entry.body)
            op_id, st = body["id"], body["st"]
            _ask(st > last_st, f"store time of {pc.name} does not rise at {op_id}")
            last_st = st
            _ask(op_id not in recorded, f"operation {op_id} was recorded twice")
            recorded[op_id] = (*pc.name, entry.body)
    posted: Counter[str] = Counter()
    for op_id, store, till, body in world.hub.rows("SELECT op_id, store, till, body FROM facts"):
        if store == HUB_STORE:
            continue
        posted[op_id] += 1
        _ask(recorded.get(op_id) == (store, till, bytes(body)), f"{op_id} was posted and not recorded so")
    for op_id in world.losses.dismissed:
        del recorded[op_id]
    _ask(
        posted.keys() == recorded.keys(), f"{len(recorded.keys() - posted.keys())} operations are not posted"
    )
    _ask(max(posted.values(), default=1) == 1, "an operation was posted twice")
    return recorded


def _seen(world: World, recorded: Recorded) -> None:
    """Every paper stands in a book as it was seen; every cashier's act in a book was seen, or in doubt."""
    witness = world.witness
    for op_id, paper in witness.papers.items():
        kept = recorded.get(op_id)
        if op_id in world.losses.unheard | world.losses.dismissed:
            continue
        _ask(kept is not None, f"the paper of {op_id} at {paper.store}/{paper.till} stands in no book")
        assert kept is not None
        _ask(json.loads(kept[2]) == paper.op.body, f"the paper of {op_id} is not what was recorded")
        _ask(
            paper.receipt.earned == (paper.op.body["pts"] if paper.op.kind == "sale.earn" else 0),
            f"the paper of {op_id} says other points than its operation",
        )
    doubtful = Counter((store, till) for store, till, _ in witness.doubtful.values())
    for op_id, (store, till, raw) in recorded.items():
        if op_id not in witness.papers and json.loads(raw)["t"] in FOLDED:
            doubtful[store, till] -= 1
            _ask(doubtful[store, till] >= 0, f"{op_id} stands in the book of {store}/{till}, nobody saw it")


def _nothing_hangs(world: World) -> None:
    for store, till, seq, on_what in world.hub.rows("SELECT store, till, seq, on_what FROM waiting"):
        raise Violated(f"operation {seq} of {store}/{till} still waits for {on_what}")
    untaken = {POT + gift.id for gift in gifts.given(world).values() if gift.is_on_its_way}
    for m, intent, store, till, pts in world.hub.rows("SELECT m, intent, store, till, pts FROM reserved"):
        if intent in untaken:
            continue
        raise Violated(f"{pts} points of member {m} are still reserved for {intent} of {store}/{till}")
    for pc in world.every_pc():
        _ask(not cells.intents(pc.till.book), f"{pc.name} has an authorisation that nobody ended")
        _ask(not wants.unanswered(pc.till.book), f"{pc.name} wants something that nobody answered")
        _ask(pc.night.unsent() == 0, f"{pc.name} has operations that nobody acknowledged")


def _remarks(world: World) -> None:
    told = "SELECT store, till, seq, letter, detail FROM told WHERE letter IN ('J', 'Q')"
    for store, till, seq, letter, detail in world.hub.rows(told):
        place = (store, till, seq)
        reason = json.loads(detail)["reason"]
        allowed = ELSEWHERE if world.marks["refund of another till's sale"] else frozenset()
        allowed |= UNHEARD if world.marks["refund"] + world.marks["void"] else frozenset()
        world.marks[f"remark: {reason}"] += 1
        if world.losses.explain(world.hub, place, reason) or clocks.explain(world, place, reason):
            continue
        _ask(
            letter == "J" and reason in allowed,
            f"headquarters remarks {letter} {detail} on operation {seq} of {store}/{till}",
        )


def _second_opinion(world: World, recorded: Recorded) -> None:
    """The independent ledger is told what the tills recorded, and has everything the same."""
    people, moved = {seen.op.id: seen.m for seen in world.witness.papers.values()}, clocks.moved(world)
    _ask(not (wrong := clocks.fault(world, moved)), wrong)
    events: dict[int, list[Any]] = defaultdict(list)
    for op_id, (store, till, raw) in recorded.items():
        body = json.loads(raw)
        m = body.get("m") or people.get(op_id)
        if body["t"] not in FOLDED:
            continue
        if m is None or "groups" in body:  # a paper that nobody saw, or a part that only its sale can tell
            return
        events[m].append({"store": store, "till": till, "op": {**clocks.set_right(moved, body), "m": m}})
    rule, book = world.hub.office.rules().hash, world.plan.rules
    today = world.hub.office.today()
    said = {m: ledger.fold(ledger.canonical(told), {rule: book}, today, False) for m, told in events.items()}
    for one in said.values():
        one["doubts"] = [doubt for doubt in one["doubts"] if doubt[1] not in ("day_used", "tier")]
    told = state(world.hub.office)
    for m in world.losses.unknown(set(told["members"]) - {str(m) for m in said}):
        told["members"].pop(m)
    for remarked in (*UNHEARD, "clock"):  # allowed where goods came back, and asked before
        told["cases"].pop(remarked, None)
    differing = opinion.differences(said, told, rule, book["settle"], today)
    world.marks["second opinion"] += 1
    _ask(not differing, "the independent ledger differs: " + "; ".join(differing[:3]))
    for m, one in said.items():
        clawed = one["clawed"] + world.losses.exposed[m]
        _ask(one["debt"] <= clawed, f"member {m} owes {one['debt']}, more than was ever clawed back")


def _any_order(world: World, recorded: Recorded) -> None:
    """A member's facts, told in any order and twice, are the same account."""
    dice = random.Random(world.plan.seed)
    facts: dict[int, list[Operation]] = defaultdict(list)
    for m, store, till, kind, body in world.hub.rows("SELECT m, store, till, kind, body FROM facts"):
        if kind in FOLDED:
            op = Operation(canonical.decode(bytes(body)), store, till)
            op.m = m
            facts[m].append(op)
    for m in sorted(facts)[:4]:
        mixed = dice.sample(facts[m] * 2, 2 * len(facts[m]))
        one, other = (fold(m, ops, world.hub.office.books) for ops in (facts[m], mixed))
        _ask(one.lot_rows() == other.lot_rows() and one.debt == other.debt, f"member {m}: order matters")


def _is_told(world: World, pc: Pc, m: int) -> bool:
    """Whether a store is told of a member: one of its region, or who was seen there."""
    with world.hub.store.look() as look:
        is_home = regions.homes(look, [m]).of(m) == pc.identity.region
    seen = world.hub.rows("SELECT 1 FROM visits WHERE store = ? AND m = ?", pc.name[0], m)
    return is_home or bool(seen)


def _shows_what_is(world: World, pc: Pc) -> None:
    """What the till shows of everybody is what headquarters has, and each knows the other's rights."""
    today = world.hub.office.today()
    page = feeds.edition(pc.till.book, PRIVATE_TOPIC, private_shard(*pc.name))[0]
    _ask(page > 0, f"{pc.name} has never taken its own page")
    kept = _set_aside(world, pc)
    for m, row in world.hub.rows(f'SELECT m, "row" FROM {schema.members.name}'):
        told = json.loads(row)
        view = pc.till.look(m)
        if view is None and not _is_told(world, pc, m):
            continue
        _ask(view is not None, f"{pc.name} does not know member {m}")
        assert view is not None
        lots = sum(lot[1] for lot in told[8] if lot[2] <= today and (not lot[3] or lot[3] >= today))
        shown = view.account.balance(today)
        _ask(shown == lots, f"{pc.name} shows {shown} of member {m}, headquarters has {lots}")
        _ask(view.account.debt == told[7], f"{pc.name} shows another debt of member {m}")
    if len([one for one in world.every_pc() if one.name == pc.name]) > 1:
        return
    for gift in gifts.given(world, 0, pc.name[0]).values():
        if gift.to == pc.name and gift.is_on_its_way and gift.was_heard:
            escrow, home = kept[gift.m]
            kept[gift.m] = (escrow - gift.pts, home)
    for m, held in cells.every(pc.till.book):
        left_l, left_a = wallets.left(held)
        _ask(
            (left_a, left_l) == kept.get(m, (0, 0)),
            f"{pc.name} holds {left_a} + {left_l} of member {m}, headquarters counts {kept.get(m)}",
        )
    for m, (escrow, home) in kept.items():
        left_l, left_a = wallets.left(cells.read(pc.till.book, m))
        _ask((left_a, left_l) == (escrow, home), f"rights of {pc.name} in member {m} are stranded")

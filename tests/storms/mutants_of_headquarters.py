"""Bugs at headquarters: grants, reservations, terms, intake and folding."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from hub import admission, authorisations, changes, custody, grants, intake, judgement, resolution
from hub.store.sharing import SharedTurns
from points import holding, judging
from points.fold import Account
from points.legs import MEM, Leg
from points.operations import Operation
from points.rights import Cell
from tests.storms.mutants import Surgery, mutant

SILENT_MS = 6 * 3_600_000


@mutant("an allowance comes home by a timer")
def timer(surgery: Surgery) -> None:
    def grant_to(turn: Any, office: Any, store: str, till: str, *term: int) -> int:
        turn.run(
            "UPDATE cells SET granted = allowance_used, sched = '[]' WHERE EXISTS (SELECT 1 FROM agents a"
            " WHERE a.store = cells.store AND a.till = cells.till AND a.last_seen_ms < ?)",
            (office.clock() - SILENT_MS,),
        )
        return int(real(turn, office, store, till, *term))

    real = surgery.put(grants, "grant_to", grant_to)


@mutant("a grant is added to the one before", fast=True)
def summed_at_headquarters(surgery: Surgery) -> None:
    def grant_legs(op: Operation, cell: Cell) -> list[Leg]:
        before = cell.granted
        legs = real(op, cell)
        cell.granted += before
        return list(legs)

    real = surgery.put(holding, "grant_legs", grant_legs)


def _available(surgery: Surgery, ignored: str) -> None:
    def available(account: Account, standing: Any, today: int) -> int:
        free = int(real(account, standing, today))
        for cell in standing.cells.values():
            free += cell.escrow if ignored == "allowances" else cell.home if ignored == "local" else 0
        reserved = sum(held.pts for held in standing.reserved.values())
        return free + (reserved if ignored == "reserved" else 0)

    real = surgery.put(grants, "available", available)
    surgery.put(authorisations, "available", available)


@mutant("what one till was granted is granted to another", fast=True)
def double_grant(surgery: Surgery) -> None:
    _available(surgery, "allowances")


@mutant("what tills earned themselves is granted to others", fast=True)
def local_granted(surgery: Surgery) -> None:
    _available(surgery, "local")


@mutant("what is reserved is granted")
def reserved_granted(surgery: Surgery) -> None:
    _available(surgery, "reserved")


@mutant("an authorisation is granted without a look at what tills hold", fast=True)
def careless(surgery: Surgery) -> None:
    surgery.put(authorisations, "available", lambda account, _standing, today: account.balance(today))


@mutant("an authorisation is said and not reserved", fast=True)
def not_reserved(surgery: Surgery) -> None:
    surgery.put(authorisations, "decide", lambda *_: [])


@mutant("a reservation ends by time", fast=True)
def auth_timer(surgery: Surgery) -> None:
    def reserve(office: Any, asked: Any) -> Any:
        with office.store.turn() as turn:
            turn.run("DELETE FROM reserved")
        return real(office, asked)

    real = surgery.put(authorisations, "reserve", reserve)


@mutant("a reservation is made after its void")
def after_void(surgery: Surgery) -> None:
    surgery.put(holding.Standing, "is_over", lambda *_: False)


@mutant("a void releases nothing", fast=True)
def deaf_void(surgery: Surgery) -> None:
    surgery.put(holding, "_DECISIONS", {**holding._DECISIONS, "auth.void": lambda *_: []})


@mutant("the operation of an authorisation does not end its reservation", fast=True)
def not_ended(surgery: Surgery) -> None:
    surgery.put(holding, "_release", lambda *_: [])


@mutant("a replaced PC's rights come home when the new one joins")
def close_without_lane(surgery: Surgery) -> None:
    def next_epoch(turn: Any, office: Any, store: str, till: str) -> tuple[int, int]:
        turn.run("UPDATE cells SET closed = 1 WHERE store = ? AND till = ?", (store, till))
        return tuple(real(turn, office, store, till))

    real = surgery.put(admission, "_next_epoch", next_epoch)


@mutant("a new term begins while the old one may still be spent")
def term_ignored(surgery: Surgery) -> None:
    def grant_legs(op: Operation, cell: Cell) -> list[Leg]:
        if (op.body["inc"], op.body["term"]) > cell.term:
            cell.renew((op.body["inc"], op.body["term"]))
        return list(real(op, cell))

    def grant(office: Any, held: Any, agent: Any, inc: int, term: int, today: int) -> Any:
        cell = held.standing.cells.get(agent)
        if cell is not None and cell.term != (inc, term):
            cell.renew((inc, term))
        return granted(office, held, agent, inc, term, today)

    real = surgery.put(holding, "grant_legs", grant_legs)
    granted = surgery.put(grants, "_grant", grant)


@mutant("a closed term's allowance stays at headquarters as if it were out")
def close_forgotten(surgery: Surgery) -> None:
    surgery.put(holding, "close_legs", lambda *_: [])


@mutant("rights that come back are not counted", fast=True)
def deaf_return(surgery: Surgery) -> None:
    def post(self: Cell, op: Operation) -> int:
        if op.kind == "rights.return":
            return 0
        return int(real(self, op))

    real = surgery.put(Cell, "post", post)


@mutant("rights that come back are counted twice", fast=True)
def loud_return(surgery: Surgery) -> None:
    def rights_legs(op: Operation, cell: Cell) -> list[Leg]:
        if op.kind == "rights.return":
            cell.post(op)
        return list(real(op, cell))

    real = surgery.put(holding, "rights_legs", rights_legs)


@mutant("a burnt right is not counted")
def deaf_burn(surgery: Surgery) -> None:
    def post(self: Cell, op: Operation) -> int:
        return 0 if op.refs and op.fund else int(real(self, op))

    real = surgery.put(Cell, "post", post)


@mutant("an ack is given before the commit", fast=True)
def ack_first(surgery: Surgery) -> None:
    def do(self: SharedTurns, work: Any) -> Any:
        count[0] += 1
        if count[0] % 5:
            return real(self, work)
        try:
            with self._store.turn() as turn:
                answer = work(turn)
                raise RuntimeError("the plug")
        except RuntimeError:
            return answer

    count = [0]
    real = surgery.put(SharedTurns, "do", do)


@mutant("what was heard before is posted again")
def heard_again(surgery: Surgery) -> None:
    real: Any = vars(intake)["Delivery"]
    surgery.put(intake, "Delivery", lambda opened, _start, _drafts: real(opened, 0, {}))
    surgery.put(judgement, "twin", lambda *_: None)


@mutant("an overlapping batch is judged whole again", harmless="each operation is known by its id as well")
def overlap(surgery: Surgery) -> None:
    real: Any = vars(intake)["Delivery"]
    surgery.put(intake, "Delivery", lambda opened, _start, _drafts: real(opened, 0, {}))


@mutant("what waited is never judged again", fast=True)
def deaf_waiting(surgery: Surgery) -> None:
    surgery.put(custody, "waiting_on", lambda *_: [])


@mutant("a code that is known is not named", fast=True)
def unnamed(surgery: Surgery) -> None:
    surgery.put(resolution, "resolve_waiting", lambda *_: 0)


@mutant("a return does not wait for what its lane has in custody", weather="sisters")
def no_waiting(surgery: Surgery) -> None:
    def admit(op: Operation, docket: Any) -> Any:
        return real(op, replace(docket, waiting=set()))

    real = surgery.put(judgement, "admit", admit)


@mutant("a late fact is folded onto the checkpoint", fast=True)
def not_refolded(surgery: Surgery) -> None:
    surgery.put(changes, "extends", lambda *_: True)


@mutant("facts are folded as they arrive", fast=True)
def as_they_arrive(surgery: Surgery) -> None:
    surgery.put(judging, "canonical", lambda ops: list(ops))


@mutant("a re-fold posts its legs once more", fast=True)
def posted_anew(surgery: Surgery) -> None:
    surgery.put(changes, "correction", lambda target, _posted: list(target))


@mutant("points spent on debt are not taken from what is earned", fast=True)
def debt_forgiven(surgery: Surgery) -> None:
    surgery.put(Account, "_repay", lambda *_: None)


@mutant("a refund claws nothing", fast=True)
def no_claw(surgery: Surgery) -> None:
    surgery.put(Account, "_claw", lambda *_: None)


@mutant("goods that come back give the points twice", fast=True)
def restored_twice(surgery: Surgery) -> None:
    def restore(self: Account, op: Operation, sold: Operation, pts: int, today: int, book: Any) -> None:
        real(self, op, sold, pts, today, book)
        for lot in self.lots.values():
            lot.remaining += pts
            break

    real = surgery.put(Account, "_restore", restore)


@mutant("an operation folded twice counts twice", harmless="the canonical order names each fact once")
def no_memory(surgery: Surgery) -> None:
    def take(self: Account, op: Operation) -> None:
        self.seen.discard(op.id)
        real(self, op)

    real = surgery.put(Account, "take", take)


@mutant("points that headquarters holds are lost at a grant", fast=True)
def lost_leg(surgery: Surgery) -> None:
    def grant_legs(op: Operation, cell: Cell) -> list[Leg]:
        return [leg for leg in real(op, cell) if leg.debit != MEM]

    real = surgery.put(holding, "grant_legs", grant_legs)


@mutant("a number is issued twice")
def issued_twice(surgery: Surgery) -> None:
    def fill_pool(turn: Any, office: Any, store: str, till: str) -> int:
        turn.run("UPDATE agents SET next_member = first_member + (next_member - first_member) / 2")
        return int(real(turn, office, store, till))

    real = surgery.put(admission, "fill_pool", fill_pool)


@mutant("a grant outlives the points", harmless="the till shows no expired point, so nobody wishes for one")
def outlives(surgery: Surgery) -> None:
    def schedule(lots: Any, held: Any, granted: int, fresh: int) -> list[list[int]]:
        return real([[0, points] for _, points in lots], held, granted, fresh)  # type: ignore[no-any-return]

    real = surgery.put(grants, "schedule", schedule)

"""Bugs of points that tills of a store give each other, at the tills and at headquarters."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

from agent import recorder, till, transfers
from agent.journal.log import Entry
from agent.store import acts
from agent.till import Till
from hub import handovers
from points import holding, judging, rights
from points.legs import Leg
from points.operations import Operation
from points.rights import Cell, Rights
from points.wire.transfer import Given
from tests.storms.mutants import Surgery, mutant


class _WithoutReturns:
    """What was taken is not found."""

    def __init__(self, real: Any) -> None:
        self._real = real

    def __getattr__(self, name: str) -> Any:
        return (lambda *_: []) if name == "returns_of" else getattr(self._real, name)


@mutant("a gift is recorded and kept", fast=True)
def gave_and_kept(surgery: Surgery) -> None:
    def give(held: Rights, pts: int, today: int) -> tuple[Rights, Any, Any]:
        _, fund, sched = real(held, pts, today)
        return held, fund, sched

    real = surgery.put(rights, "give", give)


@mutant("a gift is answered before it is recorded, and the power goes")
def answered_first(surgery: Surgery) -> None:
    def record(of: Till, draft: Any, time: Any, day: int) -> Any:
        count[0] += draft.kind == "rights.give"
        if draft.kind != "rights.give" or count[0] % 2:
            return real(of, draft, time, day)
        raw = transfers.canonical.encode(recorder._checked(of, draft, time, day).body)
        answered = Entry(of.log.pos(of.log.seq + 1), raw, b"")
        answers[answered.pos] = answered
        return SimpleNamespace(entry=answered)

    def shown(of: Till, pos: int) -> Given:
        entry = answers.pop(pos, None)
        if entry is None:
            return real_shown(of, pos)  # type: ignore[no-any-return]
        return Given.signed(of.identity.lane, entry.seq, entry.body, of.identity.key)

    count: list[int] = [0]
    answers: dict[int, Entry] = {}
    real = surgery.put(transfers, "record", record)
    real_shown = surgery.put(transfers, "_shown", shown)


@mutant("a gift is taken as often as it is heard", fast=True)
def taken_twice(surgery: Surgery) -> None:
    surgery.put(transfers, "sales", _WithoutReturns(transfers.__dict__["sales"]))


@mutant("a gift is taken for another term than its own")
def taken_late(surgery: Surgery) -> None:
    def take(of: Till, given: Given) -> int:
        identity = of.identity
        told = given.content()["fund"][0][3]
        if tuple(told[:2]) == (of.store, of.till):
            of.identity = replace(identity, inc=told[2], term=told[3])
        try:
            return int(real(of, given))
        finally:
            of.identity = identity

    real = surgery.put(transfers, "take", take)
    surgery.put(Till, "has_own_term", property(lambda _self: True))


@mutant("a PC that was replaced takes what its successor is given", weather="sisters")
def successor_robbed(surgery: Surgery) -> None:
    surgery.put(Till, "has_own_term", property(lambda _self: True))


@mutant("headquarters moves a gift by both of its operations", fast=True)
def moved_twice(surgery: Surgery) -> None:
    def take(standing: holding.Standing, op: Operation) -> list[Leg]:
        given = op.body["giving"]
        standing.voided.discard(holding._ended(given.id, (given.store, given.till)))
        return real(standing, op)  # type: ignore[no-any-return]

    real = holding._take
    surgery.put(holding, "_DECISIONS", {**holding._DECISIONS, "rights.take": take})


@mutant("headquarters forgets what a giver owes when it hears the taking first", fast=True)
def never_debited(surgery: Surgery) -> None:
    def give(standing: holding.Standing, op: Operation) -> list[Leg]:
        if holding.ADVANCE + op.id in standing.reserved:
            return [
                Leg(op.id, holding.MEM, holding.AUTH, "", -standing.bring_back(holding.ADVANCE + op.id).pts)
            ]  # type: ignore[union-attr]
        return real(standing, op)  # type: ignore[no-any-return]

    real = holding._give
    surgery.put(holding, "_DECISIONS", {**holding._DECISIONS, "rights.give": give})


@mutant("what a taking moves is granted before its giver is heard")
def advance_granted(surgery: Surgery) -> None:
    def take(standing: holding.Standing, op: Operation) -> list[Leg]:
        legs = real(standing, op)
        gone = holding.ADVANCE + op.body["giving"].id
        return [leg for leg in legs if leg.ref != gone]

    real = holding._take
    surgery.put(holding, "_DECISIONS", {**holding._DECISIONS, "rights.take": take})


@mutant("a giver takes back what nobody has confirmed", fast=True)
def taken_back(surgery: Surgery) -> None:
    def give(of: Till, said: Any) -> Any:
        given = real(of, said)
        if given is not None and given.content()["id"] not in seen:
            seen.add(given.content()["id"])
            with of.book.turn() as turn:
                held = transfers.cells.read(of.book, said.m)
                back = rights.earn(held, sum(n for _, n in given.content()["sched"]), 0)
                transfers.cells.write(turn, said.m, back)
        return given

    seen: set[str] = set()
    real = surgery.put(transfers, "give", give)


@mutant("a wish is answered by another gift each time, and all but the last are taken back")
def given_anew(surgery: Surgery) -> None:
    def find(book: Any, act: str) -> Any:
        found = real(book, act)
        if found is None or not act.startswith(transfers.GAVE):
            return found
        (body,) = book.row("SELECT body FROM ops WHERE pos = ?", (found[0],))
        given = transfers.canonical.decode(body)
        with book.turn() as turn:
            turn.execute("DELETE FROM acts WHERE act = ?", (act,))
            turn.execute("DELETE FROM facts WHERE name LIKE 'wanted-by:%'")
            back = rights.earn(transfers.cells.read(book, given["m"]), sum(n for _, n in given["sched"]), 0)
            transfers.cells.write(turn, given["m"], back)
        return None

    real = surgery.put(acts, "find", find)


@mutant("a gift that lies at a till vanishes with its term")
def vanished(surgery: Surgery) -> None:
    def close_legs(op: Operation, cell: Cell) -> list[Leg]:
        cell.taken = 0
        return list(real(op, cell))

    real = surgery.put(holding, "close_legs", close_legs)


@mutant("what was taken survives its term")
def taken_survives(surgery: Surgery) -> None:
    def renew(held: Rights, inc: int, term: int) -> Rights:
        after: Rights = real(held, inc, term)
        return after if after is held else rights.take(after, held.taken)

    real = surgery.put(rights, "renew", renew)
    surgery.put(till, "renew", renew)


@mutant("a grant forgets what sister tills gave", fast=True)
def grant_forgets(surgery: Surgery) -> None:
    def hear(held: Rights, inc: int, term: int, g: int, sched: Any) -> Rights:
        return real(replace(held, taken=()), inc, term, g, sched)  # type: ignore[no-any-return]

    real = surgery.put(rights, "hear_grant", hear)


@mutant("nobody asks who signed a gift")
def unsigned(surgery: Surgery) -> None:
    surgery.put(Given, "check", lambda *_: None)


@mutant("headquarters closes the terms of all a till's PCs with the latest one")
def closed_for_all(surgery: Surgery) -> None:
    def is_closed(look: Any, store: str, till: str, term: tuple[int, int]) -> bool:
        row = look.one("SELECT value FROM settings WHERE name = ?", (handovers.CLOSED.format(store, till),))
        return row is not None and term <= max(
            (int(inc), int(number)) for inc, number in (one.split(",") for one in row[0].split())
        )

    surgery.put(handovers, "is_closed", is_closed)


@mutant("a new PC's points are taken from what its predecessor holds")
def from_the_wrong_term(surgery: Surgery) -> None:
    surgery.put(holding, "_from_pots", lambda *_: [])


@mutant("what nobody has told headquarters of is granted")
def untold_granted(surgery: Surgery) -> None:
    surgery.put(holding.Standing, "untold", property(lambda _self: 0))


@mutant("taking waits behind an operation in custody, and spending does not", weather="sisters")
def taking_waits(surgery: Surgery) -> None:
    surgery.put(judging, "BEHIND", judging.BEHIND | {"rights.take"})


@mutant("an old wish is answered anew", harmless="what it is given is its own, and lies idle at most")
def old_wish(surgery: Surgery) -> None:
    surgery.put(transfers, "is_late", lambda *_: False)

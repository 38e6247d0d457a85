"""Bugs at the tills: rights, intents, the record itself, the second file, editions and time."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from agent import (
    contact,
    counter,
    day_close,
    funding,
    goods_back,
    intents,
    night,
    pending,
    recorder,
    till,
    uplink,
)
from agent.journal import clock
from agent.journal.log import Log
from agent.pending import Pending
from agent.store import acts, cells, members, sales
from agent.till import Till
from config.faults import Fault
from points import rights
from points.rights import Rights
from tests.storms.mutants import Surgery, mutant


@mutant("a grant heard again is added", fast=True)
def additive(surgery: Surgery) -> None:
    def hear(held: Rights, inc: int, term: int, g: int, sched: Any) -> Rights:
        return real(replace(held, granted=0, allowance=()), inc, term, g, sched)  # type: ignore[no-any-return]

    real = surgery.put(rights, "hear_grant", hear)


@mutant("a renewed term keeps its allowance")
def kept_over(surgery: Surgery) -> None:
    def renew(held: Rights, inc: int, term: int) -> Rights:
        return held if (held.inc, held.term) >= (inc, term) else replace(held, inc=inc, term=term)

    surgery.put(rights, "renew", renew)
    surgery.put(till, "renew", renew)


@mutant("a page of a later term is never taken", fast=True)
def never_taken(surgery: Surgery) -> None:
    surgery.put(contact.Contact, "_renew", lambda *_: False)


@mutant("a term is never closed by its till's hand")
def never_closed(surgery: Surgery) -> None:
    def renew(self: contact.Contact, inc: int, term: int) -> bool:
        with self.till.book.lock:
            if (inc, term) > (self.till.identity.inc, self.till.identity.term):
                self.till.enter_term(inc, term)
        return True

    surgery.put(contact.Contact, "_renew", renew)


@mutant("rights are given back and kept", fast=True)
def given_and_kept(surgery: Surgery) -> None:
    def give_back(held: Rights) -> tuple[Rights, Any]:
        return held, real(held)[1]

    real = surgery.put(rights, "give_back", give_back)


@mutant("rights are given up without a word", fast=True)
def lost_on_the_way(surgery: Surgery) -> None:
    def give_back(held: Rights) -> tuple[Rights, Any]:
        after, fund = real(held)
        return after, fund[:1] if len(fund) > 1 else fund

    real = surgery.put(rights, "give_back", give_back)


@mutant("a spend is not taken from the rights", fast=True)
def spent_and_kept(surgery: Surgery) -> None:
    def spend(held: Rights, pts: int, today: int) -> tuple[Rights, Any, int]:
        _, fund, short = real(held, pts, today)
        return held, fund, short

    real = surgery.put(rights, "spend", spend)


@mutant("the rights after an act are written in a turn of their own")
def later_turn(surgery: Surgery) -> None:
    def keep(of: Till, turn: Any, write: Any, pos: int) -> None:
        kept.append((write.op.m, write.cell))
        write.cell = None
        real_keep(of, turn, write, pos)

    def commit(of: Till, writes: Any) -> Any:
        kept.clear()
        done = real_commit(of, writes)
        for m, cell in kept:
            if m is not None and cell is not None:
                with of.book.turn() as turn:
                    cells.write_text(turn, m, cell)
        return done

    kept: list[Any] = []
    real_keep = surgery.put(recorder, "_keep_effects", keep)
    real_commit = surgery.put(recorder, "_commit", commit)


@mutant("rights are not counted again after a restore")
def restore_forgets(surgery: Surgery) -> None:
    surgery.put(Till, "rebuild_rights", lambda _self: None)


@mutant("the second file is not written")
def no_second_file(surgery: Surgery) -> None:
    def copy(self: Log) -> None:
        self._unmirrored = b""

    surgery.put(Log, "copy", copy)


@mutant("the second file is not read at start")
def no_reconcile(surgery: Surgery) -> None:
    surgery.put(Log, "reconcile", lambda _self: [])


@mutant("a number is given to two people after a restore")
def two_people(surgery: Surgery) -> None:
    surgery.put(members, "use_number", lambda *_: None)


@mutant("an intent is not written down")
def intent_in_memory(surgery: Surgery) -> None:
    surgery.put(cells, "intend", lambda *_: None)
    surgery.put(funding, "give_up", lambda *_: None)


@mutant("intents that were cut off are forgotten", harmless="headquarters tells of what it keeps")
def intent_forgotten(surgery: Surgery) -> None:
    def end_cut_off(of: Till, _by: str) -> int:
        with of.book.turn() as turn:
            turn.execute("DELETE FROM intents")
        return 0

    surgery.put(intents, "end_cut_off", end_cut_off)


@mutant("an answer that did not come is taken for a yes", fast=True)
def hopeful(surgery: Surgery) -> None:
    def authorise(self: Any, *asked: Any) -> str:
        said = real(self, *asked)
        return "granted" if said == "unreachable" else str(said)

    real = surgery.put(uplink.Uplink, "_authorise", authorise)


@mutant("an authorisation refused is spent all the same", fast=True)
def stubborn(surgery: Surgery) -> None:
    surgery.put(uplink.Uplink, "_authorise", lambda *_: "granted")


@mutant("a record that failed is believed")
def believed(surgery: Surgery) -> None:
    def commit(of: Till, writes: Any) -> Any:
        try:
            return real(of, writes)
        except Fault:
            entry = of.log.between(1, 2**62)[-1]
            return [recorder.Recorded(write.op, entry, write.receipt) for write in writes]

    real = surgery.put(recorder, "_commit", commit)


@mutant("a commit in doubt is taken for a failure")
def doubted(surgery: Surgery) -> None:
    class Blind:
        def __getattr__(self, name: str) -> Any:
            return (lambda *_: None) if name == "entry" else getattr(sales, name)

    surgery.put(recorder, "sales", Blind())


@mutant("a double click is two acts", fast=True)
def two_acts(surgery: Surgery) -> None:
    surgery.put(acts, "find", lambda *_: None)


@mutant("a claw-back burns nothing", fast=True)
def burns_nothing(surgery: Surgery) -> None:
    surgery.put(rights, "burn", lambda held, pts: (held, [], pts))


@mutant("a claw-back gives local rights", fast=True)
def burns_backwards(surgery: Surgery) -> None:
    surgery.put(rights, "burn", lambda held, pts: (rights.earn(held, pts, 0), [], pts))


@mutant("restored points become local rights", fast=True)
def restored_local(surgery: Surgery) -> None:
    def note(of: Till, kind: str, told: Any, *rest: Any) -> Any:
        done = real(of, kind, told, *rest)
        if told.m is not None and told.restore_pts:
            with of.book.turn() as turn:
                cells.write(turn, told.m, rights.earn(cells.read(of.book, told.m), told.restore_pts, 0))
        return done

    real = surgery.put(goods_back, "_record", note)


@mutant("what repays a debt is given as a right")
def debt_ignored(surgery: Surgery) -> None:
    def fund_sale(rules: Any, view: Any, quote: Any, intent: Any) -> Any:
        before, view.account = view.account, _Free(view.account)
        try:
            return real(rules, view, quote, intent)
        finally:
            view.account = before

    real = surgery.put(counter, "_fund_sale", fund_sale)


class _Free:
    """An account that owes nothing."""

    debt = 0

    def __init__(self, real: Any) -> None:
        self._real = real

    def __getattr__(self, name: str) -> Any:
        return getattr(self._real, name)


@mutant("points are given as rights twice", fast=True)
def added_twice(surgery: Surgery) -> None:
    real: Any = rights.earn
    surgery.put(rights, "earn", lambda held, pts, on: real(real(held, pts, on), pts, on))


@mutant("a return of a sale is forgotten", fast=True)
def refunded_again(surgery: Surgery) -> None:
    surgery.put(sales, "returns_of", lambda *_: [])


@mutant("own operations are counted beside the row that counts them", fast=True)
def counted_twice(surgery: Surgery) -> None:
    surgery.put(pending, "_pos", lambda *_: 0)


@mutant("own operations are not counted", fast=True)
def not_counted(surgery: Surgery) -> None:
    surgery.put(Pending, "add", lambda *_: None)


@mutant("what headquarters keeps in custody is not counted any more", weather="sisters")
def custody_forgotten(surgery: Surgery) -> None:
    def uncounted(book: Any, pos: int, _g: int) -> list[Any]:
        return [(at, body, 0) for at, body in sales.since(book, pos)]

    surgery.put(sales, "uncounted", uncounted)


@mutant("an older row replaces a newer one", harmless="editions come in order from one headquarters")
def older_row(surgery: Surgery) -> None:
    surgery.put(members, "_held", lambda *_: {})


@mutant("a wall clock is always believed", fast=True)
def believes_the_wall(surgery: Surgery) -> None:
    def store_time(moment: Any, last_st_ms: int, _witness: Any) -> Any:
        return clock.StoreTime(max(moment.wall_ms, last_st_ms + 1), moment, False)

    surgery.put(till, "store_time", store_time)


@mutant("time runs back with the wall clock")
def runs_back(surgery: Surgery) -> None:
    surgery.put(till, "store_time", lambda moment, *_: clock.StoreTime(moment.wall_ms, moment, False))


@mutant("rights go home before headquarters answers", harmless="safe, and a till in an outage has none")
def home_too_soon(surgery: Surgery) -> None:
    def run(self: Any, **how: Any) -> Any:
        if self.till.rules is not None:
            day_close.give_back(self.till, "agent")
        return self.contact(**how)

    surgery.put(night.Night, "run", run)

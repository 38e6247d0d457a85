"""What a page or a point of sale may ask of the counter: each act once, approved where it must be.

An act carries an id that its asker made. The same id with the same content is answered from what was
recorded; with another content it is a Fault. A PIN is asked for where the rule book says so. A disk
that takes nothing more is said as a refusal, because the cashier can do something about it.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from agent import approval, day_close, elsewhere, enrolment, goods_back, reservations, sealed_sale
from agent.counter import Counter
from agent.day_close import DayClosed
from agent.enrolment import Enrolled
from agent.funding import No
from agent.recorder import Mark, Recorded
from agent.store import acts, prints, sales
from agent.till import Shift
from config.faults import Fault
from points.operations import Operation
from points.receipts import Receipt
from points.refusals import Refusal
from points.wire import canonical

REFUNDS = frozenset({"refund", "refund_elsewhere"})


@dataclass(frozen=True, slots=True)
class Done:
    """An act that is in the book. ``again`` says that this id had been recorded before."""

    op: Operation
    job: int
    receipt: Receipt
    again: bool = False


class Desk:
    """The acts of one counter for pages and points of sale. Safe from any thread; one act at a time,
    and one refund beside it."""

    def __init__(
        self,
        counter: Counter,
        ask: reservations.Ask = reservations.no_headquarters,
        near: reservations.Near = reservations.no_sisters,
        make_room: Callable[[], bool] = lambda: False,
    ) -> None:
        self.counter = counter
        self._make_room = make_room
        self._ask, self._near = ask, near
        self.till = counter.till
        self._one = threading.Lock()
        self._refunds = threading.Lock()
        """A refund may wait for other tills and headquarters, and the next customer not for it."""

    def sell(
        self,
        act: str,
        by: str,
        m: int | None,
        lines: Sequence[Sequence[Any]],
        *,
        points: int = 0,
        who: str = "",
        paid: str = "cash",
        receipt: str = "",
        pin: str = "",
    ) -> Done | No:
        """Record a sale."""
        asked = ["sell", m, list(map(list, lines)), points, who, paid, receipt]

        def do(mark: Mark) -> Recorded | No:
            if receipt and sales.receipt_exists(self.till.book, receipt, self.till.shift().day):
                return No(Refusal.receipt_known, {"number": receipt})
            return self.counter.sell(m, lines, by, points, who, paid, receipt, mark)

        return self._once(act, asked, do, lambda: self._asks_manager(m, points), pin)

    def sell_to_phone(
        self,
        act: str,
        by: str,
        phone: str,
        lines: Sequence[Sequence[Any]],
        *,
        paid: str = "cash",
        receipt: str = "",
    ) -> Done | No:
        """Record a sale for a typed phone: the member's who has it here, else one that waits.

        The phone itself is not kept, not even in the digest of the act.
        """
        asked = ["sell_to_phone", list(map(list, lines)), paid, receipt]

        def do(mark: Mark) -> Recorded | No:
            if receipt and sales.receipt_exists(self.till.book, receipt, self.till.shift().day):
                return No(Refusal.receipt_known, {"number": receipt})
            m = sealed_sale.known_here(self.till, phone)
            if m is not None:  # an edition came after the phone was typed
                return self.counter.sell(m, lines, by, 0, "", paid, receipt, mark)
            return sealed_sale.sell(self.till, phone, lines, by, paid, receipt, mark)

        return self._once(act, asked, do, lambda: False, "")

    def redeem(self, act: str, by: str, m: int, points: int, pin: str = "") -> Done | No:
        """Record points as cash."""
        return self._once(
            act,
            ["redeem", m, points],
            lambda mark: self.counter.redeem(m, points, by, mark),
            lambda: self._asks_manager(m, points),
            pin,
        )

    def _asks_manager(self, m: int | None, points: int) -> bool:
        """Nobody is called for what cannot be."""
        is_much = approval.needed(self.till, redeem_pts=points)
        return is_much and self.counter.may_spend(m, points) is None

    def refund(self, act: str, by: str, sale: str, lines: goods_back.ReturnLines, pin: str = "") -> Done | No:
        """Record goods that came back; of a sale not this till's to refund, as headquarters lets it."""

        def too_much() -> bool:
            told = self.quote_return(sale, lines)
            return not isinstance(told, No) and approval.needed(self.till, refund_fen=told.fen)

        def do(mark: Mark) -> Recorded | No:
            if reservations.is_elsewhere(self.till, sale):
                return reservations.refund(self.till, sale, lines, by, self._ask, mark)
            return goods_back.refund(self.till, sale, lines, by, mark)

        return self._once(act, ["refund", sale, list(map(list, lines))], do, too_much, pin)

    def quote_return(self, sale: str, lines: goods_back.ReturnLines) -> goods_back.ReturnQuote | No:
        """What a return would do, of a sale of this till or of one that headquarters told of."""
        if reservations.is_elsewhere(self.till, sale):
            return reservations.quote(self.till, sale, lines)
        return goods_back.quote(self.till, sale, lines)

    def find_elsewhere(self, digits: str, *, reaches: bool) -> goods_back.Returnable | No:
        """What a sister till says of the sale on a paper, or headquarters where it ``reaches``; it may take
        a moment."""
        ask = self._ask if reaches else reservations.no_headquarters
        return reservations.look(self.till, digits, ask, self._near)

    def refund_elsewhere(
        self,
        act: str,
        by: str,
        digits: str,
        groups: elsewhere.Groups,
        *,
        online: bool = False,
        reaches: bool = False,
        pin: str = "",
    ) -> Done | No:
        """Record a capped part of another till's sale that came back, by its paper alone.

        Whoever can be asked is, headquarters where it ``reaches``, and what they can help with comes back by
        lines. The manager is asked, but below the limits of any refund not by who knows that headquarters
        hears of it at once (``online``).
        """

        def asks_manager() -> bool:
            allowed = elsewhere.allowed(self.till, digits, groups)
            fen = sum(group[1] for group in groups)
            return not isinstance(allowed, No) and (not online or approval.needed(self.till, refund_fen=fen))

        def do(mark: Mark) -> Recorded | No:
            helped = self.find_elsewhere(digits, reaches=reaches)
            if not elsewhere.is_left_alone(helped):
                return helped if isinstance(helped, No) else No(Refusal.refund_by_lines, {})
            return elsewhere.refund(self.till, digits, groups, by, mark)

        return self._once(act, ["refund_elsewhere", digits, list(map(list, groups))], do, asks_manager, pin)

    def void(self, act: str, by: str, sale: str, pin: str = "") -> Done | No:
        """Take back a whole sale or redemption of today."""

        def too_much() -> bool:
            found = goods_back.returnable(self.till, sale)
            fen = 0 if isinstance(found, No) else sum(line[2] for line in found.rest)
            return approval.needed(self.till, refund_fen=fen)

        return self._once(
            act, ["void", sale], lambda mark: goods_back.void(self.till, sale, by, mark), too_much, pin
        )

    def enrol(self, act: str, by: str, phone: str = "", name: str = "", card: str = "") -> Done | No:
        """Record a new member. What was typed is not kept, not even in the digest of the act."""

        def do(mark: Mark) -> Recorded | No:
            new = enrolment.enrol(self.till, by, phone, name, card, mark)
            return new.recorded if isinstance(new, Enrolled) else new

        return self._once(act, ["enrol"], do, lambda: False, "")

    def close_day(self, by: str, *, reaches: bool) -> DayClosed:
        """Close the business day; closing it twice gives back nothing the second time. Rights stay while
        headquarters is out of reach."""
        with self._one:
            return day_close.close_day(self.till, by, reaches=reaches)

    def open_day(self, pin: str) -> Shift | No:
        """Open another shift on a day that was closed; the manager's decision where a PIN is set."""
        with self._one:
            no = approval.approve(self.till, pin) if approval.is_set(self.till) else None
            return no or day_close.open_day(self.till)

    def _once(
        self,
        act: str,
        asked: list[Any],
        do: Callable[[Mark], Recorded | No],
        above_limit: Callable[[], bool],
        pin: str,
    ) -> Done | No:
        digest = sha256(canonical.encode({"asked": asked})).hexdigest()[:32]
        with self._refunds if asked[0] in REFUNDS else self._one:
            earlier = self._recorded(act, digest)
            if earlier is not None:
                return earlier
            approved_by = ""
            if above_limit():
                no = approval.approve(self.till, pin)
                if no is not None:
                    return no
                approved_by = approval.MANAGER
            done = self._in_room(do, Mark(act, digest, approved_by))
            if isinstance(done, No):
                return done
            assert done.receipt is not None, "what a counter records has a receipt"
            return Done(done.op, done.entry.pos * prints.COPIES_MAX, done.receipt)

    def _in_room(self, do: Callable[[Mark], Recorded | No], mark: Mark) -> Recorded | No:
        """Do it; once more where the disk was full and room was kept for that."""
        may_again = True
        while True:
            try:
                return do(mark)
            except Fault as fault:
                if not _is_full(fault):
                    raise
            if not (may_again and self._make_room()):
                return No(Refusal.storage_full, {})
            may_again = False

    def _recorded(self, act: str, digest: str) -> Done | None:
        """What this act led to earlier. Raises a Fault when the id was used for something else."""
        found = acts.find(self.till.book, act)
        if found is None:
            return None
        pos, asked = found
        if asked != digest:
            raise Fault("fault.act_reused", f"act {act} was used for something else")
        op_id = sales.by_position(self.till.book, pos)
        body = sales.body(self.till.book, op_id) if op_id else None
        job = prints.of(self.till.book, pos * prints.COPIES_MAX)
        assert body is not None, "an act stands with its operation"
        assert job is not None, "an act stands with its receipt"
        op = Operation(canonical.decode(body), self.till.store, self.till.till)
        return Done(op, job.id, Receipt.from_json(job.receipt), again=True)


def _is_full(fault: Fault) -> bool:
    """Whether nothing was recorded because a disk takes nothing more: the second file's, or the book's."""
    return fault.remedy == "fault.mirror" or (fault.remedy == "fault.not_recorded" and "full" in str(fault))

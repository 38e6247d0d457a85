"""What customers and cashiers do at one till: cards, sales, wishes, returns, double clicks.

A cashier gives every act an id and asks again with the same one when no answer came. Customers come with the
card that they were given when they enrolled; they wish for what the screen shows, all of it or a part.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from agent import claims, goods_back
from agent.counter import Found
from agent.desk import Done
from agent.funding import No
from agent.store import cells
from agent.uplink import OutOfReach
from config.faults import Fault
from config.sqlite import Error
from points.wire import canonical, claim, endpoints
from points.wire.faults import WireFault
from tests.chain.marks import Marks
from tests.chain.pc import Pc
from tests.chain.witness import Witness

CATEGORIES = ("all", "all", "fresh", "gift card")


@dataclass(slots=True)
class Customer:
    """A person with a card, once enrolled."""

    m: int = 0
    code: str = ""


@dataclass(slots=True)
class Paper:
    """A sale or redemption that somebody holds the paper of."""

    pc: Pc
    op_id: str
    customer: int
    lines: list[list[Any]]
    used: int
    digits: str = ""


@dataclass(slots=True)
class Asking:
    """What a cashier asks of a till, until it is answered; ``then`` is done with the answer."""

    act: str
    customer: int
    ask: Callable[[], Done | No]
    then: Callable[[Done], None]


@dataclass
class Floor:
    """The shop floors of a chain: people, their papers, and what was asked of which till."""

    witness: Witness
    marks: Marks
    now_ms: Callable[[], int]
    customers: list[Customer]
    elsewhere: bool = False
    returns: float = 0.2
    looks_up: bool = False
    """Whether a card that is not known is asked for at headquarters, as often as not."""
    papers: list[Paper] = field(default_factory=list)
    unanswered: dict[int, Asking] = field(default_factory=dict)
    """By PC: the act that was cut off last."""

    def visit(self, pc: Pc, number: int, act: str, dice: random.Random, wish: float, ring: bool) -> None:
        """One customer at one till: enrol if new, buy, perhaps with points, perhaps bring something back."""
        customer = self.customers[number]
        if not customer.code and not self._enrol(pc, number, act + "-enrol"):
            return
        found = pc.desk.counter.scan(customer.code)
        if not isinstance(found, Found):
            return
        card = found.card
        if card is None and self.looks_up and random.Random(f"{act}/look-up").random() < 0.5:
            self._look_up(pc, found.who)
        lines = _basket(dice)
        use, cash_out = 0, 0
        if card is not None and card.here < card.points:  # away from home people wish more
            wish = max(wish, 0.7)
        if card is not None and card.points > 0 and (ring or dice.random() < wish):
            step = pc.till.rule().redeem_step
            wished = card.points if ring or dice.random() < 0.5 else dice.randrange(card.points + 1)
            wished -= wished % step
            if not ring and dice.random() < 0.5 and wished <= sum(line[3] for line in lines):
                use = wished
            else:
                cash_out = wished
        if card is not None and card.debt and dice.random() < 0.5:
            cash_out = 10
        if cash_out:
            self.redeem(pc, number, act + "-redeem", cash_out, dice)
        if not ring or dice.random() < 0.3:
            self.sell(pc, number, act + "-sell", card.m if card else None, found.who, lines, use, dice)
        if dice.random() < self.returns:
            self.bring_back(pc, act + "-back", dice)
        elif card is not None and dice.random() < 0.06:
            self.swindle(pc, number, act, dice)

    def _look_up(self, pc: Pc, who: str) -> None:
        """The till asks headquarters whose card it is; what it is told comes with a contact."""
        asked = canonical.encode({"who": who})
        try:
            told = canonical.decode(pc.uplink.call("POST", endpoints.look_ups(), asked, endpoints.JSON))
        except (OutOfReach, WireFault):
            return
        self.marks["card looked up"] += bool(told)

    def swindle(self, pc: Pc, number: int, act: str, dice: random.Random) -> None:
        """Buy, spend what the sale gave, and bring the goods back."""
        if not self._sold(pc, number, act + "-buy", self.customers[number].m, "", _basket(dice), 0, dice):
            return
        paper = self.papers[-1]
        found = pc.desk.counter.card(self.customers[number].m)
        step = pc.till.rule().redeem_step
        if found is not None and found.points >= step:
            self.redeem(pc, number, act + "-spend", found.points - found.points % step, dice)
        self.return_of(pc, paper, act + "-goods", dice)

    def ask(self, pc: Pc, asking: Asking) -> bool:
        """Ask as cashiers do: what is cut off is in doubt until it is answered. Whether it was done."""
        m = self.customers[asking.customer].m
        was_cut_off = asking.act in self.witness.doubtful
        self.witness.cut_off(asking.act, *pc.name, m)
        self.unanswered[id(pc)] = asking
        try:
            done = asking.ask()
        except (Fault, Error):  # then nothing was recorded, says the till
            self.marks["act failed"] += 1
            if not was_cut_off:
                self._answered(pc, asking.act)
            return False
        self._answered(pc, asking.act)
        if isinstance(done, No):
            name = done.refusal.name
            self.marks[_REFUSED.get(name, f"refused: {name}")] += 1
            return False
        self.saw(pc, done, m)
        asking.then(done)
        return True

    def ask_again(self, pc: Pc) -> None:
        """The till is awake again, and the cashier asks once more what was never answered."""
        asking = self.unanswered.get(id(pc))
        if asking is not None:
            self.marks["retry after a kill"] += 1
            self.ask(pc, asking)

    def _answered(self, pc: Pc, act: str) -> None:
        self.witness.resolved(act)
        self.unanswered.pop(id(pc), None)

    def saw(self, pc: Pc, done: Done, m: int) -> None:
        """The paper is handed over."""
        whose, epoch = done.op.m or m, pc.identity.lane.epoch
        self.witness.saw(self.now_ms(), *pc.name, whose, done.op, done.receipt, epoch)
        for move, _ in done.op.moves():
            if move in _FUNDED:
                self.marks[_FUNDED[move]] += 1

    def _enrol(self, pc: Pc, number: int, act: str) -> bool:
        customer = self.customers[number]

        def then(done: Done) -> None:
            assert done.op.m is not None
            if any(other.m == done.op.m for other in self.customers if other is not customer):
                self.witness.broken.append(f"two people were given the number {done.op.m}")
            self.marks["enrolment"] += 1
            if not customer.code:  # else the customer has another card by now, and throws this one away
                customer.m, customer.code = done.op.m, done.receipt.member_code

        return self.ask(pc, Asking(act, number, lambda: pc.desk.enrol(act, "c1"), then))

    def sell(
        self, pc: Pc, number: int, act: str, m: int | None, who: str, lines: list[list[Any]], use: int,
        dice: random.Random,
    ) -> None:  # fmt: skip
        """A sale; when it may not be paid with points it is paid without."""
        if dice.random() < 0.5:  # as a page does it: shown first
            pc.desk.counter.quote(m, lines, use)
        if not self._sold(pc, number, act, m, who, lines, use, dice) and use:
            self._sold(pc, number, act + "-cash", m, who, lines, 0, dice)

    def _sold(
        self, pc: Pc, number: int, act: str, m: int | None, who: str, lines: list[list[Any]], use: int,
        dice: random.Random,
    ) -> bool:  # fmt: skip
        keeps_paper = self.elsewhere and dice.random() < max(0.3, self.returns)

        def ask() -> Done | No:
            return pc.desk.sell(act, "c1", m, lines, points=use, who=who if m is None else "")

        def then(done: Done) -> None:
            self.marks["sale"] += 1
            self.marks["sale paid with points"] += use > 0
            self.marks["sale of a code unknown here"] += m is None
            digits = claims.digits(pc.till, done.op.id) if keeps_paper else ""
            self.papers.append(Paper(pc, done.op.id, number, lines, use, digits))

        done = self.ask(pc, Asking(act, number, ask, then))
        if done:
            self._clicked_twice(pc, ask, dice)
        return done

    def redeem(self, pc: Pc, number: int, act: str, pts: int, dice: random.Random) -> bool:
        """Points as cash; whether it was done."""
        m = self.customers[number].m

        def ask() -> Done | No:
            return pc.desk.redeem(act, "c1", m, pts)

        def then(done: Done) -> None:
            self.marks["redeem"] += 1
            self.papers.append(Paper(pc, done.op.id, number, [], pts))

        done = self.ask(pc, Asking(act, number, ask, then))
        if done:
            self._clicked_twice(pc, ask, dice)
        return done

    def _clicked_twice(self, pc: Pc, ask: Callable[[], Done | No], dice: random.Random) -> None:
        if dice.random() < 0.05:
            twice = ask()
            self.marks["double click"] += 1
            if isinstance(twice, No) or not twice.again:
                self.witness.broken.append(f"a double click at {pc.name} did more than one act")

    def bring_back(self, pc: Pc, act: str, dice: random.Random) -> None:
        """A sale of this till comes back, in part or whole; or another till's, by the code on its paper."""
        mine = [paper for paper in self.papers[-60:] if paper.pc is pc]
        others = [paper for paper in self.papers[-60:] if paper.digits and paper.pc is not pc]
        near = [paper for paper in others if paper.pc.name[0] == pc.name[0]]
        luck = random.Random(f"{act}/near")
        if near and luck.random() < 0.5:
            self.return_nearby(pc, luck.choice(near), act, luck)
        elif others and self.elsewhere and dice.random() < 0.3:
            self.return_elsewhere(pc, dice.choice(others), act, dice)
        elif mine:
            self.return_of(pc, dice.choice(mine), act, dice)

    def return_of(self, pc: Pc, paper: Paper, act: str, dice: random.Random) -> None:
        """A refund of lines, or a void of the whole."""
        kind = "void"

        def ask() -> Done | No:
            return pc.desk.void(act, "c1", paper.op_id)

        if paper.lines and dice.random() < 0.7:
            kind, rest = "refund", goods_back.returnable(pc.till, paper.op_id)
            if isinstance(rest, No) or not rest.rest:
                return
            lines = _some(rest.rest, dice)

            def ask() -> Done | No:
                return pc.desk.refund(act, "c1", paper.op_id, lines)

        def then(done: Done) -> None:
            self.marks[kind] += 1
            burned = sum(n for act_, n in done.op.moves() if act_.startswith("burn"))
            m = done.op.m or 0
            keeps = bool(m) and not done.again and not cells.read(pc.till.book, m).empty
            if keeps and burned < done.receipt.clawed:
                self.witness.broken.append(f"{pc.name} clawed back and kept its rights in member {m}")
            self.marks["refund after the points were spent"] += done.receipt.debt > 0

        self.ask(pc, Asking(act, paper.customer, ask, then))

    def return_nearby(self, pc: Pc, paper: Paper, act: str, dice: random.Random) -> None:
        """A sale of a sister till comes back here by its lines, if that till gives its right."""
        try:
            found = pc.desk.find_elsewhere(paper.digits, reaches=False)
        except (Fault, Error):
            self.marks["act failed"] += 1
            return
        if isinstance(found, No) or not found.rest:
            return
        lines = _some(found.rest, dice)

        def then(_: Done) -> None:
            self.marks["refund at a sister till"] += 1
            self.marks["refund at a sister till in outage"] += not pc.uplink.reaches()

        self.ask(pc, Asking(act, paper.customer, lambda: pc.desk.refund(act, "c1", paper.op_id, lines), then))
        if paper.pc.runs and paper.pc.till.rules is not None and dice.random() < 0.5:
            self.return_of(paper.pc, paper, f"{act}-there", dice)  # and walks over to the till that sold it

    def return_elsewhere(self, pc: Pc, paper: Paper, act: str, dice: random.Random) -> None:
        """A part of another till's sale comes back here; without a network a manager would be asked."""
        told = claim.decode(paper.digits)
        groups = [[rate, fen if dice.random() < 0.5 else fen // 2] for rate, fen in told.groups if fen > 1]
        online = pc.uplink.reaches()
        if not groups or not online:
            return

        def ask() -> Done | No:
            return pc.desk.refund_elsewhere(act, "c1", paper.digits, groups, online=online)

        def then(_: Done) -> None:
            self.marks["refund of another till's sale"] += 1

        self.ask(pc, Asking(act, paper.customer, ask, then))


_FUNDED = {
    "local": "spent from local", "allowance": "spent from allowance", "auth": "spent by authorisation",
}  # fmt: skip
_REFUSED = {
    "not_here_offline": "refused: not here, offline", "not_enough_points": "refused: not enough points",
    "debt": "refused: debt",
}  # fmt: skip


def _some(rest: list[list[int]], dice: random.Random) -> list[list[int]]:
    """Some of the lines that may come back, whole or half of what they cost."""
    lines = [list(line) for line in dice.sample(rest, dice.randrange(1, len(rest) + 1))]
    for line in lines:
        if dice.random() < 0.5:
            line[1], line[2] = 0, line[2] // 2
    return lines


def _basket(dice: random.Random) -> list[list[Any]]:
    """One to three lines; prices from nearly nothing to a lot."""
    return [
        [place, dice.choice(CATEGORIES), dice.randrange(1, 4), int(100 * 10 ** (dice.random() * 2.7))]
        for place in range(1, dice.randrange(2, 5))
    ]

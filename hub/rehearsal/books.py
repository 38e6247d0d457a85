"""One member's points in the pretend market: what tills hold, what waits for a line, what is posted.

A till holds `points.rights.Rights`, headquarters a `points.holding.Standing`; every movement is an operation,
posted as headquarters posts it, behind the earlier ones of its lane. A point that no right covered is
counted: there must be none. It refuses to know why anything moves.
"""

from __future__ import annotations

from bisect import bisect_right
from typing import Any

from hub.policy import Agent, Purchase
from hub.rehearsal.history import DAY_MS, day_of
from hub.rehearsal.outcome import Outcome
from hub.rehearsal.weather import Till
from hub.store.standings import PURCHASES_KEPT
from points.days import NEVER
from points.fund import POINTS
from points.holding import Standing, move_rights
from points.operations import Operation
from points.rights import NONE, Rights, earn, give, give_back, hear_grant, spend, take

TERM = (1, 1)
"""No term is closed here: a day that ends gives its rights back one by one."""
HEADQUARTERS: Agent = ("hq", "w1")


class Books:
    """One member's points, at a moment."""

    def __init__(self, tills: dict[Agent, Till], outcome: Outcome) -> None:
        self.standing = Standing(0)
        self.balance = 0
        """What headquarters has posted."""
        self.held = 0
        """The part of it that is not headquarters' to give."""
        self.purchases: list[Purchase] = []
        self.rights: dict[Agent, Rights] = {}
        self.holders: set[Agent] = set()
        self.unsent: dict[Agent, list[Operation]] = {}
        self.served: set[Agent] = set()
        """Tills at which the member's points ever moved."""
        self.now_ms = 0
        self._tills = tills
        self._outcome = outcome
        self._count = 0
        self._posted: list[tuple[int, int]] = []

    @property
    def available(self) -> int:
        """What headquarters may grant or reserve."""
        return self.balance - self.held

    @property
    def today(self) -> int:
        """The day as ``yyyymmdd``."""
        return day_of(self.now_ms // DAY_MS)

    def left(self, agent: Agent) -> int:
        """What this till could spend now."""
        return sum(self.rights.get(agent, NONE).left(self.today))

    def out(self, agent: Agent) -> int:
        """What this till holds by headquarters' books."""
        cell = self.standing.cells.get(agent)
        return cell.escrow + cell.home if cell is not None else 0

    def posted_at(self, ms: int) -> int | None:
        """The balance that headquarters told at a moment; None before it knew of the member."""
        at = bisect_right(self._posted, ms, key=lambda one: one[0])
        return self._posted[at - 1][1] if at else None

    def own_unsent(self, agent: Agent) -> int:
        """What this till's operations that wait for a line make of the balance."""
        signs = {"sale.earn": 1, "redeem.cash": -1}
        return sum(signs.get(op.kind, 0) * op.body.get("pts", 0) for op in self.unsent.get(agent, ()))

    def new_id(self) -> str:
        """The name of the next operation."""
        self._count += 1
        return f"{self._count:032x}"

    # -- headquarters decides -----------------------------------------------------------------

    def grant(self, agent: Agent, pts: int) -> None:
        """So many points more for a till, which hears of it at once."""
        g = self.standing.cell(*agent).granted + pts
        inc, term = TERM
        self._post(
            self._op("rights.grant", HEADQUARTERS, {"to": [*agent], "inc": inc, "term": term, "g": g}), agent
        )
        self._keep(agent, hear_grant(self.rights.get(agent, NONE), inc, term, g, [[NEVER, g]]))

    def reserve(self, agent: Agent, intent: str, pts: int) -> None:
        """Points kept for one operation."""
        inc, term = TERM
        body = {"refs": [intent], "to": [*agent], "inc": inc, "term": term, "n": pts}
        self._post(self._op("auth.reserve", HEADQUARTERS, body), agent)

    # -- a till records -----------------------------------------------------------------------

    def sell(self, agent: Agent, earned: int) -> None:
        """A purchase; what it earns may be spent at this till at once."""
        body: dict[str, Any] = {"pts": earned}
        if earned:
            self._keep(agent, earn(self.rights.get(agent, NONE), earned, NEVER))
            body["fund"] = [["add", earned]]
        self.served.add(agent)
        self._record("sale.earn", agent, body)

    def redeem(self, agent: Agent, intent: str, pts: int, by: str = "auth") -> None:
        """A redemption from the till's own rights; the rest was reserved for it, or is trusted."""
        after, fund, short = spend(self.rights.get(agent, NONE), pts, self.today)
        self._keep(agent, after)
        if short:
            fund = [*fund, [by, short]]
        self._record("redeem.cash", agent, {"pts": pts, "fund": fund}, intent)

    def give_back(self, agent: Agent) -> None:
        """All that a till holds goes home, as soon as it can be said."""
        if agent in self.holders:
            after, fund = give_back(self.rights[agent])
            self._keep(agent, after)
            if fund:
                self._record("rights.return", agent, {"fund": fund})

    def hand_over(self, giver: Agent, taker: Agent, pts: int) -> None:
        """A till gives to a sister till: both record it, the giver first."""
        inc, term = TERM
        after, fund, sched = give(self.rights[giver], pts, self.today)
        self._keep(giver, after)
        to = [*taker, inc, term]
        giving = self._op(
            "rights.give", giver, {"sched": sched, "fund": [[*one, POINTS, to] for one in fund]}
        )
        self._send(_placed(giving, giving))
        self._keep(taker, take(self.rights.get(taker, NONE), sched))
        body = {"refs": [giving.id], "sched": sched, "fund": [["take", pts, POINTS, giving.id]]}
        self._send(_placed(self._op("rights.take", taker, body), giving))

    # -- what is posted -----------------------------------------------------------------------

    def buy_in_channel(self, earned: int) -> None:
        """Points of a purchase in headquarters' own channel."""
        self._move(earned)

    def redeem_in_channel(self, agent: Agent, intent: str, pts: int) -> None:
        """A redemption in headquarters' own channel, which was reserved for ``intent``."""
        self._post(self._op("redeem.cash", agent, {"pts": pts, "fund": [["auth", pts]]}, intent))

    def deliver(self, agent: Agent) -> None:
        """What waits at a till is posted."""
        for op in self.unsent.pop(agent, ()):
            self._post(op)

    def _record(self, kind: str, agent: Agent, body: dict[str, Any], op_id: str = "") -> None:
        self._send(self._op(kind, agent, body, op_id))

    def _send(self, op: Operation) -> None:
        """Delivered behind the earlier ones of its lane, once there is a line."""
        agent = (op.store, op.till)
        self.unsent.setdefault(agent, []).append(op)
        if not self._tills[agent].line.back_at(self.now_ms):
            self.deliver(agent)

    def _post(self, op: Operation, of: Agent | None = None) -> None:
        """Post an operation, which moves the rights of its own till or ``of`` another, or of both that a
        handing-over names."""
        agents = {of or (op.store, op.till)}
        if "giving" in op.body:
            giving: Operation = op.body["giving"]
            store, till, *_ = giving.fund[0][3]
            agents |= {(giving.store, giving.till), (store, till)}
        before = [(agent, self.out(agent)) for agent in sorted(agents)]
        available = self.available
        _, short = move_rights(self.standing, op)
        self.held = self.standing.held
        self._outcome.overspent += short
        if op.kind == "sale.earn":
            self._move(op.body["pts"])
            self.purchases = [*self.purchases[1 - PURCHASES_KEPT :], (op.day, (op.store, op.till))]
        elif op.kind == "redeem.cash":
            owed = self._move(-op.body["pts"])
            trusted = sum(n for act, n in op.moves() if act == "trust")
            if trusted:
                self._outcome.trusted.post(trusted, available, owed)
        for agent, pts in before:
            if moved := self.out(agent) - pts:
                self._outcome.let_out(self._tills[agent].number, self.now_ms, moved)

    def _move(self, pts: int) -> int:
        """The balance moves; gives what is owed of it now and was not before."""
        before, self.balance = max(0, -self.balance), self.balance + pts
        self._posted.append((self.now_ms, self.balance))
        owed = max(0, max(0, -self.balance) - before)
        self._outcome.trusted.overspent += owed
        return owed

    def _keep(self, agent: Agent, held: Rights) -> None:
        self.rights[agent] = held
        self.served.add(agent)
        if held.empty:
            self.holders.discard(agent)
        else:
            self.holders.add(agent)

    def _op(self, kind: str, agent: Agent, body: dict[str, Any], op_id: str = "") -> Operation:
        now = {"id": op_id or self.new_id(), "t": kind, "st": self.now_ms, "day": self.today}
        inc, term = TERM
        return Operation({**now, "rule": "", "inc": inc, "term": term, **body}, *agent)


def _placed(op: Operation, giving: Operation) -> Operation:
    """The same operation with what posting must know (``hub.handovers``): what gave; no term is over."""
    more = {"giving": giving, "is_over": False, "is_of_the_lost": False}
    return Operation({**op.body, **more}, op.store, op.till)

"""The pretend market: one member's visits played against a policy, by the rules that run in stores.

A till holds `points.rights.Rights`, headquarters a `points.holding.Standing`; every movement is an operation,
posted as headquarters posts it: sale, redemption, return, grant, reservation. Local is spent first, then the
allowance, then what headquarters reserves, for which it recalls what reachable tills hold. What cannot
be delivered waits for the line. A point that no right covered is counted: there must be none. Members never
meet in each other's rights, so they are played one by one. Points never expire here, nothing is refunded, and
the night's contact of a PC that stays on is left out. A day on which nobody comes is not played: what is
granted in its morning is given back in its evening.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from hub.policy import Agent, Policy, Purchase
from hub.rehearsal.history import DAY_MS, ONLINE, Visit, day_of
from hub.rehearsal.outcome import AWAY, CHANNEL, COUNTER, OFFLINE, SHORT, UNFETCHED, UNNAMED, Outcome
from hub.rehearsal.weather import NEVER_MS, Till
from hub.store.standings import PURCHASES_KEPT
from points.days import NEVER
from points.holding import Standing, move_rights
from points.operations import Operation
from points.rights import NONE, Rights, earn, give_back, hear_grant, spend

TERM = (1, 1)
CHANNEL_AGENT: Agent = (ONLINE, "00")
HEADQUARTERS: Agent = ("hq", "w1")


class Member:
    """One member of the market, at a moment that only goes forward."""

    def __init__(self, policy: Policy, tills: dict[Agent, Till], outcome: Outcome) -> None:
        self.standing = Standing(0)
        self.balance = 0
        """What headquarters has posted; ``owned`` is the truth."""
        self.owned = 0
        self.rights: dict[Agent, Rights] = {}
        self.unsent: dict[Agent, list[Operation]] = {}
        self.now_ms = 0
        self._purchases: list[Purchase] = []
        self._policy = policy
        self._tills = tills
        self._outcome = outcome
        self._count = 0
        self._held = 0
        self._holders: set[Agent] = set()
        self._homes: dict[int, Agent | None] = {}

    def play(self, visits: Sequence[Visit]) -> None:
        """All of it, and one night more."""
        for visit in visits:
            self.come(visit)
        end = self._outcome.first_day + self._outcome.days
        self.until(end * DAY_MS - 1)

    def come(self, visit: Visit) -> None:
        """One visit: the wish first, then the purchase."""
        self.until(visit.ms)
        agent = (visit.store, visit.till)
        if visit.store == ONLINE:
            self._in_channel(visit)
            return
        if visit.wish:
            self._redeem(agent, visit.wish)
        self._sell(agent, visit.earned)
        if self._tills[agent].is_connected(self.now_ms):
            self._contact(agent)

    # -- what happens by itself ---------------------------------------------------------------

    def until(self, ms: int) -> None:
        """Closings and contacts up to a moment, in their order."""
        self.now_ms = self.now_ms or ms
        while True:
            if not self.unsent and not self._held:
                self._skip_to(ms)
            first_ms, agent, closes = NEVER_MS, CHANNEL_AGENT, False
            for one in self._concerned():
                till = self._tills[one]
                if self._has_reason(one) and (at_ms := till.next_contact(self.now_ms)) < first_ms:
                    first_ms, agent, closes = at_ms, one, False
                if one in self._holders and (at_ms := till.next_closing(self.now_ms)) < first_ms:
                    first_ms, agent, closes = at_ms, one, True
            if first_ms > ms:
                break
            self.now_ms = first_ms
            if closes:
                self._give_back(agent)
            else:
                self._contact(agent)
        self.now_ms = ms

    def _skip_to(self, ms: int) -> None:
        """Leave out whole days that begin and end with everything at headquarters, and count what was out."""
        today, goal = self.now_ms // DAY_MS, ms // DAY_MS
        if goal - today < 2 or not self._available:
            return
        home = self._home_on(today)
        if home is not None and self._tills[home].off_ms(today) > self.now_ms:
            return
        while goal > today + 1:
            home = self._home_on(goal - 1)
            if home is None or self._tills[home].gives_back(goal - 1):
                break
            goal -= 1
        is_settled = self._home_on(today + 1) == self._home_on(goal - 1)
        for day in range(today + 1, goal):
            home = self._home_on(goal - 1 if is_settled else day)
            if home is not None:
                till = self._tills[home]
                end_ms = till.off_ms(day) if till.gives_back(day) else till.fetched_ms(day + 1)
                if till.fetched_ms(day) < end_ms < NEVER_MS:
                    self._outcome.let_out(till.number, till.fetched_ms(day), self.balance)
                    self._outcome.let_out(till.number, end_ms, -self.balance)
        if goal > today + 1:
            self.now_ms = goal * DAY_MS

    def _concerned(self) -> list[Agent]:
        home = self._home_on(self.now_ms // DAY_MS)
        return sorted({*self._holders, *self.unsent, *([home] if home is not None else [])})

    def _has_reason(self, agent: Agent) -> bool:
        """Whether a contact of this till would change anything."""
        if agent in self.unsent:
            return True
        home = self._home_on(self.now_ms // DAY_MS)
        return self._available > 0 if agent == home else home is not None and agent in self._holders

    def _contact(self, agent: Agent) -> None:
        """What waits is delivered; then the till is granted to, or what it holds is wanted back."""
        self._deliver(agent)
        home = self._home_on(self.now_ms // DAY_MS)
        if agent == home:
            self._grant(agent)
        elif home is not None:
            self._give_back(agent)

    def _grant(self, agent: Agent) -> None:
        fresh = self._available
        if fresh > 0:
            g = self.standing.cell(*agent).granted + fresh
            inc, term = TERM
            self._decide("rights.grant", {"to": [*agent], "inc": inc, "term": term, "g": g}, agent)
            heard = hear_grant(self.rights.get(agent, NONE), inc, term, g, [[NEVER, g]])
            self._keep(agent, heard)

    def _give_back(self, agent: Agent) -> None:
        if agent in self._holders:
            after, fund = give_back(self.rights[agent])
            self._keep(agent, after)
            if fund:
                self._record("rights.return", agent, {"fund": fund})

    # -- what people do -----------------------------------------------------------------------

    def _sell(self, agent: Agent, earned: int) -> None:
        body: dict[str, Any] = {"pts": earned}
        if earned:
            self._keep(agent, earn(self.rights.get(agent, NONE), earned, NEVER))
            body["fund"] = [["add", earned]]
        self.owned += earned
        self._record("sale.earn", agent, body)

    def _redeem(self, agent: Agent, wish: int) -> None:
        if wish > self.owned:
            self._outcome.not_owned += 1
            return
        today = day_of(self.now_ms // DAY_MS)
        held = self.rights.get(agent, NONE)
        lacking = wish - sum(held.left(today))
        is_connected = self._tills[agent].is_connected(self.now_ms)
        intent = self._new_id()
        may = lacking <= 0 or (is_connected and self._authorise(agent, intent, lacking))
        self._outcome.wish(COUNTER if is_connected else OFFLINE, self.now_ms, is_refused=not may)
        if not may and not is_connected:
            self._outcome.refuse_offline(self._why(agent, has_some=lacking < wish))
        if may:
            after, fund, short = spend(held, wish, today)
            self._keep(agent, after)
            self.owned -= wish
            spent = {"pts": wish, "fund": [*fund, ["auth", short]] if short else fund}
            self._record("redeem.cash", agent, spent, intent)

    def _why(self, agent: Agent, *, has_some: bool) -> str:
        home = self._home_on(self.now_ms // DAY_MS)
        if home != agent:
            return UNNAMED if home is None else AWAY
        return SHORT if has_some else UNFETCHED

    def _in_channel(self, visit: Visit) -> None:
        """Headquarters' own channel: it holds nothing, and asks for all of it."""
        self.owned += visit.earned
        self.balance += visit.earned
        if visit.wish > self.owned:
            self._outcome.not_owned += 1
        elif visit.wish:
            intent = self._new_id()
            may = self._authorise(CHANNEL_AGENT, intent, visit.wish)
            self._outcome.wish(CHANNEL, self.now_ms, is_refused=not may)
            if may:
                self.owned -= visit.wish
                self._post(
                    self._op(
                        "redeem.cash",
                        CHANNEL_AGENT,
                        {"pts": visit.wish, "fund": [["auth", visit.wish]]},
                        intent,
                    )
                )

    def _authorise(self, agent: Agent, intent: str, pts: int) -> bool:
        """Reserve what headquarters has; what lies at tills that can be reached is called home first."""
        if self._available < pts and self._outcome.has_recall:
            holders = [
                one for one in self._holders if one != agent and self._tills[one].is_connected(self.now_ms)
            ]
            self._outcome.recalls += 1
            self._outcome.came_home += bool(holders)
            for one in sorted(holders):
                self._give_back(one)
        if self._available < pts:
            return False
        inc, term = TERM
        body = {"refs": [intent], "to": [*agent], "inc": inc, "term": term, "n": pts}
        self._decide("auth.reserve", body, agent)
        return True

    # -- the books ----------------------------------------------------------------------------

    @property
    def _available(self) -> int:
        return self.balance - self._held

    def _home_on(self, day: int) -> Agent | None:
        if day not in self._homes:
            self._homes[day] = self._policy(self._purchases, day_of(day))
        return self._homes[day]

    def _keep(self, agent: Agent, held: Rights) -> None:
        self.rights[agent] = held
        if held.empty:
            self._holders.discard(agent)
        else:
            self._holders.add(agent)

    def _record(self, kind: str, agent: Agent, body: dict[str, Any], op_id: str = "") -> None:
        """An operation of a till: delivered behind the earlier ones of its lane, once there is a line."""
        self.unsent.setdefault(agent, []).append(self._op(kind, agent, body, op_id))
        if not self._tills[agent].line.back_at(self.now_ms):
            self._deliver(agent)

    def _deliver(self, agent: Agent) -> None:
        for op in self.unsent.pop(agent, ()):
            self._post(op)

    def _decide(self, kind: str, body: dict[str, Any], agent: Agent) -> None:
        self._post(self._op(kind, HEADQUARTERS, body), agent)

    def _post(self, op: Operation, of: Agent | None = None) -> None:
        """Post an operation, which moves the rights of its own till or ``of`` another."""
        agent = of or (op.store, op.till)
        before = self._let_out(agent)
        _, short = move_rights(self.standing, op)
        self._held = self.standing.held
        self._outcome.overspent += short
        if op.kind == "sale.earn":
            self.balance += op.body["pts"]
            self._purchases = [*self._purchases[1 - PURCHASES_KEPT :], (op.day, agent)]
            self._homes.clear()
        elif op.kind == "redeem.cash":
            self.balance -= op.body["pts"]
        moved = self._let_out(agent) - before
        if moved:
            self._outcome.let_out(self._tills[agent].number, self.now_ms, moved)

    def _let_out(self, agent: Agent) -> int:
        cell = self.standing.cells.get(agent)
        return cell.escrow + cell.home if cell is not None else 0

    def _op(self, kind: str, agent: Agent, body: dict[str, Any], op_id: str = "") -> Operation:
        now = {
            "id": op_id or self._new_id(),
            "t": kind,
            "st": self.now_ms,
            "day": day_of(self.now_ms // DAY_MS),
        }
        inc, term = TERM
        return Operation({**now, "rule": "", "inc": inc, "term": term, **body}, *agent)

    def _new_id(self) -> str:
        self._count += 1
        return f"{self._count:032x}"

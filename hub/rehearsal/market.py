"""The pretend market: one member's visits played against a policy, by the rules that run in stores.

Local is spent first, then the allowance, then what sister tills of the store give over its own network, then
what headquarters reserves, for which it recalls what reachable tills hold; without a line what a budget of
risk allows (``trusting``). What cannot be delivered waits for the line (``books``). Members never meet in
each other's rights, so they are played one by one. Points never expire here, nothing is refunded, and the
night's contact of a PC that stays on is left out. A day on which nobody comes and which begins and
ends with everything at headquarters is not played, only counted.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from random import Random

from hub.policy import Agent, Policy, Purchase
from hub.rehearsal.books import Books
from hub.rehearsal.history import DAY_MS, ONLINE, Visit, day_of
from hub.rehearsal.outcome import AWAY, CHANNEL, COUNTER, OFFLINE, SHORT, UNFETCHED, UNNAMED, Outcome
from hub.rehearsal.overnight import ALL, ALL_HOME, Known, Overnight
from hub.rehearsal.trusting import NO_TRUST
from hub.rehearsal.weather import NEVER_MS, Till
from points.trust import Known as Trustee

CHANNEL_AGENT: Agent = (ONLINE, "00")


class Member:
    """One member of the market, at a moment that only goes forward."""

    def __init__(
        self, policy: Policy, tills: dict[Agent, Till], outcome: Outcome, overnight: Overnight = ALL_HOME
    ) -> None:
        self.books = Books(tills, outcome)
        self.owned = 0
        """The truth; what headquarters has posted is ``books.balance``."""
        self._policy = policy
        self._overnight = overnight
        self._tills = tills
        self._outcome = outcome
        self._online = 0
        self._trusted_on: Counter[tuple[Agent, int]] = Counter()
        self._homes: dict[int, Agent | None] = {}
        self._homes_of: Sequence[Purchase] = ()

    def play(self, visits: Sequence[Visit]) -> None:
        """All of it, and one night more."""
        for visit in visits:
            self.come(visit)
        end = self._outcome.first_day + self._outcome.days
        self.until(end * DAY_MS - 1)
        self._outcome.trusted.in_the_end += max(0, -self.books.balance)

    def come(self, visit: Visit) -> None:
        """One visit: the wish first, then the purchase."""
        self.until(visit.ms)
        agent = (visit.store, visit.till)
        if visit.store == ONLINE:
            self._in_channel(visit)
            return
        if visit.wish:
            self._redeem(agent, visit)
        self.owned += visit.earned
        self.books.sell(agent, visit.earned)
        if self._tills[agent].is_connected(visit.ms):
            self._contact(agent)

    # -- what happens by itself ---------------------------------------------------------------

    def until(self, ms: int) -> None:
        """Closings and contacts up to a moment, in their order."""
        books = self.books
        books.now_ms = books.now_ms or ms
        while True:
            if not books.unsent and not books.held:
                self._skip_to(ms)
            first_ms, agent, closes = NEVER_MS, CHANNEL_AGENT, False
            for one in self._concerned():
                if (at_ms := self._next_contact(one)) < first_ms:
                    first_ms, agent, closes = at_ms, one, False
                closing_ms = self._tills[one].next_closing(books.now_ms)
                if one in books.holders and closing_ms < first_ms:
                    first_ms, agent, closes = closing_ms, one, True
            if first_ms > ms:
                break
            books.now_ms = first_ms
            if closes:
                self._close(agent)
            else:
                self._contact(agent)
        books.now_ms = ms

    def _skip_to(self, ms: int) -> None:
        """Leave out whole days that begin and end with everything at headquarters, and count what was out."""
        books, before_ms = self.books, self._overnight.before_ms
        today, goal = books.now_ms // DAY_MS, ms // DAY_MS
        if goal - today < 2 or books.available <= 0 or self._part(today + 1, is_night=True):
            return
        home = self._home_on(today)
        if home is not None and self._tills[home].off_ms(today) - before_ms > books.now_ms:
            return
        while goal > today + 1:
            home = self._home_on(goal - 1)
            if home is None or self._tills[home].home_ms(goal - 1, before_ms) < NEVER_MS:
                break
            goal -= 1
        is_settled = self._home_on(today + 1) == self._home_on(goal - 1)
        by_day = books.balance * self._part(today + 1, is_night=False) // ALL
        for day in range(today + 1, goal):
            home = self._home_on(goal - 1 if is_settled else day)
            if home is not None:
                till = self._tills[home]
                end_ms = min(till.home_ms(day, before_ms), till.fetched_ms(day + 1))
                if till.fetched_ms(day) < end_ms < NEVER_MS:
                    self._outcome.let_out(till.number, till.fetched_ms(day), by_day)
                    self._outcome.let_out(till.number, end_ms, -by_day)
        if goal > today + 1:
            books.now_ms = goal * DAY_MS

    def _concerned(self) -> list[Agent]:
        home = self._home_on(self.books.now_ms // DAY_MS)
        return sorted({*self.books.holders, *self.books.unsent, *([home] if home is not None else [])})

    def _next_contact(self, agent: Agent) -> int:
        """When this till next makes a contact that would change anything: by day, or in the evening."""
        till, before_ms = self._tills[agent], self._overnight.before_ms
        if agent in self.books.unsent:
            return till.next_contact(self.books.now_ms)
        by_day = self._has_reason(agent, is_night=False)
        by_night = before_ms > 0 and self._has_reason(agent, is_night=True)
        if not by_day and not by_night:
            return NEVER_MS
        ms = till.next_contact(self.books.now_ms)
        while ms < NEVER_MS and not (by_night if till.is_evening(ms, before_ms) else by_day):
            ms = till.next_contact(till.next_turn(ms, before_ms) - 1)
        return ms

    def _has_reason(self, agent: Agent, *, is_night: bool) -> bool:
        """Whether a contact of this till would change what it holds."""
        wanted, out = self._wanted(agent, is_night=is_night), self.books.out(agent)
        return self.books.available > 0 if wanted > out else wanted < out and agent in self.books.holders

    def _wanted(self, agent: Agent, *, is_night: bool) -> int:
        """How many points should lie at this till."""
        day = self.books.now_ms // DAY_MS
        home = self._home_on(day)
        if agent == home:
            return self.books.balance * self._part(day, is_night=is_night) // ALL
        return 0 if is_night or home is not None else self.books.out(agent)

    def _contact(self, agent: Agent) -> None:
        """What waits is delivered; then the till is granted to, or what it holds is wanted back."""
        self.books.deliver(agent)
        self._settle(
            agent, is_night=self._tills[agent].is_evening(self.books.now_ms, self._overnight.before_ms)
        )

    def _settle(self, agent: Agent, *, is_night: bool) -> None:
        wanted = self._wanted(agent, is_night=is_night)
        if wanted < self.books.out(agent):
            self.books.give_back(agent)
        fresh = min(wanted - self.books.out(agent), self.books.available)
        if fresh > 0:
            self.books.grant(agent, fresh)

    def _close(self, agent: Agent) -> None:
        """A day is closed by hand, line or no line."""
        if not self._tills[agent].line.back_at(self.books.now_ms):
            self.books.deliver(agent)
            self._settle(agent, is_night=True)
        elif not self._overnight.keeps_when_cut:
            self.books.give_back(agent)

    # -- what people do -----------------------------------------------------------------------

    def _redeem(self, agent: Agent, visit: Visit) -> None:
        wish = visit.wish
        if wish > self.owned:
            self._outcome.not_owned += 1
            return
        here = self.books.left(agent)
        if here < wish:
            self._fetch(agent, wish - here)
            here = self.books.left(agent)
        is_connected = self._tills[agent].is_connected(self.books.now_ms)
        intent = self.books.new_id()
        may = here >= wish or (is_connected and self._authorise(agent, intent, wish - here))
        is_trusted = not may and not is_connected and self._may_trust(agent, wish) >= wish - here
        self._outcome.wish(
            COUNTER if is_connected else OFFLINE, self.books.now_ms, is_refused=not may and not is_trusted
        )
        if is_trusted:
            self._trust(agent, visit, wish - here)
        if not may and not is_trusted and not is_connected:
            self._outcome.refuse_offline(self._why(agent, has_some=here > 0))
        if may or is_trusted:
            self._spend(agent, intent, wish, "trust" if is_trusted else "auth")
        if is_trusted:
            self._spend_again(agent, visit, wish - here)

    def _spend(self, agent: Agent, intent: str, pts: int, by: str = "auth") -> None:
        self.owned -= pts
        self._outcome.redeemed += pts
        self.books.redeem(agent, intent, pts, by)

    def _may_trust(self, agent: Agent, wish: int) -> int:
        """What this till may spend beyond every right for a wish of what it knows is there: what it has last
        heard, or what a token tells that the member's own network has just fetched."""
        trusted, ms, till = self._outcome.trusted, self.books.now_ms, self._tills[agent]
        if trusted.terms == NO_TRUST:
            return 0
        heard_ms, has_token = till.last_contact(ms), trusted.terms.has_tokens
        row = self.books.posted_at(heard_ms)
        told = self.books.posted_at(ms) if has_token else row
        known = Trustee(
            points=max(0, (told or 0) + self.books.own_unsent(agent)),
            debt=max(0, -(told or 0)),
            is_frozen=False,
            was_served=agent in self.books.served,
            row_age_ms=None if row is None else ms - heard_ms,
            shown_age_ms=0 if has_token and told is not None else None,
        )
        if wish > known.points:
            return 0
        today = self._trusted_on[agent, self.books.today]
        return trusted.may(known, till.number, till.next_contact(ms), today)

    def _trust(self, agent: Agent, visit: Visit, pts: int) -> None:
        till = self._tills[agent]
        self._trusted_on[agent, self.books.today] += pts
        self._outcome.trusted.spend(pts, till.number, visit.ms, till.next_contact(visit.ms))

    def _spend_again(self, agent: Agent, visit: Visit, pts: int) -> None:
        """Some who were trusted spend the same points once more at once: at the tills where they lie, and in
        the channel what lies at headquarters."""
        trusted = self._outcome.trusted
        if Random(f"twice {visit.member} {visit.ms}").randrange(ALL) >= trusted.terms.twice:
            return
        for one in sorted(self.books.holders - {agent}):
            part = min(pts, self.books.left(one)) if self._tills[one].is_on(visit.ms) else 0
            if part:
                self._spend(one, self.books.new_id(), part)
                trusted.again += part
                pts -= part
        rest, intent = min(pts, max(0, self.books.available)), self.books.new_id()
        if rest:
            self.books.reserve(CHANNEL_AGENT, intent, rest)
            self._spend_in_channel(intent, rest)
            trusted.again += rest

    def _fetch(self, agent: Agent, lacking: int) -> None:
        """What is lacking, from sister tills that are on: who has most is asked first, as at a real till."""
        ms = self.books.now_ms
        if not self._outcome.has_lan and self._tills[agent].line.back_at(ms):
            return
        sisters = [
            (-self.books.left(one), one)
            for one in self.books.holders
            if one[0] == agent[0] and one != agent and self._tills[one].is_on(ms)
        ]
        for has, sister in sorted(sisters):
            part = min(-has, lacking)
            if part:
                self.books.hand_over(sister, agent, part)
                self._outcome.given += 1
                lacking -= part

    def _why(self, agent: Agent, *, has_some: bool) -> str:
        home = self._home_on(self.books.now_ms // DAY_MS)
        if home is None:
            return UNNAMED
        if home == agent or (self._outcome.has_lan and home[0] == agent[0]):
            return SHORT if has_some else UNFETCHED
        return AWAY

    def _in_channel(self, visit: Visit) -> None:
        """Headquarters' own channel: it holds nothing, and asks for all of it."""
        self.owned += visit.earned
        self.books.buy_in_channel(visit.earned)
        if visit.wish > self.owned:
            self._outcome.not_owned += 1
        elif visit.wish:
            intent = self.books.new_id()
            may = self._authorise(CHANNEL_AGENT, intent, visit.wish)
            self._outcome.wish(CHANNEL, self.books.now_ms, is_refused=not may)
            self._online += 1
            if may:
                self._spend_in_channel(intent, visit.wish)

    def _spend_in_channel(self, intent: str, pts: int) -> None:
        self.owned -= pts
        self._outcome.redeemed += pts
        self.books.redeem_in_channel(CHANNEL_AGENT, intent, pts)

    def _authorise(self, agent: Agent, intent: str, pts: int) -> bool:
        """Reserve what headquarters has; what lies at tills that can be reached is called home first."""
        books = self.books
        if books.available < pts and self._outcome.has_recall:
            holders = [
                one for one in books.holders if one != agent and self._tills[one].is_connected(books.now_ms)
            ]
            self._outcome.recalls += 1
            self._outcome.came_home += bool(holders)
            for one in sorted(holders):
                books.give_back(one)
        if books.available < pts:
            return False
        books.reserve(agent, intent, pts)
        return True

    # -- what is decided ----------------------------------------------------------------------

    def _home_on(self, day: int) -> Agent | None:
        if self._homes_of is not self.books.purchases:
            self._homes, self._homes_of = {}, self.books.purchases
        if day not in self._homes:
            self._homes[day] = self._policy(self.books.purchases, day_of(day))
        return self._homes[day]

    def _part(self, day: int, *, is_night: bool) -> int:
        known = Known(self.books.purchases, self._online, day_of(day))
        return self._overnight.by_night(known) if is_night else self._overnight.by_day(known)

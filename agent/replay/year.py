"""The year as it is driven: visits, wishes, refunds, days that close, nights, and windows without a network.

Everything that chance decides is drawn here from one seed, so the same year can be driven again.
Stated rules: a household enrols at its first visit; at every fifth visit it wishes to redeem half of
the balance that the counter shows; every fortieth basket is partly refunded within three days at the
store that sold it. A till is cut off for a whole day or for some hours on a part of its days, and
misses a part of its nights; it closes every day that it opened.
"""

from __future__ import annotations

import random
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, Protocol

from agent.replay.baskets import Basket
from agent.replay.stall import Answer
from points.days import local_day

REDEEM_EVERY = 5
REFUND_EVERY = 40
REFUND_WITHIN_DAYS = 3
CUT_OFF_DAY, CUT_OFF_HOURS, NIGHT_MISSED = 25, 30, 8  # per hundred
HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS


class Tilling(Protocol):
    """A till that acts at told times."""

    seq: int
    kills: int
    cut_off: int

    def act(self, name: str, now_ms: int, connected: bool, **arguments: Any) -> Answer:
        """Do one act."""
        ...

    def close(self) -> None:
        """Close for good."""
        ...


@dataclass(slots=True)
class Household:
    """A member of the chain as the driver knows it."""

    m: int = 0
    code: str = ""
    visits: int = 0


@dataclass(frozen=True, slots=True)
class Wish:
    """A wish to redeem and how the counter answered it."""

    m: int
    store: str
    st_ms: int
    points: int
    shown: int
    connected: bool
    refused: str


@dataclass
class Told:
    """The driver's own book: every operation as the tills answered it, whose each is, wishes, contacts.

    ``faults``: where a till recorded something else than it was asked, or refused what it must not.
    """

    ops: list[tuple[str, int, dict[str, Any]]] = field(default_factory=list)
    members: dict[str, int] = field(default_factory=dict)
    wishes: list[Wish] = field(default_factory=list)
    contacts: list[tuple[str, int, int]] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)
    refused: Counter[str] = field(default_factory=Counter)
    by_day: dict[int, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    faults: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _Visit:
    at_ms: int
    basket: Basket


@dataclass(frozen=True, slots=True)
class _Return:
    at_ms: int
    store: str
    receipt: str
    lines: list[list[int]]


class Year:
    """Drives ``baskets`` through ``tills`` (store name -> till). ``hear_time`` is told before contacts."""

    def __init__(
        self,
        tills: dict[str, Tilling],
        names: dict[int, str],
        zone: list[list[int]],
        seed: int,
        hear_time: Callable[[int], None],
    ) -> None:
        self.tills = tills
        self.names = names
        self.told = Told()
        self._zone = zone
        self._chance = random.Random(seed)
        self._hear_time = hear_time
        self._households: dict[int, Household] = defaultdict(Household)
        self._sales: dict[str, str] = {}
        self._returns: dict[int, list[_Return]] = defaultdict(list)
        self._count = 0

    def run(self, baskets: Iterable[Basket], tell: Callable[[int, int], None]) -> None:
        """The whole year, day by day; ``tell`` hears (days done, days in all)."""
        days: dict[int, list[Basket]] = defaultdict(list)
        for basket in baskets:
            days[basket.day].append(basket)
        end = done = 0
        while days or self._returns:  # goods come back on days without a purchase too
            day = min((*days, *self._returns))
            end = self._day(day, days.pop(day, []))
            done += 1
            tell(done, done + len(days))
        self.rest(end)
        planned, came = self.told.counts["refunds planned"], self.told.counts["sale.refund"]
        if planned != came:
            self.told.faults.append(f"{planned} refunds were due, and {came} are recorded")

    def rest(self, from_ms: int) -> None:
        """Two nights of every till, by which all that is anywhere is known at headquarters."""
        for round_ in range(2):
            self._nights(from_ms + (round_ + 1) * HOUR_MS * 6, missed=0)

    def _day(self, day: int, baskets: list[Basket]) -> int:
        visits: list[_Visit | _Return] = [_Visit(basket.at_ms, basket) for basket in baskets]
        visits += self._returns.pop(day, [])
        visits.sort(key=lambda one: one.at_ms)
        windows = {store: self._window(visits[0].at_ms) for store in self.tills}
        opened = set()
        for one in visits:
            store = one.store if isinstance(one, _Return) else self.names[one.basket.store]
            opened.add(store)
            start, stop = windows[store]
            connected = not start <= one.at_ms < stop
            if connected:
                self._hear_time(one.at_ms)
            if isinstance(one, _Visit):
                self._visit(store, one.basket, connected)
            else:
                self._return(store, one, connected)
        close_ms = visits[-1].at_ms + 60_000
        if local_day(close_ms, self._zone) != day:  # the last customer left at midnight
            close_ms = visits[-1].at_ms
        for store in sorted(opened):
            self._act(store, "close_day", close_ms, False, day)
        night_ms = close_ms + HOUR_MS
        while local_day(night_ms, self._zone) == day:  # a closed day takes no rights; the next one does
            night_ms += HOUR_MS
        self._nights(night_ms, missed=NIGHT_MISSED)
        return close_ms

    def _window(self, first_ms: int) -> tuple[int, int]:
        """When a till has no network today."""
        drawn = self._chance.randrange(100)
        if drawn < CUT_OFF_DAY:
            return 0, 2**62
        if drawn < CUT_OFF_DAY + CUT_OFF_HOURS:
            start = first_ms + self._chance.randrange(12) * HOUR_MS
            return start, start + self._chance.randrange(1, 8) * HOUR_MS
        return 0, 0

    def _nights(self, from_ms: int, missed: int) -> None:
        order = sorted(self.tills)
        self._chance.shuffle(order)
        for i, store in enumerate(order):
            if self._chance.randrange(100) < missed:
                self.told.counts["nights missed"] += 1
                continue
            at_ms = from_ms + i * 60_000
            self._hear_time(at_ms)
            answer = self._act(store, "contact", at_ms, True, 0)
            assert not answer["alarms"], answer["alarms"]
            self.told.counts["nights"] += 1
            self.told.counts["batches"] += answer["batches"]
            self.told.contacts.append((store, at_ms, self.tills[store].seq))

    def _act(self, store: str, name: str, at_ms: int, connected: bool, day: int, **arguments: Any) -> Answer:
        answer = self.tills[store].act(name, at_ms, connected, **arguments)
        for seq, body in answer["ops"]:
            self.told.ops.append((store, seq, body))
            self.told.counts[body["t"]] += 1
            if day:
                self.told.by_day[day][body["t"]] += 1
        return answer

    def _visit(self, store: str, basket: Basket, connected: bool) -> None:
        household = self._households[basket.household]
        household.visits += 1
        at, day = basket.at_ms, basket.day
        if not household.code:
            new = self._act(store, "enrol", at, connected, day)
            code = new.get("code") or self._act(store, "code", at, connected, day, m=new["m"])["code"]
            if new["m"] in {other.m for other in self._households.values()}:
                self.told.faults.append(f"{store} gave the number {new['m']} to a second household")
            household.m, household.code = new["m"], code
        if household.visits % REDEEM_EVERY == 0:
            self._wish(store, household, at, day, connected)
        lines: list[list[Any]] = [list(line) for line in basket.lines]
        receipt = str(basket.basket)
        sold = self._act(store, "sell", at, connected, day, code=household.code, lines=lines, receipt=receipt)
        cash = [["cash", sum(line[3] for line in lines)]]
        self._hold(store, sold, household.m, day, lines=lines, tenders=cash)
        if "id" not in sold:
            return
        self._sales[receipt] = sold["id"]
        self._count += 1
        if self._count % REFUND_EVERY == 0:
            self._plan_return(store, basket)

    def _wish(self, store: str, household: Household, at: int, day: int, connected: bool) -> None:
        card = self._act(store, "card", at, connected, day, code=household.code)
        if not card["known"]:
            self.told.refused["member not known here"] += 1
            return
        if card["m"] != household.m:
            self.told.faults.append(f"{store} takes the card of member {household.m} for {card['m']}'s")
        points = card["points"] // 2
        if points < 1:
            self.told.counts["wishes with nothing to redeem"] += 1
            return
        answer = self._act(store, "redeem", at, connected, day, m=card["m"], pts=points)
        refused = answer.get("no", "")
        if refused:
            self.told.refused[refused] += 1
        else:
            self._hold(store, answer, household.m, day, pts=points, fen=points)
        self.told.wishes.append(Wish(card["m"], store, at, points, card["points"], connected, refused))
        self.told.by_day[day]["refused" if refused else "approved"] += 1

    def _hold(self, store: str, answer: Answer, m: int, day: int, **asked: Any) -> None:
        """What a till recorded must say what it was asked, on the day on which it was asked; whose it is, the
        driver knows best."""
        if "id" not in answer:
            self.told.faults.append(f"{store} refused what it must not: {answer.get('no')}")
            return
        self.told.members[answer["id"]] = m
        body = next(body for _, body in answer["ops"] if body["id"] == answer["id"])
        asked |= {"m": body.get("m") and m, "day": day}
        said = {name: body.get(name) for name in asked}
        if said != asked:
            self.told.faults.append(f"{store} recorded {said} and was asked {asked}")

    def _plan_return(self, store: str, basket: Basket) -> None:
        self.told.counts["refunds planned"] += 1
        lines = []
        for number, _, units, fen in basket.lines:
            if self._chance.random() < 1 / 2:
                some = (units + 1) // 2
                lines.append([number, some, fen * some // units])
        if not lines:
            number, _, units, fen = self._chance.choice(basket.lines)
            lines.append([number, 1, fen // units])
        later = self._chance.randrange(REFUND_WITHIN_DAYS + 1)
        back = _Return(basket.at_ms + later * DAY_MS, store, str(basket.basket), lines)
        if later:
            self._returns[local_day(back.at_ms, self._zone)].append(back)
        else:
            self._return(store, back, connected=False)

    def _return(self, store: str, back: _Return, connected: bool) -> None:
        sale = self._sales[back.receipt]
        answer = self._act(store, "refund", back.at_ms, connected, 0, sale=sale, lines=back.lines)
        day = local_day(back.at_ms, self._zone)
        self._hold(store, answer, self.told.members[sale], day, refs=[sale], lines=back.lines)

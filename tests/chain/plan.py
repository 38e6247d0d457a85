"""What is to happen in one chain: drawn from a seed alone, before anything happens.

A plan is a list of numbered items, and whatever chance decides within an item is drawn from the seed and the
item's number. So an item can be left out and all others stay what they were, which is how a schedule that
fails is made short. How bad the weather is, how many stores, tills and members there are and how large a
batch may be is drawn too: a swarm of chains, each with another mix.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, field, replace
from typing import Any

START_MS = 1_795_017_600_000  # 2026-11-19 00:00 in Shanghai
MINUTE_MS = 60_000
HOUR_MS = 60 * MINUTE_MS
DAY_MS = 24 * HOUR_MS
LAST_DAY = 20261130
"""The last day of the month in which every chain begins."""
OPENS_MS, CLOSES_MS = 9 * HOUR_MS, 22 * HOUR_MS

RULES: dict[str, Any] = {
    "v": 1, "name": "storm", "zone": [[0, 480]], "rates": [[1, 100], [3, 70]],
    "category_rate": {"fresh": 1, "gift card": -1}, "min_order_fen": 0, "day_cap_pts": 0,
    "tiers": [[0, 10_000, "普通"], [1_000, 12_000, "银卡"]], "expiry": ["rolling", 12],
    "redeem": {"pts": 1, "fen": 1, "step": 1}, "grace_days": 30, "settle": [1000, 100],
    "not_earning": ["points"], "manager": {"redeem_pts": 0, "refund_fen": 0},
    "refund_elsewhere": {"sale_fen": 100_000, "day_fen": 500_000},
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Weather:
    """How often what goes wrong: per request, per act, per store-day or per till-day."""

    lose_request: float = 0.0
    lose_answer: float = 0.0
    double: float = 0.0
    late: float = 0.0
    late_ms_max: int = HOUR_MS
    damage: float = 0.0
    outage: float = 0.0
    outage_ms: int = 2 * HOUR_MS
    hub_down: float = 0.0
    kill: float = 0.0
    pull_plug: float = 0.0
    disk_full: float = 0.0
    commit_doubt: float = 0.0
    jump: float = 0.0
    old_copy: float = 0.0
    replaced: float = 0.0
    lost: float = 0.0
    lan_lose: float = 0.0
    lan_double: float = 0.0
    lan_late: float = 0.0
    lan_forge: float = 0.0
    lan_outage: float = 0.0
    line_out: float = 0.0
    """One till alone cannot reach headquarters, while its sisters do."""
    hub_old_copy: float = 0.0
    """A day on which headquarters is copied, and put back from that copy some hours later."""


@dataclass(frozen=True, slots=True)
class Item:
    """One thing that is to happen: ``n`` is its name for ever, ``at_ms`` true time."""

    n: int
    at_ms: int
    kind: str
    store: int = 0
    till: int = 0
    member: int = 0
    more: Any = None


@dataclass(frozen=True, slots=True)
class Plan:
    """One chain and what is to happen to it."""

    seed: int
    stores: int
    tills: tuple[int, ...]
    members: int
    days: int
    rules: dict[str, Any]
    weather: Weather
    batch_ops: int
    signed: bool
    hub_nights: bool
    redeem: float
    elsewhere: bool
    scurries: int
    """How often a day one card is shown at all tills of a store."""
    returns: float = 0.2
    """How many customers bring something back."""
    regions: int = 1
    """How many regions the stores are of, one after the other."""
    quiet: bool = False
    """Weeks of a shop as real ones are, with few purchases a day, instead of a few crowded days."""
    items: tuple[Item, ...] = field(repr=False, default=())

    def chance(self, n: int) -> random.Random:
        """The chance that decides within item ``n``."""
        return random.Random(f"{self.seed}/{n}")

    def without(self, numbers: set[int]) -> Plan:
        """The same plan with some items left out."""
        return replace(self, items=tuple(item for item in self.items if item.n not in numbers))

    @property
    def store_days(self) -> int:
        """How many days of how many stores."""
        return self.stores * self.days


def calm() -> Weather:
    """Nothing goes wrong."""
    return Weather()


def draw_weather(dice: random.Random) -> Weather:
    """Each seed has some faults and lacks others: a storm of everything hides what each alone would show."""

    def some(most: float, of: float = 0.5) -> float:
        return dice.random() * most if dice.random() < of else 0.0

    return Weather(
        lose_request=some(0.3), lose_answer=some(0.3), double=some(0.3), late=some(0.15),
        late_ms_max=dice.choice((HOUR_MS, DAY_MS, 2 * DAY_MS)), damage=some(0.1, 0.3),
        outage=some(0.8, 0.7), outage_ms=dice.choice((HOUR_MS, 4 * HOUR_MS, 40 * HOUR_MS)),
        hub_down=some(0.8, 0.4), kill=some(0.2), pull_plug=some(0.5, 0.4), disk_full=some(0.3, 0.3),
        commit_doubt=some(0.1, 0.3), jump=some(0.6, 0.3), old_copy=some(0.5, 0.3), replaced=some(0.3, 0.4),
        lan_lose=some(0.4), lan_double=some(0.4), lan_late=some(0.3), lan_forge=some(0.2, 0.3),
        lan_outage=some(0.6, 0.4),
    )  # fmt: skip


def draw(seed: int, weather: Weather | None = None, **fixed: Any) -> Plan:
    """The plan of a seed; ``fixed`` fields are not drawn."""
    dice = random.Random(f"plan/{seed}")
    stores = fixed.get("stores") or dice.choice((2, 2, 3, 4, 6))
    quiet = "days" not in fixed and random.Random(f"quiet/{seed}").random() < 0.5
    most = dice.choice((1, 1, 1, 2, 3) if quiet else (1, 2, 2, 3, 3))
    days = fixed.get("days") or dice.choice((10, 12, 14) if quiet else (2, 3, 3, 5))
    if weather is None:
        thieves = random.Random(f"thieves/{seed}")
        lost = thieves.random() * 0.2 if thieves.random() < 0.25 else 0.0
        lines = random.Random(f"lines/{seed}")
        out = lines.random() * 0.5 if lines.random() < 0.3 else 0.0
        fires = random.Random(f"fires/{seed}")
        burnt = fires.random() * 0.5 if fires.random() < 0.2 else 0.0
        weather = replace(draw_weather(dice), lost=lost, line_out=out, hub_old_copy=burnt)
    plan = Plan(
        seed=seed,
        stores=stores,
        tills=fixed.get("tills") or tuple(dice.randrange(1, most + 1) for _ in range(stores)),
        members=fixed.get("members") or dice.choice((1, 2, 4, 8, 16)) * stores,
        days=days,
        rules=fixed.get("rules") or _rules(dice, days),
        weather=weather,
        batch_ops=dice.choice((1, 3, 20, 200, 1000)),
        signed=dice.random() < 1 / 16,
        hub_nights=dice.random() < 0.3,
        redeem=dice.choice((0.1, 0.3, 0.6)),
        elsewhere=dice.random() < 0.4 or bool(fixed.get("elsewhere")),
        scurries=fixed.get("scurries") or dice.choice((0, 0, 1) if quiet else (0, 1, 3)),
        returns=fixed.get("returns", 0.2),
        regions=fixed.get("regions") or (2 if random.Random(f"regions/{seed}").random() < 0.3 else 1),
        quiet=quiet,
    )
    return replace(plan, items=tuple(sorted(_items(plan, dice), key=lambda item: (item.at_ms, item.n))))


def _rules(dice: random.Random, days: int) -> dict[str, Any]:
    book = dict(RULES)
    if dice.random() < 0.3:  # everything expires in the middle of the run
        book["expiry"] = ["fixed", min(20261119 + dice.randrange(1, max(2, days - 1)), LAST_DAY)]
    if dice.random() < 0.2:
        book["redeem"] = {"pts": 10, "fen": 10, "step": 10}
    if dice.random() < 0.2:
        book["day_cap_pts"] = dice.choice((50, 500))
    return book


def _items(plan: Plan, dice: random.Random) -> list[Item]:
    items: list[Item] = []

    def add(at_ms: int, kind: str, store: int = 0, till: int = 0, member: int = 0, more: Any = None) -> None:
        items.append(Item(len(items), at_ms, kind, store, till, member, more))

    homes = [dice.randrange(plan.stores) for _ in range(plan.members)]
    visits_a_day = dice.choice((2, 3, 4) if plan.quiet else (4, 8, 12))
    pulses = dice.choice((0, 0, 1) if plan.quiet else (0, 1, 1, 3))
    ring = dice.random() < 0.3
    for day in range(plan.days):
        begins = START_MS + day * DAY_MS
        for store, tills in enumerate(plan.tills):
            for till in range(tills):
                add(begins + OPENS_MS - dice.randrange(30) * MINUTE_MS, "open", store, till)
                for _ in range(pulses):
                    add(_open_time(begins, dice), "contact", store, till)
                add(begins + CLOSES_MS + (till + 1) * MINUTE_MS, "close", store, till)
            for _ in range(visits_a_day):
                _visit(plan, dice, add, homes, store, _open_time(begins, dice))
            if tills > 1:
                for _ in range(plan.scurries):
                    _scurry(plan, dice, add, homes, store, _open_time(begins, dice))
            _store_faults(plan, dice, add, store, begins)
        if ring:
            at, member = _open_time(begins, dice), dice.randrange(plan.members)
            for store, tills in enumerate(plan.tills):
                for till in range(tills):
                    add(at + store * MINUTE_MS, "visit", store, till, member, "ring")
        if plan.hub_nights:
            add(begins + DAY_MS + 2 * HOUR_MS, "hub night")
        if dice.random() < plan.weather.hub_down:
            add(_open_time(begins, dice), "hub down", more=dice.randrange(1, 5) * HOUR_MS)
    fire = random.Random(f"fire/{plan.seed}")
    for day in range(plan.days):
        if fire.random() < plan.weather.hub_old_copy:
            at = START_MS + day * DAY_MS + fire.randrange(DAY_MS)
            add(at, "hub copy", more=fire.randrange(1, 40) * HOUR_MS)
    return items


def _open_time(begins: int, dice: random.Random) -> int:
    return begins + dice.randrange(OPENS_MS, CLOSES_MS)


def _visit(plan: Plan, dice: random.Random, add: Any, homes: list[int], store: int, at: int) -> None:
    """A customer of this store: at home, a neighbour of it, or anybody; now and then at two tills at once."""
    drawn = dice.random()
    near = [m for m, home in enumerate(homes) if home == store]
    if drawn < 0.22 or not near:
        near = [m for m, home in enumerate(homes) if abs(home - store) == 1] or near
    member = dice.choice(near) if near and drawn < 0.94 else dice.randrange(plan.members)
    till = dice.randrange(plan.tills[store])
    add(at, "visit", store, till, member)
    if dice.random() < 0.04:
        other = dice.randrange(plan.stores)
        add(at, "visit", other, dice.randrange(plan.tills[other]), member, "twin")


def _scurry(plan: Plan, dice: random.Random, add: Any, homes: list[int], store: int, at: int) -> None:
    """One card at all tills of a store within minutes, wishing for all that each of them shows."""
    near = [m for m, home in enumerate(homes) if home == store]
    member = dice.choice(near) if near else dice.randrange(plan.members)
    add(at, "visit", store, dice.randrange(plan.tills[store]), member)
    for n, till in enumerate(dice.sample(range(plan.tills[store]), plan.tills[store])):
        add(at + (n + 1) * dice.choice((1, MINUTE_MS, 10 * MINUTE_MS)), "visit", store, till, member, "ring")


def _store_faults(plan: Plan, dice: random.Random, add: Any, store: int, begins: int) -> None:
    weather = plan.weather
    if dice.random() < weather.outage:
        length = int(weather.outage_ms * dice.expovariate(1)) + MINUTE_MS
        add(_open_time(begins, dice), "outage", store, more=(length, dice.random() < 0.2))
    if plan.tills[store] > 1 and dice.random() < weather.lan_outage:
        add(_open_time(begins, dice), "store network down", store, more=dice.randrange(1, 8) * HOUR_MS)
    for till in range(plan.tills[store]):
        for kind, often in (
            ("disk full", weather.disk_full), ("jump", weather.jump), ("copy", weather.old_copy),
            ("replace", weather.replaced),
        ):  # fmt: skip
            if dice.random() < often:
                add(_open_time(begins, dice), kind, store, till)
        if weather.lost and dice.random() < weather.lost:
            add(_open_time(begins, dice), "lose", store, till)
        if weather.line_out and dice.random() < weather.line_out:
            add(_open_time(begins, dice), "line out", store, till, more=dice.randrange(1, 30) * HOUR_MS)

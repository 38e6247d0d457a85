"""A second opinion on a member's points: the whole ledger again, serially, in another shape.

It knows nothing of the product's code. Where the product keeps a remainder in every lot, this keeps
none: every spent point is a place on a **strip**, one strip a redemption, and a lot's remainder is
what the strips have not taken of it. Where the product posts settlement as it goes, this reads it off
the strips at the end. So a point that is lost or doubled on either side makes the two disagree.

Rules it restates: one floor at the end of a sale; E(kept) and T(kept) telescoping; points used on
returned goods come home first, then the claw-back; soonest expiry first, never last, then as earned;
a claw-back takes the sale's own unspent points, then its expired ones, then moves its spent points
to the next lots, else to debt, oldest redemption first and the last place on the strip first; debt
is repaid oldest first and is borne by the issuer of the lot that was clawed.

Money and points are whole numbers. Input: JSON lines, ``{"rules": {hash: book}}`` and then one line
a member, ``{"m": 7, "today": 20170131, "events": [{"store": "s1", "till": "t1", "op": {…}}, …]}``
in canonical order, or in any order with ``"sort": true``; output: one line a member. The laws are checked
after every event unless ``"checked": false``. ``fold(events, rules, today)`` is the same as a call.
"""

from __future__ import annotations

import json
import sys
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from itertools import pairwise
from typing import Any

from ledger_sale import Book, Sold, last_good_day, number, sold, wall_date

HEADQUARTERS = "hq"


# -- lots and strips ---------------------------------------------------------------------------------


@dataclass(eq=False)
class Lot:
    """Points that came together. ``pts`` falls by claw-back; what is left of it is not kept here."""

    issuer: str
    pts: int
    last_day: date | None
    sale: str

    def alive(self, today: date) -> bool:
        return self.last_day is None or self.last_day >= today


@dataclass(eq=False)
class Debt:
    """A home that is no lot: points nobody has, and who pays for them meanwhile."""

    bearer: str


Home = Lot | Debt


@dataclass
class Strip:
    """The points of one redemption in a row: runs of [home, how many]. Runs never melt together."""

    store: str
    settle: tuple[int, int]
    grace_days: int
    runs: list[tuple[Home, int]] = field(default_factory=list)

    def lay(self, home: Home, n: int) -> None:
        if n:
            self.runs.append((home, n))

    def repaint(self, place: int, n: int, home: Home) -> None:
        """The last ``n`` points of a run get another home, where they lie."""
        old, have = self.runs[place]
        self.runs[place : place + 1] = [run for run in ((old, have - n), (home, n)) if run[1]]

    def pull(self, n: int) -> list[tuple[Home, int]]:
        """Take points off the end of the strip; what was taken, the last first."""
        pulled = []
        while n and self.runs:
            home, have = self.runs.pop()
            part = min(have, n)
            self.lay(home, have - part)
            pulled.append((home, part))
            n -= part
        return pulled


class Ledger:
    """One member, event by event. Every question about a remainder is answered from the strips."""

    def __init__(self, rules: Mapping[str, Book]) -> None:
        self.rules = rules
        self.lots: list[Lot] = []
        self.strips: dict[str, Strip] = {}
        self.sales: dict[str, Sold] = {}
        self.open_claws: list[tuple[str, int]] = []
        self.sums: Counter[str] = Counter()
        self.answers: dict[str, list[int]] = {}
        self.doubts: list[list[Any]] = []
        self.days: Counter[tuple[str, int]] = Counter()
        self.given: Counter[int] = Counter()
        self.known: Counter[str] = Counter()
        self.peak: Counter[str] = Counter()
        self.seen: set[str] = set()

    def remainders(self) -> list[tuple[Lot, int]]:
        """Every lot, as it came, with what the strips have not taken of it."""
        taken: Counter[int] = Counter()
        for strip in self.strips.values():
            for home, n in strip.runs:
                taken[id(home)] += n
        return [(lot, lot.pts - taken[id(lot)]) for lot in self.lots]

    def left(self, lot: Lot) -> int:
        return lot.pts - sum(n for strip in self.strips.values() for home, n in strip.runs if home is lot)

    def spendable(self, today: date) -> list[tuple[Lot, int]]:
        held = [(lot, n) for lot, n in self.remainders() if n and lot.alive(today)]
        return sorted(held, key=lambda entry: entry[0].last_day or date.max)

    def debts(self) -> list[tuple[Strip, int]]:
        return [
            (s, i)
            for s in self.strips.values()
            for i, (home, _) in enumerate(s.runs)
            if isinstance(home, Debt)
        ]

    def take(self, store: str, op: Mapping[str, Any]) -> None:
        if op["id"] in self.seen:
            return
        self.seen.add(op["id"])
        if op["t"] == "sale.earn":
            self.earn(store, op)
        elif op["t"] == "redeem.cash":
            self.spend(store, op, op["pts"])
        elif op["t"] in ("sale.refund", "sale.void"):
            self.refund(op)

    def earn(self, store: str, op: Mapping[str, Any]) -> None:
        book = self.rules[op["rule"]]
        sale = self.sales[op["id"]] = sold(op, store, book)
        used = sum(tender[2] for tender in op.get("tenders", ()) if tender[0] == "points")
        if used:
            self.spend(store, op, used)
        self.doubt(store, op, sale, book)
        if "who" not in op and "pii" not in op:  # else its till does not know whose it is
            self.days[store, op["day"]] += sale.granted
            self.known[store] += sale.granted
            self.peak[store] = max(self.peak[store], self.known[store])
        self.given[op["day"]] += sale.granted
        if sale.granted:
            today = wall_date(op["st"], book["zone"])
            self.sums["issued"] += sale.granted
            self.arrive(Lot(store, sale.granted, last_good_day(today, book["expiry"]), op["id"]))

    def doubt(self, store: str, op: Mapping[str, Any], sale: Sold, book: Book) -> None:
        """What a till wrote of a sale must be what its own inputs give, and its inputs what it can know: no
        less than it gave this member today itself and no more than all have; no higher tier than all the
        points ever given reach, for it need not have heard of a return elsewhere, and no lower one than those
        that it gave itself."""
        would, cap, used = sale.would_earn(), book.get("day_cap_pts", 0), op.get("day_used", 0)
        # Below 0 where more of the day came back than its till had heard of; that is no room.
        due = min(would, max(0, cap - max(0, used))) if cap else would
        if op.get("desired", would) != would or op["pts"] > would:
            self.doubts.append([op["id"], "earned", op["pts"], would])
        elif op["pts"] != due:
            self.doubts.append([op["id"], "day_cap", op["pts"], due])
        if cap and not self.days[store, op["day"]] <= used <= self.given[op["day"]]:
            self.doubts.append([op["id"], "day_used", used, self.days[store, op["day"]]])
        if "tier" in op:
            least, most = (
                max(0, sum(low <= pts for low, *_ in book["tiers"]) - 1)
                for pts in (self.peak[store], self.sums["issued"])
            )
            if not least <= op["tier"] <= most or op["m_bp"] != book["tiers"][op["tier"]][1]:
                self.doubts.append([op["id"], "tier", op["tier"], most])

    def arrive(self, lot: Lot) -> None:
        self.lots.append(lot)
        self.repay(lot)

    def repay(self, lot: Lot) -> None:
        """The oldest debt first; inside a run the last place first, as everywhere on a strip."""
        while (have := self.left(lot)) and (owed := self.debts()):
            strip, place = owed[0]
            debt, part = strip.runs[place][0], min(have, strip.runs[place][1])
            assert isinstance(debt, Debt)
            if debt.bearer != HEADQUARTERS:
                self.open_claws.append((debt.bearer, part))
            strip.repaint(place, part, lot)

    def spend(self, store: str, op: Mapping[str, Any], pts: int) -> None:
        book = self.rules[op["rule"]]
        today = wall_date(op["st"], book["zone"])
        self.sums["redeemed"] += pts
        chosen: list[tuple[Home, int]] = []
        for lot, have in self.spendable(today):
            part = min(pts, have)
            chosen.append((lot, part))
            pts -= part
        while pts:  # the rights were honest when given; a claw-back took the points since
            bearer, have = self.open_claws.pop(0) if self.open_claws else (HEADQUARTERS, pts)
            part = min(pts, have)
            if have > part:
                self.open_claws.insert(0, (bearer, have - part))
            chosen.append((Debt(bearer), part))
            pts -= part
        strip = self.strips[op["id"]] = Strip(
            store, (book["settle"][0], book["settle"][1]), book["grace_days"]
        )
        for home, part in chosen:
            strip.lay(home, part)

    def refund(self, op: Mapping[str, Any]) -> None:
        cause = op["refs"][0]
        today = wall_date(op["st"], self.rules[op["rule"]]["zone"])
        if cause in self.sales:
            sale = self.sales[cause]
            claw, restore = sale.take_back(op["lines"] if op["t"] == "sale.refund" else None)
            self.days[sale.store, sale.day] -= claw
            self.known[sale.store] -= claw
        elif cause in self.strips:  # a redemption of its own, undone whole
            claw, restore = 0, sum(n for _, n in self.strips[cause].runs)
        else:
            return
        self.answers[op["id"]] = [claw, restore]
        if [op.get("claw_pts", claw), op.get("restore_pts", restore)] != [claw, restore]:
            self.doubts.append(
                [op["id"], "refund", [op.get("claw_pts"), op.get("restore_pts")], [claw, restore]]
            )
        self.sums["restored"] += restore
        self.sums["clawed"] += claw
        if restore:
            self.come_home(self.strips[cause], restore, today)
        self.claw(cause, claw, today)

    def come_home(self, strip: Strip, pts: int, today: date) -> None:
        while pts:
            ((home, n),) = strip.pull(min(pts, strip.runs[-1][1]))
            pts -= n
            if isinstance(home, Debt):
                continue
            if home.alive(today):
                self.repay(home)
            else:
                home.pts -= n
                self.arrive(Lot(home.issuer, n, today + timedelta(days=strip.grace_days), home.sale))

    def claw(self, sale: str, pts: int, today: date) -> None:
        own = [lot for lot in self.lots if lot.sale == sale]
        for lot in sorted(own, key=lambda lot: not lot.alive(today)):  # unspent, then expired
            part = min(pts, self.left(lot))
            lot.pts, pts = lot.pts - part, pts - part
            if part and lot.alive(today):
                self.open_claws.append((lot.issuer, part))
        for lot in own:
            for strip in self.strips.values():
                pts -= self.displace(lot, strip, pts, today)
        assert pts == 0, "a claw-back is never larger than what the sale gave"

    def displace(self, lot: Lot, strip: Strip, pts: int, today: date) -> int:
        """Move up to ``pts`` spent points of ``lot`` on this strip to other homes, the last place first."""
        moved = 0
        for place in reversed(range(len(strip.runs))):
            home, have = strip.runs[place]
            todo = min(have, pts - moved) if home is lot else 0
            while todo:
                heirs = self.spendable(today)
                heir, room = heirs[0] if heirs else (Debt(lot.issuer), todo)
                part = min(todo, room)
                if isinstance(heir, Lot):
                    self.open_claws.append((lot.issuer, part))
                strip.repaint(place, part, heir)
                lot.pts, todo, moved = lot.pts - part, todo - part, moved + part
        return moved

    def settlement(self) -> dict[tuple[str, str, int, int], int]:
        totals: Counter[tuple[str, str, int, int]] = Counter()
        for strip in self.strips.values():
            for home, n in strip.runs:
                payer = home.bearer if isinstance(home, Debt) else home.issuer
                if payer != strip.store:
                    totals[payer, strip.store, *strip.settle] += n
        return dict(totals)

    def check(self, today: date) -> None:
        """What must hold after every event, whatever came before."""
        spent = sum(n for strip in self.strips.values() for home, n in strip.runs if isinstance(home, Lot))
        left = [n for _, n in self.remainders()]
        assert all(n >= 0 for n in left), "a lot gave more than it had"
        assert sum(lot.pts for lot in self.lots) == self.sums["issued"] - self.sums["clawed"]
        assert sum(lot.pts for lot in self.lots) == spent + sum(left)
        assert sum(lot.pts for lot in self.lots) == sum(sale.earns() for sale in self.sales.values())
        assert not (self.debts() and self.spendable(today)), "debt beside spendable points"

    def state(self, today: date) -> dict[str, Any]:
        lots = self.spendable(today)
        owed: Counter[str] = Counter()
        for strip, place in self.debts():
            home, n = strip.runs[place]
            assert isinstance(home, Debt)
            owed[home.bearer] += n
        issued, redeemed, expired = Counter[str](), Counter[str](), Counter[str]()
        for lot, n in self.remainders():
            issued[lot.issuer] += lot.pts
            expired[lot.issuer] += 0 if lot.alive(today) else n
        for strip in self.strips.values():
            redeemed[strip.store] += sum(n for _, n in strip.runs)
        sums = {name: self.sums[name] for name in ("issued", "redeemed", "clawed", "restored")}
        return {
            "balance": sum(n for _, n in lots),
            "lots": [[n, number(lot.last_day), lot.issuer] for lot, n in lots],
            "debt": sum(owed.values()),
            "bearers": dict(sorted(owed.items())),
            "draws": {op_id: [[told(home), n] for home, n in s.runs] for op_id, s in self.strips.items()},
            "settlement": sorted([*key, n] for key, n in self.settlement().items()),
            "tier_pts": self.sums["issued"] - self.sums["clawed"],
            **sums,
            "expired": expired.total(),
            "accounts": {"issue": issued, "redeem": redeemed, "expire": expired},
            "returns": self.answers,
            "doubts": self.doubts,
        }


def told(home: Home) -> list[Any]:
    """A home as others can know it: the sale that its points came with, who pays, their last day."""
    return ["", home.bearer, 0] if isinstance(home, Debt) else [home.sale, home.issuer, number(home.last_day)]


# -- the two ways in ---------------------------------------------------------------------------------


def canonical(events: Iterable[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Events of one member in canonical order, by raising times until no rule is broken.

    An event's time is its ``st``, but later than everything it refers to and not before the
    previous event of its own till; equal times go by store, till, own ``st`` and id.
    """
    facts = {event["op"]["id"]: event for event in events}
    when = {key: event["op"]["st"] for key, event in facts.items()}
    tills: dict[tuple[str, str], list[str]] = {}
    for key in sorted(facts, key=lambda key: (facts[key]["op"]["st"], key)):
        tills.setdefault((facts[key]["store"], facts[key]["till"]), []).append(key)
    after = [(late, early, 0) for keys in tills.values() for early, late in pairwise(keys)]
    after += [
        (k, ref, 1) for k, event in facts.items() for ref in event["op"].get("refs", ()) if ref in facts
    ]
    for _ in range(len(facts) + 1):
        late = [(key, when[cause] + gap) for key, cause, gap in after if when[key] < when[cause] + gap]
        if not late:
            break
        for key, moment in late:
            when[key] = max(when[key], moment)
    return [
        facts[key]
        for key in sorted(
            facts, key=lambda k: (when[k], facts[k]["store"], facts[k]["till"], facts[k]["op"]["st"], k)
        )
    ]


def fold(
    events: Iterable[Mapping[str, Any]], rules: Mapping[str, Book], today: int, checked: bool = True
) -> dict[str, Any]:
    """One member's account on ``today`` from events in canonical order."""
    ledger = Ledger(rules)
    for event in events:
        ledger.take(event["store"], event["op"])
        if checked and event["op"].get("rule"):
            ledger.check(wall_date(event["op"]["st"], rules[event["op"]["rule"]]["zone"]))
    return ledger.state(date.fromisoformat(str(today)))


def main() -> None:
    rules: dict[str, Book] = {}
    for text in sys.stdin:
        line = json.loads(text)
        rules.update(line.get("rules", {}))
        if "events" in line:
            events = canonical(line["events"]) if line.get("sort") else line["events"]
            state = fold(events, rules, line["today"], line.get("checked", True))
            answer = {"m": line.get("m"), **state}
            print(json.dumps(answer, ensure_ascii=False, sort_keys=True))


if __name__ == "__main__":
    main()

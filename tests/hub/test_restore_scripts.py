"""Scripts drawn by seed in which headquarters is put back: what was told is told again, and counts as it did.

A headquarters that never broke hears the same envelopes; both must say the same in the end. `JIFEN_RESTORES`
says how many scripts are drawn.
"""

from __future__ import annotations

import json
import os
import random
from pathlib import Path

import pytest
from forks import copied, enrolled, heard, points_of, put_back, sold
from headquarters import Headquarters, Shop

from agent import day_close, enrolment, goods_back
from hub import restoring
from hub.verify import verify
from points.operations import Operation
from points.wire import canonical

SCRIPTS = int(os.environ.get("JIFEN_RESTORES", "4"))
STEPS = 60
DOINGS = {
    "sell": 28, "redeem": 12, "online": 6, "refund": 7, "enrol": 4, "phone": 3, "home": 4, "sync": 22,
    "cut": 5, "join": 2, "fork": 2, "replace": 1, "copy": 3, "restore": 4, "night": 1,
}  # fmt: skip

KNOWN_BY_THE_JOURNAL = ("enrol", "phone", "join", "fork", "refund")
"""Whose key it is and whose number: without the journal, what came of these waits for people. Refunds are
left out there so that any debt is an overspend."""


def recorded(shop: Shop) -> dict[str, bytes]:
    return dict(shop.till.book.rows("SELECT op_id, body FROM ops"))


class Script:
    """Tills of two stores, and a headquarters that is put back from copies of any age."""

    def __init__(self, hq: Headquarters, seed: int, *, keeps_journal: bool) -> None:
        self.hq, self.draw, self.keeps_journal = hq, random.Random(seed), keeps_journal
        self.shops = [hq.shop("s001", "01"), hq.shop("s001", "02"), hq.shop("s002", "01")]
        self.members = [enrolled(shop) for shop in self.shops]
        self.copies = [hq.copy("copy0.sqlite")]
        self.folders: dict[int, Path] = {}
        self.ever: set[str] = set()
        self.gone: set[str] = set()
        self.restores = self.taken = 0
        self.sync_all()

    def step(self) -> None:
        shop, m = self.draw.choice(self.shops), self.draw.choice(self.members)
        doing = self.draw.choices(list(DOINGS), list(DOINGS.values()))[0]
        if not self.keeps_journal and doing in KNOWN_BY_THE_JOURNAL:
            return
        match doing:
            case "sell" if shop.till.look(m) is not None:
                sold(shop, m)
            case "redeem":
                shop.counter.redeem(m, self.draw.randint(1, 120), "c1")
            case "online":
                shop.counter.redeem(m, self.draw.randint(1, 250), "c1")
            case "refund":
                self.refund(shop)
            case "enrol" if shop.till.facts()["pool"]:
                self.members.append(enrolled(shop))
            case "phone" if shop.till.facts()["pool"]:
                enrolment.enrol(shop.till, "c1", phone=f"138{self.draw.randint(0, 10**8):08d}", name="王小明")
            case "home":
                day_close.give_back(shop.till, "agent")
            case "sync":
                shop.night.contact(rest=lambda _ms: None)
            case "cut":
                shop.uplink.connected = not shop.uplink.connected
            case "join" if len(self.shops) < 5:
                self.shops.append(self.hq.shop(f"s00{self.draw.randint(1, 3)}", f"0{len(self.shops) + 1}"))
            case "fork":
                self.fork(shop)
            case "copy":
                self.copies.append(self.hq.copy(f"copy{len(self.copies)}.sqlite"))
            case "restore":
                self.restore()
        for one in self.shops:
            self.ever |= recorded(one).keys()
        self.hq.clock.now_ms += self.draw.randint(1, 40) * 60_000

    def refund(self, shop: Shop) -> None:
        own = [
            Operation(canonical.decode(body), shop.till.store, shop.till.till)
            for body in recorded(shop).values()
        ]
        sales = [op.id for op in own if op.kind == "sale.earn"]
        if sales:
            goods_back.refund(shop.till, self.draw.choice(sales), [[1, 0, 3_000]], "c1")

    def fork(self, shop: Shop) -> None:
        n = self.shops.index(shop)
        if n not in self.folders:
            self.taken += 1
            self.folders[n] = copied(shop, self.hq.folder / f"till{self.taken}")
            return
        had = recorded(shop).keys()
        self.shops[n] = put_back(self.hq, shop, self.folders.pop(n))
        self.gone |= had - heard(self.hq).keys()

    def restore(self) -> None:
        """An old copy is put back; now and then that copy is very old."""
        copy = self.draw.choice(self.copies)
        # What a till that was put back had told headquarters, and has not fetched yet, is in no other place.
        before = heard(self.hq).keys()
        self.hq.put_back(copy, loses_journal=not self.keeps_journal)
        kept = set().union(*(recorded(shop).keys() for shop in self.shops))
        self.gone |= before - kept - heard(self.hq).keys()
        self.restores += 1

    def sync_all(self) -> None:
        for shop in self.shops:
            shop.uplink.connected = True
            shop.night.contact(rest=lambda _ms: None)

    def end(self) -> None:
        if not self.restores:
            self.restore()
        for _ in range(4):
            self.sync_all()
        posted = heard(self.hq).keys()
        custody = {row[0] for row in self.hq.rows("SELECT op_id FROM op_seen WHERE posted = 0")}
        assert self.ever - self.gone - custody <= posted
        assert not custody
        for shop in self.shops:
            done = shop.night.contact(rest=lambda _ms: None)
            assert done.settled, [alarm.problem for alarm in done.alarms]
            assert recorded(shop).keys() <= posted
        assert self.hq.rows("SELECT op_id FROM facts GROUP BY op_id HAVING count(*) > 1") == []
        for shop in self.shops:
            for m in self.members:
                if (view := shop.till.look(m)) is not None and view.row is not None and view.row.raw:
                    assert view.account.balance(view.today) == points_of(self.hq, m)
        with self.hq.office.store.look() as look:
            told = restoring.state(look)
        assert told is None or told.missing == ()
        assert verify(self.hq.office).faults == []
        reasons = {reason for (reason,) in self.hq.rows("SELECT reason FROM cases")}
        if self.keeps_journal:
            assert "uncovered" not in reasons or "forked" in reasons
        else:
            assert all(json.loads(row)[7] == 0 for (row,) in self.hq.rows('SELECT "row" FROM members'))


@pytest.mark.parametrize("keeps_journal", [True, False])
@pytest.mark.parametrize("seed", range(SCRIPTS))
def test_whatever_is_put_back_when_nothing_is_lost(hq: Headquarters, seed: int, keeps_journal: bool) -> None:
    script = Script(hq, seed, keeps_journal=keeps_journal)
    for _ in range(STEPS):
        script.step()
    script.end()

"""The one complete path: offline at the counter, the night, judgement, the same truth everywhere."""

from __future__ import annotations

import json

from headquarters import DAY_MS, Headquarters

from agent import day_close, enrolment, goods_back
from agent.cards import Card
from agent.counter import Found
from agent.funding import No
from agent.recorder import Recorded


def recorded(result: object) -> Recorded:
    assert isinstance(result, Recorded), result
    return result


def card(found: object) -> Card:
    assert isinstance(found, Found), found
    assert found.card is not None
    return found.card


def test_a_member_enrolled_and_served_offline_is_known_everywhere_after_the_night(hq: Headquarters) -> None:
    a, b = hq.shop("s001"), hq.shop("s002")
    a.uplink.connected = False
    new = enrolment.enrol(a.till, "c1", phone="13812348000", name="王小明")
    assert isinstance(new, enrolment.Enrolled)
    sale = recorded(a.counter.sell(new.m, [[1, "all", 2, 30_000], [2, "all", 1, 5_000]], "c1")).op
    recorded(a.counter.redeem(new.m, 100, "c1"))
    recorded(goods_back.refund(a.till, sale.id, [[2, 1, 5_000]], "c1"))
    assert a.night.unsent() == 4
    closed = day_close.close_day(a.till, "c1")
    assert closed.given_back == 200
    a.uplink.connected = True
    hq.clock.now_ms += 12 * 3_600_000
    done = a.night.run(rest=lambda _ms: None)
    assert done.settled, done
    assert not done.alarms, done.alarms
    assert a.night.unsent() == 0
    b.sync()
    told = card(b.counter.scan(new.code))
    assert (told.points, told.here, told.name, told.tail) == (200, 0, "王**", "8000")
    hq.clock.now_ms += 12 * 3_600_000
    again = card(a.counter.scan(new.code))
    assert (again.points, again.pending_pts) == (200, 0)


def test_after_two_visits_the_home_till_may_spend_offline_and_no_other(hq: Headquarters) -> None:
    a, b = hq.shop("s001"), hq.shop("s002")
    new = enrolment.enrol(a.till, "c1")
    assert isinstance(new, enrolment.Enrolled)
    for _ in range(2):
        recorded(a.counter.sell(new.m, [[1, "all", 1, 50_000]], "c1"))
        hq.clock.now_ms += DAY_MS
    a.night.run(rest=lambda _ms: None)
    b.sync()
    a.uplink.connected = b.uplink.connected = False
    assert card(a.counter.scan(new.code)).here == 1000
    assert card(b.counter.scan(new.code)).here == 0
    spent = recorded(a.counter.redeem(new.m, 700, "c1"))
    assert spent.op.fund == [["allowance", 700]]
    a.uplink.connected = b.uplink.connected = True
    a.night.run(rest=lambda _ms: None)
    told = dict(hq.rows("SELECT credit, sum(pts) FROM postings WHERE credit LIKE 'x.%' GROUP BY credit"))
    assert told == {"x.redeem:s001": 700}
    ((row,),) = hq.rows('SELECT "row" FROM members WHERE m = ?', new.m)
    assert sum(lot[1] for lot in json.loads(row)[8]) == 300
    b.sync()
    paid = b.counter.redeem(new.m, 300, "c1")
    assert isinstance(paid, No), "what is left lies with the home till"

"""A PC that is switched off holds nobody's points: closing, shutdown and a power cut send everything home."""

from __future__ import annotations

from typing import Any

from headquarters import DAY_MS, Headquarters, Shop
from test_rights_over_http import enrolled

from agent import day_close
from agent.pulse import Pulse
from agent.recorder import Recorded
from agent.uplink import OutOfReach

GOODS = [[1, "food", 1, 20_000]]


def with_points(hq: Headquarters) -> tuple[Shop, int]:
    """A store and its member of 400 points, all of them held there."""
    shop = hq.shop("s001")
    m = enrolled(shop)
    for _ in range(2):
        assert isinstance(shop.counter.sell(m, GOODS, "c1"), Recorded)
    shop.sync()
    assert shop.here(m) == 400
    return shop, m


def out(hq: Headquarters) -> int:
    """ΣE + ΣF at headquarters."""
    cells = hq.rows("SELECT granted, allowance_used, added, local_used, closed FROM cells")
    return sum((0 if c else g - u) + a - lu for g, u, a, lu, c in cells)


def test_a_closed_day_leaves_nothing_at_the_till_until_the_next_one_opens(hq: Headquarters) -> None:
    shop, m = with_points(hq)
    day_close.close_day(shop.till, "c1")
    for _ in range(3):
        shop.sync()
    assert (shop.here(m), out(hq)) == (0, 0)
    day_close.open_day(shop.till)
    shop.sync()
    assert (shop.here(m), out(hq)) == (400, 400), "another shift takes them again"
    day_close.close_day(shop.till, "c1")
    shop.sync()
    hq.clock.now_ms += DAY_MS
    shop.sync()
    assert shop.here(m) == 400, "the next day fetches them"


def test_who_spends_elsewhere_meanwhile_has_them(hq: Headquarters) -> None:
    shop, m = with_points(hq)
    other = hq.shop("s002")
    day_close.close_day(shop.till, "c1")
    shop.sync()
    other.sync()
    assert isinstance(other.counter.redeem(m, 400, "c2"), Recorded)


def test_a_pc_that_loses_its_power_gives_everything_home_at_once(hq: Headquarters) -> None:
    shop, m = with_points(hq)
    assert shop.night.leave()
    shop.sync()
    assert (shop.here(m), out(hq)) == (0, 0)
    hq.clock.now_ms += 31 * 60_000
    shop.sync()
    assert shop.here(m) == 400, "half an hour later it is still on, so the power is back"


def test_without_a_network_rights_stay_where_they_can_be_spent(hq: Headquarters) -> None:
    shop, m = with_points(hq)
    shop.uplink.connected = False
    assert not shop.night.leave()
    assert shop.here(m) == 400


def test_a_power_cut_in_the_middle_of_leaving_loses_nothing(hq: Headquarters, monkeypatch: Any) -> None:
    shop, m = with_points(hq)
    ask = shop.uplink.call

    def cut(method: str, path: str, *more: Any, **how: Any) -> bytes:
        if method == "POST":
            raise OutOfReach("the switch is off already")
        return ask(method, path, *more, **how)

    with monkeypatch.context() as meanwhile:
        meanwhile.setattr(shop.uplink, "call", cut)
        assert not shop.night.leave()
    assert (shop.here(m), out(hq)) == (0, 400), "given back in the book, and not yet told"
    again = hq.open(shop.folder)
    again.sync()
    assert again.here(m) == out(hq) == 400


def test_a_day_that_is_closed_without_a_network_keeps_its_rights_until_headquarters_answers(
    hq: Headquarters,
) -> None:
    shop, m = with_points(hq)
    pulse = Pulse(shop.night, shop.uplink, every_s=0)
    shop.uplink.connected = False
    told = day_close.close_day(shop.till, "c1", reaches=pulse.reaches())
    assert (told.given_back, told.kept, shop.here(m)) == (0, 400, 400)
    pulse.beat()
    assert shop.here(m) == 400
    hq.clock.now_ms += DAY_MS
    assert isinstance(shop.counter.redeem(m, 30, "c1"), Recorded), "the next morning the line is still cut"
    shop.uplink.connected = True
    pulse.beat()
    assert shop.here(m) == 370, "the day is open: they stay"
    shop.uplink.connected = False
    day_close.close_day(shop.till, "c1", reaches=pulse.reaches())
    shop.uplink.connected = True
    pulse.beat()
    assert (shop.here(m), out(hq)) == (0, 0), "in the evening the line is back: they go home at once"
    before = shop.till.log.seq
    pulse.beat()
    assert shop.till.log.seq == before

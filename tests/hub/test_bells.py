"""Rights come home while another counter waits for them; a bell that nobody hears costs nothing but time."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

import pytest
from headquarters import Headquarters, Shop
from patience import until
from pretend_till import PretendTill
from test_rights_over_http import enrolled

from agent.bell import Bell
from agent.counter import No
from agent.recorder import Recorded
from agent.uplink import Uplink
from hub import authorisations
from hub.api import devices
from hub.bells import PAUSE_S, Bells
from hub.verify import verify
from points.fund import SPENDS
from points.refusals import Refusal
from points.wire import canonical, endpoints, requests

GOODS = [[1, "food", 1, 20_000]]


@contextmanager
def listening(hq: Headquarters, shop: Shop) -> Iterator[Bell]:
    """A till whose bell hangs, as soon as headquarters holds its question."""
    bell = Bell(shop.night, shop.uplink)
    bell.start()
    lane = shop.till.identity.lane
    assert until(lambda: (lane.store, lane.till) in hq.office.bells.listeners()), "the till never asked"
    try:
        yield bell
    finally:
        bell.stop()


def at_home(hq: Headquarters) -> tuple[Shop, Shop, int]:
    """A member whose 400 points lie at the first store, and a second store that knows the member."""
    home, other = hq.shop("s001"), hq.shop("s002")
    m = enrolled(home)
    for _ in range(2):
        assert isinstance(home.counter.sell(m, GOODS, "c1"), Recorded)
    home.sync()
    home.night.run(rest=lambda _ms: None)
    home.sync()
    assert home.here(m) == 400
    other.sync()
    return home, other, m


def spent(done: Any) -> dict[str, int]:
    assert isinstance(done, Recorded), done
    return {act: n for act, n in done.op.moves() if act in SPENDS}


def test_points_that_lie_elsewhere_are_spent_while_the_customer_waits(hq: Headquarters) -> None:
    home, other, m = at_home(hq)
    with listening(hq, home):
        assert spent(other.counter.redeem(m, 300, "c2")) == {"auth": 300}
    left = home.here(m)
    assert left in (0, 100), "what was left over may have gone back already"
    other.sync()
    assert hq.rows("SELECT count(*) FROM reserved") == [(0,)]
    assert not verify(hq.office).faults


def test_where_nobody_listens_the_counter_hears_no_at_once(
    hq: Headquarters, monkeypatch: pytest.MonkeyPatch
) -> None:
    home, other, m = at_home(hq)
    monkeypatch.setattr(authorisations, "wait", "nothing is waited for")
    said = other.counter.redeem(m, 300, "c2")
    assert isinstance(said, No)
    assert said.refusal is Refusal.held_elsewhere, "and is told why"
    assert not home.till.rights(m).empty


def test_what_all_tills_together_do_not_hold_is_not_asked_for(hq: Headquarters) -> None:
    home, other, m = at_home(hq)
    with listening(hq, home):
        assert other.uplink.authorise("ab" * 16, m, 401) == "not_enough_points"
        assert not home.till.rights(m).empty


def test_a_till_that_is_about_to_spend_gives_nothing_back(hq: Headquarters) -> None:
    home, _, m = at_home(hq)
    op_id = "cd" * 16
    with home.till.book.turn() as turn:
        turn.execute("INSERT INTO intents (op_id, m, pts) VALUES (?, ?, 5)", (op_id, m))
    home.till.asking.add(op_id)
    assert Bell(home.night, home.uplink).answer([m]) == 0
    home.till.asking.clear()
    assert Bell(home.night, home.uplink).answer([m]) == 400


def test_a_till_that_has_gone_is_not_waited_for(hq: Headquarters, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(devices, "BREATH_S", 0.5)
    till = PretendTill(hq, "s009")
    at = urlsplit(hq.url).netloc
    signed = requests.sign(till.key, "GET", at, endpoints.bell(), "", None, None, int(time.time()))
    with till.client.stream("GET", endpoints.bell(), headers=signed) as answer:
        assert next(answer.iter_raw()) == b" "
    for _ in range(20):  # through more than one breath
        assert until(lambda: not hq.office.bells.listeners()), "its question is held for nobody"
        time.sleep(0.05)
    till.close()


def test_many_that_wait_keep_nobody_out(hq: Headquarters) -> None:
    """Threads that wait for points would keep out what they wait for."""
    home, other, m = at_home(hq)

    def ask(n: int) -> bytes:
        body = canonical.encode({"id": f"{n:032x}", "m": m, "n": 8})
        return other.uplink.call("POST", endpoints.authorisations(), body, endpoints.JSON)

    with listening(hq, home), ThreadPoolExecutor(50) as hands:
        assert set(hands.map(ask, range(1, 51))) == {b'{"granted":8}'}


def test_two_pcs_with_one_key_do_not_chase_each_other(hq: Headquarters) -> None:
    home, _, _ = at_home(hq)
    asked = 0
    real = home.uplink.rung

    def rung() -> list[int]:
        nonlocal asked
        asked += 1
        return real()

    home.uplink.rung = rung  # type: ignore[method-assign]
    clone = Uplink(home.uplink.hub_url, home.uplink.key, home.uplink.hub_public)
    with listening(hq, home), ThreadPoolExecutor(1) as hands:
        for _ in range(20):
            hands.submit(clone.rung)
            time.sleep(0.05)
        assert asked <= 3
        hq.office.bells.close()
    clone.close()


def test_a_question_breathes_while_it_is_held(hq: Headquarters, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(devices, "BREATH_S", 0.05)
    home, _, m = at_home(hq)
    began = time.monotonic()
    assert home.uplink.rung() == []
    assert time.monotonic() - began > devices.BREATHS * 0.04
    hq.office.bells.ring([("s001", "01")], m)
    assert home.uplink.rung() == [m]


def test_a_cut_till_keeps_what_it_holds(hq: Headquarters, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(authorisations, "RECALL_MS_MAX", 500)
    home, other, m = at_home(hq)
    with listening(hq, home):
        home.uplink.connected = False
        assert isinstance(other.counter.redeem(m, 300, "c2"), No)
        assert not home.till.rights(m).empty
        assert isinstance(home.counter.redeem(m, 400, "c1"), Recorded), "they are spent where they lie"


def test_two_counters_at_once_never_spend_the_same_points(hq: Headquarters) -> None:
    home, other, m = at_home(hq)
    third = hq.shop("s003")
    third.sync()
    with listening(hq, home), ThreadPoolExecutor(3) as hands:
        done = list(hands.map(lambda shop: shop.counter.redeem(m, 250, "c"), (home, other, third)))
    spent_now = sum(sum(spent(one).values()) for one in done if isinstance(one, Recorded))
    assert spent_now <= 400
    for shop in (home, other, third):
        shop.sync()
    assert not verify(hq.office).faults
    assert hq.rows("SELECT count(*) FROM cases") == [(0,)]


def test_what_comes_home_for_somebody_is_not_granted_away_before(hq: Headquarters) -> None:
    home, _, m = at_home(hq)

    async def meanwhile() -> None:
        with hq.office.bells.awaiting(m):
            assert await asyncio.to_thread(Bell(home.night, home.uplink).answer, [m]) == 400
            await asyncio.to_thread(home.sync)
            assert home.till.rights(m).empty

    asyncio.run(meanwhile())
    home.sync()
    assert not home.till.rights(m).empty, "nobody took them, so they may be spent where they were"


def test_questions_that_are_held_open_keep_nobody_waiting(hq: Headquarters) -> None:
    home, other, m = at_home(hq)
    bells = hq.office.bells
    with listening(hq, home), ThreadPoolExecutor(60) as hands:
        held = [hands.submit(asyncio.run, bells.listen((f"x{i}", "01"), 5)) for i in range(60)]
        assert until(lambda: len(bells.listeners()) == 61)
        assert spent(other.counter.redeem(m, 300, "c2")) == {"auth": 300}
        bells.close()
        assert [one.result() for one in held] == [None] * 60


@pytest.fixture
def bells() -> Bells:
    return Bells(lambda: 100.0)


def test_a_ring_between_two_questions_is_heard_by_the_second(bells: Bells) -> None:
    async def day() -> None:
        assert bells.ring([("s", "1")], 7) == 0, "this till has never asked"
        assert await bells.listen(("s", "1"), 0.01) == []
        assert bells.ring([("s", "1")], 7) == 1
        assert await bells.listen(("s", "1"), 5) == [7]
        assert await bells.listen(("s", "1"), 0.01) == [], "a ring is heard once"

    asyncio.run(day())


def test_a_till_that_was_silent_for_long_is_not_waited_for() -> None:
    now = [100.0]
    bells = Bells(lambda: now[0])
    assert asyncio.run(bells.listen(("s", "1"), 0.01)) == []
    now[0] += PAUSE_S
    assert bells.ring([("s", "1")], 7) == 0


def test_a_till_has_one_question(bells: Bells) -> None:
    async def twice() -> list[list[int] | None]:
        first = asyncio.ensure_future(bells.listen(("s", "1"), 5))
        await asyncio.sleep(0)
        second = asyncio.ensure_future(bells.listen(("s", "1"), 5))
        await first
        bells.ring([("s", "1")], 9)
        return [await first, await second]

    assert asyncio.run(twice()) == [None, [9]]


def test_whoever_waits_is_told_of_his_member_only(bells: Bells) -> None:
    async def wait() -> None:
        with bells.awaiting(7) as event:
            bells.posted({8})
            await asyncio.sleep(0.01)
            assert not event.is_set()
            threading.Thread(target=bells.posted, args=({7},)).start()
            await asyncio.wait_for(event.wait(), 5)

    asyncio.run(wait())

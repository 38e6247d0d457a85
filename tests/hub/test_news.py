"""News of headquarters: who listens comes for it, within the time that it says, and nobody all at once."""

from __future__ import annotations

import threading
import time
from typing import Any

import pytest
from headquarters import RULES, Headquarters
from patience import until
from test_bells import at_home, listening

from agent.bell import Bell
from agent.pulse import Pulse
from hub import denials, publishing
from hub.bells import Spread
from hub.news import SPREAD_S_MAX, TILLS_A_SECOND, News, latest
from points.wire import canonical

BOOK = canonical.encode({**RULES, "name": "next year's"})


def new_rules(hq: Headquarters) -> None:
    with hq.office.store.turn() as turn:
        publishing.publish_rules(turn, hq.office, BOOK)


def test_rules_the_barred_and_revoked_keys_are_news_and_nothing_else(hq: Headquarters) -> None:
    home, _, m = at_home(hq)

    def now() -> tuple[int, ...]:
        with hq.office.store.look() as look:
            return latest(look)

    seen = [now()]
    home.counter.sell(m, [[1, "all", 1, 1_000]], "c1")
    home.sync()
    assert now() == seen[0], "a sale is none"
    new_rules(hq)
    seen.append(now())
    with hq.office.store.turn() as turn:
        assert denials.deny(turn, hq.office, m, "李娜", "报失")
    seen.append(now())
    hq.clock.now_ms += 1
    with hq.office.store.turn() as turn:
        assert denials.allow(turn, hq.office, m, "李娜", "找到了")
    seen.append(now())
    with hq.office.store.turn() as turn:
        turn.run("UPDATE keys SET revoked_at_ms = 1, max_seq = 0 WHERE store = 's002'")
    seen.append(now())
    with hq.office.store.turn() as turn:
        turn.run("UPDATE keys SET revoked_at_ms = NULL, max_seq = NULL WHERE store = 's002'")
    assert len(set(seen)) == len(seen)


def test_a_till_that_listens_has_new_rules_within_a_moment(hq: Headquarters) -> None:
    """Whoever wrote them: here another process does."""
    home = hq.shop("s001")
    news = News(hq.office)
    pulse = Pulse(home.night, home.uplink, every_s=0.05)
    bell = Bell(home.night, home.uplink, pulse.hear_within)
    pulse.start()
    bell.start()
    try:
        assert until(lambda: ("s001", "01") in hq.office.bells.listeners())
        before = home.till.rule().hash
        other = hq.another()
        new_rules(other)
        other.office.store.close()
        assert news.look() == 1
        assert until(lambda: home.till.rule().hash != before)
        assert news.look() == 0, "told once"
        assert until(lambda: home.night.last is not None)
        last = home.night.last
        time.sleep(0.5)  # ten beats
        assert home.night.last is last, "one contact for it"
        assert until(lambda: ("s001", "01") in hq.office.bells.listeners()), "it listens on"
    finally:
        bell.stop()
        pulse.stop()


def test_so_many_come_a_second_and_no_more(hq: Headquarters, monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[int] = []
    many: list[tuple[str, str]] = []
    monkeypatch.setattr(hq.office.bells, "listeners", lambda: many)
    monkeypatch.setattr(
        hq.office.bells, "tell", lambda agents, spread_s: told.append(spread_s) or len(agents)
    )
    news = News(hq.office)
    for count in (1, 3 * TILLS_A_SECOND, 10**6):
        many = [("s001", "01")] * count
        with hq.office.store.turn() as turn:
            turn.run("UPDATE manifests SET ver = ver + 1 WHERE topic = 'rules'")
        assert news.look() == count
    assert told == [0, 3, SPREAD_S_MAX]


def test_each_comes_in_a_time_of_its_own_and_not_later_than_it_was_asked(
    hq: Headquarters, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = hq.shop("s001")
    pulse, came = Pulse(home.night, home.uplink, every_s=0), list[int]()
    monkeypatch.setattr(pulse, "_contact", lambda: came.append(hq.clock.now_ms))
    monkeypatch.setattr(pulse, "_answers", lambda: True)
    pulse._last_try_mono_ms = home.till.clock.now().mono_ms
    waited = []
    for _ in range(12):
        began, count = hq.clock.now_ms, len(came)
        pulse.hear_within(60)
        while len(came) == count:
            hq.clock.now_ms += 1_000
            pulse._last_try_mono_ms = home.till.clock.now().mono_ms
            pulse.beat()
            assert hq.clock.now_ms - began <= 61_000
        pulse._news_mono_ms = None
        waited.append(hq.clock.now_ms - began)
    assert len(set(waited)) > 4
    pulse.beat()
    assert len(came) == 12, "once for each news"


@pytest.mark.parametrize(
    ("told", "within"), [(0, 0), (7, 7), (10**9, 900), (-1, None), ("7", None), (None, None), (1.5, None)]
)
def test_what_the_news_say_is_checked(
    hq: Headquarters, monkeypatch: pytest.MonkeyPatch, told: Any, within: int | None
) -> None:
    home = hq.shop("s001")
    raw = b'{"recall":[],"news":%s}' % str(told).replace("None", "null").encode()
    if told == "7":
        raw = b'{"recall":[],"news":"7"}'
    monkeypatch.setattr(home.uplink, "_ask", lambda *_: raw)
    if told == 1.5:
        with pytest.raises(Exception, match="malformed"):
            home.uplink.rung()
        return
    assert home.uplink.rung() == []
    assert home.uplink.news_s == within
    monkeypatch.setattr(home.uplink, "_ask", lambda *_: b'{"recall":[]}')
    home.uplink.rung()
    assert home.uplink.news_s is None


def test_a_till_of_before_passes_it_over(hq: Headquarters) -> None:
    home = hq.shop("s001")
    with listening(hq, home) as bell:
        hq.office.bells.tell([("s001", "01")], 5)
        assert until(lambda: home.uplink.news_s == 5)
        assert bell.answer([]) == 0


def test_news_and_a_recall_are_told_together(hq: Headquarters) -> None:
    home, _, m = at_home(hq)
    heard: list[Any] = []
    asking = threading.Thread(target=lambda: heard.append(home.uplink.rung()))
    at = ("s001", "01")
    hq.office.bells.ring([at], m)
    asking.start()
    assert until(lambda: bool(heard) or at in hq.office.bells.listeners())
    hq.office.bells.ring([at], Spread(3))
    asking.join(20)
    if heard == [[m]]:
        heard = [home.uplink.rung()]
    assert home.uplink.news_s == 3

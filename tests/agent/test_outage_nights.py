"""Nights of an outage: rights stay where they can be spent, and go home once headquarters answers."""

from __future__ import annotations

from pathlib import Path

import pytest
from shopfloor import GOODS, HandClock, counter_of, grant, open_till, tell_member

from agent.night import Night
from agent.store import feeds
from agent.till import Till
from agent.uplink import Uplink
from config.night_window import NightWindow
from points.wire.calls import PAUSE_MS_MAX

M = 1030
MINUTE_MS = 60_000
DAY_MS = 86_400_000


class DeadLine(Uplink):
    """A way to headquarters that counts tries; ``answers``: a hub that lives and takes nothing."""

    def __init__(self, till: Till, answers: bool) -> None:
        super().__init__("http://127.0.0.1:9", till.identity.key, b"", connected=False)
        self.answers, self.asked = answers, 0

    def reaches(self) -> bool:
        self.asked += 1
        return self.answers


@pytest.fixture
def till(tmp_path: Path) -> Till:
    return open_till(tmp_path / "t")


def night_of(till: Till, *, answers: bool) -> tuple[Night, DeadLine]:
    line = DeadLine(till, answers)
    night = Night(till, line, NightWindow(0, 240))
    with till.book.turn() as turn:
        feeds.keep_fact(turn, "night", "20261101")
    night.stop()  # its pauses are not waited for
    return night, line


def test_points_earned_in_an_outage_stay_spendable_through_its_nights(till: Till) -> None:
    assert isinstance(till.clock, HandClock)
    tell_member(till, M, 500)
    grant(till, M, 50)
    night, line = night_of(till, answers=False)
    counter = counter_of(till)
    tries, looks = 0, 2 * DAY_MS // MINUTE_MS
    for minute in range(looks):
        if minute % 720 == 0:
            counter.sell(M, GOODS, "c1")
        assert night.is_due()
        night.look()
        tries = line.asked
        till.clock.now_ms += MINUTE_MS
    today = till.rule().today(till.time().st_ms)
    assert till.rights(M).left(today) == (4 * 12, 50)
    assert till.log.seq == 4, "nothing was recorded but the sales"
    assert tries < looks * MINUTE_MS // (PAUSE_MS_MAX // 4), "tries are spaced"


def test_rights_go_home_once_when_headquarters_answers_and_takes_nothing(till: Till) -> None:
    assert isinstance(till.clock, HandClock)
    tell_member(till, M, 500)
    grant(till, M, 50)
    night, _ = night_of(till, answers=True)
    counter = counter_of(till)
    night.look()
    today = till.rule().today(till.time().st_ms)
    assert till.rights(M).left(today) == (0, 0), "the negative: a hub that answers is given them"
    counter.sell(M, GOODS, "c1")
    for _ in range(120):
        till.clock.now_ms += MINUTE_MS
        night.look()
    assert till.rights(M).left(today) == (12, 0)

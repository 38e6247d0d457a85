"""When a till talks: soon after a sale and once for several, ever more seldom to who does not answer."""

from __future__ import annotations

import itertools
import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from patience import until
from shopfloor import GOODS, HandClock, counter_of, open_till
from test_outage_nights import night_of

from agent import pulse as pulses
from agent.contact import Contacted
from agent.patience import Patience
from agent.pulse import HEAR_AT_LEAST_EVERY_MS, Pulse
from agent.till import Till
from points.wire.calls import FIRST_PAUSE_MS, PAUSE_MS_MAX

U32 = 2**32


@dataclass
class Way:
    """A way to headquarters that is asked, by a hand-moved clock."""

    clock: HandClock
    answers: bool = True
    connected: bool = True
    heard: bool = False
    asked: list[int] = field(default_factory=list)
    patience: Patience | None = None

    @property
    def may_ask(self) -> bool:
        return self.patience is None or self.patience.is_over

    def has_answered(self, _within_s: float) -> bool:
        return self.heard

    def reaches(self) -> bool:
        self.asked.append(self.clock.now().mono_ms)
        if self.patience is not None:
            (self.patience.succeed if self.answers else self.patience.fail)()
        return self.answers


@pytest.fixture
def till(tmp_path: Path) -> Till:
    return open_till(tmp_path)


def made(
    till: Till, monkeypatch: pytest.MonkeyPatch, settled: Callable[[], bool]
) -> tuple[Pulse, Way, list[int]]:
    """A pulse, its way, and when it made contacts."""
    assert isinstance(till.clock, HandClock)
    night, _ = night_of(till, answers=True)
    contacts: list[int] = []

    def contact() -> Contacted:
        contacts.append(till.clock.now().mono_ms)
        return Contacted(settled(), 0, 0, 0, ())

    monkeypatch.setattr(night, "contact", contact)
    way = Way(till.clock)
    return Pulse(night, way, every_s=0), way, contacts


def beat(pulse: Pulse, clock: HandClock, seconds: int) -> None:
    for _ in range(seconds // 5):
        clock.now_ms += 5_000
        pulse.beat()


def test_headquarters_that_was_heard_lately_is_not_asked_whether_it_answers(
    till: Till, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert isinstance(till.clock, HandClock)
    pulse, way, contacts = made(till, monkeypatch, lambda: True)
    way.heard = True
    beat(pulse, till.clock, 3_600)
    assert way.asked == []
    assert pulse.network == "online"
    assert len(contacts) == pytest.approx(3_600_000 // HEAR_AT_LEAST_EVERY_MS, abs=1)


def test_one_that_does_not_answer_is_asked_ever_more_seldom_and_by_chance(
    till: Till, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert isinstance(till.clock, HandClock)
    pulse, way, contacts = made(till, monkeypatch, lambda: True)
    clock, draw = till.clock, random.Random(7)
    way.answers, way.patience = False, Patience(lambda: clock.now().mono_ms, lambda: draw.randrange(U32))
    counter_of(till).sell(None, GOODS, "c1")
    beat(pulse, clock, 4 * 3_600)
    assert pulse.network == "offline"
    assert contacts == []
    pauses = [later - earlier for earlier, later in itertools.pairwise(way.asked)]
    assert len(way.asked) < 4 * 3_600_000 // (PAUSE_MS_MAX // 4)
    assert max(pauses) <= PAUSE_MS_MAX + 5_000
    assert len(set(pauses[-12:])) > 3, "no two tills come back together"
    way.patience.succeed()
    way.heard = True  # somebody else was answered: a customer was authorised
    beat(pulse, clock, 5)
    assert contacts, "and it is told at once what waits"


def test_what_is_not_taken_is_offered_ever_more_seldom(till: Till, monkeypatch: pytest.MonkeyPatch) -> None:
    assert isinstance(till.clock, HandClock)
    is_taken = False
    pulse, way, contacts = made(till, monkeypatch, lambda: is_taken)
    way.heard = True
    counter_of(till).sell(None, GOODS, "c1")
    beat(pulse, till.clock, 4 * 3_600)
    assert 8 < len(contacts) < 4 * 3_600_000 // (PAUSE_MS_MAX // 4)
    is_taken = True
    beat(pulse, till.clock, 1_000)
    contacts.clear()
    beat(pulse, till.clock, 60)
    assert len(contacts) > 3, "once it was taken, the next is offered at once"


@contextmanager
def looking(
    till: Till, monkeypatch: pytest.MonkeyPatch, upload_after_s: float
) -> Iterator[tuple[Callable[[int], None], list[int]]]:
    """A pulse that runs by itself and has looked once: how to sell so often, and when it made contacts."""
    monkeypatch.setattr(pulses, "UPLOAD_AFTER_S", upload_after_s)
    pulse, way, contacts = made(till, monkeypatch, lambda: True)
    pulse.every_s, way.heard = 60.0, True
    counter = counter_of(till)

    def sell(times: int) -> None:
        for _ in range(times):
            counter.sell(None, GOODS, "c1")
            pulse.wake()

    pulse.start()
    try:
        assert until(lambda: len(contacts) == 1)
        yield sell, contacts
    finally:
        pulse.stop()


def test_sales_that_follow_each_other_are_told_in_one_contact(
    till: Till, monkeypatch: pytest.MonkeyPatch
) -> None:
    with looking(till, monkeypatch, 0.2) as (sell, contacts):
        sell(4)
        assert until(lambda: len(contacts) == 2)
        assert not until(lambda: len(contacts) > 2, timeout_s=0.5)


def test_who_sells_without_a_pause_is_told_of_all_the_same(
    till: Till, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pulses, "UPLOAD_AT_ONCE", 3)
    with looking(till, monkeypatch, 30.0) as (sell, contacts):
        sell(2)
        assert not until(lambda: len(contacts) > 1, timeout_s=0.3)
        sell(1)
        assert until(lambda: len(contacts) == 2)


def test_a_failure_is_counted_once_however_many_have_it() -> None:
    now = 0
    patience = Patience(lambda: now, lambda: U32 - 1)
    for _ in range(5):
        patience.fail()
    assert not patience.is_over
    now = FIRST_PAUSE_MS
    assert patience.is_over
    patience.fail(10_000)
    now += 9_999
    assert not patience.is_over, "it asked for that long"
    now += 1
    assert patience.is_over
    for _ in range(30):
        patience.fail()
        now += PAUSE_MS_MAX
        assert patience.is_over
    patience.fail()
    patience.succeed()
    assert patience.is_over

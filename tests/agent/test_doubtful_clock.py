"""A clock that is wrong or was moved: the cashier is told, the paper says 待确认, near expiry points wait."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import pytest
from shopfloor import GOODS, NOON_MS, HandClock, counter_of, grant, open_till
from test_counter_acts import done

from agent import doctor
from agent.doctor import Verdict
from agent.funding import No
from agent.journal.clock import OFF_MAX_MS, Reading, Witness, store_time
from agent.papers import paper_of
from agent.recorder import Recorded
from agent.screen import said
from agent.store import members
from agent.till import Till
from agent.world import World, Worlds
from config.words import load_words
from points.refusals import Refusal

DAY_MS, HALF_MS, YEARS = 86_400_000, 43_200_000, 30 * 365 * 86_400_000
M = 1024
TODAY, YESTERDAY, TOMORROW = 20261119, 20261118, 20261120


@dataclass
class WallClock(HandClock):
    """The wall is moved apart from the clock that counts sleep."""

    ahead_ms: int = 0

    def now(self) -> Reading:
        plain = super().now()
        return Reading(max(0, plain.wall_ms + self.ahead_ms), plain.mono_ms, plain.boot)


@pytest.fixture
def clock() -> WallClock:
    return WallClock()


@pytest.fixture
def till(tmp_path: Any, clock: WallClock) -> Till:
    return open_till(tmp_path / "till", clock)


class Still:
    """What a page asks of the parts that are not tried here."""

    network, last_contact_ms, fault, condition = "offline", 0, None, "printer_none"

    def unsent(self) -> int:
        return 0

    def waiting(self) -> int:
        return 0

    def looks(self) -> tuple[()]:
        return ()


def state(till: Till) -> str:
    """What the line that is always in view says of the clock."""
    still: Any = Still()
    world: World = Worlds(till, still, still, still, list).now()
    return str(said.state(world, till, load_words("zh"))["clock"])


def is_doubted(till: Till) -> bool:
    """Whether the paper of a sale says so."""
    sold = done(counter_of(till).sell(None, GOODS, "c1"))
    assert sold.receipt is not None
    paper = paper_of(sold.receipt, load_words("zh"), till.rule(), chain="a", store="b")
    said_so = any("待确认" in getattr(row, "text", "") for row in paper.rows)
    assert said_so == sold.receipt.clock_doubt
    return said_so


@pytest.mark.parametrize(("ahead_ms", "words"), [(6 * 60_000, "快 6 分钟"), (-3_600_000, "慢 60 分钟")])
def test_a_wall_that_is_off_is_told_and_the_paper_has_the_true_time(
    till: Till, clock: WallClock, ahead_ms: int, words: str
) -> None:
    till.heard_hub(clock.now_ms)
    assert state(till) == ""
    clock.ahead_ms = ahead_ms
    assert words in state(till)
    assert not is_doubted(till), "what the paper says is headquarters' time"
    assert till.log.last_st == clock.now_ms
    finding = doctor.check_clock(till)
    assert (finding.verdict, finding.words) == (Verdict.WARNED, "doctor.clock_off")
    clock.ahead_ms = OFF_MAX_MS
    assert state(till) == "", "five minutes are nothing"


@pytest.mark.parametrize("jump_ms", [-YEARS, -6 * 60_000, 6 * 60_000, 20 * 3_600_000])
def test_a_jump_while_nobody_was_heard_is_told_and_marks_the_paper(
    till: Till, clock: WallClock, jump_ms: int
) -> None:
    assert not is_doubted(till)
    clock.ahead_ms = jump_ms
    assert "待确认" in state(till)
    before = till.log.last_st
    assert is_doubted(till)
    assert till.log.last_st > before, "store time never falls"
    till.heard_hub(clock.now_ms + 1_000)
    assert not is_doubted(till) or abs(jump_ms) > DAY_MS


def test_a_pc_that_begins_in_2099_or_1970_is_told_and_marks_the_paper(till: Till, clock: WallClock) -> None:
    till.heard_hub(clock.now_ms)
    for boot, wall_ms in (("a" * 16, 4_083_998_400_000), ("b" * 16, 0)):
        clock.boot, clock.ahead_ms = boot, wall_ms - clock.now_ms
        assert "待确认" in state(till)
        assert is_doubted(till)
        assert till.log.last_st < clock.now_ms + 60_000


def test_a_jump_is_measured_by_the_clock_that_counts_sleep() -> None:
    began = Reading(NOON_MS, 1_000, "b")
    slept = Reading(NOON_MS + HALF_MS, 1_000 + HALF_MS, "b")
    assert not store_time(slept, NOON_MS, None, began).suspect
    for off in (OFF_MAX_MS, -OFF_MAX_MS):
        near = Reading(NOON_MS + HALF_MS + off, 1_000 + HALF_MS, "b")
        assert not store_time(near, NOON_MS, None, began).suspect
        far = Reading(near.wall_ms + (1 if off > 0 else -1), near.mono_ms, "b")
        assert store_time(far, NOON_MS, None, began).suspect
        assert not store_time(Reading(far.wall_ms, 5, "c"), NOON_MS,
                              Witness(far.wall_ms - 1, 1, "b"), began).suspect  # fmt: skip


# -- points that end on a day beside this one ----------------------------------------------------


def has(till: Till, *lots: tuple[int, int]) -> None:
    """A member with lots of (points, last day), which this till may spend."""
    told = [[f"{n:032x}.0", pts, 0, day, 0, "s009"] for n, (pts, day) in enumerate(lots)]
    row = [M, 1, "active", 0, 0, "王*", "8000", 0, told, [0, 0], [0, 0], [], []]
    with till.book.turn() as turn:
        members.put(turn, [members.Told.of(row, json.dumps(row))])
    grant(till, M, 10_000)


def in_1970(till: Till, clock: WallClock) -> None:
    """Its clock battery is empty, and it was started again."""
    till.heard_hub(clock.now_ms)
    clock.boot, clock.ahead_ms = "b" * 16, -clock.now_ms


@pytest.mark.parametrize("ends_on", [YESTERDAY, TODAY, TOMORROW])
def test_near_its_end_a_point_waits_while_the_clock_is_in_doubt(
    till: Till, clock: WallClock, ends_on: int
) -> None:
    has(till, (300, ends_on), (200, 20271118))
    in_1970(till, clock)
    counter = counter_of(till)
    no = counter.redeem(M, 300, "c1")
    assert isinstance(no, No)
    assert (no.refusal, no.values) == (Refusal.confirm_later, {"points": 200})
    assert "联网" in said.no(no, load_words("zh"))["say"]
    assert isinstance(counter.redeem(M, 200, "c1"), Recorded), "what surely is good may be used"


def test_further_from_its_end_it_does_not(till: Till, clock: WallClock) -> None:
    has(till, (300, 20261121), (200, 0))
    in_1970(till, clock)
    assert isinstance(counter_of(till).redeem(M, 500, "c1"), Recorded)


def test_with_a_clock_that_is_known_the_last_day_counts(till: Till, clock: WallClock) -> None:
    has(till, (300, TODAY), (200, YESTERDAY))
    till.heard_hub(clock.now_ms)
    clock.ahead_ms = -YEARS
    counter = counter_of(till)
    assert isinstance(counter.redeem(M, 300, "c1"), Recorded), "its wall is wrong, its time is headquarters'"
    no = counter.redeem(M, 100, "c1")
    assert isinstance(no, No)
    assert no.refusal is Refusal.not_enough_points


def test_more_than_there_ever_was_is_not_enough(till: Till, clock: WallClock) -> None:
    has(till, (300, TODAY))
    in_1970(till, clock)
    no = counter_of(till).redeem(M, 400, "c1")
    assert isinstance(no, No)
    assert no.refusal is Refusal.not_enough_points

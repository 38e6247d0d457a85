"""A till that is silent for too long spends no allowance, until headquarters has heard all of it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from headquarters import DAY_MS, NOON_MS, Headquarters, Shop
from pretend_till import PretendTill, points_of
from test_bells import at_home, spent

from agent import day_close, transfers
from agent.counter import No
from agent.journal.clock import Reading, Witness
from agent.recorder import Recorded
from agent.session import session_ms
from hub import sessions
from hub.verify import verify
from points import rights
from points.refusals import Refusal

HOUR_MS = 3_600_000


@pytest.fixture
def silent(hq: Headquarters) -> tuple[Shop, int]:
    """A till with an allowance of 400 points that may be silent for a day, and is cut off now."""
    hq.office.session_ms = 24 * HOUR_MS
    home, _, m = at_home(hq)
    home.uplink.connected = False
    return home, m


def refused(done: Any) -> Refusal:
    assert isinstance(done, No), done
    return done.refusal


def test_without_a_setting_no_session_ever_ends(hq: Headquarters) -> None:
    home, _, m = at_home(hq)
    home.uplink.connected = False
    hq.clock.now_ms += 300 * DAY_MS
    assert not home.till.is_silent_too_long
    assert spent(home.counter.redeem(m, 100, "c1")) == {"allowance": 100}
    assert hq.rows("SELECT count(*) FROM settings WHERE name LIKE 'spends-until:%'") == [(0,)]


def test_an_allowance_is_spent_until_the_session_ends_and_not_after(
    hq: Headquarters, silent: tuple[Shop, int]
) -> None:
    home, m = silent
    hq.clock.now_ms += 24 * HOUR_MS
    assert spent(home.counter.redeem(m, 100, "c1")) == {"allowance": 100}
    hq.clock.now_ms += 1
    assert refused(home.counter.redeem(m, 100, "c1")) is Refusal.silent_too_long
    assert home.here(m) == 0
    card = home.counter.card(m)
    assert card is not None
    assert (card.points, card.here) == (300, 0), "the member has them, and may not use them here"


def test_what_was_earned_here_meanwhile_stays_spendable_for_it_exists_nowhere_else(
    hq: Headquarters, silent: tuple[Shop, int]
) -> None:
    home, m = silent
    hq.clock.now_ms += 25 * HOUR_MS
    assert isinstance(home.counter.sell(m, [[1, "food", 1, 5_000]], "c1"), Recorded)
    assert home.here(m) == 50
    assert refused(home.counter.redeem(m, 51, "c1")) is Refusal.silent_too_long
    assert spent(home.counter.redeem(m, 50, "c1")) == {"local": 50}


def test_a_quote_on_the_screen_is_no_way_past_the_end(hq: Headquarters) -> None:
    hq.office.session_ms = HOUR_MS
    home, _, m = at_home(hq)
    home.uplink.connected = False
    lines = [[1, "food", 1, 10_000]]
    home.counter.quote(m, lines, 100)
    hq.clock.now_ms += HOUR_MS + 1
    assert refused(home.counter.sell(m, lines, "c1", 100)) is Refusal.silent_too_long


@pytest.mark.parametrize("restarts", [False, True])
def test_neither_a_clock_put_back_nor_a_restart_opens_it_again(
    hq: Headquarters, silent: tuple[Shop, int], restarts: bool
) -> None:
    home, m = silent
    hq.clock.now_ms += 25 * HOUR_MS
    assert home.here(m) == 0, "somebody has looked"
    hq.clock.now_ms -= 24 * HOUR_MS
    if restarts:
        home.till.book.close()
        hq.shops.remove(home)
        home = hq.open(home.folder)
        home.uplink.connected = False
    assert home.here(m) == 0
    assert refused(home.counter.redeem(m, 100, "c1")) is Refusal.silent_too_long


def test_one_contact_sends_it_home_and_brings_the_next_session(
    hq: Headquarters, silent: tuple[Shop, int]
) -> None:
    home, m = silent
    hq.clock.now_ms += 30 * HOUR_MS
    assert home.here(m) == 0
    home.uplink.connected = True
    home.sync()
    assert not home.till.is_silent_too_long
    ((given_back,),) = hq.rows("SELECT count(*) FROM facts WHERE kind = 'rights.return' AND m = ?", m)
    home.sync()
    assert home.here(m) == 400, "set aside anew, by a headquarters that has heard all"
    home.sync()
    assert hq.rows("SELECT count(*) FROM facts WHERE kind = 'rights.return' AND m = ?", m) == [(given_back,)]
    home.uplink.connected = False
    hq.clock.now_ms += 24 * HOUR_MS
    assert spent(home.counter.redeem(m, 400, "c1")) == {"allowance": 400}
    home.uplink.connected = True
    home.sync()
    assert points_of(hq, m) == (0, 0)
    assert not verify(hq.office).faults


def test_local_points_do_not_go_home_with_the_session(hq: Headquarters, silent: tuple[Shop, int]) -> None:
    home, m = silent
    assert isinstance(home.counter.sell(m, [[1, "food", 1, 5_000]], "c1"), Recorded)
    hq.clock.now_ms += 30 * HOUR_MS
    assert day_close.end_session(home.till) == 400
    assert home.here(m) == 50
    assert day_close.end_session(home.till) == 0, "once"


def test_rights_that_have_stopped_can_only_go_home_or_be_clawed() -> None:
    held = replace(rights.hear_grant(rights.NONE, 1, 1, 100, [[20271118, 100]]), stopped=True)
    assert held.left(20261118) == (0, 0)
    assert rights.spend(held, 10, 20261118)[1:] == ([], 10)
    assert rights.give(held, 10, 20261118)[1:] == ([], [])
    assert rights.burn(held, 10)[1:] == ([["burn_a", 10]], 0)
    assert rights.give_back(held)[1] == [["back_a", 100]]
    assert rights.give_back_allowance(rights.earn(held, 5, 20271118))[1] == [["back_a", 100]]


def test_a_page_that_was_made_before_all_was_heard_opens_nothing(
    hq: Headquarters, silent: tuple[Shop, int]
) -> None:
    home, _ = silent
    hq.clock.now_ms += 25 * HOUR_MS
    assert day_close.end_session(home.till) == 400
    late, seq = hq.clock.now_ms + DAY_MS, home.till.log.seq
    for heard, is_over in ((seq - 1, True), (seq, False)):
        with home.till.book.turn() as turn:
            home.till.session.hear(turn, late, heard)
        home.till.session.recall()
        assert home.till.is_silent_too_long is is_over


def test_nothing_is_given_to_a_sister_till_of_what_may_not_be_spent(hq: Headquarters) -> None:
    hq.office.session_ms = 24 * HOUR_MS
    one, _, m = hq.sisters()
    assert transfers.at_hand(one.till, m) == 300
    hq.clock.now_ms += 25 * HOUR_MS
    assert transfers.at_hand(one.till, m) == 0


def test_headquarters_is_sure_only_past_the_end_that_it_told_and_a_margin(
    hq: Headquarters, till: PretendTill
) -> None:
    def is_over() -> bool:
        with hq.office.store.look() as look:
            return sessions.is_surely_over(look, hq.office, "s001", "01", (1, 1))

    assert till.told_session() is None
    hq.clock.now_ms += 1000 * DAY_MS
    assert not is_over(), "it was told no end"
    hq.office.session_ms = 6 * HOUR_MS
    assert till.told_session() == hq.clock.now_ms + 6 * HOUR_MS
    hq.office.session_ms = HOUR_MS
    assert till.told_session() == hq.clock.now_ms + HOUR_MS
    hq.clock.now_ms += 6 * HOUR_MS + sessions.GRACE_MS
    assert not is_over(), "the page with the shorter one may have been lost"
    hq.clock.now_ms += 1
    assert is_over()
    till.told_session()
    assert not is_over(), "it was heard"
    hq.office.session_ms = 0
    assert till.told_session() is None
    hq.clock.now_ms += 1000 * DAY_MS
    assert not is_over()


def test_a_pc_that_was_replaced_renews_nothing_for_the_one_in_its_place(
    hq: Headquarters, till: PretendTill
) -> None:
    hq.office.session_ms = HOUR_MS
    new = PretendTill(hq, "s001", seed=2)
    ends = new.told_session()
    hq.clock.now_ms += HOUR_MS
    assert till.told_session() is None
    with hq.office.store.look() as look:
        assert sessions.told_to(look, "s001", "01", (1, new.term)) == ends
    new.close()


@pytest.mark.parametrize(
    ("boot", "wall_ms", "mono_ms", "last_st_ms", "expected"),
    [
        ("a", NOON_MS + 10**12, 1_000 + HOUR_MS, 0, NOON_MS + HOUR_MS),  # a wall in another century
        ("a", 0, 1_000 + HOUR_MS, 0, NOON_MS + HOUR_MS),
        ("a", NOON_MS, 1_000 + HOUR_MS, NOON_MS + 10**12, NOON_MS + HOUR_MS),  # store time that was far ahead
        ("b", NOON_MS + 10**12, 1, 0, NOON_MS),
        ("b", NOON_MS + HOUR_MS, 1, 0, NOON_MS + HOUR_MS),
        ("b", 0, 1, NOON_MS + HOUR_MS, NOON_MS + HOUR_MS + 1),
    ],
)
def test_the_time_of_a_session_is_the_last_witness_carried_on(
    boot: str, wall_ms: int, mono_ms: int, last_st_ms: int, expected: int
) -> None:
    witness = Witness(NOON_MS, 1_000, "a")
    assert session_ms(Reading(wall_ms, mono_ms, boot), last_st_ms, witness) == expected

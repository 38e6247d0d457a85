"""Papers of a second PC: what it told is in question, and they prove nothing before people have decided."""

from __future__ import annotations

import contextlib
from pathlib import Path

import pytest
from forks import points_of, sold
from headquarters import Headquarters, Shop
from test_refunds_by_sisters import sell
from test_succession_lost import declare_lost
from two_pcs import parted, say

from hub import casework, claims, lost_claims
from points.wire import claim
from points.wire.faults import Problem, WireFault

pytestmark = pytest.mark.usefixtures("asks")


@pytest.fixture
def pair(hq: Headquarters, home: Shop, tmp_path: Path) -> tuple[Shop, int]:
    """A second PC that nobody believes, and a member."""
    return parted(hq, home, tmp_path)


def asked_for(hq: Headquarters) -> list[str]:
    """The papers that people are asked about."""
    rows = hq.rows("SELECT op_id FROM cases WHERE reason = ? AND closed_ms IS NULL", lost_claims.REASON)
    return [op_id for (op_id,) in rows]


def may_count(hq: Headquarters, digits: str) -> bool:
    """Whether a person who accepts the paper has done so; undone again."""

    done = False
    with contextlib.suppress(InterruptedError), hq.office.store.turn() as turn:
        done = lost_claims.accept(turn, hq.office, claim.decode(digits).op_id)
        raise InterruptedError
    return done


@pytest.mark.parametrize("when", ["before", "after"])
def test_of_one_that_was_turned_down_no_paper_counts_though_it_is_lost_as_well(
    hq: Headquarters, home: Shop, pair: tuple[Shop, int], when: str
) -> None:
    """What was kept of it was dismissed, and would be booked all the same by the paper."""
    twin, m = pair
    _, told = sell(twin, m, [[1, "all", 1, 10_000]])
    twin.sync()
    _, untold = sell(twin, m, [[1, "all", 1, 10_000]])
    if when == "before":
        for digits in (told, untold):
            assert claims.show(hq.office, digits) == "shown"
    say(hq, casework.TURN_DOWN_PC)
    home.sync()
    home.sync()
    before = points_of(hq, m)
    for gone in (1, 2):
        declare_lost(hq, gone)
    if when == "after":
        for digits in (told, untold):
            with pytest.raises(WireFault, match=Problem.REVOKED):
                claims.show(hq.office, digits)
    assert asked_for(hq) == []
    for digits in (told, untold):
        assert not may_count(hq, digits)
    assert points_of(hq, m) == before


def test_of_one_that_is_in_question_they_count_when_it_was_accepted(
    hq: Headquarters, home: Shop, pair: tuple[Shop, int]
) -> None:
    """It burnt before anybody had looked: what it told is kept, what it never told is on paper alone."""
    twin, m = pair
    told, paper = sell(twin, m, [[1, "all", 1, 10_000]])
    twin.sync()
    untold, other = sell(twin, m, [[1, "all", 1, 20_000]])
    for digits in (paper, other):
        assert claims.show(hq.office, digits) == "shown"
    before = points_of(hq, m)
    declare_lost(hq, 2)
    assert asked_for(hq) == []
    for digits in (paper, other):
        assert claims.show(hq.office, digits) == "shown"
        assert not may_count(hq, digits)
    assert points_of(hq, m) == before
    say(hq, casework.ACCEPT_PC)
    assert points_of(hq, m) == before + 100
    assert asked_for(hq) == [untold], "nobody will tell it any more"
    assert may_count(hq, other)
    assert not may_count(hq, paper)
    assert told not in asked_for(hq)
    sold(home, m)
    home.sync()

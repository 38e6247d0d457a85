"""Store time after a restart of the PC: never below what somebody else signed."""

from __future__ import annotations

import pytest
from shopfloor import NOON_MS

from agent.journal.clock import Reading, Witness, store_time

HOUR_MS = 3_600_000


@pytest.mark.parametrize("late_hours", [1, 8, 30, 24 * 365])
def test_after_a_restart_a_slow_clock_does_not_fall_below_the_witness(late_hours: int) -> None:
    witness = Witness(NOON_MS + 8 * HOUR_MS, 5, "before")
    slow = Reading(witness.hub_ms - late_hours * HOUR_MS, 1, "after")
    told = store_time(slow, NOON_MS, witness)
    assert told.st_ms == witness.hub_ms
    assert told.suspect == (late_hours > 24)


def test_after_a_restart_a_right_clock_is_believed() -> None:
    witness = Witness(NOON_MS, 5, "before")
    right = Reading(NOON_MS + HOUR_MS, 1, "after")
    assert store_time(right, NOON_MS + 1, witness).st_ms == NOON_MS + HOUR_MS
    assert store_time(right, NOON_MS + 2 * HOUR_MS, witness).st_ms == NOON_MS + 2 * HOUR_MS + 1

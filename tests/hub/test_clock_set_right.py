"""A PC whose clock was in 2099 and is set right talks to headquarters without being started again."""

from __future__ import annotations

import time

import pytest
from headquarters import Headquarters

YEARS_S = 73 * 365 * 86_400


@pytest.mark.parametrize("ahead_s", [YEARS_S, -20 * 365 * 86_400])
def test_a_clock_that_was_far_off_and_is_set_right_is_heard_at_once(hq: Headquarters, ahead_s: int) -> None:
    shop = hq.shop("s001")
    shop.uplink._real_s = lambda: time.time() + ahead_s
    shop.sync()
    shop.uplink._real_s = time.time
    shop.sync()

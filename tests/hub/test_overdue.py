"""What waits for a thing that never comes is a case after a week, and people can end it."""

from __future__ import annotations

from typing import Any

import httpx
from headquarters import DAY_MS, Headquarters, console_link
from pretend_till import NO_RIGHT, PretendTill, points_of
from test_casework import act

from config.night_window import NightWindow
from hub.night import Night
from hub.overdue import open_cases
from hub.verify import verify


def waits_for_ever(till: PretendTill, other: PretendTill) -> tuple[int, dict[str, Any]]:
    """The other till's PC burns with the sale whose goods come back here; behind it wait its rights."""
    m = till.enrol()
    till.earn(m, 100)
    till.send()
    sale = other.earn(m, 50)
    till.refund(m, sale, 1000)
    till.op("rights.return", m, fund=[["back_l", 100]])
    till.op("rights.close", inc=1, term=1)
    assert {seq: code for seq, (code, _) in till.send().items()} == {3: "P", 4: "P", 5: "P"}
    return m, sale


def later(hq: Headquarters, days: int) -> None:
    hq.clock.now_ms += days * DAY_MS


def open_now(hq: Headquarters) -> list[tuple[Any, ...]]:
    return hq.rows("SELECT id, reason, store FROM cases WHERE closed_ms IS NULL")


def test_dismissed_it_lets_go_what_waits_behind_it(
    hq: Headquarters, till: PretendTill, other: PretendTill, desk: httpx.Client
) -> None:
    m, _ = waits_for_ever(till, other)
    night = Night(hq.office, NightWindow(0, 240))
    later(hq, 6)
    night.run()
    assert open_now(hq) == [], "it may still come"
    later(hq, 2)
    night.run()
    night.run()
    assert open_now(hq) == [(1, "missing-dependency", "s001")]
    desk.get(console_link(hq))  # a week is longer than anybody stays
    assert "等待" in desk.get("/console/cases/1").text
    assert act(desk, "judge_again").status_code == 200
    assert open_now(hq), "nothing came yet"
    assert act(desk, "dismiss").status_code == 200
    assert open_now(hq) == []
    assert hq.rows("SELECT * FROM waiting") == []
    assert hq.rows("SELECT added, local_used, closed FROM cells WHERE store = 's001'") == [(100, 100, 1)]
    told = till.told()
    assert told[3][0] == "Q"
    assert told[3][1]["closed"] is True
    assert (told[4][0], told[5][0]) == ("A", "A")
    assert points_of(hq, m) == (100, 0)
    assert verify(hq.office).faults == []


def test_when_it_comes_after_all_it_is_posted_and_the_case_is_over(
    hq: Headquarters, till: PretendTill, other: PretendTill
) -> None:
    m, _ = waits_for_ever(till, other)
    later(hq, 8)
    assert open_cases(hq.office) == 1
    other.send()
    assert points_of(hq, m) == (140, 0)
    assert open_cases(hq.office) == 0
    assert [row[1] for row in open_now(hq)] == ["refund-without-right"]
    assert till.told()[3] == NO_RIGHT


def test_a_kind_that_nobody_learns_is_a_case_too(hq: Headquarters, till: PretendTill) -> None:
    m = till.enrol()
    till.op("coupon.redeem", m)
    till.op("coupon.redeem", m, st="yesterday")
    till.send()
    assert open_cases(hq.office) == 1, "what does not say when it was has waited long enough"
    later(hq, 8)
    assert open_cases(hq.office) == 1
    assert [reason for _, reason, _ in open_now(hq)] == ["unknown-type"] * 2

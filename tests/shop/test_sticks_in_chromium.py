"""A store without a network, at the manager's page: a stick goes to headquarters and comes back."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from running import MEMBER, make_agent, printer, scanner
from shopfloor import HandClock
from somebody import CONTRAST, DRIVEN, Cashier, browser, playwright

from agent.recorder import Recorded

__all__ = ["browser"]
pytestmark = DRIVEN


@pytest.fixture
def cashier(tmp_path: Path, browser: playwright.Browser) -> Iterator[Cashier]:
    """A till that sold something, with one place where a stick may be plugged in."""
    with printer() as device, scanner() as gun:
        agent = make_agent(tmp_path / "till", printer=device.address, scanner=gun.address)
        agent.shop.sticks = (str(tmp_path / "KINGSTON"),)
        agent.start()
        one = Cashier(agent, browser, gun)
        try:
            yield one
        finally:
            one.leave()
            agent.stop()


def test_a_stick_is_written_and_the_next_step_is_said(cashier: Cashier, tmp_path: Path) -> None:
    assert isinstance(cashier.agent.counter.sell(MEMBER, [[1, "food", 1, 60_000]], "c1"), Recorded)
    cashier.open()
    cashier.press("F10")
    cashier.page.click("#by-stick")
    cashier.sees("#stick-dialog .stick-said", "没有找到U盘")
    cashier.keep("stick-none")
    cashier.press("Escape")
    stick = tmp_path / "KINGSTON"
    stick.mkdir()
    cashier.page.click("#by-stick")
    cashier.sees("#stick-dialog .primary", "KINGSTON")
    cashier.page.click("#stick-dialog .primary")
    cashier.sees("#stick-dialog .stick-said", "请拿去总部")
    cashier.keep("stick-written")
    assert cashier.page.evaluate(CONTRAST) == []
    (written,) = stick.iterdir()
    assert written.name.startswith("jifen-")
    written.unlink()
    stick.rmdir()
    cashier.page.click("#stick-dialog .primary")
    cashier.sees("#stick-dialog .stick-said", "请插好")


def test_a_store_that_is_long_without_a_network_is_told_that_its_records_are_safe(cashier: Cashier) -> None:
    till = cashier.agent.till
    assert isinstance(cashier.agent.counter.sell(MEMBER, [[1, "food", 1, 60_000]], "c1"), Recorded)
    till.heard_hub(till.time().st_ms)
    cashier.open()
    cashier.sees_no("#notices .notice:has-text('断网')")
    assert isinstance(till.clock, HandClock)
    till.clock.now_ms += 25 * 3_600_000
    cashier.page.reload()
    cashier.sees("#notices", "记录都安全地存在本机")
    cashier.keep("far-from-network")

"""One whole day in a real browser with a real headquarters: a new member earns while the network is away, the
day closes, the network is back, the night is done, and the screen says so."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from running import printer, scanner
from somebody import DRIVEN, Cashier, browser, playwright
from test_open_a_till import config

from agent import provisioning, uplink
from agent.assembly import Agent
from agent.replay.hub_process import HubProcess
from agent.store import cells
from config.settings import load_agent

__all__ = ["browser"]
pytestmark = DRIVEN


@pytest.fixture
def day(hub: HubProcess, tmp_path: Path, browser: playwright.Browser) -> Iterator[Cashier]:
    ticket = hub.tickets(["s009=员村二横路店"])["s009"]
    with printer() as device, scanner() as gun:
        settings = load_agent(config(tmp_path, device, gun), {})
        joined = provisioning.join(settings.key_dir, ticket, uplink.join)
        agent = Agent(settings, identity=joined, port=0, contact_every_s=0)
        agent.start()
        try:
            assert agent.pulse.contact()
            someone = Cashier(agent, browser, gun).open()
            yield someone
            someone.leave()
        finally:
            agent.stop()


def test_a_day_without_a_network_and_the_night_after_it(day: Cashier) -> None:
    day.agent.uplink.connected = False
    day.press("F4")
    day.sees("#enrol-phone")
    day.press("Enter")
    day.sees(".given")
    day.type("125")
    day.press("Enter")
    day.sees("#gain", "+12")
    day.press("Enter")
    day.sees("#points", "12")
    day.sees("#unsynced", "待上传 2 笔")
    day.press("F9")
    day.sees("#day-dialog")
    day.press("Enter")
    day.sees("#notices", "今天已日结")
    day.keep("day-closed")
    assert day.agent.night.unsent() == 2, "the rights stay until headquarters answers"
    day.agent.uplink.connected = True
    day.press("F10")
    day.page.click("#night-now")
    day.sees("#manager-dialog [role=status]", "已同步")
    day.sees("#manager-dialog dl", "全部已上传")
    day.keep("night-done")
    day.press("Escape")
    day.sees("#unsynced", "全部已上传")
    assert day.agent.night.unsent() == 0
    assert not cells.every(day.agent.till.book), "and went home with the night"

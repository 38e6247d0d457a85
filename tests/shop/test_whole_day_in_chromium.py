"""One whole day in a real browser with a real headquarters: while the network is away a new member earns,
spends, meets a printer without paper and brings goods back; the day closes, the network is back, the night is
done, and the next morning headquarters and the screen say the same."""

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
from agent.store import cells, members
from config.settings import load_agent
from hardware.scans import REPEAT_MS
from hardware.virtual.printer import VirtualPrinter

__all__ = ["browser"]
pytestmark = DRIVEN


@pytest.fixture
def paper() -> Iterator[VirtualPrinter]:
    with printer() as device:
        yield device


@pytest.fixture
def day(
    hub: HubProcess, tmp_path: Path, browser: playwright.Browser, paper: VirtualPrinter
) -> Iterator[Cashier]:
    ticket = hub.tickets(["s009=员村二横路店"])["s009"]
    with scanner() as gun:
        settings = load_agent(config(tmp_path, paper, gun), {})
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


@pytest.mark.drawn
def test_a_day_without_a_network_and_the_night_after_it(day: Cashier, paper: VirtualPrinter) -> None:
    till = day.agent.till
    day.agent.uplink.connected = False
    day.press("F4")
    day.sees("#enrol-phone")
    day.press("Enter")
    day.sees(".given")
    assert paper.wait_for_receipts(1)
    card = day.page.inner_text(".given")
    assert card in paper.receipts[0].text
    day.press("Escape")

    day.scan(card)
    day.sees("#points", "0")
    day.type("900")
    day.press("Enter")
    day.sees("#gain", "+90")
    day.press("Enter")
    day.sees("#done", "已记录")
    day.sees("#points", "90")
    assert paper.wait_for_receipts(2)
    (claim,) = paper.receipts[1].symbols

    day.press("F2")
    day.sees("#points-entry")
    day.page.fill("#points-entry", "50")
    day.press("Enter")
    day.sees("#done", "已兑换")
    day.sees("#points", "40")
    assert paper.wait_for_receipts(3)

    paper.set_fault("paper_out")
    day.sees("#printer.stop", "缺纸")
    day.page.wait_for_timeout(REPEAT_MS)  # the same card at once is one scan
    day.scan(card)
    day.sees_no("#done")
    day.sees("#points", "40")
    day.type("60")
    day.press("Enter")
    day.sees("#gain", "+6")
    day.press("Enter")
    day.sees("#done", "已记录")
    day.keep("day-paper-out")
    assert len(paper.receipts) == 3, "what is sold without paper is recorded, and its paper waits"
    paper.set_fault("paper_out", 0)
    day.sees("#printer:not(.stop)", "打印机正常")
    assert paper.wait_for_receipts(4)

    day.press("Enter")
    day.sees_no("#done")
    day.scan(claim)
    day.sees("#whole")
    day.type("50")
    day.sees(".outcome", "¥50.00")
    day.press("Enter")
    day.sees("#done", "已退货")
    day.sees("#points", "41")
    day.keep("day-refund")
    assert paper.wait_for_receipts(5)

    day.sees("#unsynced", "待上传 5 笔")
    day.press("F9")
    day.sees("#day-dialog")
    day.press("Enter")
    day.sees("#notices", "今天已日结")
    day.keep("day-closed")
    assert day.agent.night.unsent() == 5, "the rights stay until headquarters answers"
    day.agent.uplink.connected = True
    day.press("F10")
    day.page.click("#night-now")
    day.sees("#manager-dialog [role=status]", "已同步")
    day.sees("#manager-dialog dl", "全部已上传")
    day.keep("night-done")
    day.press("Escape")
    day.sees("#unsynced", "全部已上传")
    assert day.agent.night.unsent() == 0
    assert not cells.every(till.book), "and went home with the night"
    day.scan(card)
    day.sees("#points", "41")
    m = members.by_code(till.book, card)
    assert m is not None
    row = members.row_of(till.book, m)
    assert row is not None
    assert sum(lot[1] for lot in row[8]) == 41, "as headquarters has told by now"

"""A card of another region at the counter of a till that is online: headquarters is asked while the sale goes
on, and whoever it is stands on the page; with no network nobody waits for anything."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from running import printer, scanner
from somebody import DRIVEN, Cashier, browser, playwright
from test_open_a_till import config

from agent import enrolment, provisioning, uplink
from agent.assembly import Agent
from agent.recorder import Recorded
from agent.replay.hub_process import HubProcess
from config.settings import load_agent
from hardware.scans import REPEAT_MS
from hardware.virtual.printer import VirtualPrinter
from hardware.virtual.scanner import SocketScanner
from points import codes

__all__ = ["browser"]
pytestmark = DRIVEN
PHONE = "13812345678"


@pytest.fixture
def paper() -> Iterator[VirtualPrinter]:
    with printer() as device:
        yield device


def opened(
    hub: HubProcess, folder: Path, store: str, region: str, paper: VirtualPrinter, gun: SocketScanner
) -> Agent:
    folder.mkdir()
    hub.command("ticket", "--store", f"{store}={store} 店", "--region", region)
    ticket = hub.tickets([f"{store}={store} 店"])[store]
    settings = load_agent(config(folder, paper, gun), {})
    joined = provisioning.join(settings.key_dir, ticket, uplink.join)
    assert joined.region == region
    agent = Agent(settings, identity=joined, port=0, contact_every_s=0)
    agent.start()
    assert agent.pulse.contact()
    return agent


def test_a_card_of_another_region_is_looked_up_while_the_sale_goes_on(
    hub: HubProcess, tmp_path: Path, browser: playwright.Browser, paper: VirtualPrinter
) -> None:
    with scanner() as gun, scanner() as other:
        north = opened(hub, tmp_path / "north", "n001", "north", paper, other)
        south = opened(hub, tmp_path / "south", "s008", "south", paper, gun)
        try:
            code = _member(north)
            page = Cashier(south, browser, gun).open()
            page.sees("#network", "已联网")
            page.scan(code)
            page.sees("#points", "50")
            page.keep("looked-up")
            page.type("100")
            page.press("Enter")
            page.sees("#gain", "+10")
            page.press("Enter")
            page.sees("#done", "已记录")
            page.sees("#points", "60")
            page.press("Enter")
            assert south.pulse.contact()
            page.page.wait_for_timeout(REPEAT_MS)  # the same card at once is one scan
            page.scan(code)
            page.sees("#points", "60")

            page.type(PHONE)
            page.press("Enter")
            page.sees("#said", "总部也没有这个手机号：可以登记新会员")
            page.keep("looked-up-new-phone")
            page.press("Escape")
            page.scan(codes.member_code(b"a card of nobody"))
            page.sees("#said", "总部也没有这个会员码")
            page.keep("looked-up-nobody")

            _slow(south)
            page.type("55")
            page.press("Enter")
            page.sees("#gain")
            page.scan(codes.member_code(b"a card of no-one"))
            page.sees("#seeking", "正在联网查找会员")
            page.sees("#gain")  # the amount that was typed is quoted once more, for whoever this is
            page.keep("looking-up")
            page.press("Enter")
            page.sees("#done", "已记录")
            page.sees_no("#seeking")
            page.leave()
        finally:
            south.stop()
            north.stop()


def _member(agent: Agent) -> str:
    """The code of a member of this till's region with 50 points."""
    new = enrolment.enrol(agent.till, "c1")
    assert isinstance(new, enrolment.Enrolled)
    assert isinstance(agent.counter.sell(new.m, [[1, "all", 1, 50_000]], "c1"), Recorded)
    assert agent.pulse.contact()
    return new.code


def _slow(agent: Agent) -> None:
    """Headquarters takes long to say whose a card is."""
    agent.look_up._ask = lambda _asked: threading.Event().wait(3) or None

"""A store with two tills in a real browser: without a line out what one till holds is spent at the other, and
with one what the first has sold comes back at the second."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from ports import free_port
from running import printer, scanner
from somebody import DRIVEN, Cashier, browser, playwright
from test_open_a_till import config

from agent import claims, enrolment, provisioning, uplink
from agent.assembly import Agent
from agent.recorder import Recorded
from agent.replay.hub_process import HubProcess
from config.settings import load_agent

__all__ = ["browser"]
pytestmark = DRIVEN


@pytest.fixture
def store(hub: HubProcess, tmp_path: Path, browser: playwright.Browser) -> Iterator[list[Cashier]]:
    """The cashiers of two tills that see each other and nobody else."""
    told = {"JIFEN_AGENT_SISTERS_INTERFACE": "127.0.0.1", "JIFEN_AGENT_SISTERS_PORT": str(free_port())}
    with ExitStack() as stack:
        cashiers = []
        for till in ("01", "02"):
            device, gun = stack.enter_context(printer()), stack.enter_context(scanner())
            (tmp_path / till).mkdir()
            settings = load_agent(config(tmp_path / till, device, gun), told)
            ticket = hub.tickets(["s011=员村二横路店"], till)["s011"]
            joined = provisioning.join(settings.key_dir, ticket, uplink.join)
            agent = Agent(settings, identity=joined, port=0, contact_every_s=0)
            agent.start()
            stack.callback(agent.stop)
            assert agent.pulse.contact()
            cashiers.append(Cashier(agent, browser, gun))
        yield cashiers
        for cashier in cashiers:
            cashier.leave()


def test_points_of_the_first_till_are_spent_at_the_second_without_a_network(store: list[Cashier]) -> None:
    first, second = (cashier.agent for cashier in store)
    new = enrolment.enrol(first.till, "c1")
    assert isinstance(new, enrolment.Enrolled)
    assert isinstance(first.counter.sell(new.m, [[1, "food", 1, 60_000]], "c1"), Recorded)
    for agent in (first, second):
        assert agent.pulse.contact()
    for agent in (first, second):
        agent.uplink.connected = False
    cashier = store[1].open()
    first.sisters.is_plugged = False
    cashier.scan(new.code)
    cashier.sees("#points", "60")
    cashier.sees(".facts", "现在本店只能用 0 分")
    cashier.press("Escape")
    first.sisters.is_plugged = True
    cashier.type(new.code)  # a scanner that says the same at once again is not believed
    cashier.press("Enter")
    cashier.sees("#points", "60")
    cashier.sees_no(".facts .mind")
    cashier.press("F2")
    cashier.sees("#points-entry")
    cashier.page.fill("#points-entry", "40")
    cashier.press("Enter")
    cashier.sees("#done", "已兑换")
    cashier.sees("#points", "20")
    cashier.keep("second-till")
    assert [sum(agent.till.rights(new.m).left(20260101)) for agent in (first, second)] == [20, 0]


@pytest.mark.parametrize("way", ["headquarters", "the store's own network"])
def test_goods_of_the_first_till_come_back_at_the_second_to_the_point(store: list[Cashier], way: str) -> None:
    first, second = (cashier.agent for cashier in store)
    new = enrolment.enrol(first.till, "c1")
    assert isinstance(new, enrolment.Enrolled)
    sold = first.counter.sell(new.m, [[1, "food", 2, 40_000], [2, "food", 1, 20_000]], "c1")
    assert isinstance(sold, Recorded)
    number = f"01-{first.till.identity.lane.epoch}-{first.till.log.seq}"
    for agent in (first, second):
        assert agent.pulse.contact()
    cashier = store[1].open()
    digits = claims.digits(first.till, sold.op.id)
    if way == "headquarters":
        give_by_headquarters(cashier, first, digits)
    else:
        for agent in (first, second):
            agent.uplink.connected = False
    cashier.press("F3")
    cashier.type(digits)
    cashier.press("Enter")
    cashier.sees("#refund-title", f"另一台收银机的小票 s011 · {number}")
    cashier.type("1")
    cashier.sees(".outcome", "¥200.00")
    cashier.sees(".outcome", "20")
    cashier.keep("second-till-refund")
    cashier.press("Enter")
    cashier.sees("#done", "已退货")
    for agent in (second, first, second):
        agent.uplink.connected = True
        assert agent.pulse.contact()
    card = second.counter.card(new.m)
    assert card is not None
    assert card.points == 40, "as headquarters has it now, and as the paper said"


def give_by_headquarters(cashier: Cashier, first: Agent, digits: str) -> None:
    """The first till is not on the store's network; headquarters asks for its right in its page."""
    first.sisters.is_plugged = False
    cashier.scan(digits)
    cashier.sees("#refund-dialog .stop-said", "现在没有回应")
    assert first.pulse.contact(), "its page asks for the right, and it is given"
    cashier.press("Escape")

"""A member's code leaves the till in the night after its paper was printed, whenever that is."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from headquarters import DAY_MS, Headquarters, headquarters
from patience import until
from running import act, printer, settings

from agent import provisioning, uplink
from agent.assembly import Agent
from agent.desk import Done
from agent.store import prints
from hardware.virtual.printer import VirtualPrinter

GOODS = [[1, "all", 1, 8_000]]


@pytest.fixture
def hq(tmp_path: Path) -> Iterator[Headquarters]:
    with headquarters(tmp_path / "hq") as made:
        yield made


@pytest.fixture
def paper() -> Iterator[VirtualPrinter]:
    with printer() as device:
        yield device


@contextmanager
def opened(hq: Headquarters, folder: Path, address: str) -> Iterator[Agent]:
    made = settings(folder, printer=address)
    joined = provisioning.join(made.key_dir, hq.ticket("s001"), uplink.join)
    agent = Agent(made, identity=joined, clock=hq.clock, port=0, contact_every_s=0)
    agent.start()
    try:
        assert agent.pulse.contact()
        yield agent
    finally:
        agent.stop()


def enrolled(agent: Agent) -> Done:
    done = agent.desk.enrol(act(), "c1")
    assert isinstance(done, Done), done
    agent.shop.recorded()
    return done


def state_of(agent: Agent, job: int) -> str:
    found = prints.of(agent.till.book, job)
    assert found is not None
    return found.state


def kept(agent: Agent, done: Done) -> list[int]:
    """The print jobs in which a member's code stands as itself."""
    rows = agent.till.book.rows("SELECT id, receipt FROM prints ORDER BY id")
    return [job - done.job for job, receipt in rows if done.receipt.member_code in receipt]


def on_paper(paper: VirtualPrinter, done: Done) -> int:
    """How many whole receipts have the member's code on them."""
    return sum(done.receipt.member_code in slip.text for slip in paper.receipts)


def night(agent: Agent) -> None:
    """Another day with a sale, and the night after it."""
    clock = agent.till.clock
    assert isinstance(agent.desk.sell(act(), "c1", None, GOODS), Done)
    clock.now_ms += DAY_MS  # type: ignore[attr-defined]
    assert agent.shop.run_night()


def test_a_slip_that_waits_for_paper_over_nights_loses_its_code_in_the_night_after_it_was_printed(
    hq: Headquarters, tmp_path: Path, paper: VirtualPrinter
) -> None:
    with opened(hq, tmp_path / "till", paper.address) as agent:
        printed = enrolled(agent)
        assert until(lambda: state_of(agent, printed.job) == "CONFIRMED")
        paper.set_fault("paper_out")
        waits = enrolled(agent)
        assert until(lambda: state_of(agent, waits.job) == "BLOCKED")
        for _ in range(2):
            night(agent)
            assert (kept(agent, printed), kept(agent, waits)) == ([], [0]), "it was not printed yet"
        paper.set_fault("paper_out", 0)
        agent.printing.wake()
        assert until(lambda: state_of(agent, waits.job) == "CONFIRMED")
        assert on_paper(paper, waits) == 1
        night(agent)
        assert kept(agent, waits) == []
        assert agent.shop.card(waits.op.m or 0) is not None


def test_a_slip_that_was_torn_loses_its_code_when_its_copy_was_printed(
    hq: Headquarters, tmp_path: Path, paper: VirtualPrinter
) -> None:
    with opened(hq, tmp_path / "till", paper.address) as agent:
        paper.set_fault("rst_after", 150)
        torn = enrolled(agent)
        assert until(lambda: agent.printing.looks())
        night(agent)
        assert kept(agent, torn) == [0], "somebody will look at the paper, and may want a copy"
        paper.set_fault("paper_out")
        copy = agent.printing.resolve(torn.job, printed=False)
        assert until(lambda: state_of(agent, copy) == "BLOCKED")
        night(agent)
        assert kept(agent, torn) == [1], "the copy stands for it and waits"
        paper.set_fault("paper_out", 0)
        agent.printing.wake()
        assert until(lambda: state_of(agent, copy) == "CONFIRMED")
        night(agent)
        assert kept(agent, torn) == []
        assert on_paper(paper, torn) == 1


def test_without_a_printer_a_code_stands_on_the_screen_until_the_night(
    hq: Headquarters, tmp_path: Path
) -> None:
    with opened(hq, tmp_path / "till", "") as agent:
        shown = enrolled(agent)
        assert until(lambda: state_of(agent, shown.job) == "FAILED")
        assert kept(agent, shown) == [0]
        night(agent)
        assert kept(agent, shown) == []

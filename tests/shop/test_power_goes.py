"""A real agent is told that its power goes, or is stopped: nobody's points stay behind on the dark PC."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from patience import until
from ports import free_port

from agent import enrolment, provisioning
from agent.assembly import Agent
from agent.enrolment import Enrolled
from agent.recorder import Recorded
from agent.replay.hub_process import HubProcess
from agent.uplink import join
from config.settings import load_agent

HOUSE = Path(__file__).resolve().parents[2]
SLOW_S = 30
GOODS = [[1, "food", 1, 20_000]]


def out(hub: HubProcess, store: str) -> int:
    """The points of a store's cells, as headquarters' own file says."""
    base = sqlite3.connect(f"file:{hub.database}?mode=ro", uri=True, timeout=10)
    try:
        (pts,) = base.execute(
            "SELECT coalesce(sum((granted - allowance_used) * (1 - closed) + added - local_used), 0)"
            " FROM cells WHERE store = ?",
            (store,),
        ).fetchone()
        return int(pts)
    finally:
        base.close()


@pytest.fixture
def till(hub: HubProcess, tmp_path: Path, store: str) -> Iterator[subprocess.Popen[bytes]]:
    """A running agent that holds all the points of one member."""
    provisioning.join(tmp_path / "key", hub.tickets([store])[store], join)
    where = tmp_path / "till.toml"
    where.write_text(f'[agent]\ndata_dir = "{tmp_path / "data"}"\nkey_dir = "{tmp_path / "key"}"\n', "utf-8")
    agent = Agent(load_agent(where, {}), port=0, contact_every_s=0)
    try:
        assert agent.night.contact().settled
        new = enrolment.enrol(agent.till, "c1", name="王小明")
        assert isinstance(new, Enrolled)
        for _ in range(2):
            assert isinstance(agent.counter.sell(new.m, GOODS, "c1"), Recorded)
    finally:
        agent.stop()
    command = [sys.executable, "-m", "jifen", "agent", "run", "--config", str(where)]
    running = subprocess.Popen(
        command, cwd=HOUSE, env=os.environ | {"JIFEN_AGENT_PAGE_PORT": str(free_port())}
    )
    try:
        assert until(lambda: out(hub, store) > 0, SLOW_S), "the till was never heard"
        yield running
    finally:
        running.kill()
        running.wait(10)


@pytest.mark.parametrize("store", ["s007"])
@pytest.mark.skipif(not hasattr(signal, "SIGPWR"), reason="this system has no SIGPWR")
def test_a_power_cut_sends_rights_home_and_the_shop_goes_on(
    hub: HubProcess, till: subprocess.Popen[bytes], store: str
) -> None:
    held = out(hub, store)
    assert held > 0
    till.send_signal(signal.SIGPWR)
    assert until(lambda: out(hub, store) == 0, SLOW_S), "rights stayed on a PC that loses its power"
    assert till.poll() is None, "as long as there is power, it sells"


@pytest.mark.parametrize("store", ["s008"])
def test_a_service_that_is_stopped_holds_nothing(
    hub: HubProcess, till: subprocess.Popen[bytes], store: str
) -> None:
    till.send_signal(signal.SIGTERM)
    assert till.wait(SLOW_S) == 0
    assert out(hub, store) == 0

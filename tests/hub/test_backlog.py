"""A backlog over a real line: several batches are under way, in whatever order they arrive, and cut off."""

from __future__ import annotations

import threading
import time
from typing import Any

import pytest
from forks import enrolled, heard, sold
from headquarters import Headquarters, Shop

from agent import outgoing
from agent.ahead import AT_ONCE
from agent.contact import Contact
from agent.uplink import OutOfReach, Uplink
from hub import lane_queue
from hub.verify import verify
from points.wire import batch_header, envelope
from points.wire.calls import SendBatch
from points.wire.progress import LaneProgress

OPS = 10
"""Operations a batch, of this test."""


@pytest.fixture(autouse=True)
def short_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (outgoing, envelope, batch_header):
        monkeypatch.setattr(module, "OPS_MAX", OPS)
    monkeypatch.setattr("agent.contact.OPS_MAX", OPS)
    wish = LaneProgress.wish

    def short(lane: LaneProgress) -> SendBatch | None:
        lane.ops_max = min(lane.ops_max, OPS)
        return wish(lane)

    monkeypatch.setattr(LaneProgress, "wish", short)


def backlog(shop: Shop, batches: int = 8) -> list[str]:
    shop.sync()
    m = enrolled(shop)
    shop.uplink.at_once = AT_ONCE
    return sold(shop, m, batches * OPS)


def posted(hq: Headquarters) -> int:
    ((count,),) = hq.rows("SELECT count(*) FROM op_seen WHERE posted = 1 AND store = 's001'")
    return int(count)


class Road:
    """What passes between a till and headquarters: how many batches are under way, in what order they go."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.under_way = self.most = 0
        self.first: list[int] = []
        self._lock = threading.Lock()
        call = Uplink.call

        def carried(uplink: Uplink, method: str, path: str, body: bytes = b"", *rest: Any) -> bytes:
            if not path.endswith("/batches"):
                return call(uplink, method, path, body, *rest)
            first = envelope.peek(body)[0].first
            with self._lock:
                self.under_way += 1
                self.most = max(self.most, self.under_way)
                self.first.append(first)
            try:
                return self.carry(first, lambda: call(uplink, method, path, body, *rest))
            finally:
                with self._lock:
                    self.under_way -= 1

        monkeypatch.setattr(Uplink, "call", carried)

    def carry(self, _first: int, send: Any) -> bytes:
        answer: bytes = send()
        return answer


class Crossroad(Road):
    """The later of two that follow each other arrives first."""

    def carry(self, first: int, send: Any) -> bytes:
        time.sleep(0.15 if (first // OPS) % 2 else 0.02)
        return super().carry(first, send)


def test_several_are_under_way_and_each_counts_once(
    hq: Headquarters, home: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    made, road = backlog(home), Crossroad(monkeypatch)
    home.sync()
    assert set(made) <= heard(hq).keys()
    assert road.most == AT_ONCE
    assert len(road.first) == len(set(road.first)), "none is sent twice, whichever arrives first"
    assert not verify(hq.office).faults


def test_a_headquarters_that_does_not_wait_loses_nothing(
    hq: Headquarters, home: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lane_queue, "EARLY_MAX", 0)
    made, road = backlog(home), Crossroad(monkeypatch)
    home.sync()
    assert set(made) <= heard(hq).keys()
    assert len(road.first) > len(set(road.first))
    assert not verify(hq.office).faults


@pytest.mark.parametrize("at", range(1, 8))
def test_a_line_that_is_cut_in_the_middle_loses_and_doubles_nothing(
    hq: Headquarters, home: Shop, monkeypatch: pytest.MonkeyPatch, at: int
) -> None:
    class Cut(Road):
        is_cut = True

        def carry(self, first: int, send: Any) -> bytes:
            if self.is_cut and first > at * OPS:
                if (first // OPS) % 2:
                    send()  # it was heard, and the answer is lost
                raise OutOfReach("cut off")
            return super().carry(first, send)

    made, road = backlog(home), Cut(monkeypatch)
    done = Contact(home.till, home.uplink, rest=lambda _ms: None).run()
    assert not done.settled
    road.is_cut = False
    home.sync()
    assert set(made) <= heard(hq).keys()
    assert posted(hq) == len(made) + 1
    assert not verify(hq.office).faults


def test_what_is_too_early_for_long_hears_of_the_gap(
    hq: Headquarters, home: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lane_queue, "WAIT_S", 0.3)

    class Hole(Road):
        def carry(self, first: int, send: Any) -> bytes:
            if first == 2 * OPS + 1:
                raise OutOfReach("cut off")
            return super().carry(first, send)

    backlog(home)
    Hole(monkeypatch)
    done = Contact(home.till, home.uplink, rest=lambda _ms: None).run()
    assert not done.settled
    assert {alarm.problem for alarm in done.alarms} == {"unreachable"}
    assert posted(hq) == 2 * OPS

"""A small chain of real processes: one headquarters, tills at several stores, a bad way between each of them.

Business time is told by the town, except to tills on the machine's clock. The town knows no points: what
tills answer is kept by a witness, and what must hold is asked by ``holds``.
"""

from __future__ import annotations

import json
import os
import secrets
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from fault_proxy import Fault, FaultProxy
from holds import Witness, bank, books_are_right, exactly_once, no_gap, office_of, two_files_agree
from nursery import FarTill, Nursery

from agent import provisioning
from agent.replay.hub_process import HubProcess
from agent.uplink import join
from hub import admission

NOON_MS = 1_795_060_800_000  # 2026-11-19 04:00 UTC, noon in Shanghai
MINUTE_MS = 60_000
DAY_MS = 86_400_000
RULES: dict[str, Any] = {
    "v": 1, "name": "test", "zone": [[0, 480]], "rates": [[1, 100]], "category_rate": {}, "min_order_fen": 0,
    "day_cap_pts": 0, "tiers": [[0, 10_000, "普通"]], "expiry": ["rolling", 12],
    "redeem": {"pts": 1, "fen": 1, "step": 1}, "grace_days": 30, "settle": [1000, 100],
    "not_earning": ["points"], "manager": {"redeem_pts": 0, "refund_fen": 0},
}  # fmt: skip
"""One point for each yuan and nothing else, so that a test can add up what is right by itself."""


class Member(NamedTuple):
    """Somebody with a card."""

    m: int
    code: str


class Hub(HubProcess):
    """Headquarters that can be killed."""

    kills = 0

    @property
    def pid(self) -> int:
        """Its process."""
        assert self._process is not None
        return self._process.pid

    def kill(self) -> None:
        """End it without a word."""
        if self._process is not None:
            self._process.kill()
            self._process.wait(15)
            self._process = None
            self.kills += 1

    def wait_for_its_end(self, timeout_s: float) -> bool:
        """Whether it ended by itself in time; then it is gone."""
        assert self._process is not None
        try:
            self._process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            return False
        self._process = None
        return True


class Town:
    """Headquarters and one till at each of ``stores``, all of them joined and told everything once."""

    def __init__(
        self,
        folder: Path,
        nursery: Nursery,
        stores: Sequence[str],
        *,
        seed: int = 0,
        weather: Mapping[Fault, int] | None = None,
        real: bool = False,
    ) -> None:
        self.folder, self.nursery, self.real = folder, nursery, real
        self.now_ms = NOON_MS
        self.witness = Witness()
        self.buyers: dict[str, int] = {}
        self.hub = Hub(folder / "hub", json.dumps(RULES).encode(), "demo", "示例超市", told_time=not real)
        self.hub.set_time(self.now_ms)
        with office_of(self.hub, self.now_ms) as office, office.store.turn() as turn:
            tickets = {store: self._ticket(turn, office, store) for store in stores}
        self.hub.start()
        self.ways: dict[str, FaultProxy] = {}
        self.tills: dict[str, FarTill] = {}
        for store in stores:
            way = self.ways[store] = FaultProxy(self.hub.port, f"{seed}/{store}")
            provisioning.join(folder / store / "keys", tickets[store], join, hub_url=way.url)
            self.tills[store] = FarTill(nursery, folder / store, real=real)
            assert self.contact(store)["settled"]
            way.weather = dict(weather or {})

    def _ticket(self, turn: Any, office: Any, store: str) -> str:
        admission.open_store(turn, store, store)
        ticket: str = admission.write_ticket(
            turn, office, self.hub.url, store, "01", 10**6, secrets.token_bytes
        )
        return ticket

    def later(self, ms: int = MINUTE_MS) -> int:
        """Time goes on, for everybody."""
        self.now_ms += ms
        self.hub.set_time(self.now_ms)
        return self.now_ms

    def act(self, store: str, name: str, **told: Any) -> dict[str, Any]:
        """One act that nobody kills; what it recorded is witnessed."""
        answer = self.tills[store].ask(name, self.later(), **told)
        self.witness.heard(store, answer["ops"])
        return answer

    def contact(self, store: str) -> dict[str, Any]:
        """One contact that nobody kills."""
        return self.act(store, "contact")

    def enrol(self, store: str) -> Member:
        """A new member."""
        new = self.act(store, "enrol")
        return Member(new["m"], new["code"])

    def sell(self, store: str, member: Member, yuan: int = 200) -> dict[str, Any]:
        """A sale to somebody."""
        return self.act(store, "sell", **self.sale(member, yuan))

    def sale(self, member: Member, yuan: int = 200) -> dict[str, Any]:
        """What a sale is told, under a receipt number of its own."""
        receipt = f"r{len(self.buyers)}"
        self.buyers[receipt] = member.m
        return {"code": member.code, "lines": [[1, "food", 1, 100 * yuan]], "receipt": receipt}

    def again(self, store: str) -> None:
        """Its till is dead, or is killed now; it is started again and says what it had recorded."""
        till = self.tills[store]
        till.again()
        assert not till.fault, till.fault
        self.witness.found(store, till.ask("nothing", self.now_ms)["ops"])

    def rest(self) -> None:
        """All ways are made well, and everybody is heard twice without an alarm."""
        for way in self.ways.values():
            way.calm()
        for store in [*self.tills, *self.tills]:
            heard = self.contact(store)
            assert heard["settled"], heard
            assert not heard["alarms"], heard

    def whole(self) -> None:
        """What must hold at rest."""
        exactly_once(self.hub, self.witness)
        no_gap(self.hub)
        bank(books_are_right(self.hub, self.now_ms), self.witness, self.buyers)
        for store in self.tills:
            answered = sorted((seq, body) for at, seq, body in self.witness.answered.values() if at == store)
            own = two_files_agree(self.folder / store)
            assert own == answered, f"what {store} has is not what it answered with"

    def close(self) -> None:
        """End everything."""
        try:
            for till in self.tills.values():
                till.close()
            for way in self.ways.values():
                way.close()
        finally:
            self.hub.stop()


def is_long() -> bool:
    """Whether the long form was asked for: ``JIFEN_PROCESSES=long``."""
    return os.environ.get("JIFEN_PROCESSES") == "long"

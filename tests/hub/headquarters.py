"""A real headquarters on a free port, and tills that were admitted to it over real HTTP."""

from __future__ import annotations

import asyncio
import secrets
import shutil
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import uvicorn
from empty_database import lay
from patience import until
from ports import free_port

from agent import day_close, enrolment, provisioning
from agent.counter import Counter
from agent.journal.clock import Reading
from agent.night import Night
from agent.recorder import Recorded
from agent.till import Till
from agent.uplink import Uplink, join
from config.night_window import NightWindow
from config.settings import HubSettings
from hub import admission, reception
from hub.api.app import make_app
from hub.assembly import journal_of, open_office
from hub.console import access
from hub.console.desk import Desk
from hub.office import Office
from points.operations import KINDS, Kinds
from points.wire import canonical
from points.wire.faults import Gap

NOON_MS = 1_795_060_800_000  # 2026-11-19 04:00 UTC, noon in Shanghai
DAY_MS = 86_400_000
RULES: dict[str, Any] = {
    "v": 1, "name": "test", "zone": [[0, 480]], "rates": [[1, 100]], "category_rate": {}, "min_order_fen": 0,
    "day_cap_pts": 0, "tiers": [[0, 10_000, "普通"], [100_000, 12_000, "银卡"]], "expiry": ["rolling", 12],
    "redeem": {"pts": 1, "fen": 1, "step": 1}, "grace_days": 30, "settle": [1000, 100],
    "not_earning": ["points"], "manager": {"redeem_pts": 0, "refund_fen": 0},
}  # fmt: skip


@dataclass
class HandClock:
    """Business time of a whole test, moved by hand."""

    now_ms: int = NOON_MS

    def now(self) -> Reading:
        return Reading(self.now_ms, self.now_ms - NOON_MS + 1_000_000, "00112233aabbccdd")

    def __call__(self) -> int:
        return self.now_ms


@dataclass
class Shop:
    """One admitted till with its counter and its night."""

    till: Till
    counter: Counter
    night: Night
    uplink: Uplink
    folder: Path

    def here(self, m: int) -> int:
        """What this till could spend of the member's points without a network."""
        return sum(self.till.rights(m).left(self.till.rule().today(self.till.time().st_ms)))

    def sync(self) -> Any:
        done = self.night.contact(rest=lambda _ms: None)
        assert not done.alarms, done.alarms
        return done


@dataclass
class Headquarters:
    office: Office
    url: str
    clock: HandClock
    folder: Path
    shops: list[Shop] = field(default_factory=list)
    settings: HubSettings | None = None

    def copy(self, name: str = "copy.sqlite") -> Path:
        """Its database as it is now."""
        path = self.folder / name
        self.office.store.copy_to(path)
        return path

    def put_back(self, copy: Path | None, *, loses_journal: bool = False, is_said: bool = False) -> None:
        """The same office on an older copy of its database, or on none, found out by its journal; without
        that, somebody says so."""
        assert self.settings is not None
        self.office.store.close()
        for old in self.settings.data_dir.glob("hub.sqlite*"):
            old.unlink()
        if loses_journal:
            shutil.rmtree(journal_of(self.settings))
        if copy is not None:
            shutil.copy(copy, self.settings.data_dir / "hub.sqlite")
        self.reopen(is_put_back=loses_journal or is_said)

    def reopen(self, *, is_put_back: bool = False, kinds: Kinds = KINDS) -> None:
        """The same office, started again behind the same doors, perhaps by a program of other ``kinds``."""
        assert self.settings is not None
        self.office.store.close()
        fresh = open_office(self.settings, canonical.encode(RULES), is_put_back=is_put_back, kinds=kinds)
        vars(self.office).update(vars(fresh) | {"clock": self.office.clock})

    def another(self) -> Headquarters:
        """The same headquarters as another process has it."""
        assert self.settings is not None
        office = open_office(self.settings, canonical.encode(RULES))
        office.clock = self.clock
        return Headquarters(office, self.url, self.clock, self.folder, settings=self.settings)

    def ticket(self, store: str, till: str = "01") -> str:
        with self.office.store.turn() as turn:
            admission.open_store(turn, store, f"{store} 店")
            return admission.write_ticket(turn, self.office, self.url, store, till, 24, secrets.token_bytes)

    def shop(self, store: str, till: str = "01") -> Shop:
        """A till opened by a ticket over HTTP, after its first contact."""
        folder = self.folder / f"{store}-{till}"
        identity = provisioning.join(folder / "keys", self.ticket(store, till), join)
        return self.open(folder, identity)

    def sisters(self) -> tuple[Shop, Shop, int]:
        """Two tills of a store; the first one holds 300 points of a member, whose number comes with them."""
        one, other = self.shop("s001", "01"), self.shop("s001", "02")
        new = enrolment.enrol(one.till, "c1")
        assert isinstance(new, enrolment.Enrolled)
        for _ in range(3):
            assert isinstance(one.counter.sell(new.m, [[1, "all", 1, 10_000]], "c1"), Recorded)
            self.clock.now_ms += DAY_MS
        for shop in (one, other, one, other):
            day_close.give_back(shop.till, "agent")
            shop.sync()
        one.sync()
        assert (one.here(new.m), other.here(new.m)) == (300, 0)
        return one, other, new.m

    def open(self, folder: Path, identity: Any = None) -> Shop:
        identity = identity or provisioning.identity_of(folder / "keys")
        book, log = provisioning.open_book(folder / "data", folder / "keys", identity)
        awake = Till(identity, book, log, self.clock)
        awake.wake()
        uplink = Uplink(identity.hub_url, identity.key, identity.hub_receipt_public)
        shop = Shop(
            awake,
            Counter(awake, uplink.authorise),
            Night(awake, uplink, NightWindow(0, 1439)),
            uplink,
            folder,
        )
        if awake.rules is None:
            shop.sync()
        self.shops.append(shop)
        return shop

    def hear(self, envelopes: list[bytes]) -> None:
        """Envelopes are delivered in this order; what comes before its own lane has got there comes again."""
        while envelopes:
            raw = envelopes.pop(0)
            try:
                reception.receive(self.office, raw)
            except Gap:
                envelopes.append(raw)

    def rows(self, sql: str, *arguments: Any) -> list[tuple[Any, ...]]:
        with self.office.store.look() as look:
            return look.run(sql, arguments)


class PromptServer(uvicorn.Server):
    """Ends at once when it is asked to; uvicorn rests a tenth of a second here and there."""

    async def main_loop(self) -> None:
        await self.on_tick(0)
        while not self.should_exit:
            await asyncio.sleep(0.01)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        for server in self.servers:
            server.close()
        for connection in list(self.server_state.connections):
            connection.shutdown()
        await asyncio.wait_for(self._wait_tasks_to_complete(), 8)
        await self.lifespan.shutdown()


@contextmanager
def headquarters(
    folder: Path, rules: dict[str, Any] | None = None, database_url: str = ""
) -> Iterator[Headquarters]:
    clock, port = HandClock(), free_port()
    settings = HubSettings(
        data_dir=folder / "hub", key_dir=folder / "hub-keys", listen_host="127.0.0.1", listen_port=port,
        public_url=f"http://127.0.0.1:{port}", database_url=database_url, chain="demo", chain_name="示例超市",
        rulebook=None, language="zh", ticket_hours=24, code_pool=20, grant_policy="visits",
        night=NightWindow(0, 240), spare_pcs=9,
    )  # fmt: skip
    if not database_url:
        lay(settings.data_dir)
    office = open_office(settings, canonical.encode({**RULES, **(rules or {})}))
    office.clock = clock
    app = make_app(office)
    Desk(office, settings.public_url, settings.ticket_hours).mount(app)
    server = PromptServer(
        uvicorn.Config(app, host="127.0.0.1", port=port, log_level="warning", access_log=False)
    )
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    assert until(lambda: server.started)
    made = Headquarters(office, settings.public_url, clock, folder, settings=settings)
    try:
        yield made
    finally:
        for shop in made.shops:
            shop.uplink.close()
            shop.till.book.close()
        office.bells.close()
        server.should_exit = True
        thread.join(10)
        office.store.close()


def console_link(hq: Headquarters) -> str:
    """A link that opens headquarters' pages once."""
    with hq.office.store.turn() as turn:
        return f"{hq.url}/console/open?key={access.make_link_key(turn, hq.office.clock())}"

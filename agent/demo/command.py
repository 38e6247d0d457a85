"""Starts the demo's chain, prints where everything is, and clears it away when it is interrupted."""

from __future__ import annotations

import argparse
import shutil
import signal
import sys
import tempfile
from pathlib import Path

from agent.demo.panel import Panel
from agent.demo.stores import MANAGER_PIN, DemoStore, SampleMember
from agent.replay.hub_process import HubProcess
from agent.signals import Signals

RULES = Path(__file__).resolve().parents[2] / "config" / "rulebooks" / "example.json"
STORES = {"s001": "员村二横路店", "s002": "体育西路店"}
TWO_TILLS = "s001"
"""The store with a second till, which gets points from the first one over the store's own network."""
PEOPLE: tuple[tuple[str, str, str, list[int]], ...] = (
    ("王小明", "13800138000", "s001", [310_00, 180_00]),
    ("李芳", "13900139001", "s001", [56_00, 99_00]),
    ("陈静", "13700137002", "s002", [268_00, 188_00, 120_00]),
    ("赵磊", "13600136003", "s002", []),
)


class Demo:
    """The whole chain on one PC."""

    def __init__(self, folder: Path, port: int = 0) -> None:
        self.hub = HubProcess(folder / "hub", RULES.read_bytes(), "demo", "示例超市", told_time=False)
        tickets = self.hub.tickets([f"{store}={name}" for store, name in STORES.items()])
        second = self.hub.tickets([f"{TWO_TILLS}={STORES[TWO_TILLS]}"], "02")[TWO_TILLS]
        self.hub.start()
        self.stores: dict[str, DemoStore] = {}
        try:
            for store, ticket in tickets.items():
                self.stores[store] = DemoStore(folder / store, store, ticket)
            name = f"{TWO_TILLS}-02"
            self.stores[name] = DemoStore(folder / name, name, second)
            self.members = self._people()
            self.panel = Panel(self.stores, self.members, self.hub.console_link, port)
        except BaseException:
            self.hub.stop()
            raise

    def _people(self) -> list[SampleMember]:
        members = [self.stores[at].welcome(name, phone, sales) for name, phone, at, sales in PEOPLE]
        for _ in range(2):  # the second night brings each store what the first one told headquarters
            for store in self.stores.values():
                store.agent.night.run()
        return members

    def start(self) -> None:
        """Open both stores and the panel."""
        for store in self.stores.values():
            store.start()
        self.panel.start()

    def stop(self) -> None:
        """Close everything, the panel first."""
        self.panel.stop()
        for store in self.stores.values():
            store.stop()
        self.hub.stop()


def main(argv: list[str]) -> int:
    """Run until interrupted."""
    parser = argparse.ArgumentParser(prog="jifen demo", description="a chain on one PC · 一台电脑上的连锁店")
    parser.add_argument("--port", type=int, default=8800, help="where the panel listens (8800; 0: any)")
    chosen = parser.parse_args(argv)
    folder = Path(tempfile.mkdtemp(prefix="jifen-demo-"))
    signals = Signals(signal.SIGINT, signal.SIGTERM)
    try:
        print("正在准备总部和两家门店 … · opening headquarters and two stores", flush=True)
        demo = Demo(folder, chosen.port)
        demo.start()
        try:
            _say(demo)
            signals.next()
        finally:
            print("\n正在收摊 … · clearing away", flush=True)
            demo.stop()
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return 0


def _say(demo: Demo) -> None:
    print(f"\n  演示台 panel               {demo.panel.url}")
    for store in demo.stores.values():
        print(f"  {store.name} 收银页面 cashier   {store.agent.page_url}")
        print(f"  {store.name} 小票纸卷 paper     {demo.panel.url}roll/{store.store}")
    print(f"  总部控制台 console           {demo.panel.url}console")
    print(f"  店长密码 manager's PIN       {MANAGER_PIN}")
    print("\n  Ctrl+C 结束 · ends\n", flush=True)
    sys.stdout.flush()

"""Starts the demo's chain, prints where everything is, and clears it away however it is told to end.

Headquarters' private keys lie in its folder, so nothing of it may stay: not after Ctrl+C while it starts, nor
after its terminal was closed.
"""

from __future__ import annotations

import argparse
import contextlib
import shutil
import signal
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from agent.demo.panel import Panel
from agent.demo.stores import MANAGER_PIN, DemoStore, SampleMember
from agent.replay.hub_process import HubProcess
from agent.signals import Signals
from config.faults import Fault
from config.words import LANGUAGES, load_words

RULES = Path(__file__).resolve().parents[2] / "config" / "rulebooks" / "example.json"
STORES = {"s001": "员村二横路店", "s002": "体育西路店"}
PORT_MAX = 65_535
TWO_TILLS = "s001"
"""The store with a second till, which gets points from the first one over the store's own network."""
PEOPLE: tuple[tuple[str, str, str, list[int]], ...] = (
    ("王小明", "13800138000", "s001", [310_00, 180_00]),
    ("李芳", "13900139001", "s001", [56_00, 99_00]),
    ("陈静", "13700137002", "s002", [268_00, 188_00, 120_00]),
    ("赵磊", "13600136003", "s002", []),
)


class Demo:
    """The whole chain on one PC, in ``folder``; ``opening`` builds it, ``stop`` ends whatever was built."""

    def __init__(self, folder: Path, panel: Panel) -> None:
        self.folder, self.panel = folder, panel
        rules = RULES.read_bytes()
        self.hub = HubProcess(folder / "hub", rules, "demo", "示例超市", told_time=False, apart=True)
        self.stores: dict[str, DemoStore] = {}
        self.members: list[SampleMember] = []

    def opening(self) -> Iterator[None]:
        """Open headquarters, the stores and the panel, step by step: who is told to end stops between two."""
        tickets = self.hub.tickets([f"{store}={name}" for store, name in STORES.items()])
        yield
        second = self.hub.tickets([f"{TWO_TILLS}={STORES[TWO_TILLS]}"], "02")[TWO_TILLS]
        yield
        self.hub.start()
        yield
        for name, ticket in (*tickets.items(), (f"{TWO_TILLS}-02", second)):
            self.stores[name] = DemoStore(self.folder / name, name, ticket)
            yield
        for who, phone, at, sales in PEOPLE:
            self.members.append(self.stores[at].welcome(who, phone, sales))
            yield
        for _ in range(2):  # the second night brings each store what the first one told headquarters
            for store in self.stores.values():
                store.agent.night.run()
                yield
        for store in self.stores.values():
            store.start()
            yield
        self.panel.start(self.stores, self.members, self.hub.console_link)

    def stop(self) -> None:
        """Close everything, the panel first."""
        self.panel.stop()
        try:
            for store in self.stores.values():
                store.stop()
        finally:
            self.hub.stop()


def main(argv: list[str]) -> int:
    """Run until interrupted, or until the terminal is closed."""
    parser = argparse.ArgumentParser(prog="jifen demo", description="a chain on one PC · 一台电脑上的连锁店")
    parser.add_argument("--port", type=_port, default=8800, help="where the panel listens (8800; 0: any)")
    chosen = parser.parse_args(argv)
    signals = Signals(*_ends())
    try:
        panel = Panel(chosen.port)
    except Fault as fault:
        for language in LANGUAGES:
            print(load_words(language).say(fault.remedy, **fault.detail), file=sys.stderr)
        return 1
    folder = Path(tempfile.mkdtemp(prefix="jifen-demo-"))
    try:
        run(Demo(folder, panel), signals)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return 0


def run(demo: Demo, signals: Signals) -> None:
    """Open, wait, clear away; who is told to end while it opens clears away at once."""
    try:
        print("正在准备总部和两家门店 … · opening headquarters and two stores", flush=True)
        for _ in demo.opening():
            if signals.has_come:
                return
        _say(demo)
        signals.next()
        with contextlib.suppress(OSError):  # the terminal may be what has gone
            print("\n正在收摊 … · clearing away", flush=True)
    finally:
        demo.stop()


def _port(text: str) -> int:
    if not (text.isascii() and text.isdigit() and int(text) <= PORT_MAX):
        raise argparse.ArgumentTypeError(f"应为 0-{PORT_MAX} 的数 · write a number of 0-{PORT_MAX}")
    return int(text)


def _ends() -> list[signal.Signals]:
    """What ends the demo; a terminal that is closed does not end one that was started with nohup."""
    ends = [signal.SIGINT, signal.SIGTERM]
    hang_up: signal.Signals | None = getattr(signal, "SIGHUP", None)
    if hang_up is not None and signal.getsignal(hang_up) is not signal.SIG_IGN:
        ends.append(hang_up)
    return ends


def _say(demo: Demo) -> None:
    print(f"\n  演示台 panel               {demo.panel.url}")
    for store in demo.stores.values():
        print(f"  {store.name} 收银页面 cashier   {store.agent.page_url}")
        print(f"  {store.name} 小票纸卷 paper     {demo.panel.url}roll/{store.store}")
    print(f"  总部控制台 console           {demo.panel.url}console")
    print(f"  店长密码 manager's PIN       {MANAGER_PIN}")
    print("\n  Ctrl+C 结束 · ends\n", flush=True)
    sys.stdout.flush()

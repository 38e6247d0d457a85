"""A till of the demo: a real agent whose scanner and printer are virtual, and the hands that work it."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path

from agent import approval, enrolment, provisioning
from agent.assembly import Agent
from agent.recorder import Recorded
from agent.uplink import join
from config.settings import load_agent
from hardware.scans import WELL
from hardware.virtual.printer import VirtualPrinter
from hardware.virtual.scanner import SocketScanner

MANAGER_PIN = "246810"
EARS_S = 5.0


@dataclass(frozen=True, slots=True)
class SampleMember:
    """A member that the demo made up, and the code on the card."""

    m: int
    name: str
    phone: str
    code: str
    store: str


class DemoStore:
    """One till, opened by a ticket, with its own folder, page, scanner and printer.

    ``store`` is how the panel names it: its store, and the till behind a hyphen where it is not the first.
    """

    def __init__(self, folder: Path, store: str, ticket: str) -> None:
        self.store = store
        self.scanner = SocketScanner()
        self.printer = VirtualPrinter(58)
        self.printer.start()
        provisioning.join(folder / "keys", ticket, join)
        settings = load_agent(
            None,
            {
                "JIFEN_AGENT_DATA_DIR": str(folder / "data"),
                "JIFEN_AGENT_KEY_DIR": str(folder / "keys"),
                "JIFEN_AGENT_SCANNERS": self.scanner.address,
                "JIFEN_AGENT_PRINTERS": self.printer.address,
                "JIFEN_AGENT_SISTERS_INTERFACE": "127.0.0.1",
                "JIFEN_AGENT_RESERVE_MIB": "0",
            },
        )
        self.agent = Agent(settings, port=0)
        self.agent.night.contact()
        approval.set_pin(self.agent.till, MANAGER_PIN)

    @property
    def name(self) -> str:
        """The store's name as headquarters told it, and the number of a till that is not the first."""
        till = self.agent.till
        return till.store_name if till.till == "01" else f"{till.store_name} {till.till}"

    def start(self) -> None:
        """Open for business."""
        self.agent.start()

    def welcome(self, name: str, phone: str, sales: list[int]) -> SampleMember:
        """Enrol a member and sell something, before the doors open; nothing of it is printed."""
        new = enrolment.enrol(self.agent.till, "demo", phone=phone, name=name)
        assert isinstance(new, enrolment.Enrolled), new
        for fen in sales:
            sold = self.agent.counter.sell(new.m, [[1, "all", 1, fen]], "demo")
            assert isinstance(sold, Recorded), sold
        with self.agent.till.book.turn() as turn:
            turn.execute("UPDATE prints SET state = 'CONFIRMED'")
        return SampleMember(new.m, name, phone, new.code, self.store)

    def press(self, button: str, text: str = "") -> None:
        """What somebody in the store does."""
        match button:
            case "sisters":
                self.agent.sisters.is_plugged = not self.agent.sisters.is_plugged
            case "scan":
                self._wait_for_ears()
                self.scanner.scan(text)
            case "network":
                self.agent.uplink.connected = not self.agent.uplink.connected
                self.agent.pulse.wake()
            case "paper":
                self.printer.set_fault("paper_out", 0 if self.printer.faults.get("paper_out") else 1)
            case "cover":
                self.printer.set_fault("cover_open", 0 if self.printer.faults.get("cover_open") else 1)
            case "scanner":
                self._plug()
            case "close_day":
                self.agent.desk.close_day("demo", reaches=self.agent.pulse.reaches())
                self.agent.shop.recorded()
            case "night":
                self.agent.shop.run_night()
            case _:
                raise KeyError(button)

    def _wait_for_ears(self) -> None:
        """Until the till hears its scanner, as somebody waits for a lamp; EARS_S at most."""
        end = time.monotonic() + EARS_S
        while any(how is not WELL for _, how in self.agent.listening.wellbeing()) and time.monotonic() < end:
            time.sleep(0.02)

    def _plug(self) -> None:
        if self.scanner_is_plugged:
            self.scanner.unplug()
        else:
            self.scanner.replug()
        self.scanner_is_plugged = not self.scanner_is_plugged

    scanner_is_plugged = True

    def state(self) -> dict[str, object]:
        """What the panel shows of the store."""
        faults = self.printer.faults
        return {
            "store": self.store,
            "name": self.name,
            "page": self.agent.page_url,
            "network": self.agent.uplink.connected,
            "sisters": self.agent.sisters.is_plugged,
            "paper": not faults.get("paper_out"),
            "cover": not faults.get("cover_open"),
            "scanner": self.scanner_is_plugged,
            "receipts": len(self.printer.receipts),
            "unsent": self.agent.night.unsent(),
        }

    def stop(self) -> None:
        """Close the store and switch its devices off."""
        self.agent.stop()
        self.scanner.stop()
        self.printer.stop()

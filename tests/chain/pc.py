"""One PC of a store: its disk, its clock, and the program on it while it runs.

The program is the product's own till, desk and night. It is begun, killed and begun again; what it knows
afterwards is what its disk and headquarters tell it.
"""

from __future__ import annotations

import contextlib
import random
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from agent import intents
from agent.counter import Counter
from agent.desk import Desk
from agent.identity import Identity
from agent.journal.clock import Reading
from agent.journal.log import Log
from agent.journal.mirror import Mirror
from agent.night import Night
from agent.till import Till
from config.faults import Fault
from config.night_window import NightWindow
from config.sqlite import Error
from tests.chain.disk import Armed, ArmedMirror, Disk
from tests.chain.marks import Marks

if TYPE_CHECKING:
    from tests.chain.network import Wire
    from tests.chain.store_network import Line, StoreNetwork

ANY_MINUTE = NightWindow(0, 1439)


@dataclass
class PcClock:
    """A PC's wall clock, which may be anywhere, and a counter that begins anew with each boot."""

    now_ms: Callable[[], int]
    ahead_ms: int = 0
    booted_ms: int = 0
    boots: int = 0

    def now(self) -> Reading:
        """One reading."""
        now = self.now_ms()
        wall = min(max(0, now + self.ahead_ms), 2**47)
        return Reading(wall, now - self.booted_ms + 1_000, f"{self.boots:016x}")


class Pc:
    """A till's PC. ``till``, ``desk`` and ``night`` are there while the program runs."""

    def __init__(
        self,
        identity: Identity,
        mirror: Path,
        now_ms: Callable[[], int],
        chance: random.Random,
        marks: Marks,
    ) -> None:
        self.identity = identity
        self.disk = Disk(mirror)
        self.clock = PcClock(now_ms)
        self.chance = chance
        self.marks = marks
        self.runs = False
        self.is_replaced = False
        self.is_missing = self.is_burnt = False
        self.full = False
        self.till: Till
        self.desk: Desk
        self.night: Night
        self.uplink: Wire
        self.store_network: StoreNetwork
        self.line: Line

    @property
    def name(self) -> tuple[str, str]:
        """Store and till, as headquarters names them."""
        return self.identity.lane.store, self.identity.lane.till

    def boot(self) -> None:
        """Switch on: the program reconciles its two files and takes up what was cut off."""
        self.clock.boots += 1
        self.clock.booted_ms = self.clock.now_ms()
        book, mirror = self.disk.open()
        log = Log(book, mirror, self.identity.lane, self.identity.genesis)
        self.till = Till(self.identity, book, log, self.clock, self.chance.randbytes)
        self.runs = True
        self.till.wake()
        self.line = self.store_network.line(self)
        self.desk = Desk(Counter(self.till, self.uplink.authorise, self.line.fetch), near=self.line.right_to)
        self.night = Night(self.till, self.uplink, ANY_MINUTE)
        if self.till.rules is not None:
            intents.end_cut_off(self.till, "agent")

    def stop(self) -> None:
        """The program is gone, whatever it was doing; the disk is what it is."""
        if self.runs:
            self.till.log.mirror.close()
            self.runs = False

    def arm(self, how: str, countdown: int) -> None:
        """For the act that follows: be killed, or fail, at a place."""
        book, log = self.till.book, self.till.log
        if how in ("mirror", "torn"):
            log.mirror.close()
            armed = ArmedMirror(self.disk.mirror, how == "torn", self._mark)
            armed._good, armed._size = log.mirror._good, log.mirror._size
            log.mirror = armed
        else:
            book.connection = Armed(self.disk.database, how, countdown, self._mark)  # type: ignore[assignment]

    def disarm(self) -> None:
        """The act is over and nothing has happened."""
        if not self.runs:
            return
        self.till.book.connection = self.disk.database
        log = self.till.log
        if isinstance(log.mirror, ArmedMirror):
            good, size = log.mirror._good, log.mirror._size
            log.mirror.close()
            log.mirror = Mirror(self.disk.mirror)
            log.mirror._good, log.mirror._size = good, size
        if self.full:
            self.arm("full", 0)

    def _mark(self, name: str) -> None:
        self.marks[name] += 1

    def close(self) -> None:
        """Throw the PC away."""
        self.stop()
        self.disk.close()


def no_rest(_ms: int) -> None:
    """In the pretend world nobody waits between two tries."""


def talk(pc: Pc, whole_night: bool) -> None:
    """A contact, or a night; what the product's own threads survive is survived here."""
    before = pc.till.log.pos(pc.till.log.seq)
    if whole_night and pc.till.rules is not None:
        quietly(lambda: pc.night.run(rest=no_rest))
        return
    quietly(lambda: pc.night.contact(rest=no_rest))
    if pc.till.log.pos(pc.till.log.seq) > before:
        back = "SELECT count(*) FROM ops WHERE pos > ? AND kind = 'rights.return'"
        pc.marks["rights wanted back"] += pc.disk.database.execute(back, (before,)).fetchone()[0]


def quietly(do: Callable[[], Any]) -> None:
    """Do what may fail by the world's fault, and by nothing else."""
    with contextlib.suppress(Fault, Error):
        do()

"""The parts of a till meet here, once: settings, book, uplink, counter, printer, scanners, night, page.

The order is the order of need. A till that was never admitted does not start; a printer, a scanner or
a headquarters that is not there does not keep it from selling.
"""

from __future__ import annotations

import fcntl
import logging
import os
from collections.abc import Callable
from pathlib import Path

from agent import intents, provisioning
from agent.ahead import AT_ONCE
from agent.bell import Bell
from agent.counter import Counter
from agent.desk import Desk
from agent.directory import Directory, folder_in
from agent.directory_editions import DirectoryEditions
from agent.identity import Identity
from agent.journal.clock import Clock, MachineClock
from agent.listening import Listening
from agent.look_up import LookUp
from agent.night import Night
from agent.printing import Printing
from agent.pulse import LOOK_EVERY_S, Pulse
from agent.reserve import Reserve
from agent.screen.app import make_app
from agent.screen.key import PageKey
from agent.screen.server import Server
from agent.screen.shop import Shop
from agent.sisters import Sisters
from agent.till import Till
from agent.uplink import Uplink
from agent.world import Worlds
from config.faults import Fault
from config.memory import collect_seldom
from config.settings import AgentSettings
from config.threads import share_evenly
from config.words import load_words
from hardware.devices import open_printer

log = logging.getLogger(__name__)

Wake = Callable[[Identity, AgentSettings, Clock], Till]


def wake_till(identity: Identity, settings: AgentSettings, clock: Clock) -> Till:
    """The till on its own book, reconciled with the second file."""
    book, log = provisioning.open_book(settings.data_dir, settings.key_dir, identity)
    till = Till(identity, book, log, clock)
    till.wake()
    return till


def page_folder(settings: AgentSettings) -> Path:
    """Where the page's key lies: the service's runtime folder, else beside the data."""
    runtime = os.environ.get("RUNTIME_DIRECTORY", "").split(":")[0]
    return Path(runtime) if runtime else settings.data_dir


def alone(folder: Path) -> int:
    """Hold the folder for this process; raises a Fault when another agent has it.

    Two agents on one book would each believe that a receipt in the middle was the other's accident.
    """
    folder.mkdir(parents=True, exist_ok=True)
    held = os.open(folder / "agent.lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        os.close(held)
        raise Fault("fault.already_running", "another agent has this data folder") from error
    return held


class Agent:
    """One running till. ``port`` other than the settings' is for a rehearsal of several on one PC."""

    def __init__(
        self,
        settings: AgentSettings,
        *,
        identity: Identity | None = None,
        clock: Clock | None = None,
        port: int | None = None,
        contact_every_s: float = LOOK_EVERY_S,
        wake: Wake = wake_till,
    ) -> None:
        self.settings = settings
        who = identity or provisioning.identity_of(settings.key_dir)
        self._alone = alone(settings.data_dir)
        self.server = Server(settings.page_port if port is None else port)
        self.till = wake(who, settings, clock or MachineClock())
        words = load_words(settings.language)
        url = settings.hub_url or who.hub_url
        self.uplink = Uplink(url, who.key, who.hub_receipt_public, connected=settings.network_enabled)
        self.uplink.at_once, self.uplink.mirror = AT_ONCE, settings.mirror
        self.night = Night(self.till, self.uplink, settings.night)
        self.pulse = Pulse(self.night, self.uplink, contact_every_s)
        self.bell = Bell(self.night, self.uplink, self.pulse.hear_within)
        self.sisters = Sisters(self.till, settings.sisters_port, settings.sisters, settings.sisters_interface)
        self.directory = Directory(self.till, folder_in(settings.data_dir))
        editions = DirectoryEditions(
            self.directory, self.uplink, self.night.rest, lambda: self.night.is_hurried
        )
        self.night.also(editions.look)
        self.night.also(lambda: self.reserve.lay())
        self.counter = Counter(
            self.till, self.uplink.authorise, self.sisters.fetch, self.sisters.near, self.directory.look
        )
        self.look_up = LookUp(self.till, self.uplink.look_up, self.night.contact)
        self.reserve = Reserve([settings.data_dir, settings.key_dir], settings.reserve_mib)
        self.desk = Desk(self.counter, self.uplink.refund, self.sisters.right_to, self.reserve.use)
        printer = open_printer(settings.printers[0], settings.paper_mm) if settings.printers else None
        self.printing = Printing(self.till, printer, words)
        key = PageKey(page_folder(settings), self.server.port, self.till.clock.now().boot)
        self.shop = Shop(
            self.desk,
            self.night,
            self.pulse,
            self.printing,
            key,
            lambda: self.worlds.now(),
            settings.language,
            settings.paper_mm,
            settings.sticks,
            look_up=self.look_up,
        )
        self.listening = Listening(settings.scanners, self.shop.heard)
        self.worlds = Worlds(
            self.till,
            self.night,
            self.pulse,
            self.printing,
            self.listening.wellbeing,
            lambda: self.reserve.fault,
        )

    @property
    def page_url(self) -> str:
        """The address that opens the cashier's page once in a browser."""
        return self.shop.key.url

    def start(self) -> None:
        """Open for business: the page last, so that what it shows is there."""
        collect_seldom()
        share_evenly()
        self.reserve.lay()
        if self.till.rules is not None:
            intents.end_cut_off(self.till, "agent")
        self.printing.start()
        self.listening.start()
        self.sisters.start()
        self.night.start()
        self.pulse.start()
        if self.pulse.every_s:
            self.bell.start()
        self.server.start(make_app(self.shop), self.shop.events)

    def leave(self) -> None:
        """The power goes, or the program ends: rights go home if headquarters answers."""
        if not self.pulse.every_s:
            return
        try:
            if self.night.leave():
                log.info("everything is at headquarters")
        except Exception:
            log.exception("rights could not go home")  # they stay where they can be spent

    def stop(self) -> None:
        """Close: the page first, the book last."""
        self.server.stop()
        self.listening.stop()
        self.sisters.stop()
        self.night.hurry()
        self.bell.stop()
        self.pulse.stop()
        self.leave()
        self.night.stop()
        self.printing.stop()
        self.uplink.close()
        self.directory.close()
        self.till.log.mirror.close()
        self.till.book.close()
        os.close(self._alone)

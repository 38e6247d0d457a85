"""One round of the doctor through a till: what can be opened is opened, and every check that can run runs.

An opening that fails is a finding like any other, with its remedy, and keeps no other check from running:
a torn identity says nothing of the disk, and the disk may be why it is torn. What is opened here is closed
here; the book is only read, so the till may be running meanwhile.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import partial
from os.path import exists
from typing import TypeVar

from agent import doctor, provisioning, uplink
from agent.directory import folder_in, told_version
from agent.doctor import Finding, Verdict
from agent.identity import Identity
from agent.remedies import WORLD, remedy_of
from config.faults import Fault
from config.settings import AgentSettings
from hardware.devices import open_printer, open_scanner
from hardware.scans import Scanner

Opened = TypeVar("Opened")


class Round:
    """The findings so far."""

    def __init__(self) -> None:
        self.findings: list[Finding] = []

    def failed(self, name: str, error: BaseException) -> None:
        """What the world refused is found, with what to do."""
        self.findings.append(Finding(name, Verdict.FAILED, *remedy_of(error)))

    def open(self, name: str, opening: Callable[[], Opened]) -> Opened | None:
        """What ``opening`` gives, or None and a finding."""
        try:
            return opening()
        except WORLD as error:
            self.failed(name, error)
            return None

    def check(self, name: str, check: Callable[[], Finding]) -> None:
        """One check; where the world refuses the look itself, that is what was found."""
        finding = self.open(name, check)
        if finding is not None:
            self.findings.append(finding)


def look_at(settings: AgentSettings, mistaken: Fault | None = None) -> list[Finding]:
    """The findings of this till's settings, book and devices; ``mistaken`` is what the settings' reader
    found wrong with devices."""
    told = Round()
    if mistaken is not None:
        told.failed("settings", mistaken)
    with ExitStack() as ends:
        identity = told.open("identity", lambda: provisioning.identity_of(settings.key_dir))
        if identity is not None:
            _book_and_hub(told, ends, settings, identity)
        told.check("sqlite", doctor.check_sqlite)
        _folders(told, settings)
        _devices(told, ends, settings)
        told.check("loopback", lambda: doctor.check_loopback(settings.page_port))
    return told.findings


def _book_and_hub(told: Round, ends: ExitStack, settings: AgentSettings, identity: Identity) -> None:
    """What only a till that knows itself can look at."""
    till = told.open("book", lambda: provisioning.quiet_till(settings, identity))
    if till is not None:
        ends.callback(provisioning.close, till)
        told.check("clock", lambda: doctor.check_clock(till))
        told.check("chain", lambda: doctor.check_chain(till))
        told.check("log", lambda: doctor.check_log(till))
        if told_version(till) is not None:
            told.check("directory", lambda: doctor.check_directory(till, folder_in(settings.data_dir)))
    way = uplink.Uplink(settings.hub_url or identity.hub_url, identity.key, identity.hub_receipt_public)
    ends.callback(way.close)
    told.check("hub", lambda: doctor.check_hub(way))


def _folders(told: Round, settings: AgentSettings) -> None:
    is_new = any(one.words == provisioning.NOT_JOINED for one in told.findings)
    data, keys = settings.data_dir, settings.key_dir
    if not is_new or exists(data):  # a till that was never opened has no folders yet
        told.check("disk", lambda: doctor.check_disk(data))
        told.check("file_system", lambda: doctor.check_file_system(data))
        told.check("durable", lambda: doctor.check_durable(data))
    if not is_new or exists(keys):
        told.check("durable", lambda: doctor.check_durable(keys))
        told.check("key", lambda: doctor.check_keys(keys))


def _devices(told: Round, ends: ExitStack, settings: AgentSettings) -> None:
    wanted = [one for one in settings.scanners if not one.startswith("page:")]
    scanners = list(_scanners(told, wanted))
    for scanner in scanners:
        scanner.start(lambda _scan: None)
        ends.callback(scanner.stop)
    if scanners or not wanted:
        told.check("scanner", lambda: doctor.check_scanners(scanners))
    if not settings.printers:
        told.check("printer", lambda: doctor.check_printer(None))
    else:
        printer = told.open("printer", lambda: open_printer(settings.printers[0], settings.paper_mm))
        if printer is not None:
            told.check("printer", lambda: doctor.check_printer(printer))
    told.check("font", doctor.check_font)


def _scanners(told: Round, addresses: list[str]) -> Iterator[Scanner]:
    for address in addresses:
        scanner = told.open("scanner", partial(open_scanner, address))
        if scanner is not None:
            yield scanner

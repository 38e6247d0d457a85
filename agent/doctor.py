"""The self-test of a till: each check passes, warns or fails, with what to do about it in words.

A check looks at one thing and changes nothing that a sale stands on. What needs a person (a test print,
a scan) is asked for by whoever runs the doctor. Nothing here decides whether the till may sell: the
doctor tells, the cashier works.
"""

from __future__ import annotations

import os
import shutil
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Protocol

from agent import witness
from agent.directory import Directory, told_version
from agent.journal.clock import OFF_MAX_MS
from agent.papers import date
from agent.till import Till
from config import sqlite
from config.faults import Fault
from hardware.faults import HardwareFault
from hardware.printer import Printer
from hardware.raster import find_font
from hardware.scans import Health, Scanner

FREE_MB_MIN = 200
SYNC_ROUNDS = 5
SYNC_US_MIN = 20
SYNC_MS_MAX = 250
LOOK_AGAIN_S = 0.05
NOT_LOCAL = frozenset(
    {
        "tmpfs",
        "ramfs",
        "overlay",
        "nfs",
        "nfs4",
        "cifs",
        "smb3",
        "9p",
        "fuse.sshfs",
        "vfat",
        "exfat",
        "fuseblk",
    }
)
OTHER_MAY_READ = 0o077


class Verdict(StrEnum):
    """How a check ended; the name is also the key of its word."""

    PASSED = "passed"
    WARNED = "warned"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Finding:
    """One check: ``doctor.<name>`` is its title, ``words`` with ``detail`` what was found."""

    name: str
    verdict: Verdict
    words: str
    detail: dict[str, str | int] = field(default_factory=dict)


class Reach(Protocol):
    """What the doctor asks of the way to headquarters."""

    hub_url: str

    def reaches(self) -> bool:
        """Whether headquarters answers now."""
        ...


def check_clock(till: Till) -> Finding:
    """The wall clock against the last time that headquarters signed."""
    if till.time().suspect:
        return Finding("clock", Verdict.FAILED, "doctor.clock_suspect")
    off_ms = abs(till.time().off_ms)
    if off_ms > OFF_MAX_MS:
        return Finding("clock", Verdict.WARNED, "doctor.clock_off", {"minutes": off_ms // 60_000})
    known = till.witness is not None
    return Finding(
        "clock",
        Verdict.PASSED if known else Verdict.WARNED,
        "doctor.clock_fine" if known else "doctor.clock_no_witness",
    )


def check_disk(folder: Path, free_bytes: Callable[[Path], int] | None = None) -> Finding:
    """Room for a few weeks of selling without headquarters."""
    free = (free_bytes or (lambda path: shutil.disk_usage(path).free))(folder) // (1024 * 1024)
    if free < FREE_MB_MIN:
        low: dict[str, str | int] = {"mebibytes": free, "wanted": FREE_MB_MIN}
        return Finding("disk", Verdict.FAILED, "doctor.free_space_low", low)
    return Finding("disk", Verdict.PASSED, "doctor.free_space", {"mebibytes": free})


def check_file_system(folder: Path, mounts: str | None = None) -> Finding:
    """The book lies on a disk of this PC, not in memory, on a stick or on somebody else's server."""
    kind = file_system_of(folder, _mounts() if mounts is None else mounts)
    told: dict[str, str | int] = {"kind": kind, "path": str(folder)}
    if kind in NOT_LOCAL:
        return Finding("file_system", Verdict.FAILED, "doctor.file_system_bad", told)
    return Finding("file_system", Verdict.PASSED, "doctor.file_system_fine", told)


def file_system_of(folder: Path, mounts: str) -> str:
    """The kind of the file system that holds a folder, from a table as /proc/mounts has it."""
    best, kind = "", "?"
    for line in mounts.splitlines():
        parts = line.split(" ")
        if len(parts) < 3:
            continue
        point = parts[1].replace("\\040", " ")
        holds = folder.resolve() == Path(point) or Path(point) in folder.resolve().parents
        if holds and len(point) >= len(best):
            best, kind = point, parts[2]
    return kind


def _mounts() -> str:
    table = Path("/proc/mounts")
    return table.read_text() if table.exists() else ""


def check_sqlite(version: tuple[int, int, int] | None = None) -> Finding:
    """The one SQLite that does not corrupt a database under two connections."""
    has: tuple[int, int, int] = version or sqlite.driver.sqlite_version_info
    try:
        sqlite.require_sound(has)
    except Fault as fault:
        return Finding("sqlite", Verdict.FAILED, fault.remedy, fault.detail)
    return Finding("sqlite", Verdict.PASSED, "doctor.sqlite_fine", {"has": ".".join(map(str, has))})


def check_durable(folder: Path, now_ns: Callable[[], int] = time.perf_counter_ns) -> Finding:
    """A synced write takes the time that a disk takes: too little, and it was only promised."""
    probe = folder / ".doctor"
    took = []
    try:
        file = os.open(probe, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        try:
            for _ in range(SYNC_ROUNDS):
                begun = now_ns()
                os.write(file, b"\0" * 4096)
                os.fdatasync(file)
                took.append(now_ns() - begun)
        finally:
            os.close(file)
            probe.unlink()
    except OSError as error:
        why: dict[str, str | int] = {"path": str(folder), "reason": error.strerror or "?"}
        return Finding("durable", Verdict.FAILED, "doctor.durable_failed", why)
    middle_us = sorted(took)[len(took) // 2] // 1000
    if middle_us < SYNC_US_MIN:
        return Finding("durable", Verdict.WARNED, "doctor.durable_fast", {"us": middle_us})
    if middle_us > SYNC_MS_MAX * 1000:
        return Finding("durable", Verdict.FAILED, "doctor.durable_slow", {"ms": middle_us // 1000})
    return Finding("durable", Verdict.PASSED, "doctor.durable_fine", {"ms": -(-middle_us // 1000)})


def check_keys(folder: Path) -> Finding:
    """Nobody else on this PC may read the keys. Raises OSError for a folder that cannot be looked into."""
    for path in sorted(folder.iterdir()):
        if path.is_file() and path.stat().st_mode & OTHER_MAY_READ:
            return Finding("key", Verdict.FAILED, "doctor.key_open", {"path": str(path)})
    return Finding("key", Verdict.PASSED, "doctor.key_fine")


def check_chain(till: Till) -> Finding:
    """Every operation, link by link, from the first one."""
    try:
        count = sum(1 for _ in till.log.walk())
    except Fault as fault:
        return Finding("chain", Verdict.FAILED, fault.remedy, fault.detail)
    return Finding("chain", Verdict.PASSED, "doctor.chain_fine", {"count": count})


def check_log(till: Till) -> Finding:
    """What headquarters' log owes or contradicts; a till that was told no head yet has nothing to measure."""
    found = witness.fault(till)
    if found is not None:
        return Finding("log", Verdict.FAILED, found.remedy, found.detail)
    head = witness.own_head(till)
    if head is None:
        return Finding("log", Verdict.WARNED, "doctor.log_none")
    return Finding("log", Verdict.PASSED, "doctor.log_fine", {"count": head.size})


def check_directory(till: Till, folder: Path) -> Finding:
    """The directory of all members that headquarters tells this till is here, and as new as it told."""
    listed = Directory(till, folder)
    try:
        held = listed.held
        if held is None or held.manifest.ver < (told_version(till) or 0):
            return Finding("directory", Verdict.WARNED, "doctor.directory_coming")
        at = date(till.rule().today(held.manifest.issued))
        return Finding(
            "directory", Verdict.PASSED, "doctor.directory_held", {"members": held.members(), "date": at}
        )
    finally:
        listed.close()


def check_scanners(scanners: list[Scanner], patience_s: float = 2.0) -> Finding:
    """Every scanner of the settings is there, or comes within ``patience_s`` of being started."""
    if not scanners:
        return Finding("scanner", Verdict.WARNED, "doctor.scanner_none")
    end = time.monotonic() + patience_s
    while time.monotonic() < end and any(one.wellbeing().health is Health.CONNECTING for one in scanners):
        time.sleep(LOOK_AGAIN_S)
    for scanner in scanners:
        well = scanner.wellbeing()
        if well.health is not Health.OK:
            return Finding("scanner", Verdict.FAILED, well.words, {"reason": "", **well.detail})
    heard = ", ".join(scanner.address for scanner in scanners)
    return Finding("scanner", Verdict.PASSED, "doctor.scanner_heard", {"address": heard})


def check_printer(printer: Printer | None) -> Finding:
    """The printer answers, and has paper."""
    if printer is None:
        return Finding("printer", Verdict.WARNED, "state.printer_none")
    try:
        flight = printer.preflight()
    except HardwareFault as fault:
        return Finding("printer", Verdict.FAILED, fault.remedy, fault.detail)
    verdict = Verdict.PASSED if flight.ready else Verdict.FAILED
    return Finding("printer", verdict, flight.words, flight.detail)


def check_font() -> Finding:
    """A Chinese font for previews and for characters that the printer lacks."""
    try:
        find_font()
    except HardwareFault as fault:
        return Finding("font", Verdict.WARNED, fault.remedy, fault.detail)
    return Finding("font", Verdict.PASSED, "doctor.passed")


def check_hub(reach: Reach) -> Finding:
    """Headquarters answers; a till without it sells all the same, so this only warns."""
    told: dict[str, str | int] = {"url": reach.hub_url}
    if not reach.hub_url:
        return Finding("hub", Verdict.WARNED, "doctor.hub_none")
    if not reach.reaches():
        return Finding("hub", Verdict.WARNED, "doctor.hub_unreachable", told)
    return Finding("hub", Verdict.PASSED, "doctor.hub_fine", told)


def check_loopback(port: int, addresses: list[str] | None = None) -> Finding:
    """The page's port cannot be reached at any address that another PC could use."""
    for address in own_addresses() if addresses is None else addresses:
        with socket.socket(socket.AF_INET) as way:
            way.settimeout(0.3)
            if way.connect_ex((address, port)) == 0:
                open_to: dict[str, str | int] = {"port": port, "address": address}
                return Finding("loopback", Verdict.FAILED, "doctor.loopback_open", open_to)
    return Finding("loopback", Verdict.PASSED, "doctor.loopback_fine", {"port": port})


def own_addresses() -> list[str]:
    """This PC's addresses that are not loopback."""
    try:
        found = socket.getaddrinfo(socket.gethostname(), None, socket.AF_INET)
    except OSError:
        return []
    return sorted({str(one[4][0]) for one in found if not str(one[4][0]).startswith("127.")})

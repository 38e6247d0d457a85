"""The till's commands: run, page, pin, join, doctor. Words first, work elsewhere.

A command exits with 0 when all was well, 1 when something is to be done, 2 when it was not understood.
"""

from __future__ import annotations

import argparse
import getpass
import json
import logging
import os
import queue
import secrets
import signal
import sys
from pathlib import Path

from agent import approval, doctor, provisioning, uplink
from agent.assembly import Agent, page_folder
from agent.doctor import Finding, Verdict
from agent.journal.clock import MachineClock
from agent.screen.key import FILE
from agent.signals import Signals
from agent.till import Till
from config.faults import Fault
from config.settings import AgentSettings, load_agent
from config.words import Words, load_words
from hardware.devices import open_printer, open_scanner
from hardware.faults import HardwareFault
from hardware.scans import Scan

CONFIG = Path("/etc/jifen.toml")
SCAN_S = 120
POWER_GOES = getattr(signal, "SIGPWR", signal.SIGTERM)
"""What a UPS service sends when the power is gone; where there is no such signal the PC is switched off."""
CHALLENGE_DIGITS = 32
MARKS = {Verdict.PASSED: "✓", Verdict.WARNED: "!", Verdict.FAILED: "✗"}


def main(argv: list[str]) -> int:
    """Run one command; the exit code tells whether all was well."""
    parser = argparse.ArgumentParser(
        prog="jifen", description="member points, right in every store · 会员积分"
    )
    parser.add_argument("--config", type=Path, help=f"settings file (TOML); {CONFIG} when it is there")
    commands = parser.add_subparsers(dest="command", required=True)
    agent = commands.add_parser("agent", help="this till: run, page, pin")
    parts = agent.add_subparsers(dest="part", required=True)
    for name, what in (
        ("run", "serve the counter until stopped"),
        ("page", "print the address that opens the cashier's page"),
        ("pin", "set the manager's PIN"),
    ):
        part = parts.add_parser(name, help=what)
        part.add_argument("--config", type=Path, default=argparse.SUPPRESS)
    join = commands.add_parser("join", help="open this till with a ticket of headquarters")
    join.add_argument("ticket", nargs="?", help="the ticket's text; without it, scan it")
    join.add_argument("--manager-pin", action="store_true", help="ask for the manager's PIN as well")
    join.add_argument("--config", type=Path, default=argparse.SUPPRESS)
    check = commands.add_parser("doctor", help="test this till, with a remedy for what fails")
    check.add_argument("--print", action="store_true", help="print a test page and scan it back")
    check.add_argument("--config", type=Path, default=argparse.SUPPRESS)
    for name in ("hub", "policy", "demo", "replay"):
        commands.add_parser(name, help=f"see jifen {name} --help")
    asked = parser.parse_args(argv)
    words = load_words("zh")
    try:
        settings = load_agent(asked.config or (CONFIG if CONFIG.exists() else None), os.environ)
        words = load_words(settings.language)
        match asked.command, getattr(asked, "part", ""):
            case "agent", "run":
                return run(settings)
            case "agent", "page":
                return page(settings, words)
            case "agent", "pin":
                return set_pin(settings, words)
            case "join", _:
                return join_by(settings, words, asked.ticket, asked.manager_pin)
            case _:
                return self_test(settings, words, asked.print)
    except (Fault, HardwareFault) as fault:
        key = fault.remedy if fault.remedy in words else "fault.not_recorded"
        print(words.say(key, **fault.detail), file=sys.stderr)
        return 1


def run(settings: AgentSettings) -> int:
    """Serve until a signal comes; SIGPWR says that the power goes, and the rights go home at once."""
    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(name)s %(message)s")
    logging.getLogger("httpx").setLevel(logging.WARNING)
    logging.getLogger("apscheduler").setLevel(logging.WARNING)
    signals = Signals(signal.SIGTERM, signal.SIGINT, POWER_GOES)
    agent = Agent(settings)
    agent.start()
    try:
        while signals.next() not in (signal.SIGTERM, signal.SIGINT):
            agent.leave()
    finally:
        agent.stop()
    return 0


def page(settings: AgentSettings, words: Words) -> int:
    """Say where the page is; the address opens it once."""
    try:
        url = json.loads((page_folder(settings) / FILE).read_bytes())["url"]
    except (OSError, ValueError, KeyError):
        print(words.say("state.page_lost"), file=sys.stderr)
        return 1
    print(url)
    return 0


def set_pin(settings: AgentSettings, words: Words) -> int:
    """Ask twice for the manager's PIN and keep it."""
    till = quiet_till(settings)
    try:
        return keep_pin(till, words)
    finally:
        close(till)


def quiet_till(settings: AgentSettings) -> Till:
    """The till beside one that may be running: it reads, and reconciles nothing."""
    identity = provisioning.identity_of(settings.key_dir)
    book, log = provisioning.open_book(settings.data_dir, settings.key_dir, identity)
    till = Till(identity, book, log, MachineClock())
    till.recall()
    return till


def close(till: Till) -> None:
    """Close a till's two files."""
    till.log.mirror.close()
    till.book.close()


def keep_pin(till: Till, words: Words) -> int:
    """Ask twice; two that differ are no PIN."""
    first = getpass.getpass(f"{words.say('page.pin')}: ")
    if first != getpass.getpass(f"{words.say('page.pin')} ×2: "):
        first = ""
    approval.set_pin(till, first)
    print(words.say("doctor.pin_saved"))
    return 0


def join_by(settings: AgentSettings, words: Words, ticket: str | None, with_pin: bool) -> int:
    """Scan the ticket, make the key, hear headquarters once, test printer and scanner as one loop, and
    look at everything else. Whether the store may open is for the loop to say; what the look finds is
    shown with it."""
    text = ticket or scan_ticket(settings, words)
    if text is None:
        print(words.say("doctor.join_page"), file=sys.stderr)
        return 1
    try:
        identity = provisioning.join(settings.key_dir, text, uplink.join, hub_url=settings.hub_url)
    except uplink.OutOfReach as error:
        url = settings.hub_url or "?"
        raise Fault("fault.hub_unreachable", f"headquarters cannot be reached: {error}", url=url) from error
    lane = identity.lane
    print(words.say("doctor.joined", chain=lane.chain, store=lane.store, till=lane.till))
    agent = Agent(settings, identity=identity, port=0, contact_every_s=0)
    try:
        settled = agent.pulse.contact()
        known = agent.worlds.now().members
        key = "doctor.first_contact" if settled else "doctor.first_contact_later"
        print(words.say(key, **({"members": known} if settled else {})))
        if with_pin:
            keep_pin(agent.till, words)
        bad = test_loop(agent, words)
    finally:
        agent.stop()
    look(settings, words)
    return 1 if bad else 0


def scan_ticket(settings: AgentSettings, words: Words) -> str | None:
    """The first thing that a scanner of this till reads; None when there is no scanner or no scan."""
    heard: queue.Queue[Scan] = queue.Queue()
    scanners = [open_scanner(one) for one in settings.scanners if not one.startswith("page:")]
    if not scanners:
        return None
    for scanner in scanners:
        scanner.start(heard.put)
    print(words.say("doctor.join_now"))
    try:
        return heard.get(timeout=SCAN_S).text
    except queue.Empty:
        return None
    finally:
        for scanner in scanners:
            scanner.stop()


def test_loop(agent: Agent, words: Words) -> int:
    """Print a page with a challenge and wait for it to be scanned back; how many of the two failed."""
    challenge = "9" + "".join(secrets.choice("0123456789") for _ in range(CHALLENGE_DIGITS - 1))
    heard: queue.Queue[Scan] = queue.Queue()
    agent.listening.hear = heard.put
    agent.listening.start()
    printed = agent.printing.print_test(challenge)
    if not printed.printed:
        print(f"✗ {words.say('doctor.print_not', reason=words.say(printed.words, **printed.detail))}")
        return 1
    print(f"✓ {words.say('doctor.print_fine')}")
    if all(scanner.address.startswith("page:") for scanner in agent.listening.scanners):
        print(f"! {words.say('doctor.scanner_none')}")
        return 0
    print(words.say("doctor.scan_now"))
    while True:
        try:
            scan = heard.get(timeout=SCAN_S)
        except queue.Empty:
            print(f"✗ {words.say('doctor.scan_timeout', seconds=SCAN_S)}")
            return 1
        if scan.text == challenge:
            print(f"✓ {words.say('doctor.scan_heard')}")
            return 0
        print(f"✗ {words.say('doctor.scan_wrong')}")


def self_test(settings: AgentSettings, words: Words, with_print: bool) -> int:
    """Every check, said in words; 1 when one failed."""
    bad = look(settings, words)
    if with_print:
        agent = Agent(settings, port=0, contact_every_s=0)
        try:
            bad += test_loop(agent, words)
        finally:
            agent.stop()
    print(words.say("doctor.verdict_bad", count=bad) if bad else words.say("doctor.verdict_good"))
    return 1 if bad else 0


def look(settings: AgentSettings, words: Words) -> int:
    """Say every finding; how many checks failed."""
    print(words.say("doctor.title"))
    findings = look_at(settings)
    for one in findings:
        title = words.say(f"doctor.{one.name}")
        print(f"{MARKS[one.verdict]} {title}: {words.say(one.words, **one.detail)}")
    return sum(one.verdict is Verdict.FAILED for one in findings)


def look_at(settings: AgentSettings) -> list[Finding]:
    """The findings of this till's settings, book and devices."""
    till = quiet_till(settings)
    identity = till.identity
    way = uplink.Uplink(settings.hub_url or identity.hub_url, identity.key, identity.hub_receipt_public)
    scanners = [open_scanner(one) for one in settings.scanners if not one.startswith("page:")]
    for scanner in scanners:
        scanner.start(lambda _scan: None)
    printer = open_printer(settings.printers[0], settings.paper_mm) if settings.printers else None
    try:
        return [
            doctor.check_clock(till),
            doctor.check_disk(settings.data_dir),
            doctor.check_file_system(settings.data_dir),
            doctor.check_sqlite(),
            doctor.check_durable(settings.data_dir),
            doctor.check_durable(settings.key_dir),
            doctor.check_keys(settings.key_dir),
            doctor.check_chain(till),
            doctor.check_scanners(scanners),
            doctor.check_printer(printer),
            doctor.check_font(),
            doctor.check_hub(way),
            doctor.check_loopback(settings.page_port),
        ]
    finally:
        for scanner in scanners:
            scanner.stop()
        way.close()
        close(till)

"""The till's commands: run, page, pin, proof, join, doctor. Words first, work elsewhere.

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
from collections.abc import Callable
from pathlib import Path

from agent import approval, checkup, proofs, provisioning, stick, uplink
from agent.assembly import Agent, page_folder
from agent.doctor import Verdict
from agent.remedies import WORLD, remedy_of
from agent.screen.key import FILE
from agent.signals import Signals
from agent.till import Till
from config.faults import Fault
from config.settings import AgentSettings, SettingsFault, load_agent
from config.words import Words, load_words
from hardware.addresses import printer_address, scanner_address
from hardware.devices import open_scanner
from hardware.faults import AddressFault
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
    agent = commands.add_parser("agent", help="this till: run, page, pin, proof")
    parts = agent.add_subparsers(dest="part", required=True)
    for name, what in (
        ("run", "serve the counter until stopped"),
        ("page", "print the address that opens the cashier's page"),
        ("pin", "set the manager's PIN"),
    ):
        part = parts.add_parser(name, help=what)
        part.add_argument("--config", type=Path, default=argparse.SUPPRESS)
    proved = parts.add_parser("proof", help="write the proof that headquarters took in an operation")
    proved.add_argument("operation", help="its id, or the digits of the paper's code")
    proved.add_argument("--config", type=Path, default=argparse.SUPPRESS)
    carried = parts.add_parser("stick", help="exchange with headquarters by a stick")
    carried.add_argument("folder", type=Path, help="where the stick is mounted")
    carried.add_argument("--config", type=Path, default=argparse.SUPPRESS)
    join = commands.add_parser("join", help="open this till with a ticket of headquarters")
    join.add_argument("ticket", nargs="?", help="the ticket's text; without it, scan it")
    join.add_argument("--manager-pin", action="store_true", help="ask for the manager's PIN as well")
    join.add_argument("--config", type=Path, default=argparse.SUPPRESS)
    check = commands.add_parser("doctor", help="test this till, with a remedy for what fails")
    check.add_argument("--print", action="store_true", help="print a test page and scan it back")
    check.add_argument("--config", type=Path, default=argparse.SUPPRESS)
    for name in ("hub", "policy", "demo", "replay", "verify"):
        commands.add_parser(name, help=f"see jifen {name} --help")
    asked = parser.parse_args(argv)
    words = load_words("zh")
    try:
        settings, mistaken = settings_of(asked.config, is_doctor=asked.command == "doctor")
        words = load_words(settings.language)
        match asked.command, getattr(asked, "part", ""):
            case "agent", "run":
                return run(settings)
            case "agent", "page":
                return page(settings, words)
            case "agent", "pin":
                return set_pin(settings, words)
            case "agent", "proof":
                return write_proof(settings, asked.operation)
            case "agent", "stick":
                return by_stick(settings, words, asked.folder)
            case "join", _:
                return join_by(settings, words, asked.ticket, asked.manager_pin)
            case _:
                return self_test(settings, words, asked.print, mistaken)
    except WORLD as error:
        remedy, detail = remedy_of(error)
        print(words.say(remedy if remedy in words else "fault.not_recorded", **detail), file=sys.stderr)
        return 1


def settings_of(config: Path | None, *, is_doctor: bool) -> tuple[AgentSettings, Fault | None]:
    """The settings, with the address of each device looked at. The doctor goes on with those that only a
    device spoils, and tells it with all else that it finds; for every other command they are a Fault."""
    path = config or (CONFIG if CONFIG.exists() else None)
    try:
        return load_agent(path, os.environ, DEVICES), None
    except SettingsFault as fault:
        if not is_doctor:
            raise
        return load_agent(path, os.environ), fault


def wrong_with(read: Callable[[str], object]) -> Callable[[str], str]:
    """What to write instead of an address that ``read`` does not follow; "" where it does."""

    def wrong(address: str) -> str:
        try:
            read(address)
        except AddressFault as fault:
            return load_words("en").say(fault.remedy, **fault.detail)
        return ""

    return wrong


DEVICES = {"scanners": wrong_with(scanner_address), "printers": wrong_with(printer_address)}


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


def write_proof(settings: AgentSettings, operation: str) -> int:
    """Write one operation's proof to standard output; the till may be running."""
    till = provisioning.quiet_till(settings, provisioning.identity_of(settings.key_dir))
    try:
        sys.stdout.write(proofs.of(till, operation).decode())
        return 0
    finally:
        provisioning.close(till)


def set_pin(settings: AgentSettings, words: Words) -> int:
    """Ask twice for the manager's PIN and keep it."""
    till = provisioning.quiet_till(settings, provisioning.identity_of(settings.key_dir))
    try:
        return keep_pin(till, words)
    finally:
        provisioning.close(till)


def keep_pin(till: Till, words: Words) -> int:
    """Ask twice; two that differ are no PIN."""
    first = getpass.getpass(f"{words.say('page.pin')}: ")
    if first != getpass.getpass(f"{words.say('page.pin')} ×2: "):
        first = ""
    approval.set_pin(till, first)
    print(words.say("doctor.pin_saved"))
    return 0


def by_stick(settings: AgentSettings, words: Words, folder: Path) -> int:
    """Read what has come back on a stick and write what goes out, said in words; 1 when a file was refused.

    Only while the till does not run: it alone writes its book then, and its page has a button for this.
    """
    try:
        agent = Agent(settings, port=0, contact_every_s=0)
    except Fault as fault:
        if fault.remedy == "fault.already_running":
            raise Fault("fault.stick_running", "the till is running") from fault
        raise

    def tell(what: str, left: int) -> None:
        key = "stick.packing" if what == "packing" else "stick.reading"
        print(f"\r{words.say(key, left=left)}", end="\n" if left == 0 else "", file=sys.stderr)

    try:
        done = agent.night.exchange(folder, tell=tell)
    finally:
        agent.stop()
    for line in stick.told(done, words):
        print(line)
    return 1 if done.refused else 0


def join_by(settings: AgentSettings, words: Words, ticket: str | None, with_pin: bool) -> int:
    """Scan the ticket, make the key, hear headquarters once, test printer and scanner as one loop, and
    look at everything else. Whether the store may open is for the loop to say; what the look finds is
    shown with it."""
    text = ticket or scan_ticket(settings, words)
    if text is None:
        types = any(one.startswith("keyboard:") for one in settings.scanners)
        print(words.say("doctor.join_typed" if types else "doctor.join_page"), file=sys.stderr)
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
    """The first thing that a scanner of this till reads; None when there is no scanner or no scan.

    ``keyboard://`` reads no ticket: it remembers fewer keys than a ticket has, and looks for codes.
    """
    heard: queue.Queue[Scan] = queue.Queue()
    scanners = [open_scanner(one) for one in settings.scanners if not one.startswith(("page:", "keyboard:"))]
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
    agent.listening.expected = challenge
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


def self_test(settings: AgentSettings, words: Words, with_print: bool, mistaken: Fault | None) -> int:
    """Every check, said in words; 1 when one failed."""
    bad = look(settings, words, mistaken)
    if with_print:
        agent = Agent(settings, port=0, contact_every_s=0)
        try:
            bad += test_loop(agent, words)
        finally:
            agent.stop()
    print(words.say("doctor.verdict_bad", count=bad) if bad else words.say("doctor.verdict_good"))
    return 1 if bad else 0


def look(settings: AgentSettings, words: Words, mistaken: Fault | None = None) -> int:
    """Say every finding; how many checks failed."""
    print(words.say("doctor.title"))
    findings = checkup.look_at(settings, mistaken)
    for one in findings:
        title = words.say(f"doctor.{one.name}")
        print(f"{MARKS[one.verdict]} {title}: {words.say(one.words, **one.detail)}")
    return sum(one.verdict is Verdict.FAILED for one in findings)

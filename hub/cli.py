"""Headquarters' commands: serve, console, ticket, night, verify, and what rehearsals compare.

Each opens the office on its settings, does one thing and ends; only ``serve`` stays. A fault is told in
its own words and ends with 1.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import secrets
import signal
import sys
import threading
from pathlib import Path
from types import FrameType

import uvicorn

from config.faults import Fault
from config.settings import HubSettings, load_hub
from config.words import load_words
from hub import admission, stick, verify
from hub.api.app import make_app
from hub.assembly import CLOCK, open_office
from hub.bells import Bells
from hub.console import access
from hub.console.desk import Desk
from hub.memory import collect_seldom
from hub.night import Night
from hub.office import Office
from hub.opening import Openers
from hub.registry import copy_registry
from hub.rehearsal import history, own_visits
from hub.store.engine import Store

OPENERS = max(1, min(4, (os.cpu_count() or 2) - 1))
"""Processes that open envelopes beside the one that writes."""
EXAMPLE = Path(__file__).resolve().parents[1] / "config" / "rulebooks" / "example.json"


def main(argv: list[str]) -> int:
    """Run one command; the exit code tells whether all was well."""
    parser = argparse.ArgumentParser(prog="jifen hub", description="headquarters · 总部")
    parser.add_argument(
        "--config", type=Path, help="settings file (TOML); without it environment and defaults"
    )
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("serve", help="answer the stores over HTTP")
    ticket = commands.add_parser("ticket", help="write one-use tickets that open tills")
    ticket.add_argument(
        "--store", action="append", required=True, help="store, or store=its name; may be repeated"
    )
    ticket.add_argument("--till", default="01")
    commands.add_parser("console", help="print a link that opens the console once")
    commands.add_parser("night", help="do the night's work now: expiry, publication, sweeping")
    commands.add_parser("verify", help="fold every member again and compare")
    commands.add_parser("state", help="print what two headquarters with the same facts agree on, as JSON")
    envelopes = commands.add_parser("envelopes", help="write every envelope that was taken in to a folder")
    envelopes.add_argument("folder", type=Path)
    carried = commands.add_parser(
        "stick", help="take what stores sent on a stick, and write the answers on it"
    )
    carried.add_argument("folder", type=Path, help="where the stick is mounted")
    copied = commands.add_parser(
        "registry", help="copy stores, keys and rule books into an empty headquarters"
    )
    copied.add_argument("database", type=Path, help="the SQLite file to copy from")
    visits = commands.add_parser(
        "visits", help="write who bought and redeemed where, for a policy's rehearsal"
    )
    visits.add_argument("file", type=Path, help="the file of visits (CSV)")
    chosen = parser.parse_args(argv)
    try:
        settings = load_hub(chosen.config, os.environ)
        office = open_office(settings, (settings.rulebook or EXAMPLE).read_bytes())
    except Fault as fault:
        print(fault, file=sys.stderr)
        return 1
    return COMMANDS[chosen.command](office, settings, chosen)


def _serve(office: Office, settings: HubSettings, _chosen: argparse.Namespace) -> int:
    collect_seldom()
    print(f"headquarters · 总部 {public_url(settings)}", flush=True)
    if sys.stdout.isatty():  # a service's output is a log, and the link lets anybody in
        print(f"console · 总部网页 {console_link(office, settings)}", flush=True)
    night = Night(office, settings.night)
    openers = Openers(OPENERS, office.store.url)
    office.open_envelope = openers.open_envelope
    # A service is ended by SIGTERM, which the server raises once more when it has answered everything:
    # like Ctrl-C it must come back here, or the night and the processes are cut off.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    if CLOCK not in os.environ:  # whoever rehearses a year runs its nights too
        night.start()
    try:
        _answer(office, settings)
    finally:
        night.stop()
        openers.close()
    return 0


def _answer(office: Office, settings: HubSettings) -> None:
    app = make_app(office)
    Desk(office, public_url(settings), settings.ticket_hours).mount(app)
    config = uvicorn.Config(
        app,
        host=settings.listen_host,
        port=settings.listen_port,
        log_level="warning",
        access_log=False,
        timeout_graceful_shutdown=5,
    )
    server = Server(config, office.bells)
    with contextlib.suppress(KeyboardInterrupt):
        server.run()
    if not server.started:
        raise SystemExit(3)


class Server(uvicorn.Server):
    """A server that ends at once: what is held open is answered first."""

    def __init__(self, config: uvicorn.Config, bells: Bells) -> None:
        super().__init__(config)
        self._bells = bells

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """End as uvicorn does, with every bell answered: by another thread, for this one may hold them."""
        threading.Thread(target=self._bells.close).start()
        super().handle_exit(sig, frame)


def public_url(settings: HubSettings) -> str:
    """Where the stores and people find this hub."""
    return settings.public_url or f"http://{settings.listen_host}:{settings.listen_port}"


def console_link(office: Office, settings: HubSettings) -> str:
    """A link that opens the console once."""
    with office.store.turn() as turn:
        return f"{public_url(settings)}/console/open?key={access.make_link_key(turn, office.clock())}"


def _console(office: Office, settings: HubSettings, _chosen: argparse.Namespace) -> int:
    print(console_link(office, settings))
    return 0


def _night(office: Office, settings: HubSettings, _chosen: argparse.Namespace) -> int:
    print(Night(office, settings.night).run())
    return 0


def _ticket(office: Office, settings: HubSettings, chosen: argparse.Namespace) -> int:
    for named in chosen.store:
        store, _, name = named.partition("=")
        with office.store.turn() as turn:
            admission.open_store(turn, store, name or store)
            text = admission.write_ticket(
                turn,
                office,
                public_url(settings),
                store,
                chosen.till,
                settings.ticket_hours,
                secrets.token_bytes,
            )
        print(f"{store} {text}")
    return 0


def _verify(office: Office, _settings: HubSettings, _chosen: argparse.Namespace) -> int:
    done = verify.verify(office, lambda part, whole: print(f"\r{part}/{whole}", end="", file=sys.stderr))
    print(f"\n{done.members} members, {done.facts} facts, {len(done.faults)} faults")
    for fault in done.faults[:50]:
        print(fault)
    return 1 if done.faults else 0


def _state(office: Office, _settings: HubSettings, _chosen: argparse.Namespace) -> int:
    json.dump(verify.state(office), sys.stdout)
    return 0


def _envelopes(office: Office, _settings: HubSettings, chosen: argparse.Namespace) -> int:
    chosen.folder.mkdir(parents=True, exist_ok=True)
    with office.store.look() as look:
        rows = look.run("SELECT store, till, epoch, first, envelope FROM batches ORDER BY arrived")
    for store, till, epoch, first, raw in rows:
        (chosen.folder / f"{store}_{till}_{epoch}_{first:09d}.jfb").write_bytes(bytes(raw))
    print(len(rows))
    return 0


def _stick(office: Office, settings: HubSettings, chosen: argparse.Namespace) -> int:
    """1 when something was not taken, or nothing was there."""
    words, count, bad = load_words(settings.language), 0, 0
    try:
        for one in stick.take_folder(office, chosen.folder):
            count += 1
            bad += isinstance(one, stick.NotTaken) or bool(one.refused)
            print("\n".join(stick.told(one, words)), flush=True)
    except Fault as fault:
        print(words.say(fault.remedy, **fault.detail), file=sys.stderr)
        return 1
    if not count:
        print(words.say("stick.hub_none"), file=sys.stderr)
    return 1 if bad or not count else 0


def _registry(office: Office, _settings: HubSettings, chosen: argparse.Namespace) -> int:
    """A second headquarters that may verify what the first took in, holds no fact yet, and only listens."""
    source = Store(f"sqlite:///{chosen.database}")
    copy_registry(source, office)
    source.close()
    return 0


def _visits(office: Office, _settings: HubSettings, chosen: argparse.Namespace) -> int:
    print(history.write(chosen.file, own_visits.visits(office)))
    return 0


COMMANDS = {
    "serve": _serve,
    "console": _console,
    "night": _night,
    "ticket": _ticket,
    "verify": _verify,
    "state": _state,
    "envelopes": _envelopes,
    "registry": _registry,
    "stick": _stick,
    "visits": _visits,
}

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
from config.memory import collect_seldom
from config.night_window import NightWindow
from config.settings import HubSettings, load_hub
from config.words import LANGUAGES, load_words
from hub import (
    admission,
    backup,
    device_keys,
    directory,
    feed_export,
    log_export,
    restoring,
    stick,
    till_nights,
    verify,
)
from hub.api.app import make_app
from hub.assembly import CLOCK, open_office
from hub.bells import Bells
from hub.clock import machine
from hub.console import access
from hub.console.desk import Desk
from hub.news import News
from hub.night import Night
from hub.office import Office
from hub.opening import Openers
from hub.registry import copy_registry
from hub.rehearsal import history, own_visits
from hub.sequencer import Sequencer
from hub.store.engine import Store
from points.identifiers import name
from points.wire import key_list

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
    ticket.add_argument("--region", type=name, help="whose members the store is told of; else main")
    commands.add_parser("console", help="print a link that opens the console once")
    nights = commands.add_parser("nights", help="set the window of all tills' nights")
    nights.add_argument("window", nargs="?", help='such as 01:30-05:00; "own" for each till\'s own setting')
    commands.add_parser("night", help="do the night's work now: expiry, publication, sweeping")
    copied_to = commands.add_parser("backup", help="copy the database into a folder and prove the copy")
    copied_to.add_argument("folder", type=Path)
    put_back = commands.add_parser("restore", help="put a copy of the database back; nobody may serve")
    put_back.add_argument("copy", type=Path)
    commands.add_parser("verify", help="fold every member again and compare")
    commands.add_parser("state", help="print what two headquarters with the same facts agree on, as JSON")
    envelopes = commands.add_parser("envelopes", help="write every envelope that was taken in to a folder")
    envelopes.add_argument("folder", type=Path)
    fed = commands.add_parser("export", help="write what all tills share of the feed for a static server")
    fed.add_argument("folder", type=Path)
    listed = commands.add_parser("directory", help="say which stores hold the directory of all members")
    listed.add_argument("--stores", help="all, none, or names with commas between; as it is without it")
    exported = commands.add_parser("log", help="write the log of receipts and its newest head to a folder")
    exported.add_argument("folder", type=Path)
    commands.add_parser(
        "keys", help="print the public keys that verify papers, receipts and the log, as JSON"
    )
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
        is_put_back = chosen.command == "restore"
        if is_put_back:
            aside = backup.put_back(settings, chosen.copy, machine())
            print(f"set aside · 原库移到 {aside}" if aside else "", flush=True)
        rules = (settings.rulebook or EXAMPLE).read_bytes()
        office = open_office(settings, rules, is_put_back=is_put_back)
    except (Fault, OSError) as fault:
        _say(fault)
        return 1
    return COMMANDS[chosen.command](office, settings, chosen)


def _say(fault: Fault | OSError) -> None:
    """What went wrong and what to do, in both languages."""
    if isinstance(fault, OSError):
        print(f"\n{fault}", file=sys.stderr)
        return
    for language in LANGUAGES:
        print(load_words(language).say(fault.remedy, **fault.detail), file=sys.stderr)


def _serve(office: Office, settings: HubSettings, _chosen: argparse.Namespace) -> int:
    collect_seldom()
    print(f"headquarters · 总部 {public_url(settings)}", flush=True)
    if sys.stdout.isatty():  # a service's output is a log, and the link lets anybody in
        print(f"console · 总部网页 {console_link(office, settings)}", flush=True)
    night = Night(office, settings.night)
    openers = Openers(OPENERS, office.store.url)
    sequencer = Sequencer(office)
    office.open_envelope = openers.open_envelope
    # A service is ended by SIGTERM, which the server raises once more when it has answered everything:
    # like Ctrl-C it must come back here, or the night and the processes are cut off.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    if CLOCK not in os.environ:  # whoever rehearses a year runs its nights too
        night.start()
    sequencer.start()
    news = News(office)
    news.start()
    try:
        with backup.serving(settings):
            _answer(office, settings)
    except Fault as fault:
        _say(fault)
        return 1
    finally:
        night.stop()
        news.stop()
        sequencer.stop()
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
        store, _, called = named.partition("=")
        with office.store.turn() as turn:
            try:
                admission.open_store(turn, store, called or store, chosen.region or "")
            except admission.RegionSettled as settled:
                _say(Fault("fault.region_settled", f"{store}: {settled}", store=store, region=str(settled)))
                return 1
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


def _backup(office: Office, _settings: HubSettings, chosen: argparse.Namespace) -> int:
    try:
        made = backup.make(office, chosen.folder, _progress)
    except (Fault, OSError) as fault:
        _say(fault)
        return 1
    print(f"\n{made.path}\n{made.members} members, {made.facts} facts, {made.lanes} lanes, 0 faults")
    return 0


def _restore(office: Office, _settings: HubSettings, _chosen: argparse.Namespace) -> int:
    with office.store.look() as look:
        told = restoring.state(look)
    assert told is not None, "it was put back a moment ago"
    journal = "whole · 完整" if told.is_whole else "not whole · 不完整"
    print(f"incarnation {office.inc} · 第 {office.inc} 次启用\njournal · 决定日志 {journal}")
    print(f"{len(told.missing)} tills to be heard again · 台收银机待重新联系")
    return 0


def _progress(part: int, whole: int) -> None:
    print(f"\r{part}/{whole}", end="", file=sys.stderr)


def _verify(office: Office, _settings: HubSettings, _chosen: argparse.Namespace) -> int:
    done = verify.verify(office, _progress)
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


def _log(office: Office, _settings: HubSettings, chosen: argparse.Namespace) -> int:
    Sequencer(office).step()
    print(log_export.export(office, chosen.folder))
    return 0


def _export(office: Office, _settings: HubSettings, chosen: argparse.Namespace) -> int:
    try:
        done = feed_export.export(office, chosen.folder)
    except OSError as fault:
        _say(fault)
        return 1
    print(f"{done.named} blobs · {done.written} new, {done.written_bytes} B · {done.removed} removed")
    return 0


def _directory(office: Office, settings: HubSettings, chosen: argparse.Namespace) -> int:
    if chosen.stores is not None:
        wanted = [] if chosen.stores == "none" else chosen.stores.split(",")
        with office.store.turn() as turn:
            unknown = directory.choose(turn, wanted)
        if unknown:
            words = load_words(settings.language)
            print(words.say("fault.no_such_store", stores=", ".join(unknown)), file=sys.stderr)
            return 1
    is_new = directory.publish(office)
    with office.store.look() as look:
        told, held = sorted(directory.stores(look)), directory.kept(look)
    print(f"told to · 下发门店 {', '.join(told) or 'none · 无'}")
    if held is not None:
        size, onward = sum(piece.size for piece in held.chunks), sum(step.chunk.size for step in held.steps)
        fresh = " · new · 新" if is_new else ""
        print(f"edition · 版本 {held.ver}{fresh} · {held.members} members · {size} B + {onward} B")
    return 0


def _nights(office: Office, settings: HubSettings, chosen: argparse.Namespace) -> int:
    if chosen.window is not None:
        try:
            window = None if chosen.window == "own" else NightWindow.read(chosen.window)
        except ValueError:
            print(load_words(settings.language).say("fault.bad_window"), file=sys.stderr)
            return 1
        with office.store.turn() as turn:
            till_nights.choose(turn, window)
    with office.store.look() as look:
        print(f"tills' nights · 收银机夜间时段 {till_nights.window(look) or 'own · 各机自定'}")
    return 0


def _keys(office: Office, _settings: HubSettings, _chosen: argparse.Namespace) -> int:
    with office.store.look() as look:
        tills = device_keys.rows(look)
    own = office.keys
    log_public = own.log.public_raw if own.log else b""
    print(
        key_list.write(
            office.chain, office.name, own.receipt.public_raw, log_public, tills, own.manifest.public_raw
        ).decode()
    )
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
    "nights": _nights,
    "ticket": _ticket,
    "backup": _backup,
    "restore": _restore,
    "verify": _verify,
    "state": _state,
    "envelopes": _envelopes,
    "log": _log,
    "export": _export,
    "directory": _directory,
    "keys": _keys,
    "registry": _registry,
    "stick": _stick,
    "visits": _visits,
}

"""A whole agent on real ports: page over HTTP, printer and scanner over TCP, headquarters out of reach."""

from __future__ import annotations

import contextlib
import http.client
import json
import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from shopfloor import NOON_MS, HandClock, identity, open_till

from agent.assembly import Agent
from agent.identity import Identity
from agent.journal.clock import Clock
from agent.store import feeds, members
from agent.till import Till
from config.settings import AgentSettings, load_agent
from hardware.virtual.printer import VirtualPrinter
from hardware.virtual.scanner import SocketScanner
from points import codes

MEMBER, OTHER, OWES = 1030, 1031, 1032


def code_of(m: int) -> str:
    """The code on a member's card."""
    return codes.member_code(m.to_bytes(16, "big"))


def tell(till: Till, m: int, pts: int, *, tier: int = 0, debt: int = 0, ver: int = 1) -> None:
    """A member's row as headquarters tells it, with the tag of the member's code."""
    lots = [["00" * 16 + ".0", pts, 0, 20271118, 0, "s009"]] if pts else []
    tags = [codes.who(code_of(m))[:16]]
    row = [m, ver, "active", tier, pts, "王*", "8000", debt, lots, [0, 0], [0, 0], [], tags]
    with till.book.turn() as turn:
        members.put(turn, [members.Told.of(row, json.dumps(row))])


def settings(folder: Path, *, printer: str = "", scanner: str = "") -> AgentSettings:
    """The settings of a till in ``folder``."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "agent.toml"
    devices = f'scanners = ["{scanner or "page://"}"]\n' + (f'printers = ["{printer}"]\n' if printer else "")
    path.write_text(
        f'[agent]\ndata_dir = "{folder / "data"}"\nkey_dir = "{folder / "key"}"\n{devices}', encoding="utf-8"
    )
    return load_agent(path, {})


def make_agent(
    folder: Path, *, printer: str = "", scanner: str = "", port: int = 0, rules: dict[str, Any] | None = None
) -> Agent:
    """An agent with rules and three members, not started."""

    def wake(who: Identity, _settings: AgentSettings, clock: Clock) -> Till:
        assert isinstance(clock, HandClock)
        is_new = not (folder / "till").exists()
        till = open_till(folder / "till", clock, rules)
        if is_new:
            with till.book.turn() as turn:
                feeds.keep_fact(turn, "chain_name", "示例超市")
                feeds.keep_fact(turn, "store_name", "员村二横路店")
                feeds.keep_fact(turn, "members_as_of", str(NOON_MS - 36_000_000))
            tell(till, MEMBER, 1280, tier=1)
            tell(till, OTHER, 0)
            tell(till, OWES, 0, debt=30)
            till.gather()
        return till

    return Agent(
        settings(folder, printer=printer, scanner=scanner),
        identity=identity(),
        clock=HandClock(),
        port=port,
        contact_every_s=0,
        wake=wake,
    )


@contextlib.contextmanager
def running(folder: Path, **how: Any) -> Iterator[Agent]:
    """A started agent; stopped at the end."""
    agent = make_agent(folder, **how)
    agent.start()
    try:
        yield agent
    finally:
        agent.stop()


@contextlib.contextmanager
def printer(paper_mm: int = 58) -> Iterator[VirtualPrinter]:
    """A virtual printer at a real port."""
    device = VirtualPrinter(paper_mm)
    device.start()
    try:
        yield device
    finally:
        device.stop()


@contextlib.contextmanager
def scanner() -> Iterator[SocketScanner]:
    """A virtual scanner at a real port."""
    device = SocketScanner()
    try:
        yield device
    finally:
        device.stop()


class Page:
    """A browser's side of the page's API, honest or not: every header can be given."""

    def __init__(self, agent: Agent) -> None:
        self.agent = agent
        self.port = agent.server.port
        self.cookie = self.word = ""

    def open(self) -> Page:
        """Exchange the code of the page's address."""
        code = self.agent.page_url.partition("#")[2]
        status, headers, told = self.send("POST", "/api/session", {"code": code})
        assert status == 200, told
        self.word = told["word"]
        self.cookie = headers["set-cookie"].split(";")[0]
        return self

    def send(
        self,
        method: str,
        path: str,
        body: Any = None,
        headers: dict[str, str] | None = None,
        raw: bytes = b"",
    ) -> tuple[int, dict[str, str], Any]:
        """(status, headers, JSON or bytes) of one request; a header given as "" is left out."""
        way = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        sent = {"host": f"127.0.0.1:{self.port}", "cookie": self.cookie}
        if method == "POST":
            raw = raw or json.dumps(body or {}).encode()
            sent |= {"content-type": "application/json", "x-jifen-word": self.word}
        sent |= headers or {}
        try:
            way.putrequest(method, path, skip_host=True, skip_accept_encoding=True)
            for name, value in sent.items():
                if value:
                    way.putheader(name, value)
            if method == "POST":
                way.putheader("content-length", str(len(raw)))
            way.endheaders(raw if method == "POST" else None)
            answer = way.getresponse()
            content = answer.read()
            told = {name.lower(): value for name, value in answer.getheaders()}
            is_json = told.get("content-type", "").startswith("application/json")
            return answer.status, told, json.loads(content) if is_json and content else content
        finally:
            way.close()

    def post(self, path: str, **body: Any) -> Any:
        """An honest act."""
        status, _, told = self.send("POST", path, body)
        assert status == 200, (status, told)
        return told

    def get(self, path: str) -> Any:
        """An honest look."""
        status, _, told = self.send("GET", path)
        assert status == 200, (status, told)
        return told


def act() -> str:
    """An id as a page makes one."""
    return secrets.token_hex(16)

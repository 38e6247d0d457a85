"""What must never be in a log is put through a whole shop and its headquarters, with every logger at DEBUG.

A real agent with its page, scanner and printer, and a real headquarters with its console, all in one
process, so that nothing that any library says to any logger, or prints, is missed; access logs too, although
both sides keep none. Canaries: phone, name, the whole member code, the manager's PIN, a wrong PIN, a payment
code, and what opens till, page and console. (A console link is good once, and was used.)
"""

from __future__ import annotations

import contextlib
import http.client
import logging
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlencode, urlsplit

import pytest
from headquarters import Headquarters, console_link, headquarters
from patience import until
from running import Page, act, printer, scanner, settings

from agent import approval, provisioning, uplink
from agent.assembly import Agent
from hardware.virtual.scanner import SocketScanner

PHONE, STRANGER, NAME = "13812348765", "13987651234", "欧阳小明"
PIN, WRONG_PIN = "590417", "590418"
PAYMENT = "134567890123456789"
FORM = "application/x-www-form-urlencoded"


@dataclass
class Floor:
    """A shop, its headquarters, and everything that must not be said."""

    hq: Headquarters
    agent: Agent
    gun: SocketScanner
    secrets: dict[str, str] = field(default_factory=dict)
    cookie: str = ""

    def console(self, method: str, path: str, **form: str) -> tuple[int, str]:
        """Somebody at headquarters' pages: (status, page), by a client that logs nothing itself."""
        at = urlsplit(self.hq.url)
        assert at.hostname
        way = http.client.HTTPConnection(at.hostname, at.port or 80, timeout=10)
        body = urlencode(form) if method == "POST" else None
        way.request(method, path, body, {"cookie": self.cookie, "content-type": FORM})
        answer = way.getresponse()
        page = answer.read().decode()
        self.cookie = (answer.getheader("set-cookie") or self.cookie).partition(";")[0]
        way.close()
        return answer.status, page


@contextlib.contextmanager
def everything_is_heard() -> Iterator[None]:
    """Every logger speaks, at its loudest, and is heard here; afterwards it is as it was."""
    loggers = [logging.getLogger(name) for name in [None, *logging.root.manager.loggerDict]]
    before = [(one, one.level, one.propagate, one.disabled) for one in loggers]
    for one in loggers:
        one.setLevel(logging.DEBUG)
        one.propagate, one.disabled = True, False
    try:
        yield
    finally:
        for one, level, propagate, disabled in before:
            one.setLevel(level)
            one.propagate, one.disabled = propagate, disabled


@pytest.fixture
def floor(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> Iterator[Floor]:
    with (
        caplog.at_level(logging.DEBUG),
        printer() as paper,
        scanner() as gun,
        headquarters(tmp_path / "hq", {"manager": {"redeem_pts": 1, "refund_fen": 1}}) as hq,
    ):
        ticket = hq.ticket("s001")
        made = settings(tmp_path / "till", printer=paper.address, scanner=gun.address)
        joined = provisioning.join(made.key_dir, ticket, uplink.join)
        agent = Agent(made, identity=joined, clock=hq.clock, port=0, contact_every_s=0)
        agent.start()
        try:
            with everything_is_heard():
                assert agent.pulse.contact()
                yield Floor(hq, agent, gun, {"ticket": ticket})
        finally:
            agent.stop()


def a_day(floor: Floor) -> None:
    """A new member, sales, a redemption, a return, scans, mistakes; the night; headquarters' pages."""
    agent, page = floor.agent, Page(floor.agent)
    approval.set_pin(agent.till, PIN)
    floor.secrets["page key"] = agent.page_url.partition("#")[2]
    page.open()
    floor.secrets |= {"word": page.word, "page cookie": page.cookie.partition("=")[2]}
    new = page.post("/api/enrol", act=act(), phone=PHONE, name=NAME)
    floor.secrets["code"] = code = new["member_code"]
    m = new["m"]
    assert floor.gun.wait_for_a_listener()
    floor.gun.send(b"\r")  # a line that was just opened may begin within a code: nothing before is believed
    for text in (code, PHONE, PAYMENT, code[:-1]):
        floor.gun.scan(text)
        page.post("/api/scan", text=text)
        page.post("/api/find", text=text)
    sold = page.post("/api/sell", act=act(), m=m, fen=50_000)
    used = [page.post("/api/redeem", act=act(), m=m, points=100, pin=pin) for pin in ("", WRONG_PIN, PIN)]
    assert [told.get("no", told.get("done")) for told in used] == [
        "manager_needed",
        "pin_wrong",
        "redeem.cash",
    ]
    assert page.post("/api/sell-to-phone", act=act(), phone=STRANGER, fen=8_000)["done"] == "sale.earn"
    back = page.post("/api/refund", act=act(), sale=sold["op"], lines=[[1, 0, 1_000]], pin=PIN)
    assert back["approved"]
    for path, wrong in (
        ("/api/sell-to-phone", {"phone": PHONE + "0", "fen": 1}),
        ("/api/enrol", {"act": act(), "phone": PHONE, "name": NAME, "more": code}),
        ("/api/redeem", {"act": act(), "m": code, "points": 1, "pin": PIN * 3}),
    ):
        assert page.send("POST", path, wrong)[0] == 422
    agent.uplink.connected = False
    assert not agent.pulse.contact()
    agent.uplink.connected = True
    page.post("/api/print-test")
    page.post("/api/day/close")
    assert agent.shop.run_night()
    page.get("/api/state")
    _at_headquarters(floor, m, code)


def _at_headquarters(floor: Floor, m: int, code: str) -> None:
    link = console_link(floor.hq).removeprefix(floor.hq.url)
    assert floor.console("GET", link)[0] == 303
    floor.secrets["console session"] = floor.cookie.partition("=")[2]
    assert "s001" in floor.console("GET", "/console")[1]
    word = floor.console("GET", "/console/members")[1].partition('name="word" value="')[2][:64]
    floor.secrets["form word"] = word
    for asked, status in ((code, 303), (PHONE, 200), (STRANGER, 200)):
        assert floor.console("POST", "/console/members", word=word, q=asked)[0] == status
    assert floor.console("GET", f"/console/members/{m}")[0] == 200


def said(caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]) -> str:
    return "\n".join([caplog.text, *(str(vars(record)) for record in caplog.records), *capfd.readouterr()])


def test_no_log_says_who_a_member_is_or_what_opens_anything(
    floor: Floor, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    a_day(floor)
    loud = {record.name.partition(".")[0] for record in caplog.records}
    assert {"httpcore", "sqlalchemy"} <= loud, f"hardly anybody spoke: {loud}"
    text = said(caplog, capfd)
    canaries = {
        "phone": PHONE, "stranger's phone": STRANGER, "name": NAME, "pin": PIN, "wrong pin": WRONG_PIN,
        "payment": PAYMENT, **floor.secrets,
    }  # fmt: skip
    assert len(canaries) == 13
    assert [what for what, secret in canaries.items() if secret in text] == []
    for room in ("agent.printing", "hub.api.devices", "uvicorn.access", "httpx"):
        logging.getLogger(room).debug("heard in %s: %s", room, floor.secrets["code"])
        assert floor.secrets["code"] in said(caplog, capfd), f"{room} is not listened to"
        caplog.clear()


def test_what_fails_says_where_and_never_what_it_had_in_hand(
    floor: Floor,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """`int(phone)` says the phone in its message, so no message is told: only its kind and its place."""

    def fail(*_: object, **__: object) -> None:
        int(f"{PHONE} {NAME} {PIN}")

    monkeypatch.setattr(floor.agent.desk, "enrol", fail)
    monkeypatch.setattr(floor.agent.printing, "_paper", fail)
    monkeypatch.setattr(floor.agent.listening, "hear", fail)
    monkeypatch.setattr("hub.reception.take_sealed", fail)
    monkeypatch.setattr("hub.console.desk.Desk._meant", fail)
    page = Page(floor.agent).open()
    assert page.send("POST", "/api/enrol", {"act": act(), "phone": PHONE})[0] == 500
    page.post("/api/sell-to-phone", act=act(), phone=STRANGER, fen=8_000)  # its receipt, and its sealed box
    assert floor.gun.wait_for_a_listener()
    floor.gun.send(b"\r")  # a line that was just opened may begin within a code: nothing before is believed
    floor.gun.scan(PHONE)
    floor.agent.night.hurry()  # no pauses between its tries
    assert not floor.agent.pulse.contact()
    floor.console("GET", console_link(floor.hq).removeprefix(floor.hq.url))
    word = floor.console("GET", "/console/members")[1].partition('name="word" value="')[2][:64]
    assert floor.console("POST", "/console/members", word=word, q=PHONE)[0] == 500
    rooms = {"agent.screen.guard", "agent.printing", "agent.listening", "hub.api.devices", "hub.api.app"}
    assert until(lambda: rooms <= {record.name for record in caplog.records}, 30)
    text = said(caplog, capfd)
    assert text.count("ValueError") >= len(rooms)
    assert [secret for secret in (PHONE, STRANGER, NAME, PIN) if secret in text] == []

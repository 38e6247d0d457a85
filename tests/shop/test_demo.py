"""The demo as a newcomer meets it: one command, pages, buttons, paper; Ctrl+C leaves nothing behind."""

from __future__ import annotations

import json
import os
import re
import secrets
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from patience import until

HOUSE = Path(__file__).resolve().parents[2]
LATEST_S = 120
"""Within two minutes the pages are there, also on a busy machine."""


@pytest.fixture
def demo(tmp_path: Path) -> Iterator[tuple[subprocess.Popen[str], list[str]]]:
    began = time.monotonic()
    process = subprocess.Popen(
        [sys.executable, "-m", "jifen", "demo", "--port", "0"],
        cwd=tmp_path, stdout=subprocess.PIPE, text=True,
        env={**os.environ, "PYTHONPATH": str(HOUSE), "TMPDIR": str(tmp_path)},
    )  # fmt: skip
    assert process.stdout is not None
    said = []
    try:
        for line in process.stdout:
            said.append(line)
            if "Ctrl+C" in line:
                break
        assert time.monotonic() - began < LATEST_S
        yield process, said
    finally:
        process.kill()
        process.wait()
        for pid in left_of(tmp_path):  # a demo that is killed cannot end its headquarters
            os.kill(int(pid), signal.SIGKILL)


class Cashier:
    """Somebody at a till's page, by its own address."""

    def __init__(self, person: httpx.Client, url: str) -> None:
        self.person = person
        self.api, _, code = url.partition("#")
        told = person.post(f"{self.api}api/session", json={"code": code})
        assert told.status_code == 200
        self.word = told.json()["word"]

    def state(self) -> dict[str, Any]:
        told: dict[str, Any] = self.person.get(f"{self.api}api/state").json()
        return told

    def points(self, m: int) -> int:
        told: int = self.person.get(f"{self.api}api/card/{m}").json()["card"]["points"]
        return told

    def act(self, what: str, **how: Any) -> dict[str, Any]:
        """An act with an id of its own; what the till says to it."""
        asked = {"act": secrets.token_hex(16), **how}
        told = self.person.post(f"{self.api}api/{what}", json=asked, headers={"x-jifen-word": self.word})
        assert told.status_code == 200, told.text
        said: dict[str, Any] = told.json()
        return said

    def hears(self, hand: Callable[[], None]) -> dict[str, Any]:
        """The scan that this till's page is told of when somebody's hand does something."""
        with self.person.stream("GET", f"{self.api}api/events") as stream:
            kind, is_open = "", False
            for line in stream.iter_lines():
                name, _, value = line.partition(": ")
                if name == "event":
                    kind = value
                elif name == "data" and kind == "scan":
                    told: dict[str, Any] = json.loads(value)
                    return told
                elif name == "data" and not is_open:
                    is_open = True  # its first state has come
                    hand()
        raise AssertionError("the page was told of no scan")


def urls(said: list[str], word: str) -> list[str]:
    return [url for line in said if word in line for url in re.findall(r"http://\S+", line)]


def test_pages_buttons_paper_and_nothing_left(
    demo: tuple[subprocess.Popen[str], list[str]], tmp_path: Path
) -> None:
    process, said = demo
    (panel,), (console,) = urls(said, "panel"), urls(said, "console")
    with httpx.Client(trust_env=False, follow_redirects=True, timeout=30) as person:
        assert len(urls(said, "cashier")) == len(urls(said, "paper")) == 3
        for page in (panel, console, *urls(said, "cashier")):
            assert person.get(page).status_code == 200
        for roll in urls(said, "paper"):
            assert person.get(roll).content.startswith(b"\x89PNG")
        press_every_button(person, panel)
        for odd in ("1", "x", ""):
            press = {"store": "s002", "button": "phone", "text": odd}
            assert person.post(f"{panel}press", json=press).status_code == 400, odd
        press = {"store": "s001", "button": "self-destruct"}
        assert person.post(f"{panel}press", json=press).status_code == 400
    process.send_signal(signal.SIGINT)
    assert process.wait(60) == 0
    assert list(tmp_path.glob("jifen-demo-*")) == []
    assert left_of(tmp_path) == [], "a process of the demo is still there"


def press_every_button(person: httpx.Client, panel: str) -> None:
    """Each button is pressed and what it should have changed is looked at: at the till's own page, on the
    paper, at the other tills."""

    def state() -> dict[str, Any]:
        told: dict[str, Any] = person.get(f"{panel}state").json()
        return {**told, "stores": {store["store"]: store for store in told["stores"]}}

    def press(store: str, button: str, text: object = "") -> None:
        asked = {"store": store, "button": button, "text": text}
        assert person.post(f"{panel}press", json=asked).status_code == 200, button

    def comes(what: Callable[[], object]) -> bool:
        return until(what, 30)

    tills = {name: Cashier(person, store["page"]) for name, store in state()["stores"].items()}
    first, second, other = tills["s001"], tills["s001-02"], tills["s002"]
    here = next(one for one in state()["members"] if one["store"] == "s001")
    there = next(one for one in state()["members"] if one["store"] == "s002")
    assert comes(lambda: first.state()["printer"]["key"] == "printer_ready")
    roll = person.get(f"{panel}roll/s001").content

    press("s001", "network")
    assert first.state()["network"]["key"] == "network_off"
    assert not state()["stores"]["s001"]["network"]
    assert comes(lambda: first.state()["unsynced"]["count"] == 0)
    assert first.act("sell", m=here["m"], fen=8000)["done"] == "sale.earn"
    assert comes(lambda: state()["stores"]["s001"]["receipts"] == 1)
    assert person.get(f"{panel}roll/s001").content != roll
    assert state()["stores"]["s001"]["unsent"] == 1
    press("s001", "network")
    assert comes(lambda: first.state()["network"]["key"] == "online")
    assert comes(lambda: state()["stores"]["s001"]["unsent"] == 0)

    for fault, said in (("paper", "printer_paper_out"), ("cover", "printer_cover_open")):
        printed = state()["stores"]["s001"]["receipts"]
        press("s001", fault)
        assert comes(lambda said=said: first.state()["printer"]["key"] == said), fault
        assert first.act("sell", m=here["m"], fen=100)["done"] == "sale.earn"
        assert first.state()["printer"]["waiting"] == 1
        press("s001", fault)
        assert comes(lambda printed=printed: state()["stores"]["s001"]["receipts"] == printed + 1), fault
        assert comes(lambda: first.state()["printer"]["waiting"] == 0)

    press("s001", "scanner")
    assert comes(lambda: not first.state()["scanners"][0]["ok"])
    press("s001", "scanner")
    assert comes(lambda: first.state()["scanners"][0]["ok"])
    heard = first.hears(lambda: press("s001", "scan", here["code"]))
    assert (heard["found"], heard["card"]["m"]) == ("member", here["m"])
    heard = other.hears(lambda: press("s002", "phone", here["m"]))
    assert (heard["found"], heard["card"]["m"]) == ("member", here["m"])
    assert heard["card"]["shown"], "a phone showed it, no card"

    press("s001-02", "network")
    press("s001-02", "sisters")
    assert second.act("redeem", m=here["m"], points=40)["no"] == "not_here_offline"
    press("s001-02", "sisters")
    assert second.act("redeem", m=here["m"], points=40)["used"] == 40, "the first till has them"
    press("s001-02", "network")
    assert comes(lambda: state()["stores"]["s001-02"]["unsent"] == 0)

    assert comes(lambda: state()["stores"]["s001"]["unsent"] == 0)
    press("s001", "network")  # or a bell may let it hear at any moment
    before = first.points(there["m"])
    assert other.act("sell", m=there["m"], fen=5000)["done"] == "sale.earn"
    assert comes(lambda: state()["stores"]["s002"]["unsent"] == 0)
    assert other.points(there["m"]) > before == first.points(there["m"])
    press("s001", "network")
    press("s001", "night")
    assert first.points(there["m"]) == other.points(there["m"])

    assert not first.state()["day"]["closed"]
    press("s001", "close_day")
    assert first.state()["day"]["closed"]
    assert not second.state()["day"]["closed"]


def left_of(folder: Path) -> list[str]:
    """The processes of a demo whose temporary files lie in ``folder``, by their numbers."""
    mine = f"TMPDIR={folder}".encode()
    return [
        path.parent.name
        for path in Path("/proc").glob("[0-9]*/environ")
        if mine in _bytes_of(path).split(b"\0")
    ]


def _bytes_of(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:
        return b""

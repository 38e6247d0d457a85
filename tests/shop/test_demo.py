"""The demo as a newcomer meets it: one command, pages, buttons, paper; Ctrl+C leaves nothing behind."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

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


def urls(said: list[str], word: str) -> list[str]:
    return [url for line in said if word in line for url in re.findall(r"http://\S+", line)]


def test_pages_buttons_paper_and_nothing_left(
    demo: tuple[subprocess.Popen[str], list[str]], tmp_path: Path
) -> None:
    process, said = demo
    (panel,), (console,) = urls(said, "panel"), urls(said, "console")
    with httpx.Client(trust_env=False, follow_redirects=True, timeout=30) as person:

        def state() -> dict[str, Any]:
            told: dict[str, Any] = person.get(f"{panel}state").json()
            return told

        assert len(urls(said, "cashier")) == len(urls(said, "paper")) == 3
        for page in (panel, console, *urls(said, "cashier")):
            assert person.get(page).status_code == 200
        for roll in urls(said, "paper"):
            assert person.get(roll).content.startswith(b"\x89PNG")
        code = next(member["code"] for member in state()["members"] if member["store"] == "s001")
        buttons = ("network", "paper", "cover", "scanner", "scanner", "cover", "paper", "network", "scan")
        for button in (*buttons, "close_day", "night"):
            press = {"store": "s001", "button": button, "text": code}
            assert person.post(f"{panel}press", json=press).status_code == 200, button
        press = {"store": "s002", "button": "phone", "text": state()["members"][0]["m"]}
        assert person.post(f"{panel}press", json=press).status_code == 200
        for odd in ("1", "x", ""):
            press = {"store": "s002", "button": "phone", "text": odd}
            assert person.post(f"{panel}press", json=press).status_code == 400, odd
        press = {"store": "s001", "button": "self-destruct"}
        assert person.post(f"{panel}press", json=press).status_code == 400
    process.send_signal(signal.SIGINT)
    assert process.wait(60) == 0
    assert list(tmp_path.glob("jifen-demo-*")) == []
    assert left_of(tmp_path) == [], "a process of the demo is still there"


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

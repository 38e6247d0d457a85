"""`keyboard://` under a real X server as a till listens to it, with scans that xdotool types.

Needs Xvfb, xdotool and pynput; without them it skips and says what is missing.
"""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

HOUSE = Path(__file__).resolve().parents[2]
MISSING = [tool for tool in ("Xvfb", "xdotool") if shutil.which(tool) is None]
if importlib.util.find_spec("pynput") is None:
    MISSING.append("pynput (the extra `keyboard`)")
needs_a_desktop = pytest.mark.skipif(bool(MISSING), reason=f"SKIPPED, missing: {', '.join(MISSING)}")

CODE, OTHER = "M123456789012345678907", "M543210987654321098767"

# Its own process: pynput keeps one display for the life of a process. It owns the focused window, because
# X delivers nothing from a desktop without one, and then everything at once.
LISTENER = """
import sys, threading
from Xlib import X, display
from agent.listening import Listening

screen = display.Display()
window = screen.screen().root.create_window(0, 0, 200, 100, 0, screen.screen().root_depth)
window.map()
screen.sync()
window.set_input_focus(X.RevertToParent, X.CurrentTime)
screen.sync()
listening = Listening([sys.argv[1]], lambda scan: print("scan", scan.text, flush=True))
listening.start()
(scanner,) = listening.scanners
while scanner.wellbeing().health != "ok":
    threading.Event().wait(0.02)
print("ready", flush=True)
sys.stdin.readline()
listening.stop()
print("counts", scanner.counts()["scans"], threading.active_count(), flush=True)
"""


class Desktop:
    """An X server, a focused window and a listening scanner."""

    def __init__(self) -> None:
        read, write = os.pipe()
        self._server = subprocess.Popen(
            ["Xvfb", "-displayfd", str(write), "-screen", "0", "640x480x24", "-nolisten", "tcp"],
            pass_fds=[write],
            stderr=subprocess.DEVNULL,
        )
        os.close(write)
        with os.fdopen(read) as told:
            self.display = ":" + told.readline().strip()
        self._environ = os.environ | {"DISPLAY": self.display, "PYTHONPATH": str(HOUSE)}
        self.listener = subprocess.Popen(
            [sys.executable, "-c", LISTENER, "keyboard://"],
            env=self._environ,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert self.listener.stdout is not None
        assert self.listener.stdout.readline() == "ready\n"

    def type(self, text: str, delay_ms: int, enter: str = "Return") -> None:
        keys = ["xdotool", "type", "--delay", str(delay_ms), text]
        subprocess.run([*keys], env=self._environ, check=True)
        subprocess.run(["xdotool", "key", "--delay", "0", enter], env=self._environ, check=True)

    def scan(self, text: str, delay_ms: int) -> None:
        """Text and terminator in one go, as a scanner sends them."""
        subprocess.run(
            ["xdotool", "type", "--delay", str(delay_ms), text + "\n"], env=self._environ, check=True
        )

    def finish(self) -> list[str]:
        out, err = self.listener.communicate("stop\n", timeout=20)
        assert CODE not in err, "what was typed was logged"
        return out.splitlines()

    def close(self) -> None:
        for process in (self.listener, self._server):
            if process.poll() is None:
                process.terminate()
            process.wait(10)


@pytest.fixture
def desktop() -> Iterator[Desktop]:
    desktop = Desktop()
    yield desktop
    desktop.close()


@needs_a_desktop
def test_typed_scans_are_heard_and_a_person_is_not(desktop: Desktop) -> None:
    desktop.scan(CODE, delay_ms=4)
    desktop.scan(OTHER, delay_ms=16)
    desktop.type("13800138000", delay_ms=140)
    desktop.type(CODE, delay_ms=140)  # the right shape at a person's pace
    desktop.scan("hello world", delay_ms=4)  # a scanner's pace without the shape
    desktop.scan(CODE[:-1] + "6", delay_ms=8)  # a member code whose check digit is wrong
    desktop.scan("134567890123456789", delay_ms=4)
    said = desktop.finish()
    assert said[:-1] == [f"scan {CODE}", f"scan {OTHER}", "scan 134567890123456789"]
    assert said[-1].startswith("counts 3 ")


def test_without_a_display_it_is_unavailable_and_says_why() -> None:
    program = """
import threading
from hardware.addresses import scanner_address
from hardware.keyboard_scanner import KeyboardScanner
scanner = KeyboardScanner(scanner_address("keyboard://"))
scanner.start(print)
while scanner.wellbeing().health == "connecting":
    threading.Event().wait(0.01)
print(scanner.wellbeing().health, scanner.wellbeing().words)
scanner.stop()
print(threading.active_count())
"""
    environ = {name: value for name, value in os.environ.items() if name != "DISPLAY"}
    ran = subprocess.run(
        [sys.executable, "-c", program],
        env=environ | {"PYTHONPATH": str(HOUSE)},
        capture_output=True,
        text=True,
        timeout=30,
        check=True,
    )
    assert ran.stdout.split() == ["unavailable", "fault.keyboard_unavailable", "1"]

"""How the demo ends when its world does: the terminal is closed, Ctrl+C while it starts, its port taken."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from patience import until
from test_demo import HOUSE, left_of

SLOW_S = 60
Started = subprocess.Popen[str]


def begin(folder: Path, *words: str) -> Started:
    """The demo with a terminal's group of its own, as a shell starts it."""
    return subprocess.Popen(
        [sys.executable, "-m", "jifen", "demo", *words],
        cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True,
        env={**os.environ, "PYTHONPATH": str(HOUSE), "TMPDIR": str(folder)},
    )  # fmt: skip


@pytest.fixture
def starting(tmp_path: Path) -> Iterator[Started]:
    process = begin(tmp_path, "--port", "0")
    try:
        yield process
    finally:
        process.kill()
        process.wait()
        for pid in left_of(tmp_path):  # where the demo did not end its headquarters
            os.kill(int(pid), signal.SIGKILL)


@pytest.mark.parametrize("moment", ["hub/keys", "s001/data", "s002/data"])
def test_ctrl_c_while_it_starts_leaves_nothing_and_says_nothing(
    moment: str, starting: Started, tmp_path: Path
) -> None:
    assert until(lambda: list(tmp_path.glob(f"jifen-demo-*/{moment}")), SLOW_S)
    os.killpg(starting.pid, signal.SIGINT)
    said, faults = starting.communicate(timeout=SLOW_S)
    assert (starting.returncode, faults) == (0, "")
    assert "Ctrl+C" not in said
    assert list(tmp_path.glob("jifen-demo-*")) == []
    assert left_of(tmp_path) == []


def test_a_terminal_that_is_closed_leaves_nothing(starting: Started, tmp_path: Path) -> None:
    assert starting.stdout is not None
    assert any("Ctrl+C" in line for line in starting.stdout)
    assert len(list(tmp_path.glob("jifen-demo-*/hub/keys/*"))) > 1, "the keys that must not stay"
    starting.stdout.close()
    os.killpg(starting.pid, signal.SIGHUP)
    starting.wait(SLOW_S)
    assert list(tmp_path.glob("jifen-demo-*")) == []
    assert left_of(tmp_path) == []


def test_a_taken_port_is_said_before_anything_is_built(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        process = begin(tmp_path, "--port", str(taken.getsockname()[1]))
        said, faults = process.communicate(timeout=SLOW_S)
    assert process.returncode == 1
    assert "jifen demo --port 0" in faults
    assert "Traceback" not in faults
    assert said == ""
    assert list(tmp_path.glob("jifen-demo-*")) == []


@pytest.mark.parametrize("port", ["99999", "-1", "x"])
def test_what_is_no_port_is_not_understood(port: str, tmp_path: Path) -> None:
    process = begin(tmp_path, f"--port={port}")
    _, faults = process.communicate(timeout=SLOW_S)
    assert process.returncode == 2
    assert "write a number of 0-65535" in faults
    assert "Traceback" not in faults

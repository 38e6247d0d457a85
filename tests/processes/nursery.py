"""Tills in processes of their own, as their driver holds them: started in moments, killed at any.

One process imports the product once; every till is forked from it. A till is asked over a socket, so its
death is the end of a line. What was answered is known by its bytes; nothing is read from a till's disk here.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
HOUSE = HERE.parents[1]
ANSWER_S_MAX = 60


class Nursery:
    """Where tills are forked. ``before`` are words that stand before the command, such as a clock's."""

    def __init__(self, before: Sequence[str] = (), **environment: str) -> None:
        self._ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        env = os.environ | {"PYTHONPATH": str(HOUSE)} | environment
        self._process = subprocess.Popen(
            [*before, sys.executable, str(HERE / "till_process.py")], stdin=theirs, env=env, cwd=HOUSE
        )
        theirs.close()
        self._ours.settimeout(ANSWER_S_MAX)

    @property
    def pid(self) -> int:
        """Its process."""
        return self._process.pid

    def fork(self, folder: Path, real: bool) -> tuple[int, socket.socket]:
        """(process id, its socket) of a new till on ``folder``."""
        ours, theirs = socket.socketpair()
        with theirs:
            told = json.dumps({"folder": str(folder), "real": real}).encode()
            socket.send_fds(self._ours, [told], [theirs.fileno()])
        ours.settimeout(ANSWER_S_MAX)
        return int(self._ours.recv(64)), ours

    def close(self) -> None:
        """End it; tills end with their own sockets."""
        self._ours.close()
        self._process.wait(ANSWER_S_MAX)


class FarTill:
    """A till on ``folder``. ``seq`` is the last operation it was heard to record."""

    def __init__(self, nursery: Nursery, folder: Path, *, real: bool = False, seq: int = 0) -> None:
        self.nursery, self.folder, self._real = nursery, folder, real
        self.seq = seq
        self.kills = 0
        self.fault = ""
        self.start()

    def start(self) -> None:
        """Start it, from what stands on its disk; ``fault`` says why it does not open."""
        self.pid, self._socket = self.nursery.fork(self.folder, self._real)
        self._talk = self._socket.makefile("rw")
        hello = self._hear()
        assert hello is not None, "a till that is started says so"
        self.fault = hello.get("fault", "")

    def _hear(self) -> dict[str, Any] | None:
        try:
            line = self._talk.readline()
        except OSError:
            return None
        told: dict[str, Any] | None = json.loads(line) if line.endswith("\n") else None
        return told

    def act(
        self, name: str, now_ms: int = 0, connected: bool = True, **arguments: Any
    ) -> dict[str, Any] | None:
        """Do one act and give its answer, whose ``ops`` are [seq, bytes]; None when the till died of it."""
        told = {"act": name, "now_ms": now_ms, "connected": connected, "since": self.seq, **arguments}
        try:
            print(json.dumps(told), file=self._talk, flush=True)
        except OSError:
            return None
        answer = self._hear()
        if answer is None:
            return None
        assert "error" not in answer, answer["error"]
        answer["ops"] = [(seq, body.encode()) for seq, body in answer["ops"]]
        if answer["ops"]:
            self.seq = answer["ops"][-1][0]
        return answer

    def ask(self, name: str, *arguments: Any, **named: Any) -> dict[str, Any]:
        """An act that is not killed; its answer."""
        answer = self.act(name, *arguments, **named)
        assert answer is not None, f"{name} had no answer"
        return answer

    def kill_after(self, seconds: float) -> threading.Timer:
        """Kill it in a while; the timer is joined by whoever set it."""
        timer = threading.Timer(seconds, self.kill)
        timer.start()
        return timer

    def kill(self) -> None:
        """End it without a word, as a plug that is pulled ends a PC."""
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.pid, signal.SIGKILL)

    def again(self) -> None:
        """Make sure that it is dead, and start it again."""
        self.kill()
        self.kills += 1
        while self._hear() is not None:
            pass
        self._close_socket()
        self.start()

    def _close_socket(self) -> None:
        with contextlib.suppress(OSError):
            self._talk.close()
        self._socket.close()

    def close(self) -> None:
        """End it well."""
        with contextlib.suppress(OSError, ValueError):
            self._socket.shutdown(socket.SHUT_WR)
            self._hear()
        self._close_socket()

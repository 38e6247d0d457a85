"""Tills for the driver: most in its own process, one perhaps in another that is killed again and again.

A killed till is started again from its disk. Acts are told one at a time, so whatever it recorded
after the last answer belongs to the act that was cut off; the driver sees it and does not repeat it.
"""

from __future__ import annotations

import contextlib
import json
import random
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

from agent.replay.stall import Answer, Stall

KILL_WITHIN_S = 0.02
"""Of an act that was never seen; else it falls anywhere within what such an act lasted the last time."""


class Near:
    """A till in this process."""

    def __init__(self, folder: Path) -> None:
        self._stall = Stall(folder)
        self.seq = self._stall.till.log.seq
        self.kills = self.cut_off = 0

    def act(self, name: str, now_ms: int, connected: bool, **arguments: Any) -> Answer:
        """Do one act; ``ops`` of the answer are new to the driver."""
        answer = self._stall.act(name, now_ms, connected, since=self.seq, **arguments)
        if answer["ops"]:
            self.seq = answer["ops"][-1][0]
        return answer

    def close(self) -> None:
        """Close for good."""
        self._stall.close()


class Far:
    """A till in a process of its own, killed ``kills`` times at moments drawn by ``chance``; ``cut_off`` of
    them fell into the middle of an act."""

    def __init__(self, folder: Path, kills: int, acts: int, chance: random.Random) -> None:
        self._folder = folder
        self._chance = chance
        self._acts = 0
        self._moments = set(chance.sample(range(acts), min(kills, acts)))
        self._lasted: dict[str, float] = {}
        self.kills = self.cut_off = 0
        self.seq = 0
        self._start()

    def _start(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "agent.replay.stall", str(self._folder)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self._process.stdout is not None
        json.loads(self._process.stdout.readline())

    def act(self, name: str, now_ms: int, connected: bool, **arguments: Any) -> Answer:
        """Do one act, through a kill if one is due."""
        kill = self._acts in self._moments
        self._acts += 1
        within = self._lasted.get(name, KILL_WITHIN_S)
        timer = threading.Timer(self._chance.random() * within, self._process.kill) if kill else None
        if timer:
            timer.start()
        began = time.monotonic()
        answer = self._ask(name, now_ms, connected, arguments)
        if timer:
            timer.join()
            self._process.kill()
            self._process.wait()
            self.kills += 1
            self.cut_off += answer is None
            self._start()
        else:
            self._lasted[name] = time.monotonic() - began
        if answer is None:
            recorded = self._ask("nothing", now_ms, connected, {})
            assert recorded is not None, "a till that was started again answers"
            answer = recorded if _has(name, recorded) else self._ask(name, now_ms, connected, arguments)
            assert answer is not None
            answer["ops"] = recorded["ops"] + [op for op in answer["ops"] if op not in recorded["ops"]]
            answer |= _meant(name, recorded) if _has(name, recorded) else {}
        if answer["ops"]:
            self.seq = max(self.seq, answer["ops"][-1][0])
        return answer

    def _ask(self, name: str, now_ms: int, connected: bool, arguments: dict[str, Any]) -> Answer | None:
        asked = {"act": name, "now_ms": now_ms, "connected": connected, "since": self.seq, **arguments}
        try:
            assert self._process.stdin is not None
            assert self._process.stdout is not None
            self._process.stdin.write(json.dumps(asked) + "\n")
            self._process.stdin.flush()
            line = self._process.stdout.readline()
            answer: Answer | None = json.loads(line) if line.endswith("\n") else None
            return answer
        except (BrokenPipeError, OSError):
            return None

    def close(self) -> None:
        """End the process."""
        assert self._process.stdin is not None
        with contextlib.suppress(OSError):  # it may have ended by itself
            self._process.stdin.close()
        self._process.wait(10)


KINDS = {"enrol": "member.enrol", "sell": "sale.earn", "redeem": "redeem.cash", "refund": "sale.refund"}


def _has(name: str, recorded: Answer) -> bool:
    """Whether the act that was cut off had been recorded."""
    return any(body["t"] == KINDS.get(name) for _, body in recorded["ops"])


def _meant(name: str, recorded: Answer) -> Answer:
    seq, body = next((seq, body) for seq, body in recorded["ops"] if body["t"] == KINDS[name])
    said: Answer = {"id": body["id"], "seq": seq}
    return said | ({"m": body["m"]} if name == "enrol" else {})

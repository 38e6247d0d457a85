"""A real till as a process that can be killed: forked from one that has imported everything already.

Each child opens its own SQLite, second file and HTTP client after the fork, on the folder it is given, and
does one act after the other over its socket. What it answers with are the bytes of what was recorded. A fault
of the world is answered by its remedy; anything else that is raised is answered as an error, which no test
allows.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import traceback
from pathlib import Path
from typing import Any

from agent.journal.clock import MachineClock
from agent.replay.stall import Answer, Stall
from config.faults import Fault

ASKED_BYTES_MAX = 4096


class RealTill(Stall):
    """A till that answers faults too; ``real`` reads the clock of the machine instead of being told time."""

    def __init__(self, folder: Path, *, real: bool) -> None:
        super().__init__(folder)
        if real:
            self.till.clock = MachineClock()

    def _since(self, seq: int) -> list[Any]:
        log = self.till.log
        return [[one.seq, one.body.decode()] for one in log.between(log.pos(seq + 1), log.pos(log.seq))]

    def _rights(self, m: int) -> Answer:
        today = self.till.rule().today(self.till.time().st_ms)
        return {"left": sum(self.till.rights(m).left(today)), "suspect": self.till.time().suspect}

    def _forget_witness(self) -> Answer:
        self.till.witness = None
        return {}

    def told(self, asked: dict[str, Any]) -> Answer:
        """Do one act; whatever goes wrong is an answer."""
        since = asked["since"]
        try:
            return self.act(asked.pop("act"), asked.pop("now_ms"), asked.pop("connected"), **asked)
        except Fault as fault:
            return {"fault": fault.remedy, "ops": self._since(since)}
        except Exception:
            return {"error": traceback.format_exc(), "ops": self._since(since)}


def serve(one: socket.socket, folder: Path, real: bool) -> None:
    """A child's life: opened, then told until its driver goes."""
    with one.makefile("rw") as talk:
        try:
            till = RealTill(folder, real=real)
        except Fault as fault:
            print(json.dumps({"fault": fault.remedy}), file=talk, flush=True)
            return
        print(json.dumps({"seq": till.till.log.seq}), file=talk, flush=True)
        for line in talk:
            print(json.dumps(till.told(json.loads(line))), file=talk, flush=True)
        till.close()


def main() -> None:
    """Fork a till for each folder that is asked for on standard input; answers with its process id."""
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    with socket.socket(fileno=0) as asked:
        while True:
            raw, handed, _, _ = socket.recv_fds(asked, ASKED_BYTES_MAX, 1)
            if not raw:
                return
            told = json.loads(raw)
            child = os.fork()
            if not child:
                asked.close()
                try:
                    serve(socket.socket(fileno=handed[0]), Path(told["folder"]), told["real"])
                finally:
                    os._exit(0)
            os.close(handed[0])
            asked.send(str(child).encode())


if __name__ == "__main__":
    main()

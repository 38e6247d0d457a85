"""Headquarters as a process of its own, begun, asked and stopped by a rehearsal.

Business time stands in a file that both sides read; request signatures use real time. The driver
knows headquarters only by its commands and its HTTP, as any store does.
"""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

CLOCK = "JIFEN_REHEARSAL_CLOCK"
START_S_MAX = 30


class HubProcess:
    """One headquarters in ``folder``. Commands run beside the server, on the same database."""

    def __init__(
        self,
        folder: Path,
        rulebook: bytes,
        chain: str,
        name: str,
        keys: Path | None = None,
        *,
        told_time: bool = True,
        apart: bool = False,
    ) -> None:
        """``apart``: its processes do not hear the Ctrl+C of the terminal; who made it ends them."""
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self.clock = folder / "clock"
        self._told_time = told_time
        self._apart = apart
        self.keys = keys or folder / "keys"
        (folder / "rules.json").write_bytes(rulebook)
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self.config = folder / "hub.toml"
        self.config.write_text(
            "[hub]\n"
            f'data_dir = "{folder}"\nkey_dir = "{self.keys}"\nlisten_host = "127.0.0.1"\n'
            f'listen_port = {self.port}\npublic_url = "{self.url}"\n'
            f'chain = "{chain}"\nchain_name = "{name}"\n'
            f'rulebook = "{folder / "rules.json"}"\n',
            "utf-8",
        )
        self._process: subprocess.Popen[bytes] | None = None

    def console_link(self) -> str:
        """A link that opens headquarters' pages once."""
        return self.command("console").strip()

    @property
    def database(self) -> Path:
        """The SQLite file of this headquarters."""
        return self.folder / "hub.sqlite"

    def set_time(self, now_ms: int) -> None:
        """Business time from now on; written beside and renamed, so a reader never sees half a number."""
        beside = self.clock.with_suffix(".new")
        beside.write_text(str(now_ms))
        beside.rename(self.clock)

    def faults(self) -> list[str]:
        """What headquarters finds wrong when it proves its own books."""
        done = self._run("verify")
        said = done.stdout.splitlines()
        if not any(" faults" in line for line in said):
            raise RuntimeError(f"jifen hub verify: {done.stdout[-2000:]}{done.stderr[-2000:]}")
        return [line for line in said[1:] if line and " faults" not in line]

    def _run(self, *words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*self._words(), *words],
            capture_output=True,
            text=True,
            env=self._environment(),
            start_new_session=self._apart,
            check=False,
        )

    def command(self, *words: str) -> str:
        """Run ``jifen hub …`` and give what it printed; an error of it is ours."""
        done = self._run(*words)
        if done.returncode:
            raise RuntimeError(f"jifen hub {' '.join(words)}: {done.stdout[-2000:]}{done.stderr[-2000:]}")
        return done.stdout

    def tickets(self, stores: list[str], till: str = "01") -> dict[str, str]:
        """One ticket for a till of each store, the first one unless another is meant."""
        words = [word for store in stores for word in ("--store", store)] + ["--till", till]
        lines = self.command("ticket", *words).splitlines()
        return {line.split(" ", 1)[0]: line.split(" ", 1)[1] for line in lines}

    def state(self) -> dict[str, Any]:
        """What headquarters holds of everybody."""
        told: dict[str, Any] = json.loads(self.command("state"))
        return told

    def start(self) -> None:
        """Serve, and wait until it answers."""
        self._process = subprocess.Popen(
            [*self._words(), "serve"],
            env=self._environment(),
            stdout=subprocess.DEVNULL,
            start_new_session=self._apart,
        )
        deadline = time.monotonic() + START_S_MAX
        while time.monotonic() < deadline:
            try:
                with urllib.request.urlopen(self.url + "/health/live", timeout=2) as answer:
                    if answer.status == 200:
                        return
            except (urllib.error.URLError, OSError):
                time.sleep(0.05)
        self.stop()
        raise RuntimeError("headquarters did not start")

    def stop(self) -> None:
        """Stop serving."""
        if self._process is not None:
            self._process.terminate()
            self._process.wait(15)
            self._process = None

    def _words(self) -> list[str]:
        return [sys.executable, "-m", "jifen", "hub", "--config", str(self.config)]

    def _environment(self) -> dict[str, str]:
        kept = {key: value for key, value in os.environ.items() if not key.startswith("JIFEN_HUB_")}
        return kept | ({CLOCK: str(self.clock)} if self._told_time else {})

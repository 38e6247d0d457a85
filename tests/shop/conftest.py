"""What stands in every shop: the shop floor and the headquarters of the faster tests, and a real process."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).resolve().parents[1] / "agent"))  # its shop floor is ours
sys.path.append(str(Path(__file__).resolve().parents[1] / "hub"))  # and its headquarters

from shopfloor import RULES

from agent.replay.hub_process import HubProcess


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[HubProcess]:
    """Headquarters as a process, with the rules of the shop floor."""
    started = HubProcess(
        tmp_path_factory.mktemp("hub"), json.dumps(RULES).encode(), "demo", "示例超市", told_time=False
    )
    started.start()
    yield started
    started.stop()

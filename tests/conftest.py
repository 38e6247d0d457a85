"""What holds for every test: its place in a whole run, and patience.

What takes minutes is begun first, so that two at a time end together. A customer waits for a moment and no
longer; a machine that is slow today has not broken a rule, so tests wait longer than customers.
"""

from __future__ import annotations

import gc

import pytest
from hypothesis import settings

from agent import reserve, uplink
from agent.sisters import Sisters
from hardware.faults import HardwareFault
from hardware.raster import find_font
from hub import authorisations, refunds

reserve.MIB = 4096  # hundreds of tills are opened here, and their folders stay for a while

PATIENCE_MS = 30_000
settings.register_profile("patient", deadline=None)  # no test is red for what a machine takes today
settings.load_profile("patient")


@pytest.fixture(autouse=True)
def patience(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(authorisations, "RECALL_MS_MAX", PATIENCE_MS)
    monkeypatch.setattr(refunds, "WAIT_MS_MAX", PATIENCE_MS)
    monkeypatch.setattr(uplink, "AUTHORISE_MS_MAX", 2 * PATIENCE_MS)
    monkeypatch.setattr(uplink, "REFUND_MS_MAX", 2 * PATIENCE_MS)
    for wait in ("have_s", "given_s"):  # many tests wait them out
        monkeypatch.setattr(Sisters, wait, 1.5)


def pytest_runtest_setup(item: pytest.Item) -> None:
    if item.get_closest_marker("drawn") is None:
        return
    try:
        find_font()
    except HardwareFault:
        pytest.skip("SKIPPED, missing: a Chinese font (Debian package fonts-wqy-zenhei)")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items.sort(key=lambda item: item.get_closest_marker("long") is None)


def pytest_collection_finish() -> None:
    """What thousands of tests are made of stays to the end: the collector need not walk it each time."""
    gc.collect()
    gc.freeze()

"""The nursery that all tills of a run are forked from, and a small town that several tests may use."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from nursery import Nursery
from town import Town


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """These run when they are asked for: a minute and a half of processes that are killed all the time."""
    if "JIFEN_PROCESSES" in os.environ:
        return
    here = Path(__file__).parent
    for item in items:
        if here in item.path.parents and item.path.name != "test_fault_proxy.py":
            item.add_marker(pytest.mark.skip(reason="JIFEN_PROCESSES is not set: no real process is killed"))


@pytest.fixture(scope="session")
def nursery() -> Iterator[Nursery]:
    """The process that tills are forked from."""
    made = Nursery()
    yield made
    made.close()


@pytest.fixture(scope="module")
def town(
    nursery: Nursery, request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Town]:
    """Headquarters and the tills of ``STORES`` on told time and plain ways; all is checked at the end."""
    stores = getattr(request.module, "STORES", ("s001", "s002"))
    made = Town(tmp_path_factory.mktemp("town"), nursery, stores)
    yield made
    try:
        made.rest()
        made.whole()
    finally:
        made.close()

"""The nursery that all tills of a run are forked from, and a small town that several tests may use."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from nursery import Nursery
from town import Town


@pytest.fixture(scope="session")
def nursery() -> Iterator[Nursery]:
    """The process that tills are forked from."""
    made = Nursery()
    yield made
    made.close()


@pytest.fixture(scope="module")
def town(nursery: Nursery, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    """Headquarters and two tills, on told time and plain ways."""
    made = Town(tmp_path_factory.mktemp("town"), nursery, ["s001", "s002"])
    yield made
    made.close()

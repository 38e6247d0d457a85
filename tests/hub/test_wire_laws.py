"""The wire's laws hold whatever a seed draws. `JIFEN_WIRE` says how many chains are drawn."""

from __future__ import annotations

import os

import pytest
from headquarters import Headquarters
from wire_laws import broken, watched
from wire_stand import Stand

CHAINS = int(os.environ.get("JIFEN_WIRE", "6"))
STEPS = 50


@pytest.mark.usefixtures("asks")
@pytest.mark.parametrize("seed", range(CHAINS))
def test_every_law_of_the_wire_holds(hq: Headquarters, seed: int) -> None:
    stand = Stand(hq, seed)
    with watched(stand):
        stand.is_calm = False
        for _ in range(STEPS):
            stand.step()
        stand.rest()
    assert broken(stand) == {}, stand.marks

"""A PC whose clock jumps while it sells: no operation is lost, and their order is that of the lane.

The wall clock of a running till is moved by libfaketime, three days either way, to 2099 and to 1970; its
monotonic clock goes on, as that of a real PC does. Store time continues from what headquarters said, so the
business day stays the true one; a wall that is more than a day off is told in each operation, and shown.
"""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from holds import two_files_agree
from nursery import Nursery
from town import DAY_MS, Town

MISSING = "" if shutil.which("faketime") else "faketime is not installed"
pytestmark = pytest.mark.skipif(bool(MISSING), reason=f"{MISSING}: no clock has jumped")

JUMPS = {
    "three days ahead": "+3d", "three days behind": "-3d",
    "2099": "@2099-06-01 12:00:00", "1970": "@1970-01-02 12:00:00",
}  # fmt: skip
TRUE = "+0"


class Wall:
    """The wall clock of a nursery and of every till from it."""

    def __init__(self, folder: Path) -> None:
        self._says = folder / "wall"
        self.set(TRUE)
        environment = {
            "FAKETIME_TIMESTAMP_FILE": str(self._says), "FAKETIME_NO_CACHE": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1", "DONT_FAKE_MONOTONIC": "1",
        }  # fmt: skip
        words = ["faketime", "-f", TRUE, "env", "-u", "FAKETIME"]
        self.nursery = Nursery(words, **environment)

    def set(self, says: str) -> None:
        """It jumps."""
        beside = self._says.with_suffix(".new")
        beside.write_text(says + "\n")
        beside.rename(self._says)


@pytest.fixture(scope="module")
def wall(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Wall]:
    """A clock that jumps."""
    made = Wall(tmp_path_factory.mktemp("wall"))
    yield made
    made.nursery.close()


@pytest.fixture(scope="module")
def town(wall: Wall, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    """Two stores on the machine's clocks, and a check of everything at the end."""
    made = Town(tmp_path_factory.mktemp("clocks"), wall.nursery, ["s001", "s002"], real=True)
    yield made
    try:
        wall.set(TRUE)
        made.now_ms = int(time.time() * 1000)
        made.rest()
        made.whole()
    finally:
        made.close()


@pytest.mark.parametrize("name", list(JUMPS))
def test_a_wall_that_jumps_moves_no_sale_to_another_day(town: Town, wall: Wall, name: str) -> None:
    member = town.enrol("s001")
    before = json.loads(town.sell("s001", member)["ops"][0][1])
    wall.set(JUMPS[name])
    jumped = json.loads(town.sell("s001", member)["ops"][0][1])
    assert abs(jumped["at"] - jumped["st"]) > 2 * DAY_MS, "the wall did jump, and the operation says so"
    assert jumped["day"] == before["day"]
    assert 0 < jumped["st"] - before["st"] < DAY_MS // 24
    assert town.act("s001", "rights", m=member.m)["suspect"]
    assert town.contact("s001")["settled"], "headquarters is asked with its own time"
    wall.set(TRUE)
    after = json.loads(town.sell("s001", member)["ops"][0][1])
    assert abs(after.get("at", after["st"]) - after["st"]) < DAY_MS
    assert not town.act("s001", "rights", m=member.m)["suspect"]
    assert town.contact("s001")["settled"]
    own = [json.loads(body) for _, body in two_files_agree(town.folder / "s001")]
    times = [body["st"] for body in own]
    assert times == sorted(set(times)), "store time rises with the lane"


@pytest.mark.parametrize("name", list(JUMPS))
def test_a_till_that_is_started_under_a_wrong_wall_sells_on(town: Town, wall: Wall, name: str) -> None:
    member = town.enrol("s002")
    before = json.loads(town.sell("s002", member)["ops"][0][1])
    wall.set(JUMPS[name])
    town.again("s002")
    jumped = json.loads(town.sell("s002", member)["ops"][0][1])
    assert jumped["day"] == before["day"]
    assert town.contact("s002")["settled"]
    wall.set(TRUE)
    assert town.contact("s002")["settled"]


def test_a_till_that_heard_nobody_would_believe_its_wall(town: Town, wall: Wall) -> None:
    """The negative control, in the same process: without what headquarters said, sales do move."""
    member = town.enrol("s002")
    before = json.loads(town.sell("s002", member)["ops"][0][1])
    town.act("s002", "forget_witness")
    wall.set("+20h")
    moved = json.loads(town.sell("s002", member)["ops"][0][1])
    assert moved["st"] - before["st"] > DAY_MS // 2

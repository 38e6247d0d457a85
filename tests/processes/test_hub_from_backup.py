"""Headquarters is put back to an old copy while tills have gone on: what they recorded comes again.

A till that records something new is answered with the gap, and offers everything from there; then nothing is
lost or doubled and the points of everybody are right. What is not built is the ceremony with a new
incarnation: a till with nothing new believes that all is settled and offers nothing, grants that were given
after the copy are forgotten (what was spent of them is remarked as uncovered), and tills keep the editions
they hold until headquarters has made as many again.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator

import pytest
from holds import Violated, exactly_once, no_gap, rows
from nursery import Nursery
from town import DAY_MS, Member, Town


@pytest.fixture(scope="module")
def restored(nursery: Nursery, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Town, Member]]:
    """Two tills that are heard, and then an old headquarters."""
    town = Town(tmp_path_factory.mktemp("restored"), nursery, ["s001", "s002"])
    hub = town.hub
    try:
        member = town.enrol("s001")
        town.sell("s001", member)
        town.rest()
        hub.stop()
        shutil.copytree(hub.folder, town.folder / "backup")
        hub.start()
        later = town.enrol("s001")
        town.sell("s001", later)
        town.act("s001", "redeem", m=later.m, pts=20)
        town.sell("s002", member, 50)
        town.act("s002", "close_day")
        for store in ("s002", "s001", "s002"):
            assert town.contact(store)["settled"]
        hub.stop()
        shutil.move(hub.folder, town.folder / "lost")
        shutil.copytree(town.folder / "backup", hub.folder)
        hub.set_time(town.now_ms)
        hub.start()
        yield town, member
    finally:
        town.close()


def test_what_was_recorded_after_the_backup_comes_again(restored: tuple[Town, Member]) -> None:
    town, member = restored
    with pytest.raises(Violated, match="is not at headquarters"):
        exactly_once(town.hub, town.witness)
    town.later(DAY_MS)
    for store in ("s001", "s002"):
        town.sell(store, member, 10)
    town.rest()
    town.whole()
    no_gap(town.hub)


def test_what_was_spent_of_forgotten_grants_is_remarked_and_nothing_else(
    restored: tuple[Town, Member],
) -> None:
    town, _ = restored
    remarks = rows(town.hub.database, "SELECT letter, json_extract(detail, '$.reason') FROM told")
    assert set(remarks) <= {("J", "uncovered")}, "as it is today, until there are incarnations"

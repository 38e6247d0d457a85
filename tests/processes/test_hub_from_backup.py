"""Headquarters is put back by its own commands while tills have gone on: everything comes again, once.

The copy is made beside the service, the disk dies without a word, and the tills have nothing new to tell.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from holds import Violated, exactly_once, rows
from nursery import Nursery
from town import DAY_MS, Member, Town

from hub.restoring import MARK


@pytest.fixture(scope="module")
def restored(
    nursery: Nursery, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Town, Member, str]]:
    """Two tills that are heard, and then an old headquarters; what was said when it was put back."""
    town = Town(tmp_path_factory.mktemp("restored"), nursery, ["s001", "s002"])
    hub = town.hub
    try:
        member = town.enrol("s001")
        town.sell("s001", member)
        town.rest()
        hub.command("backup", str(town.folder / "copies"))
        later = town.enrol("s001")
        town.sell("s001", later)
        town.act("s001", "redeem", m=later.m, pts=20)
        town.sell("s002", member, 50)
        town.act("s002", "close_day")
        for store in ("s002", "s001", "s002"):
            assert town.contact(store)["settled"]
        hub.kill()
        (copy,) = (town.folder / "copies").glob("*.sqlite")
        said = hub.command("restore", str(copy))
        hub.start()
        yield town, member, said
    finally:
        town.close()


def test_tills_with_nothing_new_tell_everything_again(restored: tuple[Town, Member, str]) -> None:
    town, member, said = restored
    assert "incarnation 2" in said
    assert "2 tills" in said
    with pytest.raises(Violated, match="is not at headquarters"):
        exactly_once(town.hub, town.witness)
    for store in ("s001", "s002", "s001", "s002"):
        town.contact(store)
    town.rest()
    town.whole()
    town.later(DAY_MS)
    for store in ("s001", "s002"):
        town.sell(store, member, 10)
    town.rest()
    town.whole()


def test_nobody_has_spent_more_than_there_was(restored: tuple[Town, Member, str]) -> None:
    town, _, _ = restored
    assert rows(town.hub.database, "SELECT reason FROM cases") == [("restored",)]
    assert rows(town.hub.database, "SELECT letter FROM told") == []


def test_a_database_that_somebody_put_back_by_hand_is_found_out(restored: tuple[Town, Member, str]) -> None:
    town, member, _ = restored
    hub = town.hub
    (copy,) = (town.folder / "copies").glob("*.sqlite")
    hub.kill()
    for beside in ("-wal", "-shm"):
        Path(f"{hub.database}{beside}").unlink(missing_ok=True)
    hub.database.write_bytes(copy.read_bytes())
    hub.start()
    assert '"inc": 3' in (hub.keys / MARK).read_text()
    for store in ("s001", "s002", "s001", "s002"):
        town.contact(store)
    town.sell("s002", member, 10)
    town.rest()
    town.whole()

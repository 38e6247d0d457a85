"""Members are told to the stores of their region, and whose card it is that one of another region shows."""

from __future__ import annotations

from argparse import Namespace
from pathlib import Path

import httpx
import pytest
from headquarters import Headquarters, Shop, headquarters
from test_console import form
from told_by_steps import sold, used
from two_regions import knows, met, opened

from agent import outgoing
from agent.store import feeds
from hub import admission, cli, editions, feed_export, reception, regions
from hub.registry import copy_registry
from hub.store import schema
from points.identifiers import BUCKETS, MEMBERS_PER_BLOCK
from points.wire.calls import SendBatch
from points.wire.manifest import open_manifest


def test_a_store_is_told_of_its_regions_members_alone(hq: Headquarters, north: Shop, south: Shop) -> None:
    home, (n, _), (s, _) = hq.shop("s009"), met(north), met(south)
    home.sync()
    m, _ = met(home)
    for shop in (north, south, home):
        shop.sync()
    assert [[knows(shop, one) for one in (n, s, m)] for shop in (north, south, home)] == [
        [True, False, False], [False, True, False], [False, False, True],
    ]  # fmt: skip
    sister = opened(hq, "n002", "")
    assert not knows(sister, n), "a store that nobody has put anywhere is of the main region"
    cousin = opened(hq, "n003", "north")
    assert knows(cousin, n)


def test_a_stores_region_stays(hq: Headquarters, north: Shop) -> None:
    with hq.office.store.turn() as turn, pytest.raises(admission.RegionSettled, match="north"):
        admission.open_store(turn, "n001", "n001", "south")
    with hq.office.store.turn() as turn:
        admission.open_store(turn, "n001", "北门店")
        assert regions.of_store(turn, "n001") == "north", "to name it again moves it nowhere"
    assert hq.rows("SELECT name FROM stores WHERE store = 'n001'") == [("北门店",)]


def test_a_full_block_is_followed_by_one_of_the_same_region(hq: Headquarters, north: Shop) -> None:
    with hq.office.store.turn() as turn:
        turn.run("UPDATE agents SET next_member = first_member + 1020 WHERE store = 'n001'")
        turn.run("DELETE FROM pool WHERE store = 'n001'")
        admission.fill_pool(turn, hq.office, "n001", "01")
    with hq.office.store.look() as look:
        assert look.one("SELECT count(*) FROM blocks WHERE region = 'north'") == (2,)
        assert regions.every(look) == ["main", "north"]


def test_a_static_server_has_every_region(hq: Headquarters, north: Shop, tmp_path: Path) -> None:
    met(north)
    met(hq.shop("s009"))
    feed_export.export(hq.office, tmp_path / "feed")
    there = {path.parent.parent.name for path in (tmp_path / "feed").rglob("members/*/*/manifest")}
    assert there == {"main", "north"}
    assert not list((tmp_path / "feed").rglob("*visitors*")), "a store's own is not in it"


def test_what_changes_elsewhere_makes_no_edition_here(hq: Headquarters, north: Shop, south: Shop) -> None:
    met(north)
    north.sync()
    before = feeds.edition(north.till.book, "members", "north")
    for _ in range(3):
        met(south)
    north.sync()
    assert feeds.edition(north.till.book, "members", "north") == before


def test_regions_outlive_a_put_back(hq: Headquarters, north: Shop) -> None:
    copy = hq.copy()
    with hq.office.store.turn() as turn:
        turn.run("UPDATE agents SET next_member = first_member + 1020 WHERE store = 'n001'")
        turn.run("DELETE FROM pool WHERE store = 'n001'")
        admission.fill_pool(turn, hq.office, "n001", "01")
    told = hq.rows("SELECT first, region FROM blocks ORDER BY first")
    hq.put_back(copy)
    assert set(told) <= set(hq.rows("SELECT first, region FROM blocks ORDER BY first"))


def test_members_of_two_regions_may_lie_in_one_bucket(hq: Headquarters, north: Shop) -> None:
    first = MEMBERS_PER_BLOCK * BUCKETS
    with hq.office.store.turn() as turn:
        turn.put(schema.blocks, [(0, first, "north"), (0, 2 * first, "south")])
        for m in (first, first + MEMBERS_PER_BLOCK - 1, 2 * first, 3 * first):
            turn.put(schema.members, [(0, m, 1, f"[{m}]", "0///", 0, 7, 0)])
        told = {region: regions.rows(turn, region, 0, 6, 7) for region in regions.every(turn)}
        assert regions.rows(turn, "north", 0, 7, 9) == []
        turn.run("DELETE FROM members WHERE bucket = 0")
    assert told == {
        "main": [f"[{3 * first}]"],
        "north": [f"[{first}]", f"[{first + MEMBERS_PER_BLOCK - 1}]"],
        "south": [f"[{2 * first}]"],
    }


def test_a_region_names_no_blob_without_members(hq: Headquarters, north: Shop, south: Shop) -> None:
    for shop in (north, south, north):
        met(shop)
    for region in ("north", "south"):
        with hq.office.store.look() as look:
            raw = editions.manifest_of(look, "members", region)
        told = open_manifest(raw, hq.office.keys.manifest.public_raw, "demo", "members", region)
        assert [piece.n for piece in told.chunks if not piece.n] == []


def test_another_headquarters_with_the_registry_has_the_same_regions(
    hq: Headquarters, north: Shop, tmp_path: Path
) -> None:
    with headquarters(tmp_path / "again") as again:
        copy_registry(hq.office.store, again.office)
        with again.office.store.look() as look:
            assert regions.every(look) == ["main", "north"]


def test_what_another_regions_question_has_numbered_is_counted(
    hq: Headquarters, north: Shop, south: Shop
) -> None:
    m, _ = met(south)
    sold(south, m, 30)
    assert used(south, m, 10)
    _, _, raw, _ = outgoing.envelope_for(south.till, SendBatch(1, outgoing.delivered(south.till) + 1, 1_000))
    reception.receive(hq.office, raw)
    with hq.office.store.turn() as turn:  # as if nothing of it had changed a member
        turn.run("UPDATE members SET touched = 0 WHERE m = ?", (m,))
    north.sync()
    before = feeds.edition(south.till.book, "members", "south")
    south.sync()
    assert feeds.edition(south.till.book, "members", "south")[1] > before[1]
    assert not south.till.pending.by_member


def test_a_new_stores_region_is_chosen_with_its_ticket(
    hq: Headquarters, desk: httpx.Client, north: Shop
) -> None:
    word = form(desk)
    good = {"word": word, "store": "s007", "name": "员村店", "till": "01", "region": "south"}
    assert desk.post("/console/tickets", data=good).status_code == 200
    assert hq.rows("SELECT region FROM stores WHERE store = 's007'") == [("south",)]
    assert desk.post("/console/tickets", data={**good, "region": "S 1"}).status_code == 422
    told = desk.post("/console/tickets", data={**good, "store": "n001"})
    assert told.status_code == 422
    assert "区域不能改" in told.text
    assert desk.post("/console/tickets", data={**good, "store": "n001", "region": ""}).status_code == 200
    assert hq.rows("SELECT region FROM stores WHERE store = 'n001'") == [("north",)]


def test_a_region_is_chosen_on_the_command_line(
    hq: Headquarters, north: Shop, capsys: pytest.CaptureFixture[str]
) -> None:
    chosen = Namespace(store=["s007=员村店", "s008"], till="01", region="south")
    assert cli._ticket(hq.office, hq.settings, chosen) == 0
    assert hq.rows("SELECT store FROM stores WHERE region = 'south' ORDER BY 1") == [("s007",), ("s008",)]
    chosen = Namespace(store=["n001"], till="02", region="south")
    assert cli._ticket(hq.office, hq.settings, chosen) == 1
    assert "north" in capsys.readouterr().err

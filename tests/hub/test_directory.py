"""The directory of all members: told to the stores that asked for it, the same in every one of them, for
codes that no row leads to; and a view, never rights."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pytest
from headquarters import DAY_MS, Headquarters, Shop
from listed import Holder, became, everything, held, newcomer, spare_card, tell_everybody, told_to, unknown_at
from told_by_steps import fetched, sold

from agent import directory_editions, doctor
from agent.counter import Found
from agent.directory import told_version
from agent.shard_secrets import SECRET
from agent.store import feeds
from agent.uplink import OutOfReach
from config.night_window import NightWindow
from config.words import load_words
from hub import cli, directory, feed_export
from hub.night import Night
from points.bands import band, range_of
from points.wire import endpoints, keys
from points.wire.faults import NotFound


def test_a_card_of_another_region_says_its_tier_and_about_how_many_points(
    hq: Headquarters, home: Shop, holder: Holder
) -> None:
    _, code = newcomer(home, 1_234)
    told_to(hq, "s900")
    directory.publish(hq.office)
    holder.take()
    unknown_at(holder.shop)
    told = holder.tells(code)
    assert told is not None
    assert (told.tier, told.points) == (0, range_of(band(1_234)))
    assert told.as_of_ms == hq.office.clock()
    assert holder.tells(spare_card(home)) is None, "a card that nobody has yet is nobody's"


def test_it_is_no_right_and_no_member(hq: Headquarters, home: Shop, holder: Holder) -> None:
    m, code = newcomer(home, 1_000)
    tell_everybody(hq, holder)
    unknown_at(holder.shop)
    found = holder.shop.counter.scan(code)
    assert isinstance(found, Found)
    assert found.card is None
    assert found.listed is not None
    assert holder.shop.till.row(m) is None
    assert holder.shop.here(m) == 0


def test_only_stores_that_were_chosen_are_told(hq: Headquarters, home: Shop, holder: Holder) -> None:
    newcomer(home, 100)
    told_to(hq, "s001")
    directory.publish(hq.office)
    holder.take()
    assert told_version(holder.shop.till) is None
    assert holder.directory.held is None
    kid = keys.kid_of(directory.secret(hq.office))
    assert feeds.fact(holder.shop.till.book, SECRET + kid) is None, "nor is it told the key"
    with pytest.raises(NotFound):
        holder.shop.uplink.call("GET", endpoints.manifest_of(directory.TOPIC, "all", 1))
    home.sync()
    assert told_version(home.till) == 1


def test_nothing_is_made_while_no_store_asked(hq: Headquarters, home: Shop) -> None:
    newcomer(home, 100)
    assert not directory.publish(hq.office)
    assert not hq.rows("SELECT 1 FROM manifests WHERE topic = 'directory'")


def test_each_night_a_step_leads_on_and_nothing_else_is_fetched(
    hq: Headquarters, home: Shop, holder: Holder, monkeypatch: pytest.MonkeyPatch
) -> None:
    people = [newcomer(home, 100 + n)[0] for n in range(30)]
    monkeypatch.setattr(directory, "PART", 0)
    tell_everybody(hq, holder)
    names = fetched(holder.shop, monkeypatch)
    rng = random.Random(7)
    for night_ in range(5):
        for m in rng.sample(people, 4):
            sold(home, m, rng.randrange(50, 5_000))
        if night_ % 2:
            people.append(newcomer(home, 700)[0])
        home.sync()
        hq.clock.now_ms += DAY_MS
        before = len(names)
        assert directory.publish(hq.office)
        holder.take()
        assert held(holder) == everything(hq)
        asked = [sha for sha in names[before:] if hq.rows(
            "SELECT 1 FROM blobs WHERE sha = ? AND topic = 'directory'", sha)]  # fmt: skip
        assert len(asked) == 2, "the list of steps, and one step"


def test_a_till_that_was_away_takes_all_steps_in_order(
    hq: Headquarters, home: Shop, holder: Holder, monkeypatch: pytest.MonkeyPatch
) -> None:
    people = [newcomer(home, 100 + n)[0] for n in range(12)]
    monkeypatch.setattr(directory, "PART", 0)
    tell_everybody(hq, holder)
    for n in range(6):
        sold(home, people[n], 900 * (n + 1))
        sold(home, people[0], 500)
        home.sync()
        directory.publish(hq.office)
    holder.take()
    assert held(holder) == everything(hq)


def test_a_snapshot_cut_anew_is_only_for_newcomers(
    hq: Headquarters, home: Shop, holder: Holder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    m, *_ = [newcomer(home, 100)[0] for _ in range(8)]
    tell_everybody(hq, holder)
    sold(home, m, 4_000)
    home.sync()
    monkeypatch.setattr(directory, "PART", 10**9)  # any step is too much
    directory.publish(hq.office)
    with hq.office.store.look() as look:
        one = directory.kept(look)
    assert one is not None
    assert one.snap_ver == one.ver
    assert one.steps
    holder.take()
    late = Holder(hq.shop("s901"), tmp_path / "late")
    late.take()
    assert held(holder) == held(late) == everything(hq)
    monkeypatch.setattr(directory, "PART", 0)
    sold(home, m, 8_000)
    home.sync()
    directory.publish(hq.office)
    with hq.office.store.look() as look:
        after = directory.kept(look)
    assert after is not None
    assert after.snap_ver == one.ver == after.steps[-1].after, "a step leads on from it"


def test_it_goes_on_where_it_was_cut_off(
    hq: Headquarters, home: Shop, holder: Holder, monkeypatch: pytest.MonkeyPatch
) -> None:
    for n in range(20):
        newcomer(home, 100 + n)
    told_to(hq, "all")
    monkeypatch.setattr(directory, "bits_for", lambda _members: 3)
    monkeypatch.setattr(directory, "CHUNK_SECTIONS_BITS", 0)
    directory.publish(hq.office)
    holder.shop.sync()
    ask, got = holder.shop.uplink.call, list[str]()

    def call(method: str, path: str, *more: Any, **how: Any) -> bytes:
        if path.startswith("/v1/blob/"):
            if len(got) == 5:
                raise OutOfReach("the line is cut")
            got.append(path)
        return ask(method, path, *more, **how)

    monkeypatch.setattr(holder.shop.uplink, "call", call)
    holder.editions.look()
    assert holder.directory.held is None
    first, got[:] = list(got), []
    holder.editions._patience.succeed()
    holder.editions.look()
    assert (len(first), len(got)) == (5, 3), "eight chunks, each once"
    assert held(holder) == everything(hq)


def test_a_store_that_is_told_no_more_forgets_it(hq: Headquarters, home: Shop, holder: Holder) -> None:
    newcomer(home, 100)
    tell_everybody(hq, holder)
    assert holder.directory.path.exists()
    told_to(hq)
    holder.take()
    assert not holder.directory.folder.exists()
    assert holder.directory.held is None


def test_a_headquarters_that_was_put_back_takes_nothing_from_a_till(
    hq: Headquarters, home: Shop, holder: Holder
) -> None:
    m, code = newcomer(home, 1_000)
    tell_everybody(hq, holder)
    copy = hq.copy()
    hq.put_back(copy)
    holder.take()
    unknown_at(holder.shop)
    assert holder.tells(code) is not None, "nothing is published yet, and what was told is still true"
    sold(home, m, 50_000)
    home.sync()
    directory.publish(hq.office)
    holder.take()
    assert held(holder) == everything(hq)


def test_a_disk_that_is_getting_full_is_left_to_the_sales(
    hq: Headquarters, home: Shop, holder: Holder, monkeypatch: pytest.MonkeyPatch
) -> None:
    newcomer(home, 100)
    told_to(hq, "all")
    directory.publish(hq.office)
    holder.shop.sync()
    with monkeypatch.context() as small:
        small.setattr(directory_editions, "FREE_BYTES_MIN", 2**60)
        holder.editions.look()
    assert holder.directory.held is None
    holder.take()
    assert holder.directory.held is not None


def test_a_store_that_is_not_there_is_said_and_nothing_is_changed(hq: Headquarters, home: Shop) -> None:
    told_to(hq, "s001")
    with hq.office.store.turn() as turn:
        assert directory.choose(turn, ["s001", "s777"]) == ["s777"]
        assert directory.stores(turn) == {"s001"}


def test_who_is_erased_is_not_in_it(hq: Headquarters, home: Shop, holder: Holder) -> None:
    m, _ = newcomer(home, 100)
    newcomer(home, 200)
    told_to(hq, "all")
    with became(hq, m, "erased"):
        directory.publish(hq.office)
    holder.take()
    assert len(held(holder)) == 1


def test_two_codes_with_one_tag_are_nobody(
    hq: Headquarters, home: Shop, holder: Holder, monkeypatch: pytest.MonkeyPatch
) -> None:
    codes = [newcomer(home, 100 + n)[1] for n in range(3)]
    told_to(hq, "all")
    real = directory.tag_of
    one = real(directory.secret(hq.office), "0" * 16)
    monkeypatch.setattr(directory, "tag_of", lambda _key, _who: one)
    directory.publish(hq.office)
    holder.take()
    unknown_at(holder.shop)
    assert held(holder) == {}
    assert holder.tells(codes[0]) is None


def test_the_night_publishes_it_and_keeps_its_blobs(
    hq: Headquarters, home: Shop, holder: Holder, monkeypatch: pytest.MonkeyPatch
) -> None:
    m = newcomer(home, 100)[0]
    monkeypatch.setattr(directory, "PART", 0)
    tell_everybody(hq, holder)
    work = Night(hq.office, NightWindow(0, 240))
    for n in range(4):
        sold(home, m, 1_000 * (n + 1))
        home.sync()
        hq.clock.now_ms += DAY_MS
        work.run()
    with hq.office.store.look() as look:
        one = directory.kept(look)
    assert one is not None
    assert one.snap_ver == 1, "no blob was missed, so nothing had to be cut anew"
    holder.take()
    assert held(holder) == everything(hq)


def test_a_static_server_has_it_too(hq: Headquarters, home: Shop, tmp_path: Path) -> None:
    newcomer(home, 100)
    told_to(hq, "all")
    directory.publish(hq.office)
    feed_export.export(hq.office, tmp_path / "feed")
    with hq.office.store.look() as look:
        one = directory.kept(look)
    assert one is not None
    for sha in one.names:
        assert (tmp_path / "feed" / endpoints.blob(sha).lstrip("/")).exists()
    assert (tmp_path / "feed" / endpoints.manifest_of(directory.TOPIC, "all", 1).lstrip("/")).exists()


def test_another_process_that_published_meanwhile_wins(
    hq: Headquarters, home: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    newcomer(home, 100)
    told_to(hq, "all")
    assert directory.publish(hq.office)
    newcomer(home, 900)
    cut = directory._snapshot
    calls = []

    def meanwhile(*more: Any) -> Any:
        if not calls:
            calls.append(1)
            assert directory.publish(hq.office)
        return cut(*more)

    monkeypatch.setattr(directory, "PART", 10**9)
    monkeypatch.setattr(directory, "_snapshot", meanwhile)
    assert not directory.publish(hq.office)


def test_the_command_says_who_is_told_and_what_is_published(
    hq: Headquarters, home: Shop, capsys: pytest.CaptureFixture[str]
) -> None:
    newcomer(home, 100)
    assert hq.settings is not None

    def said(stores: str | None) -> tuple[int, str]:
        chosen = cli.argparse.Namespace(stores=stores)
        code = cli.COMMANDS["directory"](hq.office, hq.settings, chosen)  # type: ignore[arg-type]
        told = capsys.readouterr()
        return code, told.out + told.err

    assert said(None) == (0, "told to · 下发门店 none · 无\n")
    code, told = said("s777")
    assert code == 1
    assert "s777" in told
    code, told = said("s001,s001")
    assert code == 0
    assert "s001\n" in told
    assert "1 members" in told
    assert "new · 新" in told
    assert "new · 新" not in said("all")[1], "nothing has changed since"
    assert said("none")[1].startswith("told to · 下发门店 none · 无\n")


def test_the_self_test_says_whether_it_is_here(hq: Headquarters, home: Shop, holder: Holder) -> None:
    newcomer(home, 100)
    told_to(hq, "all")
    directory.publish(hq.office)
    holder.shop.sync()

    def said() -> str:
        found = doctor.check_directory(holder.shop.till, holder.directory.folder)
        return load_words("zh").say(found.words, **found.detail)

    assert said() == "还没下载完：联网后自动继续，不影响收银"
    holder.take()
    assert said() == "1 位会员，截至 2026-11-19"
    newcomer(home, 5_000)
    directory.publish(hq.office)
    holder.shop.sync()
    assert said() == "还没下载完：联网后自动继续，不影响收银", "there is a newer one"

"""The continuation token: a copy of a till is found at its first hello, and nobody else is taken for one."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from forks import close, copied, enrolled, heard, put_back, sold
from headquarters import Headquarters, Shop

from agent.uplink import OutOfReach
from hub import continuation
from points.wire import endpoints


def epochs(*shops: Shop) -> list[int]:
    return [shop.till.identity.lane.epoch for shop in shops]


def lose_the_answer(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    """A contact whose hello is heard and whose answer is not."""
    call = shop.uplink.call

    def torn(method: str, path: str, *rest: object) -> bytes:
        call(method, path, *rest)  # type: ignore[arg-type]
        raise OutOfReach("torn")

    with monkeypatch.context() as broken:
        broken.setattr(shop.uplink, "call", torn)
        shop.night.contact(rest=lambda _ms: None)


def test_a_copy_that_did_nothing_is_found_before_it_does_anything(
    hq: Headquarters, home: Shop, tmp_path: Path
) -> None:
    home.sync()
    m = enrolled(home)
    home.sync()
    copy = copied(home, tmp_path / "copy")
    home.sync()
    home.sync()  # an answer may be lost, so the last but one is good for a program that is new
    twin = hq.open(copy)
    twin.sync()
    assert epochs(home, twin) == [1, 2]
    sold(twin, m)
    sold(home, m)
    assert twin.sync().settled
    assert home.sync().settled
    assert epochs(home, twin) == [1, 2]


def test_two_with_one_token_are_told_apart_when_the_second_is_heard_again(
    hq: Headquarters, home: Shop, tmp_path: Path
) -> None:
    home.sync()
    m = enrolled(home)
    home.sync()
    twin = hq.open(copied(home, tmp_path / "copy"))
    twin.sync()
    home.sync()
    assert epochs(home, twin) == [2, 1], "whoever is heard first is the lane"
    mine, its = sold(home, m), sold(twin, m)
    home.sync()
    twin.sync()
    assert {*mine, *its} <= heard(hq).keys()
    assert epochs(home, twin) == [2, 1]


@pytest.mark.parametrize("times", [1, 2, 3])
@pytest.mark.parametrize("starts", [False, True])
def test_a_lost_answer_makes_nobody_a_copy(
    hq: Headquarters, home: Shop, monkeypatch: pytest.MonkeyPatch, times: int, starts: bool
) -> None:
    home.sync()
    m = enrolled(home)
    home.sync()
    for _ in range(times):
        lose_the_answer(home, monkeypatch)
        if starts:
            close(home)
            home = hq.open(home.folder)
    sold(home, m)
    assert home.sync().settled
    home.sync()
    assert epochs(home) == [1]


def test_a_token_that_was_used_is_found_whatever_was_lost(
    hq: Headquarters, home: Shop, tmp_path: Path
) -> None:
    home.sync()
    copy = copied(home, tmp_path / "copy")
    home.sync()
    home.sync()
    back = put_back(hq, home, copy)
    back.sync()
    assert epochs(back) == [2]
    assert [reason for (reason,) in hq.rows("SELECT reason FROM cases")] == ["forked"]


def test_a_till_without_its_token_is_believed(hq: Headquarters, home: Shop) -> None:
    home.sync()
    home.sync()
    for raw in (None, b"", b"no token", b"ff" * 16):
        if raw is None:
            home.till.log.mirror.token.path.unlink()
        else:
            home.till.log.mirror.token.path.write_bytes(raw)
        home.sync()
        home.sync()
    assert epochs(home) == [1]


def test_a_database_that_was_put_back_alone_is_healed_and_stays_the_lane(
    hq: Headquarters, home: Shop, tmp_path: Path
) -> None:
    home.sync()
    m = enrolled(home)
    home.sync()
    copy = copied(home, tmp_path / "copy")
    sold(home, m, 2)
    home.sync()
    close(home)
    for path in (home.folder / "data").glob("agent.sqlite*"):
        path.unlink()
    for path in (copy / "data").glob("agent.sqlite*"):
        path.rename(home.folder / "data" / path.name)
    back = hq.open(home.folder)
    sold(back, m)
    assert back.sync().settled
    assert epochs(back) == [1]
    assert hq.rows("SELECT count(*) FROM cases") == [(0,)]


def test_headquarters_that_was_put_back_takes_nobody_for_a_copy(
    hq: Headquarters, home: Shop, tmp_path: Path
) -> None:
    home.sync()
    name = continuation.NAME.format("s001", "01", 1)
    before = hq.rows("SELECT value FROM settings WHERE name = ?", name)
    home.sync()
    home.sync()
    with hq.office.store.turn() as turn:
        turn.run("UPDATE settings SET value = ? WHERE name = ?", (before[0][0], name))
    home.sync()
    home.sync()
    assert epochs(home) == [1]


def test_a_token_of_another_lane_or_of_nobody_is_none(hq: Headquarters, home: Shop) -> None:
    other = hq.shop("s002")
    for _ in range(3):
        home.sync()
    other.sync()
    own = home.till.log.mirror.token
    own.keep(other.till.log.mirror.token.read() or "")
    home.sync()
    assert epochs(home) == [1]


def test_a_stale_till_is_told_of_no_rights_and_no_numbers(
    hq: Headquarters, home: Shop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home.sync()
    copy = copied(home, tmp_path / "copy")
    home.sync()
    home.sync()  # an answer may be lost, so the last but one is good for a program that is new
    twin = hq.open(copy)
    monkeypatch.setattr("agent.succession.go_on", lambda *_: False)
    paths = []
    call = twin.uplink.call
    monkeypatch.setattr(
        twin.uplink, "call", lambda method, path, *rest: paths.append(path) or call(method, path, *rest)
    )
    done = twin.night.contact(rest=lambda _ms: None)
    assert [alarm.problem for alarm in done.alarms] == ["fork"]
    assert paths == [endpoints.hello_to()]
    with closing(sqlite3.connect(hq.folder / "hub" / "hub.sqlite")) as base:
        assert base.execute("SELECT count(*) FROM keys").fetchone() == (1,)

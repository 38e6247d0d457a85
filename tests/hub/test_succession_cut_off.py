"""Going on after a fork is interrupted: killed, out of reach, refused by a disk; each ends in one lane."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest
from forks import close, copied, enrolled, heard, points_of, put_back, sold
from headquarters import Headquarters, Shop

from agent import provisioning, succession
from agent.store import sales, volume
from config import sqlite
from config.faults import Fault
from hub.verify import verify


@pytest.mark.parametrize("at", ["asked", "answered", "written", "moved"])
def test_killed_anywhere_it_is_granted_one_lane(
    hq: Headquarters, home: Shop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, at: str
) -> None:
    class Killed(BaseException):
        pass

    def killed(*_told: object) -> None:
        raise Killed

    home.sync()
    m = enrolled(home)
    home.sync()
    copy = copied(home, tmp_path / "copy")
    sold(home, m, 2)
    home.sync()
    back = put_back(hq, home, copy)
    after = sold(back, m, 2)
    with monkeypatch.context() as broken:
        where = {
            "answered": (provisioning, "succeed"), "written": (volume, "move"),
            "moved": (back.till.log, "reconcile"),
        }  # fmt: skip
        if at == "asked":
            call = back.uplink.call

            def torn(method: str, path: str, *rest: object, **more: object) -> bytes:
                told = call(method, path, *rest, **more)  # type: ignore[arg-type]
                if path == "/v1/successions":
                    raise Killed
                return told

            broken.setattr(back.uplink, "call", torn)
        else:
            broken.setattr(*where[at], killed)
        with pytest.raises(Killed):
            back.night.contact()
    close(back)
    again = hq.open(back.folder)
    assert again.sync().settled
    assert again.till.identity.lane.epoch == 2
    assert hq.rows("SELECT count(*) FROM keys") == [(2,)]
    assert all(heard(hq)[op_id][2] == 2 for op_id in after)
    assert points_of(hq, m) == 400
    assert not verify(hq.office).faults


def test_while_headquarters_does_not_answer_it_sells_on_and_tells_it_later(
    hq: Headquarters, home: Shop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home.sync()
    m = enrolled(home)
    home.sync()
    copy = copied(home, tmp_path / "copy")
    sold(home, m)
    home.sync()
    back = put_back(hq, home, copy)
    first = sold(back, m)
    monkeypatch.setattr(succession, "go_on", lambda *_: False)
    done = back.night.contact(rest=lambda _ms: None)
    assert [alarm.problem for alarm in done.alarms] == ["fork"]
    assert not done.settled
    monkeypatch.undo()
    second = sold(back, m)
    assert back.sync().settled
    assert {*first, *second} <= heard(hq).keys()
    assert points_of(hq, m) == 300


def test_a_disk_that_takes_nothing_leaves_it_who_it_was(
    hq: Headquarters, home: Shop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The new identity is written and the book cannot be moved: it sells on, and is moved later."""

    def full(*_told: object) -> int:
        raise Fault("fault.disk_full", "no room")

    home.sync()
    m = enrolled(home)
    home.sync()
    copy = copied(home, tmp_path / "copy")
    sold(home, m)
    home.sync()
    back = put_back(hq, home, copy)
    told = sold(back, m)
    with monkeypatch.context() as broken:
        broken.setattr(volume, "move", full)
        with pytest.raises(Fault):
            back.night.contact(rest=lambda _ms: None)
    assert back.till.identity.lane.epoch == back.till.log.lane.epoch == 1
    told += sold(back, m)
    assert back.sync().settled
    assert back.till.identity.lane.epoch == back.till.log.lane.epoch == 2
    assert {*told} <= heard(hq).keys()
    close(back)
    assert hq.open(back.folder).sync().settled


def test_a_key_that_was_granted_to_another_request_is_not_asked_with_again(
    hq: Headquarters, home: Shop, tmp_path: Path
) -> None:
    home.sync()
    m = enrolled(home)
    home.sync()
    copy = copied(home, tmp_path / "copy")
    sold(home, m)
    home.sync()
    keys = home.folder / "keys"
    back = put_back(hq, home, copy)
    sold(back, m)
    with pytest.MonkeyPatch.context() as broken:
        broken.setattr(provisioning, "succeed", _breaks)
        with pytest.raises(RuntimeError):
            back.night.contact(rest=lambda _ms: None)
    (request,) = keys.glob("after-*.request")
    request.unlink()
    back.night.contact(rest=lambda _ms: None)
    assert back.till.identity.lane.epoch == 1
    assert back.sync().settled
    assert back.till.identity.lane.epoch == 3


@pytest.mark.parametrize(
    ("where", "error"),
    [
        ((provisioning.os, "fsync"), OSError(errno.ENOSPC, "no room")),
        ((volume, "move"), sqlite.DatabaseError("database or disk is full")),
        ((volume, "put"), sqlite.DatabaseError("database or disk is full")),
    ],
)
def test_a_full_disk_is_said_in_words_and_keeps_nothing_from_being_tried_again(
    hq: Headquarters,
    home: Shop,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    where: tuple[object, str],
    error: Exception,
) -> None:
    def full(*_told: object) -> None:
        raise error

    home.sync()
    m = enrolled(home)
    home.sync()
    copy = copied(home, tmp_path / "copy")
    sold(home, m)
    home.sync()
    back = put_back(hq, home, copy)
    told = sold(back, m)
    with monkeypatch.context() as broken:
        broken.setattr(*where, full)
        with pytest.raises(Fault) as fault:
            back.night.contact(rest=lambda _ms: None)
        assert fault.value.remedy in ("fault.system_refused", "fault.database_failed")
    assert back.sync().settled
    assert told[0] in heard(hq)


def test_a_disk_that_takes_a_part_of_a_file_takes_all_of_it_or_says_no(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Half a request was kept for good: headquarters refused it at every contact."""
    write, room = os.write, [4_096, 1_000, 3_904]

    def part(file: int, raw: bytes) -> int:
        if not room:
            raise OSError(errno.ENOSPC, "no room")
        return write(file, raw[: room.pop(0)])

    monkeypatch.setattr(os, "write", part)
    raw = bytes(range(250)) * 36
    assert provisioning.kept(tmp_path / "whole.request", lambda: raw) == raw
    assert (tmp_path / "whole.request").read_bytes() == raw
    room += [4_096]
    with pytest.raises(OSError, match="no room"):
        provisioning.kept(tmp_path / "half.request", lambda: raw)
    assert not (tmp_path / "half.request").exists()


def test_what_an_earlier_fork_left_to_be_fetched_comes_before_the_next(
    hq: Headquarters, home: Shop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home.sync()
    m = enrolled(home)
    home.sync()
    copy = copied(home, tmp_path / "copy")
    first = sold(home, m)
    home.sync()
    home = put_back(hq, home, copy)
    with monkeypatch.context() as broken:
        broken.setattr(succession, "fetch", lambda *_: None)
        home.sync()
        copy = copied(home, tmp_path / "copy2")
        second = sold(home, m)
        home.sync()
        home = put_back(hq, home, copy)
        sold(home, m)
        home.night.contact(rest=lambda _ms: None)
        assert home.till.identity.lane.epoch == 2, "it waits"
    assert home.sync().settled
    assert home.till.identity.lane.epoch == 3
    assert all(sales.entry(home.till.book, op_id) for op_id in (*first, *second))


def _breaks(*_told: object) -> None:
    raise RuntimeError

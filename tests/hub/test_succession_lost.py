"""What a till could spend before it forked comes home when two people declare its old PC lost, no more."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from forks import copied, enrolled, points_of, put_back, sold
from headquarters import Headquarters, Shop, headquarters

from agent.recorder import Recorded
from agent.uplink import OutOfReach
from hub import losses
from hub.registry import copy_registry
from hub.verify import state, verify


def declare_lost(hq: Headquarters, epoch: int) -> None:
    with hq.office.store.turn() as turn:
        assert losses.ask(turn, hq.office, "s001", "01", "李娜", "a", "硬盘换过，旧系统不再运行", epoch)
    with hq.office.store.turn() as turn:
        assert losses.approve(turn, hq.office, "s001", "01", epoch, "王强", "b")


def held(hq: Headquarters, m: int) -> int:
    """What headquarters believes that the counter may spend."""
    ((pts,),) = hq.rows(
        "SELECT coalesce(sum(CASE closed WHEN 0 THEN granted + taken - allowance_used ELSE 0 END"
        " + added - local_used), 0) FROM cells WHERE m = ?",
        m,
    )
    return int(pts)


def forked(hq: Headquarters, home: Shop, tmp_path: Path, used: int) -> tuple[Shop, int]:
    """A till that was put back and told all: 300 points that it gave itself, of which ``used`` are gone."""
    home.sync()
    m = enrolled(home)
    sold(home, m)
    copy = copied(home, tmp_path / "copy")
    sold(home, m)
    home.sync()
    back = put_back(hq, home, copy)
    sold(back, m)
    back.uplink.connected = False
    if used:
        assert isinstance(back.counter.redeem(m, used, "c1"), Recorded)
    back.uplink.connected = True
    assert back.sync().settled
    assert back.till.identity.lane.epoch == 2
    assert back.here(m) == 0
    assert held(hq, m) == points_of(hq, m) == 300 - used
    return back, m


@pytest.mark.parametrize("used", [0, 150])
def test_what_was_not_used_comes_home_and_can_be_spent_again(
    hq: Headquarters, home: Shop, tmp_path: Path, used: int
) -> None:
    back, m = forked(hq, home, tmp_path, used)
    declare_lost(hq, 1)
    assert held(hq, m) == 0
    back.sync()
    assert back.here(m) == held(hq, m) == 300 - used


def test_what_it_gave_itself_in_its_new_lane_stays_its_own(
    hq: Headquarters, home: Shop, tmp_path: Path
) -> None:
    back, m = forked(hq, home, tmp_path, 150)
    sold(back, m, 2)
    back.sync()
    assert back.here(m) == 200
    declare_lost(hq, 1)
    assert held(hq, m) == 200
    back.sync()
    assert back.here(m) == held(hq, m) == 350


@pytest.mark.parametrize("epochs_first", [False, True])
@pytest.mark.parametrize("hq_first", [False, True])
def test_it_is_the_same_in_whatever_order_an_empty_headquarters_hears_it(
    hq: Headquarters, home: Shop, tmp_path: Path, hq_first: bool, epochs_first: bool
) -> None:
    back, m = forked(hq, home, tmp_path, 150)
    declare_lost(hq, 1)
    sold(back, m)
    back.sync()
    rows = hq.rows("SELECT store, epoch, envelope FROM batches ORDER BY arrived")
    rows.sort(key=lambda row: ((row[0] == "hq") is not hq_first, row[1] if epochs_first else -row[1]))
    with headquarters(tmp_path / "again") as again:
        again.office.keys = hq.office.keys
        copy_registry(hq.office.store, again.office)
        again.hear([bytes(raw) for _, _, raw in rows])
        told, wanted = state(again.office), state(hq.office)
        for part in ("lost", "waiting", "members", "cells", "reserved", "accounts", "operations"):
            assert told[part] == wanted[part], part
        assert not verify(again.office).faults


def test_a_loss_waits_until_who_went_on_has_told_what_both_had(
    hq: Headquarters, home: Shop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home.sync()
    m = enrolled(home)
    sold(home, m)
    home.sync()
    copy = copied(home, tmp_path / "copy")
    sold(home, m)
    home.sync()
    back = put_back(hq, home, copy)
    sold(back, m)
    back.uplink.connected = False
    back.counter.redeem(m, 150, "c1")
    back.uplink.connected = True
    call = back.uplink.call

    def torn(method: str, path: str, *rest: Any) -> bytes:
        if path.endswith("/2/batches"):
            raise OutOfReach("the network is cut")
        return call(method, path, *rest)

    with monkeypatch.context() as broken:
        broken.setattr(back.uplink, "call", torn)
        back.night.contact(rest=lambda _ms: None)
    assert back.till.identity.lane.epoch == 2
    with hq.office.store.turn() as turn:
        assert losses.ask(turn, hq.office, "s001", "01", "李娜", "a", "硬盘换过", 1)
        assert not losses.approve(turn, hq.office, "s001", "01", 1, "王强", "b"), (
            "it would be taken for its own"
        )
    back.sync()
    with hq.office.store.turn() as turn:
        assert losses.approve(turn, hq.office, "s001", "01", 1, "王强", "b")
    back.sync()
    assert "uncovered" not in {reason for (reason,) in hq.rows("SELECT reason FROM cases")}

"""Two PCs are one till: the one that went on is heard and not believed until people have said whose it is."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from forks import copied, enrolled, heard, points_of, put_back, sold
from headquarters import Headquarters, Shop
from test_succession_lost import declare_lost
from two_pcs import is_told, kept, parted, say, the_case

from agent import day_close
from agent.recorder import Recorded
from agent.uplink import OutOfReach, Uplink
from hub import casework, second_pcs
from hub.verify import verify
from points.wire import endpoints
from points.wire.faults import Problem

pytestmark = pytest.mark.usefixtures("asks")


def test_what_it_tells_is_kept_until_a_person_says_that_it_belongs(
    hq: Headquarters, home: Shop, tmp_path: Path
) -> None:
    twin, m = parted(hq, home, tmp_path)
    before = points_of(hq, m)
    new, mine = enrolled(twin), sold(twin, m, 2)
    assert twin.sync().settled
    assert is_told(twin)
    assert points_of(hq, m) == before
    assert not set(mine) & heard(hq).keys()
    assert kept(hq) == 3
    assert hq.rows("SELECT count(*) FROM op_seen WHERE posted = 0") == [(0,)], "told by another it is no twin"
    its = sold(home, m)
    day_close.give_back(home.till, "agent")
    home.sync()
    assert its[0] in heard(hq)
    assert points_of(hq, m) == before + 100, "the one that was there goes on"
    assert hq.rows("SELECT count(*) FROM waiting WHERE epoch = 1") == [(0,)], "and waits for nothing of it"
    assert the_case(hq).may == (casework.ACCEPT_PC, casework.TURN_DOWN_PC)
    say(hq, casework.ACCEPT_PC)
    assert points_of(hq, m) == before + 300
    assert kept(hq) == 0
    twin.sync()
    twin.sync()
    assert not is_told(twin)
    assert hq.rows("SELECT count(*) FROM members WHERE m = ?", new) == [(1,)]
    view = twin.till.look(m)
    assert view is not None
    assert view.account.balance(view.today) == before + 300
    home.sync()
    assert hq.rows("SELECT count(*) FROM cases WHERE reason = 'second-pc' AND closed_ms IS NULL") == [(0,)]


def test_it_is_granted_authorised_and_numbered_nothing_meanwhile(
    hq: Headquarters, home: Shop, tmp_path: Path
) -> None:
    twin, m = parted(hq, home, tmp_path)
    day_close.give_back(home.till, "agent")
    home.sync()
    pool = hq.rows("SELECT count(*) FROM pool")
    for _ in range(3):
        twin.sync()
    assert hq.rows("SELECT count(*) FROM pool") == pool
    assert twin.here(m) == 0
    assert twin.uplink.authorise("0" * 32, m, 100) == "unanswered"
    say(hq, casework.ACCEPT_PC)
    twin.sync()
    twin.sync()
    assert twin.here(m) > 0
    assert not verify(hq.office).faults


def test_turned_down_nothing_of_it_counts_and_the_other_is_the_till_again(
    hq: Headquarters, home: Shop, tmp_path: Path
) -> None:
    twin, m = parted(hq, home, tmp_path)
    before = points_of(hq, m)
    mine = sold(twin, m, 2)
    twin.sync()
    say(hq, casework.TURN_DOWN_PC)
    with pytest.raises(AssertionError, match=Problem.REVOKED):
        twin.sync()
    its = sold(home, m)
    assert home.sync().settled
    assert home.till.identity.lane.epoch == 3
    for _ in range(2):
        assert home.sync().settled
    assert its[0] in heard(hq)
    assert not set(mine) & heard(hq).keys()
    assert points_of(hq, m) == before + 100
    assert (is_told(home), kept(hq)) == (False, 0)
    for gone in (1, 2):  # what both could spend of their own lies aside till people have looked
        declare_lost(hq, gone)
    home.sync()
    home.sync()
    assert home.here(m) == before + 100, "all of it, and nothing lies with the other"
    assert isinstance(home.counter.redeem(m, 100, "c1"), Recorded)
    home.sync()
    assert not verify(hq.office).faults


def test_what_two_of_them_had_counts_once_by_the_one_that_belongs(
    hq: Headquarters, home: Shop, tmp_path: Path
) -> None:
    """Who is not believed stays so in the next lane; what is kept of it is nobody's duplicate."""
    twin, m = parted(hq, home, tmp_path)
    before = points_of(hq, m)
    both = sold(twin, m)
    third = hq.open(copied(twin, tmp_path / "third"))
    sold(twin, m)
    twin.sync()
    sold(third, m)
    third.sync()
    assert third.till.identity.lane.epoch == 3
    third.sync()
    assert is_told(third)
    assert kept(hq) == 3
    say(hq, casework.TURN_DOWN_PC, to=3)
    assert kept(hq) == 2
    say(hq, casework.ACCEPT_PC)
    assert both[0] in heard(hq)
    assert points_of(hq, m) == before + 200
    twin.sync()
    assert twin.till.identity.lane.epoch == 4
    after = sold(twin, m)
    twin.sync()
    assert after[0] in heard(hq)
    assert not is_told(twin)


def test_a_late_copy_of_a_question_does_not_make_a_second_pc(
    hq: Headquarters, home: Shop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home.sync()
    m = enrolled(home)
    copy = copied(home, tmp_path / "copy")
    asked: list[bytes] = []
    call = Uplink.call

    def unheard(uplink: Uplink, method: str, target: str, body: bytes = b"", *rest: Any) -> bytes:
        if target == endpoints.hello_to():
            asked.append(body)
            raise OutOfReach("cut off")
        return call(uplink, method, target, body, *rest)

    sold(home, m)
    home.sync()
    with monkeypatch.context() as wire:
        wire.setattr(Uplink, "call", unheard)
        home.night.contact(rest=lambda _ms: None)
    old = Uplink(hq.url, home.till.identity.key, home.till.identity.hub_receipt_public)
    back = put_back(hq, home, copy)
    sold(back, m)
    back.sync()
    for late in (asked[-1], asked[-1]):
        old.call("POST", endpoints.hello_to(), late, endpoints.JSON)
    old.close()
    sale = sold(back, m)
    back.sync()
    assert sale[0] in heard(hq)
    assert not is_told(back)
    assert the_case(hq).may == (casework.CLOSE,)


def test_a_case_that_was_closed_too_early_is_asked_again_when_both_are_alive(
    hq: Headquarters, home: Shop, tmp_path: Path
) -> None:
    home.sync()
    m = enrolled(home)
    home.sync()
    twin = hq.open(copied(home, tmp_path / "twin"))
    sold(home, m)
    home.sync()
    sold(twin, m)
    twin.sync()
    with hq.office.store.turn() as turn:
        second_pcs.hear(turn, hq.office, home.till.identity.lane, None)
    say(hq, casework.CLOSE)
    home.sync()
    assert the_case(hq).may == (casework.ACCEPT_PC, casework.TURN_DOWN_PC)


def test_headquarters_that_is_put_back_believes_it_no_more_than_before(
    hq: Headquarters, home: Shop, tmp_path: Path
) -> None:
    copy = hq.copy()
    twin, m = parted(hq, home, tmp_path)
    sold(twin, m, 2)
    twin.sync()
    before = points_of(hq, m)
    hq.put_back(copy)
    for shop in (home, twin, home, twin, home, twin):
        shop.sync()
    assert kept(hq) == 3, "with the end of its term in the earlier incarnation"
    assert points_of(hq, m) == before
    say(hq, casework.ACCEPT_PC)
    assert points_of(hq, m) == before + 200
    assert not verify(hq.office).faults


def test_so_many_as_the_chain_allows_are_accepted_unasked(
    hq: Headquarters, home: Shop, tmp_path: Path
) -> None:
    hq.office.spare_pcs = 1
    twin, m = parted(hq, home, tmp_path)
    mine = sold(twin, m)
    twin.sync()
    assert mine[0] in heard(hq)
    assert the_case(hq).may == (casework.CLOSE,)
    third = hq.open(copied(twin, tmp_path / "third"))
    sold(twin, m)
    twin.sync()
    sold(third, m)
    third.sync()
    twin.sync()
    twin.sync()
    its = sold(third, m)
    third.sync()
    assert its[0] not in heard(hq)
    assert kept(hq) == 1

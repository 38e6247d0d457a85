"""Two PCs that are one till, as a thief plays them, and as a plug that is pulled finds them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from forks import copied, enrolled, heard, points_of, put_back, sold, twins
from headquarters import DAY_MS, Headquarters, Shop
from two_pcs import is_told, kept, parted, say

from agent import provisioning
from agent.contact import GEN
from agent.uplink import OutOfReach, Uplink, join
from hub import casework, overdue, succession
from hub.store import doubted_pcs, schema
from hub.store.engine import Turn
from points.wire import endpoints
from points.wire.faults import Problem
from points.wire.manifest import PRIVATE_TOPIC, private_shard

pytestmark = pytest.mark.usefixtures("asks")


def test_who_takes_the_place_of_one_that_went_on_is_found_out_by_that_one(
    hq: Headquarters, home: Shop, tmp_path: Path
) -> None:
    """A till that was put back has left its old lane; whoever has its old image asks from there once more."""
    home.sync()
    m = enrolled(home)
    sold(home, m)
    home.sync()
    image, old = copied(home, tmp_path / "image"), copied(home, tmp_path / "old")
    sold(home, m)
    home.sync()
    back = put_back(hq, home, old)
    sold(back, m)
    assert back.sync().settled
    back.sync()
    assert back.till.identity.lane.epoch == 2
    thief = hq.open(image)
    sold(thief, m)
    thief.sync()
    assert thief.till.identity.lane.epoch == 3
    for _ in range(3):
        back.sync()
    its = sold(thief, m)
    thief.sync()
    assert is_told(thief)
    assert its[0] not in heard(hq)
    say(hq, casework.TURN_DOWN_PC, to=3)
    back.sync()
    assert back.till.identity.lane.epoch == 4
    mine = sold(back, m)
    back.sync()
    assert mine[0] in heard(hq)
    assert not is_told(back)


@pytest.mark.parametrize("of", ["lane", "image"])
def test_who_goes_on_once_more_before_it_is_found_out_is_found_out_with_it(
    hq: Headquarters, home: Shop, tmp_path: Path, of: str
) -> None:
    home.sync()
    m = enrolled(home)
    sold(home, m)
    home.sync()
    images = [copied(home, tmp_path / name) for name in ("one", "two")]
    sold(home, m)
    home.sync()
    one = hq.open(images[0])
    sold(one, m)
    one.sync()
    two = hq.open(copied(one, tmp_path / "three") if of == "lane" else images[1])
    sold(one, m)
    one.sync()
    sold(two, m)
    two.sync()
    assert two.till.identity.lane.epoch == 3
    home.sync()
    home.sync()
    two.sync()
    its = sold(two, m)
    two.sync()
    assert its[0] not in heard(hq)
    assert is_told(two)
    for to in (3, 2):
        say(hq, casework.TURN_DOWN_PC, to=to)
    home.sync()
    assert home.till.identity.lane.epoch == 4
    home.sync()
    assert not is_told(home)


def test_an_old_image_is_found_out_also_in_place_of_one_that_was_turned_down(
    hq: Headquarters, home: Shop, tmp_path: Path
) -> None:
    home.sync()
    m = enrolled(home)
    sold(home, m)
    home.sync()
    images = [copied(home, tmp_path / name) for name in ("old", "one", "two")]
    sold(home, m)
    home.sync()
    back = put_back(hq, home, images[0])
    sold(back, m)
    back.sync()
    back.sync()
    for n, image in enumerate(images[1:], 3):
        thief = hq.open(image)
        sold(thief, m)
        thief.sync()
        assert thief.till.identity.lane.epoch == n
        if n == 3:
            back.sync()
            back.sync()
            say(hq, casework.TURN_DOWN_PC, to=n)
    for _ in range(3):
        back.sync()
    assert back.till.identity.lane.epoch == 2, "the thief was quicker"
    thief.sync()
    assert is_told(thief)


def test_a_pc_that_was_replaced_by_a_ticket_takes_nobodys_place(
    hq: Headquarters, home: Shop, tmp_path: Path
) -> None:
    home.sync()
    old = home
    identity = provisioning.join(tmp_path / "new" / "keys", hq.ticket("s001"), join)
    new = hq.open(tmp_path / "new", identity)
    m = enrolled(new)
    sold(new, m)
    new.sync()
    twin = hq.open(copied(new, tmp_path / "twin"))
    sold(new, m)
    new.sync()
    sold(twin, m)
    twin.sync()
    new.sync()
    new.sync()
    say(hq, casework.TURN_DOWN_PC, to=3)
    old.sync()
    assert old.till.identity.lane.epoch == 1
    new.sync()
    new.sync()
    assert new.till.identity.lane.epoch == 4
    assert hq.rows("SELECT epoch FROM agents WHERE store = 's001'") == [(4,)]


def test_who_is_doubted_is_not_believed_for_asking_again_from_where_it_parted(
    hq: Headquarters, home: Shop, tmp_path: Path
) -> None:
    home.sync()
    m = enrolled(home)
    sold(home, m)
    home.sync()
    images = [copied(home, tmp_path / name) for name in ("one", "two")]
    sold(home, m)
    home.sync()
    one = hq.open(images[0])
    sold(one, m)
    one.sync()
    home.sync()
    home.sync()
    two = hq.open(images[1])
    its = sold(two, m)
    two.sync()
    assert two.till.identity.lane.epoch == 3
    assert its[0] not in heard(hq)
    assert two.here(m) == 0
    two.sync()
    assert is_told(two)


def test_one_pc_whose_grant_is_lost_again_and_again_is_no_second_one_of_itself(
    hq: Headquarters, home: Shop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home.sync()
    m = enrolled(home)
    sold(home, m)
    copy = copied(home, tmp_path / "copy")
    sold(home, m)
    home.sync()
    token = home.till.log.mirror.token.read()
    assert token is not None
    back = put_back(hq, home, copy)
    back.till.log.mirror.token.keep(token)  # its database was put back, what stands beside the key was not
    sold(back, m)
    call = Uplink.call

    def unheard(uplink: Uplink, method: str, target: str, *rest: Any) -> bytes:
        answer = call(uplink, method, target, *rest)
        if target == endpoints.successions():
            raise OutOfReach("cut off")
        return answer

    with monkeypatch.context() as wire:
        wire.setattr(Uplink, "call", unheard)
        for _ in range(4):
            back.night.contact(rest=lambda _ms: None)
    assert back.till.identity.lane.epoch == 1
    back.sync()
    assert back.till.identity.lane.epoch == 2
    back.sync()
    sale = sold(back, m)
    back.sync()
    assert not is_told(back)
    assert sale[0] in heard(hq)


def test_who_only_asks_for_its_page_is_heard_as_well(
    hq: Headquarters, home: Shop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    twin, m = twins(hq, home, tmp_path)
    succeed = provisioning.succeed

    def unplugged(*asked: Any) -> Any:
        twin.uplink.connected = False
        return succeed(*asked)

    with monkeypatch.context() as cut:
        cut.setattr(provisioning, "succeed", unplugged)
        twin.night.contact(rest=lambda _ms: None)
    assert twin.till.identity.lane.epoch == 2
    twin.uplink.connected = True
    assert twin.uplink.authorise("0" * 32, m, 100) == "unanswered"
    shard = private_shard("s001", "01")
    twin.uplink.call("GET", endpoints.manifest_of(PRIVATE_TOPIC, shard, GEN))
    for _ in range(2):
        home.sync()
    with hq.office.store.look() as look:
        assert doubted_pcs.thought(look, twin.till.identity.lane) == doubted_pcs.ASKED


@pytest.mark.parametrize("how", ["copy", "plug"])
def test_what_was_accepted_is_booked_also_after_headquarters_was_put_back(
    hq: Headquarters, home: Shop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    twin, m = parted(hq, home, tmp_path)
    before = points_of(hq, m)
    sold(twin, m, 2)
    twin.sync()
    assert kept(hq) == 2
    copy = hq.copy()
    if how == "copy":
        say(hq, casework.ACCEPT_PC)
        hq.put_back(copy)
    else:
        keep, journal = hq.office.store.keep, hq.office.store.journal
        assert journal is not None

        def killed(turn: Turn) -> bool:
            keep(turn)
            raise KeyboardInterrupt

        with monkeypatch.context() as dead:
            dead.setattr(hq.office.store, "keep", killed)
            dead.setattr(journal, "withdraw", lambda: None)  # who is killed cuts nothing off
            with pytest.raises(KeyboardInterrupt):
                say(hq, casework.ACCEPT_PC)
        hq.reopen()
    assert kept(hq) == 0
    assert points_of(hq, m) == before + 200
    for shop in (home, twin, home, twin):
        shop.sync()
    assert points_of(hq, m) == before + 200
    assert not is_told(twin)


def test_what_was_posted_of_one_that_is_turned_down_is_kept_twice(
    hq: Headquarters, home: Shop, tmp_path: Path
) -> None:
    """It will never offer again what headquarters has acknowledged to it."""
    copy = hq.copy()
    twin, m = parted(hq, home, tmp_path)
    before = points_of(hq, m)
    mine = sold(twin, m)
    twin.sync()
    say(hq, casework.TURN_DOWN_PC)
    hq.put_back(copy)
    for _ in range(3):
        home.sync()
    assert points_of(hq, m) == before
    assert mine[0] not in heard(hq)
    assert kept(hq) == 0
    with pytest.raises(AssertionError, match=Problem.REVOKED):
        twin.sync()
    assert mine[0] not in heard(hq)
    assert points_of(hq, m) == before


def test_what_is_kept_of_it_is_no_case_of_its_own(hq: Headquarters, home: Shop, tmp_path: Path) -> None:
    """One by one its operations would be judged, or dismissed with the rights of the other PC."""
    twin, m = parted(hq, home, tmp_path)
    sold(twin, m, 2)
    twin.sync()
    hq.clock.now_ms += 8 * DAY_MS
    assert overdue.open_cases(hq.office) == 0
    assert kept(hq) == 2


def test_a_case_of_the_other_pc_does_not_mean_the_twin_that_is_kept(
    hq: Headquarters, home: Shop, tmp_path: Path
) -> None:
    """What both of them have may be overdue of the one that is believed, and be kept of the other."""
    twin, m = parted(hq, home, tmp_path)
    both = sold(twin, m)
    twin.sync()
    with hq.office.store.turn() as turn:
        row = ("missing-dependency", both[0], m, "s001", "{}", hq.clock.now_ms, None)
        turn.put(schema.cases, [row])
        ((number,),) = turn.run("SELECT id FROM cases WHERE reason = 'missing-dependency'")
        case = casework.find(turn, hq.office, number)
    assert case is not None
    assert case.may == (casework.CLOSE,)


def test_lanes_of_those_that_were_turned_down_do_not_keep_the_till_from_going_on(
    hq: Headquarters, home: Shop, tmp_path: Path
) -> None:
    twin, m = parted(hq, home, tmp_path)
    for n in range(succession.A_DAY_MAX - 1):
        then = hq.open(copied(twin, tmp_path / f"then{n}"))
        sold(twin, m)
        twin.sync()
        sold(then, m)
        then.sync()
        twin = then
    last = twin.till.identity.lane.epoch
    assert last == succession.A_DAY_MAX + 1
    for epoch in range(2, last + 1):
        say(hq, casework.TURN_DOWN_PC, to=epoch)
    home.sync()
    assert home.till.identity.lane.epoch == last + 1
    home.sync()
    assert not is_told(home)

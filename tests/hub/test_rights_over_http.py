"""Points are never spent twice: grants, authorisations, and two tills that want the same points."""

from __future__ import annotations

import random
import threading
from typing import Any

import pytest
from headquarters import DAY_MS, NOON_MS, Headquarters, Shop
from pretend_till import NO_RIGHT, PretendTill, points_of

from agent import day_close, enrolment, goods_back, provisioning
from agent.counter import No
from agent.recorder import Recorded
from agent.uplink import join
from hub.verify import verify
from points.identifiers import new_op_id
from points.wire import canonical, endpoints


def saved(till: PretendTill, pts: int) -> int:
    """A member with points that headquarters holds itself."""
    m = till.enrol()
    till.earn(m, pts)
    till.op("rights.return", m, fund=[["back_l", pts]])
    till.send()
    return m


def intent(till: PretendTill) -> str:
    till.st += 1_000
    return new_op_id(till.st, till.chance.randbytes(10))


def enrolled(shop: Shop) -> int:
    done = enrolment.enrol(shop.till, "c1")
    assert isinstance(done, enrolment.Enrolled)
    assert done.recorded.op.m is not None
    return done.recorded.op.m


def held(hq: Headquarters) -> list[Any]:
    return hq.rows("SELECT intent, pts FROM reserved")


def test_an_authorisation_is_given_once_and_said_again(hq: Headquarters, till: PretendTill) -> None:
    m = saved(till, 100)
    asked = intent(till)
    assert till.authorise(asked, m, 60) == {"granted": 60}
    assert till.authorise(asked, m, 60) == {"granted": 60}, "the answer was lost, so it is asked again"
    assert held(hq) == [(asked, 60)]
    assert till.authorise(asked, m, 61) == {"refused": "not_enough_points"}
    assert till.authorise(intent(till), m, 41) == {"refused": "not_enough_points"}
    assert till.authorise(intent(till), m, 40) == {"granted": 40}
    till.redeem(m, 60, ["auth", 60], id=asked)
    assert till.send() == {}
    assert points_of(hq, m) == (40, 0)
    assert till.authorise(asked, m, 60) == {"refused": "not_enough_points"}, "it is spent"
    assert [pts for _, pts in held(hq)] == [40]


def test_a_reservation_ends_with_its_operation_whatever_that_is(hq: Headquarters, till: PretendTill) -> None:
    m = saved(till, 100)
    for write in (
        lambda asked: till.earn(m, 5, id=asked),
        lambda asked: till.redeem(m, 5, ["local", 5], id=asked),
    ):
        asked = intent(till)
        assert till.authorise(asked, m, 60) == {"granted": 60}
        write(asked)
        till.send()
        assert held(hq) == []


def test_a_void_ends_a_reservation_and_one_before_it_refuses_it(hq: Headquarters, till: PretendTill) -> None:
    m = saved(till, 100)
    asked = intent(till)
    assert till.authorise(asked, m, 100) == {"granted": 100}
    till.op("auth.void", m, refs=[asked])
    assert till.send() == {}
    assert held(hq) == []
    early = intent(till)
    till.op("auth.void", m, refs=[early])
    till.send()
    assert till.authorise(early, m, 10) == {"refused": "not_enough_points"}
    assert till.authorise(asked, m, 10) == {"refused": "not_enough_points"}
    assert till.authorise(intent(till), m, 100) == {"granted": 100}


def test_an_operation_before_its_reservation_leaves_nothing_to_reserve(
    hq: Headquarters, till: PretendTill
) -> None:
    m = saved(till, 100)
    asked = intent(till)
    till.redeem(m, 30, ["auth", 30], id=asked)
    assert till.send() == {4: ("J", {"reason": "uncovered", "pts": 30})}
    assert till.authorise(asked, m, 30) == {"refused": "not_enough_points"}
    assert held(hq) == []
    assert points_of(hq, m) == (70, 0)


def test_two_tills_are_never_authorised_more_than_there_is(
    hq: Headquarters, till: PretendTill, other: PretendTill
) -> None:
    m = saved(till, 100)
    said: list[dict[str, Any]] = []
    asks = [(one, intent(one)) for one in (till, other) for _ in range(5)]
    threads = [threading.Thread(target=lambda a=a: said.append(a[0].authorise(a[1], m, 30))) for a in asks]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(map(str, said)) == sorted(
        [str({"granted": 30})] * 3 + [str({"refused": "not_enough_points"})] * 7
    )


def test_debt_and_a_stranger_are_refused(hq: Headquarters, till: PretendTill) -> None:
    m = till.enrol()
    sale = till.earn(m, 100)
    till.redeem(m, 100)
    till.refund(m, sale, 10_000)
    till.send()
    assert points_of(hq, m) == (0, 100)
    assert till.authorise(intent(till), m, 1) == {"refused": "debt"}
    assert till.authorise(intent(till), 77_777, 1) == {"refused": "not_enough_points"}
    for bad in (0, -1, 10**13, "5"):
        told = till.call(
            "POST",
            "/v1/authorisations",
            b'{"id":"%s","m":1,"n":%s}'
            % (intent(till).encode(), (f'"{bad}"' if isinstance(bad, str) else str(bad)).encode()),
            "application/json",
        )
        assert (told.status, told.fault.problem) == (400, "malformed")


def test_debt_is_repaid_by_the_next_points(hq: Headquarters, till: PretendTill) -> None:
    m = till.enrol()
    sale = till.earn(m, 100)
    till.redeem(m, 100)
    till.refund(m, sale, 10_000)
    till.earn(m, 130, add=False, fund=[["add", 30]])
    assert till.send() == {}
    assert points_of(hq, m) == (30, 0)


def test_grants_go_to_the_home_till_and_come_back_when_the_member_moves(
    hq: Headquarters, till: PretendTill, other: PretendTill
) -> None:
    m = till.enrol()
    for n in range(2):
        till.st = max(till.st, NOON_MS + n * DAY_MS)
        till.earn(m, 100)
        till.op("rights.return", m, fund=[["back_l", 100]])
    hq.clock.now_ms = till.st
    till.send()
    rights = till.page("r")
    assert rights == [["r", "pts", m, 200, [[20271119, 100], [20271120, 100]], 0]]
    assert other.page("r") == []
    assert other.authorise(intent(other), m, 1) == {"refused": "held_elsewhere"}
    for n in range(4):
        other.st = max(other.st, NOON_MS + (5 + n) * DAY_MS)
        other.earn(m, 10)
    hq.clock.now_ms = other.st
    other.send()
    assert [row[5] for row in till.page("r")] == [1], "wanted back"
    till.st = hq.clock.now_ms
    till.op("rights.return", m, fund=[["back_a", 200]])
    till.send()
    assert till.page("r") == []
    assert [row[3] for row in other.page("r")] == [200]


def test_a_closed_term_comes_home_only_behind_everything_of_its_lane(
    hq: Headquarters, till: PretendTill, other: PretendTill
) -> None:
    m = till.enrol()
    for _ in range(2):
        till.earn(m, 100)
        till.op("rights.return", m, fund=[["back_l", 100]])
    till.send()
    assert [row[3] for row in till.page("r")] == [200]
    sale = other.earn(m, 5)
    till.redeem(m, 50, ["allowance", 50])
    till.refund(m, sale, 100)
    till.op("rights.close", inc=1, term=1)
    said = till.send()
    assert {seq: code for seq, (code, _) in said.items()} == {7: "P", 8: "P"}
    assert hq.rows("SELECT closed, allowance_used FROM cells WHERE store = 's001'") == [(0, 50)]
    other.send()
    assert till.told() == {7: NO_RIGHT, 8: ("A", {})}
    assert hq.rows("SELECT closed FROM cells WHERE store = 's001'") == [(1,)]
    assert other.authorise(intent(other), m, 150) == {"refused": "not_enough_points"}
    assert other.authorise(intent(other), m, 149) == {"granted": 149}, "205 - 50 - 1 clawed - 5 held by s002"


@pytest.mark.parametrize("seed", range(3))
def test_two_tills_never_get_more_than_the_balance(hq: Headquarters, seed: int) -> None:
    """P10 as a story: real tills, the network on and off, day closes and nights; each night is verified."""
    dice = random.Random(seed)
    shops = [hq.shop("s001"), hq.shop("s002")]
    ms = []
    for n in range(4):
        new = enrolment.enrol(shops[n % 2].till, "c1")
        assert isinstance(new, enrolment.Enrolled)
        ms.append(new.m)
    for shop in (*shops, *shops):
        shop.sync()
    sales: list[list[tuple[str, int]]] = [[], []]
    done = refused = 0
    for _ in range(6):
        for _ in range(14):
            hq.clock.now_ms += dice.randrange(1, 40) * 60_000
            i = dice.randrange(2)
            shop, m = shops[i], dice.choice(ms)
            shop.uplink.connected = dice.random() < 0.4
            act = dice.random()
            if act < 0.45:
                sold = shop.counter.sell(m, [[1, "all", 2, dice.randrange(1, 300) * 100]], "c1")
                assert isinstance(sold, Recorded), sold
                sales[i].append((sold.op.id, sold.op.body["lines"][0][3]))
            elif act < 0.85:
                result = shop.counter.redeem(m, dice.randrange(1, 200), "c1")
                done += isinstance(result, Recorded)
                refused += isinstance(result, No)
            elif sales[i]:
                sale, fen = sales[i].pop(dice.randrange(len(sales[i])))
                goods_back.refund(shop.till, sale, [[1, 1, fen // 2]], "c1")
        for shop in shops:
            shop.uplink.connected = True
            if dice.random() < 0.6:
                day_close.close_day(shop.till, "c1")
        hq.clock.now_ms += DAY_MS - (hq.clock.now_ms - NOON_MS) % DAY_MS
        for shop in shops:
            if dice.random() < 0.8:
                shop.night.run(rest=lambda _ms: None)
        assert verify(hq.office).faults == []
        reasons = {reason for (reason,) in hq.rows("SELECT reason FROM cases")}
        assert "uncovered" not in reasons
    assert done > 5
    assert refused > 5


def test_a_pc_that_was_replaced_and_still_talks_shares_no_rights_and_no_numbers(hq: Headquarters) -> None:
    old = hq.shop("s001")
    m = enrolled(old)
    for _ in range(3):
        old.counter.sell(m, [[1, "food", 1, 10_000]], "c1")
        old.sync()
        hq.clock.now_ms += DAY_MS
    day_close.close_day(old.till, "c1")
    old.sync()
    hq.clock.now_ms += DAY_MS
    old.sync()
    assert old.till.rights(m).granted == 300
    folder = hq.folder / "new"
    new = hq.open(folder, provisioning.join(folder / "keys", hq.ticket("s001"), join))
    assert new.till.rights(m).granted == 0, "what the old one holds is not over yet"
    for shop in (old, new, old, new):
        shop.sync()
    assert [shop.till.rights(m).granted for shop in (old, new)] == [0, 300]
    assert isinstance(old.counter.redeem(m, 300, "c1"), No), "nor does it get them when it asks"
    assert isinstance(new.counter.redeem(m, 300, "c1"), Recorded)
    drawn = [enrolled(shop) for shop in (old, new)]
    assert len(set(drawn)) == 2, "one number is not two people"
    for shop in (old, new, old, new):
        shop.sync()
    assert points_of(hq, m) == (0, 0)
    assert hq.rows("SELECT reason FROM cases") == []
    assert verify(hq.office).faults == []


def test_a_pc_that_was_replaced_is_authorised_no_more(hq: Headquarters, till: PretendTill) -> None:
    m = saved(till, 100)
    new = PretendTill(hq, "s001", seed=2)
    asked = canonical.encode({"id": intent(till), "m": m, "n": 60})
    told = till.call("POST", endpoints.authorisations(), asked, endpoints.JSON)
    assert (told.status, told.fault.problem) == (403, "fenced-epoch")
    assert new.authorise(intent(new), m, 60) == {"granted": 60}
    new.close()

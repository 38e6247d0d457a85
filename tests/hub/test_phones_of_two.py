"""Two enrolments with one phone: it stays with the first that headquarters hears whole, and is a case.

Heard whole is an operation with its box, whichever of them came first. Every till comes to show the same.
"""

from __future__ import annotations

from typing import Any

import pytest
from headquarters import Headquarters, Shop
from pretend_till import PretendTill, points_of
from test_sealed_identities import PHONE, boxed_sale, member, phones

from agent import enrolment
from agent.counter import Found
from agent.desk import Desk, Done
from hub import personal


def known(hq: Headquarters) -> list[tuple[Any, ...]]:
    return hq.rows("SELECT reason, m, store FROM cases ORDER BY m")


@pytest.mark.parametrize(
    "order",
    [
        "first's operation, first's box, second's operation, second's box",
        "first's box, first's operation, second's box, second's operation",
        "second's operation, first's box, first's operation, second's box",
        "second's box, first's operation, first's box, second's operation",
        "first's operation, second's operation, first's box, second's box",
        "second's box, first's box, first's operation, second's operation",
    ],
)
@pytest.mark.parametrize("names", [("王小明", "王小明"), ("王小明", "李雷")])
def test_a_phone_stays_with_the_first_and_the_second_is_a_case(
    hq: Headquarters, till: PretendTill, other: PretendTill, order: str, names: tuple[str, str]
) -> None:
    tills = {"first": till, "second": other}
    told = {
        who: tills[who].enrol_boxed(phone=PHONE, name=name) for who, name in zip(tills, names, strict=True)
    }
    for step in order.split(", "):
        who, _, what = step.partition("'s ")
        if what == "box":
            tills[who].put(*told[who][1:])
        else:
            tills[who].send()
    first, second = told["first"][0], told["second"][0]
    assert member(hq) == first
    assert known(hq) == [("phone-known", second, "s002")]
    assert phones(till) == phones(other) == {first}, "each store is told whose the phone is"
    for who in tills:  # the answers were lost
        tills[who].put(*told[who][1:])
    assert member(hq) == first
    assert known(hq) == [("phone-known", second, "s002")], "the same box again is no other case"
    sale, blob = boxed_sale(other, 30)
    other.put(sale["id"], blob)
    other.send()
    assert (points_of(hq, first), points_of(hq, second)) == ((30, 0), (0, 0))
    with hq.office.store.look() as look:
        for m, name in zip((first, second), names, strict=True):
            assert personal.read(look, hq.office, m) == {"phone": PHONE, "name": name}


def test_a_member_made_for_a_sale_keeps_its_phone_when_somebody_is_enrolled_with_it_later(
    hq: Headquarters, till: PretendTill, other: PretendTill
) -> None:
    sale, blob = boxed_sale(till, 70)
    till.put(sale["id"], blob)
    till.send()
    made = member(hq)
    m, op_id, box = other.enrol_boxed(phone=PHONE)
    other.send()
    other.put(op_id, box)
    assert (member(hq), known(hq)) == (made, [("phone-known", m, "s002")])
    assert points_of(hq, made) == (70, 0)


def test_a_phone_of_one_member_and_the_same_member_seen_elsewhere_are_no_case(
    hq: Headquarters, till: PretendTill, other: PretendTill
) -> None:
    m, op_id, box = till.enrol_boxed(phone=PHONE)
    till.put(op_id, box)
    sale, blob = boxed_sale(other, 30)
    till.send()
    other.put(sale["id"], blob)
    other.send()
    another, op_id, box = other.enrol_boxed(phone="13812348001")
    other.put(op_id, box)
    other.send()
    assert (member(hq), member(hq, "13812348001"), known(hq)) == (m, another, [])


def found(shop: Shop) -> int | None:
    """Whom this till shows for the phone."""
    told = shop.counter.scan(PHONE)
    assert isinstance(told, Found), told
    assert told.card is not None
    return told.card.m


@pytest.mark.parametrize("store", ["s001", "s002"])
def test_of_two_tills_that_enrolled_one_phone_without_a_network_both_come_to_show_the_first(
    hq: Headquarters, store: str
) -> None:
    one, other = hq.shop("s001"), hq.shop(store, "02")
    new = [enrolment.enrol(shop.till, "c1", phone=PHONE) for shop in (one, other)]
    first, second = (each.m for each in new if isinstance(each, enrolment.Enrolled))
    assert (found(one), found(other)) == (first, second), "nobody has told either of them"
    one.sync()
    assert found(other) == second
    other.sync()
    assert (member(hq), found(one), found(other)) == (first, first, first)
    assert known(hq) == [("phone-known", second, store)]
    for shop in (one, other):
        assert isinstance(enrolment.enrol(shop.till, "c1", phone=PHONE), enrolment.No)
    sold = Desk(other.counter).sell_to_phone("act-1", "c1", PHONE, [[1, "all", 1, 8_000]])
    assert isinstance(sold, Done)
    assert sold.op.m == first
    other.sync()
    one.sync()
    assert (found(one), found(other)) == (first, first)
    assert (points_of(hq, first), points_of(hq, second)) == ((80, 0), (0, 0))


def test_who_is_enrolled_after_a_sale_to_the_phone_gets_its_points_in_the_same_contact(
    hq: Headquarters,
) -> None:
    shop = hq.shop("s001")
    desk = Desk(shop.counter)
    assert isinstance(desk.sell_to_phone("act-1", "c1", PHONE, [[1, "all", 1, 8_000]]), Done)
    new = desk.enrol("act-2", "c1", phone=PHONE)
    assert isinstance(new, Done)
    shop.sync()
    assert (member(hq), found(shop), known(hq)) == (new.op.m, new.op.m, [])
    assert points_of(hq, new.op.m or 0) == (80, 0)


def test_who_was_made_a_member_by_a_sale_to_the_phone_is_not_enrolled_after_the_contact(
    hq: Headquarters,
) -> None:
    shop = hq.shop("s001")
    desk = Desk(shop.counter)
    assert isinstance(desk.sell_to_phone("act-1", "c1", PHONE, [[1, "all", 1, 8_000]]), Done)
    shop.sync()
    assert isinstance(desk.enrol("act-2", "c1", phone=PHONE), enrolment.No)
    assert (found(shop), points_of(hq, member(hq))) == (member(hq), (80, 0))

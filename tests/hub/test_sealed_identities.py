"""A phone that was typed where nobody knew it: the box and the operation find each other, in any order."""

from __future__ import annotations

from typing import Any

import pytest
from headquarters import DAY_MS, Headquarters
from pretend_till import PretendTill, points_of

from agent import enrolment
from agent.counter import Found
from agent.desk import Desk, Done
from agent.funding import No
from agent.papers import paper_of
from agent.uplink import OutOfReach
from config.night_window import NightWindow
from config.words import load_words
from hardware.paper import Text
from hub import personal
from hub.night import Night
from points.identifiers import new_op_id
from points.wire import endpoints, sealing

PHONE = "13812348000"


def boxed_sale(till: PretendTill, pts: int, **person: str) -> tuple[dict[str, Any], bytes]:
    """A sale for whoever has this phone: no number, nothing added, nothing spent."""
    till.st += 1_000
    op_id = new_op_id(till.st, till.chance.randbytes(10))
    blob = till.box(op_id, **(person or {"phone": PHONE}))
    return till.earn(None, pts, id=op_id, pii=sealing.pii_commitment(blob)), blob


def member(hq: Headquarters, phone: str = PHONE) -> int:
    with hq.office.store.look() as look:
        m = personal.by_phone(look, hq.office, phone)
    assert m is not None
    return m


@pytest.mark.parametrize("box_first", [True, False])
def test_a_phone_that_nobody_has_makes_a_member(
    hq: Headquarters, till: PretendTill, *, box_first: bool
) -> None:
    sale, blob = boxed_sale(till, 70)
    if box_first:
        till.put(sale["id"], blob)
    said = till.send()
    assert said[1][0] == "P", said
    if not box_first:
        assert hq.rows("SELECT count(*) FROM waiting") == [(1,)]
        till.put(sale["id"], blob)
    m = member(hq)
    assert points_of(hq, m) == (70, 0)
    assert till.told()[1] == ("A", {})
    assert hq.rows("SELECT count(*) FROM waiting") == [(0,)]
    assert hq.rows("SELECT count(*) FROM sealed") == [(0,)], "opened once, and destroyed"
    assert hq.rows("SELECT kind FROM facts WHERE store = 'hq' AND m = ? ORDER BY op_id", m) == [
        ("member.enrol",),
        ("member.resolve",),
    ]
    told = till.members()[m]
    assert (told[2], told[6]) == ("active", "8000")
    till.put(sale["id"], blob)
    assert points_of(hq, m) == (70, 0), "the same box again changes nothing"


def test_a_phone_that_somebody_has_is_that_member(
    hq: Headquarters, till: PretendTill, other: PretendTill
) -> None:
    m, op_id, blob = till.enrol_boxed(phone=PHONE, name="王小明")
    till.put(op_id, blob)
    till.send()
    sales = [boxed_sale(other, 30) for _ in range(2)]
    for sale, of in sales:
        other.put(sale["id"], of)
    other.send()
    assert member(hq) == m
    assert points_of(hq, m) == (60, 0)
    with hq.office.store.look() as look:
        assert personal.read(look, hq.office, m)["name"] == "王小明", "what is known stays"
    assert hq.rows("SELECT store FROM phone_tags ORDER BY 1") == [("s001",), ("s002",)]


def test_two_sales_of_one_unknown_phone_make_one_member(
    hq: Headquarters, till: PretendTill, other: PretendTill
) -> None:
    for one in (till, till, other):
        sale, blob = boxed_sale(one, 10)
        one.put(sale["id"], blob)
    till.send()
    other.send()
    assert points_of(hq, member(hq)) == (30, 0)
    assert hq.rows("SELECT count(*) FROM members") == [(1,)]


@pytest.mark.parametrize("box_first", [True, False])
def test_whoever_arrives_second_brings_all_of_it_or_nothing(
    hq: Headquarters, till: PretendTill, monkeypatch: pytest.MonkeyPatch, *, box_first: bool
) -> None:
    """Posting, phone, and the store's tag stand or fall together, so a crash leaves nothing half known."""
    m, op_id, blob = till.enrol_boxed(phone=PHONE, name="王小明")
    tables = ("op_seen", "members", "identities", "phone_tags", "personal", "sealed")

    def known() -> list[Any]:
        return [hq.rows(f"SELECT count(*) FROM {table}")[0][0] for table in tables]

    def crash(*_: object) -> None:
        raise RuntimeError("the plug was pulled")

    if box_first:
        till.put(op_id, blob)
    else:
        till.send()
    before = known()
    with monkeypatch.context() as broken:
        broken.setattr(personal, "saw", crash)
        if box_first:
            assert till.deliver(till.cut()).status == 500
        else:
            assert till.call("PUT", endpoints.sealed(op_id), blob, endpoints.BLOB).status == 500
    assert known() == before
    if box_first:
        till.send()
    else:
        till.put(op_id, blob)
    assert member(hq) == m
    assert phones(till) == {m}
    assert known()[-1] == 0, "the box is destroyed"


def test_a_box_that_is_not_what_was_signed_names_nobody(hq: Headquarters, till: PretendTill) -> None:
    sale, good = boxed_sale(till, 10)
    till.send()
    till.put(sale["id"], till.box(sale["id"], phone="13900000000"))
    assert hq.rows("SELECT reason, m FROM cases") == [("sealed-differs", None)]
    assert hq.rows("SELECT count(*) FROM members") == [(0,)]
    till.put(sale["id"], good)
    assert points_of(hq, member(hq)) == (10, 0), "the right one still comes"


def test_a_refund_waits_for_the_sale_to_be_named(hq: Headquarters, till: PretendTill) -> None:
    sale, blob = boxed_sale(till, 10)
    till.refund(None, sale, 300)
    assert {code for code, _ in till.send().values()} == {"P"}
    till.put(sale["id"], blob)
    assert points_of(hq, member(hq)) == (7, 0)


def phones(till: PretendTill) -> set[int]:
    """The members in the index of this till's store."""
    return {row[1] for row in till.phones()}


def test_a_store_knows_the_phones_of_who_was_seen_there_within_180_days(
    hq: Headquarters, till: PretendTill, other: PretendTill
) -> None:
    night = Night(hq.office, NightWindow(0, 240))
    buys, stays, uses = (till.pool[n][0] for n in range(3))
    for n in range(3):
        _, op_id, blob = till.enrol_boxed(phone=f"1381234800{n}")
        till.put(op_id, blob)
    till.earn(uses, 10, add=False)
    till.send()
    other.st = till.st
    other.earn(buys, 10)
    other.redeem(uses, 5, ["trust", 5])
    other.send()
    assert phones(till) == {buys, stays, uses}
    assert phones(other) == set()
    for _ in range(2):
        night.run()
        assert phones(other) == {buys, uses}
    hq.clock.now_ms += 100 * DAY_MS
    till.st = other.st = hq.clock.now_ms
    till.earn(buys, 10)
    till.send()
    night.run()
    hq.clock.now_ms += 81 * DAY_MS
    night.run()
    assert phones(till) == {buys}, "who was not seen for 180 days is forgotten there"
    assert phones(other) == set()
    assert member(hq, "13812348001") == stays, "and known at headquarters"


def test_a_phone_typed_where_nobody_knows_it_earns_when_the_network_is_back(hq: Headquarters) -> None:
    home, away = hq.shop("s001"), hq.shop("s002")
    new = enrolment.enrol(home.till, "c1", phone=PHONE)
    assert isinstance(new, enrolment.Enrolled)
    home.sync()
    away.uplink.connected = False
    desk = Desk(away.counter)
    sold = desk.sell_to_phone("a1", "c1", PHONE, [[1, "all", 1, 8_000]])
    assert isinstance(sold, Done), sold
    assert desk.sell_to_phone("a1", "c1", PHONE, [[1, "all", 1, 8_000]]).op.id == sold.op.id  # type: ignore[union-attr]
    assert not {"m", "who", "fund"} & sold.op.body.keys()
    assert sold.receipt.unconfirmed
    rules = away.till.rule()
    paper = paper_of(sold.receipt, load_words("zh"), rules, chain="示例", store="s002")
    rows = [row.text for row in paper.rows if isinstance(row, Text)]
    assert any("8000" in row and "待确认" in row for row in rows), rows
    assert PHONE not in str(away.till.book.rows("SELECT receipt FROM prints"))
    assert isinstance(desk.sell_to_phone("a2", "c1", "not a phone", [[1, "all", 1, 1]]), No)
    away.uplink.connected = True
    away.sync()
    assert points_of(hq, new.m) == (80, 0)
    away.sync()
    assert isinstance(away.counter.scan(PHONE), Found), "seen there, so it is known there"


def others(till: PretendTill, op_id: str, count: int) -> list[bytes]:
    """Boxes for an operation that did not commit to them."""
    return [till.box(op_id, phone=f"1390000{n:04d}") for n in range(count)]


@pytest.mark.parametrize(
    "sent", ["wrong, right, operation", "right, wrong, operation", "wrong, operation, right"]
)
@pytest.mark.parametrize("is_enrolment", [True, False])
def test_the_box_that_was_signed_for_wins_whatever_came_before_it(
    hq: Headquarters, till: PretendTill, other: PretendTill, *, sent: str, is_enrolment: bool
) -> None:
    if is_enrolment:
        _, op_id, blob = till.enrol_boxed(phone=PHONE, name="王小明")
    else:
        sale, blob = boxed_sale(till, 70)
        op_id = sale["id"]
    (wrong,) = others(other, op_id, 1)
    for step in sent.split(", "):
        if step == "operation":
            till.send()
        else:
            sender, sent_box = (till, blob) if step == "right" else (other, wrong)
            sender.put(op_id, sent_box)
    assert member(hq) > 0
    assert hq.rows("SELECT count(*) FROM personal") == [(1,)]
    assert hq.rows("SELECT count(*) FROM sealed") == [(0,)]
    assert hq.rows("SELECT reason FROM cases") == [("sealed-differs",)], "somebody sent a false one"
    with hq.office.store.look() as look:
        assert personal.by_phone(look, hq.office, "13900000000") is None


def test_no_more_boxes_wait_than_are_bounded_and_the_refused_one_comes_again(
    hq: Headquarters, till: PretendTill, other: PretendTill
) -> None:
    sale, blob = boxed_sale(till, 70)
    for wrong in others(other, sale["id"], personal.BOXES_MAX):
        other.put(sale["id"], wrong)
        other.put(sale["id"], wrong)  # the same one again is one box
    told = till.call("PUT", endpoints.sealed(sale["id"]), blob, endpoints.BLOB)
    assert (told.status, told.fault.problem) == (413, "too-large")
    till.send()
    till.put(sale["id"], blob)
    assert points_of(hq, member(hq)) == (70, 0)
    assert hq.rows("SELECT count(*) FROM sealed") == [(0,)]


def test_a_sale_s_box_that_comes_again_takes_away_no_name(hq: Headquarters, till: PretendTill) -> None:
    _, op_id, blob = till.enrol_boxed(phone=PHONE, name="王小明")
    till.put(op_id, blob)
    sale, of = boxed_sale(till, 30)
    till.send()
    for _ in range(2):  # the answer to the first was lost
        till.put(sale["id"], of)
    with hq.office.store.look() as look:
        assert personal.read(look, hq.office, member(hq)) == {"phone": PHONE, "name": "王小明"}


def test_a_phone_that_headquarters_forgets_leaves_every_till_of_the_store(hq: Headquarters) -> None:
    first, second = hq.shop("s001"), hq.shop("s001", "02")
    for n in (1, 2):
        assert isinstance(enrolment.enrol(first.till, "c1", phone=f"1381234800{n}"), enrolment.Enrolled)
    first.sync()
    second.sync()
    first.sync()
    for n in (1, 2):
        assert isinstance(second.counter.scan(f"1381234800{n}"), Found)
    with hq.office.store.turn() as turn:
        turn.run("DELETE FROM phone_tags WHERE m = ?", (member(hq, "13812348001"),))
    for shop in (first, second):
        for _ in range(2):
            shop.sync()
            assert isinstance(shop.counter.scan("13812348001"), No), "who was dropped is forgotten"
            assert isinstance(shop.counter.scan("13812348002"), Found)
    with hq.office.store.turn() as turn:
        turn.run("DELETE FROM phone_tags")
    first.sync()
    assert isinstance(first.counter.scan("13812348002"), No), "an index of nobody is an index too"


def test_an_own_phone_waits_until_headquarters_has_heard_of_it(
    hq: Headquarters, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop, busy = hq.shop("s001"), hq.shop("s001", "02")
    assert isinstance(enrolment.enrol(shop.till, "c1", phone=PHONE), enrolment.Enrolled)
    assert isinstance(enrolment.enrol(busy.till, "c1", phone="13812348001"), enrolment.Enrolled)
    busy.sync()
    call = shop.uplink.call

    def cut(method: str, path: str, *more: Any) -> bytes:
        if method == "PUT":
            raise OutOfReach
        return call(method, path, *more)

    with monkeypatch.context() as meanwhile:
        meanwhile.setattr(shop.uplink, "call", cut)
        shop.night.contact(rest=lambda _ms: None)
    assert isinstance(shop.counter.scan("13812348001"), Found), "an edition was taken"
    assert isinstance(shop.counter.scan(PHONE), Found), "that knows nothing of the box that is still here"
    shop.sync()
    with hq.office.store.turn() as turn:
        turn.run("DELETE FROM phone_tags WHERE m = ?", (member(hq),))
    shop.sync()
    assert isinstance(shop.counter.scan(PHONE), No), "once told, it is headquarters' like any other"

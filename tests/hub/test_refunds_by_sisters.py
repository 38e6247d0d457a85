"""Goods come back at another till of the store without headquarters: the till that sold gives its right."""

from __future__ import annotations

import itertools
from dataclasses import replace
from typing import Any

import pytest
from headquarters import Headquarters, Shop
from pretend_till import points_of
from test_sisters import met

from agent import claims, elsewhere, enrolment, goods_back, refund_rights
from agent.desk import Desk, Done
from agent.funding import No
from agent.goods_back import Returnable
from agent.recorder import Recorded
from agent.sisters import Address, Sisters
from agent.store import refunds, sales, wants
from agent.store.wants import Want
from hub.verify import verify
from points.refusals import Refusal
from points.wire import canonical, claim
from points.wire.faults import WireFault
from points.wire.sister import PAPER, RIGHT, Said

ASKED = (f"{n:032x}" for n in itertools.count(1))
GOODS = [[1, "all", 2, 8_000], [2, "all", 1, 4_000]]


@pytest.fixture
def store(hq: Headquarters) -> tuple[Shop, Shop, int]:
    """Two tills of a store that headquarters cannot be asked from; a member with no points."""
    one, other = hq.shop("s001", "01"), hq.shop("s001", "02")
    new = enrolment.enrol(one.till, "c1")
    assert isinstance(new, enrolment.Enrolled)
    for shop in (one, other):
        shop.sync()
    one.uplink.connected = other.uplink.connected = False
    return one, other, new.m


def sell(shop: Shop, m: int | None, lines: list[list[Any]] = GOODS) -> tuple[str, str]:
    """A sale and the code on its paper."""
    done = shop.counter.sell(m, lines, "c1")
    assert isinstance(done, Recorded)
    return done.op.id, claims.digits(shop.till, done.op.id)


def desk(shop: Shop, way: Sisters) -> Desk:
    return Desk(shop.counter, shop.uplink.refund, way.right_to)


def kinds(shop: Shop) -> list[str]:
    return [canonical.decode(body)["t"] for _, body in sales.since(shop.till.book, 0)]


def heard(hq: Headquarters, *shops: Shop) -> None:
    for shop in shops:
        shop.uplink.connected = True
        shop.sync()
        assert verify(hq.office).faults == []


@pytest.mark.parametrize("first", [0, 1])
def test_goods_come_back_to_the_line_and_headquarters_counts_them_once(
    hq: Headquarters, store: tuple[Shop, Shop, int], first: int
) -> None:
    one, other, m = store
    sale, paper = sell(one, m)
    assert isinstance(goods_back.refund(one.till, sale, [[1, 1, 4_000]], "c1"), Recorded)
    with met(one, other) as (_, way):
        at = desk(other, way)
        found = at.find_elsewhere(paper, reaches=False)
        assert isinstance(found, Returnable)
        assert found.rest == [[1, 1, 4_000], [2, 1, 4_000]], "without what came back before"
        done = at.refund("a1", "c2", sale, [[2, 1, 4_000]])
        assert isinstance(done, Done)
        assert done.receipt.clawed == 40
    again = Desk(other.counter)  # nobody can be asked any more, and nobody needs to be
    found = again.find_elsewhere(paper, reaches=False)
    assert isinstance(found, Returnable)
    assert found.rest == [[1, 1, 4_000]]
    assert isinstance(again.refund("a2", "c2", sale, [[1, 1, 4_000]]), Done)
    over = again.refund("a3", "c2", sale, [[1, 1, 4_000]])
    assert isinstance(over, No)
    assert over.refusal is Refusal.nothing_to_refund
    gone = goods_back.refund(one.till, sale, [[1, 1, 4_000]], "c1")
    assert isinstance(gone, No)
    assert gone.refusal is Refusal.refund_ceded
    heard(hq, store[first], store[1 - first])
    assert hq.rows("SELECT reason FROM cases") == []
    assert hq.rows("SELECT count(*) FROM facts WHERE kind = 'sale.refund'") == [(3,)]
    one.sync()
    card = one.counter.card(m)
    assert card is not None
    assert card.points == 0


def test_what_came_back_before_the_gift_and_comes_to_light_after_it_is_no_difference(
    hq: Headquarters, store: tuple[Shop, Shop, int]
) -> None:
    one, other, m = store
    sale, paper = sell(one, m, [[1, "all", 1, 200]])
    heard(hq, one)
    assert isinstance(goods_back.refund(one.till, sale, [[1, 0, 50]], "c1"), Recorded)
    with met(one, other) as (_, way):
        at = desk(other, way)
        assert isinstance(at.find_elsewhere(paper, reaches=False), Returnable)
        done = at.refund("a1", "c2", sale, [[1, 0, 40]])
    assert isinstance(done, Done)
    assert done.receipt.clawed == 0, "110 of 200 fen are left, which earn the point that 150 earned"
    heard(hq, other, one)
    assert hq.rows("SELECT letter, detail FROM told WHERE letter = 'J'") == []
    assert points_of(hq, m) == (1, 0)


def test_a_sister_that_is_away_is_said_as_before(store: tuple[Shop, Shop, int]) -> None:
    one, other, m = store
    _, paper = sell(one, m)
    with met(other) as (way,):
        said = desk(other, way).find_elsewhere(paper, reaches=False)
    assert isinstance(said, No)
    assert said.refusal is Refusal.refund_elsewhere_offline
    assert kinds(one)[-1] == "sale.earn"


def test_an_answer_that_was_lost_is_given_again_and_the_right_once(
    store: tuple[Shop, Shop, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    one, other, m = store
    sale, paper = sell(one, m)
    real, lost = Sisters._send, []

    def send(way: Sisters, said: Said, address: Address) -> None:
        if said.say == RIGHT and len(lost) < 4:
            lost.append(said)
        else:
            real(way, said, address)

    monkeypatch.setattr(Sisters, "_send", send)
    monkeypatch.setattr(Sisters, "given_s", 0.3)
    with met(one, other) as (_, way):
        assert not way.right_to(paper), "three times nothing came"
        assert kinds(one).count("refund.give") == 1, "and the right is nobody's but the other till's"
        way.ask_again()
        assert refund_rights.is_given(other.till, refunds.find(other.till.book, sale))
    assert len(lost) == 4
    assert kinds(one).count("refund.give") == 1


def test_who_asks_again_gets_only_what_was_given_before(store: tuple[Shop, Shop, int]) -> None:
    one, other, m = store
    _, paper = sell(one, m)
    with met(other) as (way,):
        assert not way.right_to(paper)
    assert [want.paper for want in wants.unanswered(other.till.book)] == [paper]
    with met(one, other) as (_, way):
        way.ask_again()
    assert wants.unanswered(other.till.book) == []
    assert "refund.give" not in kinds(one), "the customer has gone"


def test_a_till_that_was_killed_before_the_answer_asks_again_and_can_give_the_right_to_headquarters(
    hq: Headquarters, store: tuple[Shop, Shop, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    one, other, m = store
    _, paper = sell(one, m)
    with monkeypatch.context() as lost, met(one, other) as (_, way):
        lost.setattr(refund_rights, "heard", lambda *_: False)
        assert not way.right_to(paper)
    assert kinds(one).count("refund.give") == 1
    other.till.book.close()
    again = hq.open(other.folder)
    with met(one, again) as (_, way):
        way.ask_again()
    assert wants.unanswered(again.till.book) == []
    heard(hq, one)
    away = hq.shop("s002")
    at = Desk(away.counter, away.uplink.refund)
    assert isinstance(at.find_elsewhere(paper, reaches=True), No)
    again.sync()
    assert kinds(again) == ["refund.cede"]
    assert isinstance(at.find_elsewhere(paper, reaches=True), Returnable)


def test_of_one_paper_and_of_old_papers_only_the_last_is_asked_again(store: tuple[Shop, Shop, int]) -> None:
    _, other, m = store
    points = Want(next(ASKED), "01", m, 70, 1, 1)
    papers = [Want(next(ASKED), "01", 0, 1, 1, 1, f"paper {n // 2}") for n in range(50)]
    with other.till.book.turn() as turn:
        for want in (points, *papers):
            wants.keep(turn, want)
    assert wants.unanswered(other.till.book) == [points, *papers[11::2]]


def test_a_question_that_was_recorded_and_repeated_moves_no_right(store: tuple[Shop, Shop, int]) -> None:
    one, other, m = store
    sale, paper = sell(one, m)
    _, second = sell(one, m)
    lane = other.till.identity.lane
    early = Said(PAPER, next(ASKED), lane, "01", 0, 1, paper=paper)
    late = Said(PAPER, next(ASKED), lane, "01", 0, 1, paper=second)
    given = refund_rights.give(one.till, late)
    assert given is not None
    assert refund_rights.give(one.till, early) is None
    assert refund_rights.give(one.till, late) == given, "the same question has the same answer"
    assert sales.gift(one.till.book, sale) is None


def test_a_third_till_has_nothing_from_either(hq: Headquarters, store: tuple[Shop, Shop, int]) -> None:
    one, other, m = store
    third = hq.shop("s001", "03")
    for shop in (one, other):
        shop.uplink.connected = True
        shop.sync()
        shop.uplink.connected = False
    _, paper = sell(one, m)
    with met(one, other, third) as (_, second_way, third_way):
        assert second_way.right_to(paper)
        assert not third_way.right_to(paper)
        assert second_way.right_to(paper), "the same question has the same answer"
    asked = Said(PAPER, "ab" * 16, third.till.identity.lane, "01", 0, 1, paper=paper)
    assert refund_rights.give(one.till, asked) is None
    assert kinds(one).count("refund.give") == 1


def test_headquarters_gets_it_from_who_has_it(hq: Headquarters, store: tuple[Shop, Shop, int]) -> None:
    one, other, m = store
    sale, paper = sell(one, m)
    with met(one, other) as (_, way):
        assert way.right_to(paper)
    heard(hq, one, other)
    away = hq.shop("s002")
    at = Desk(away.counter, away.uplink.refund)
    silent = at.find_elsewhere(paper, reaches=True)
    assert isinstance(silent, No)
    assert silent.refusal is Refusal.refund_owner_silent
    other.sync()
    assert kinds(other) == ["refund.cede"]
    assert isinstance(at.find_elsewhere(paper, reaches=True), Returnable)
    assert isinstance(at.refund("b1", "c3", sale, [[1, 2, 8_000]]), Done)
    now = Desk(other.counter, other.uplink.refund).find_elsewhere(paper, reaches=True)
    assert isinstance(now, Returnable)
    assert now.rest == [[2, 1, 4_000]], "who had it asks like every other one"
    away.sync()
    assert verify(hq.office).faults == []
    assert hq.rows("SELECT reason FROM cases") == []


def test_what_came_back_by_its_paper_alone_is_not_known_to_its_till(store: tuple[Shop, Shop, int]) -> None:
    one, other, m = store
    sale, paper = sell(one, m)
    other.till.books[other.till.rule().hash] = replace(
        other.till.rule(), elsewhere_sale_fen=100_000, elsewhere_day_fen=100_000
    )
    other.till.rules = other.till.books[other.till.rule().hash]
    assert isinstance(elsewhere.refund(other.till, paper, [[0, 4_000]], "c2"), Recorded)
    with met(one, other) as (_, way):
        assert not way.right_to(paper)
    assert "refund.give" not in kinds(one)
    assert refunds.find(other.till.book, sale) is None


@pytest.mark.parametrize(
    "lines",
    [
        [[n, "all", 1, 100] for n in range(1, 62)],
        [[n, "a category with a very long name indeed, told each time", 1, 100] for n in range(1, 56)],
    ],
)
def test_what_does_not_fit_into_a_datagram_goes_by_way_of_headquarters(
    store: tuple[Shop, Shop, int], lines: list[list[Any]]
) -> None:
    one, other, m = store
    _, paper = sell(one, m, lines)
    with met(one, other) as (_, way):
        assert not way.right_to(paper)
    assert "refund.give" not in kinds(one)


def test_the_longest_sale_that_is_given_fits(store: tuple[Shop, Shop, int]) -> None:
    one, other, m = store
    # Nearly as long as may be: many lines, whose names take four characters each in a datagram's text.
    lines = [[100_000 + n, '"' * 20, 999_999, 9_999_999_999 - n] for n in range(31)]
    sale, paper = sell(one, m, lines)
    told = canonical.encode({"sale": (sales.body(one.till.book, sale) or b"").decode()})
    assert 0.9 < len(told) / refund_rights.SALE_BYTES_MAX <= 1
    with met(one, other) as (_, way):
        assert way.right_to(paper)


@pytest.mark.parametrize("of", ["nobody's", "spent"])
def test_where_there_is_nothing_to_give_nothing_is_given(store: tuple[Shop, Shop, int], of: str) -> None:
    one, other, m = store
    sale, paper = sell(one, None if of == "nobody's" else m)
    if of == "spent":
        assert isinstance(goods_back.refund(one.till, sale, [[1, 2, 8_000], [2, 1, 4_000]], "c1"), Recorded)
    with met(one, other) as (_, way):
        assert not way.right_to(paper)
    assert "refund.give" not in kinds(one)


def test_a_pc_whose_place_another_has_taken_is_given_nothing(
    hq: Headquarters, store: tuple[Shop, Shop, int]
) -> None:
    one, other, m = store
    hq.shop("s001-new", "09")
    one.uplink.connected = True
    _, paper = sell(one, m)
    one.till.book.connection.execute("UPDATE device_keys SET epoch = 7 WHERE till = '03'")
    with one.till.book.turn() as turn:
        turn.execute(
            "INSERT INTO device_keys SELECT 'ff00ff00ff00ff00', public, store, till, epoch + 1, suite,"
            " not_before_ms, revoked_at_ms, max_seq FROM device_keys WHERE till = '02'"
        )
    with met(one, other) as (_, way):
        assert not way.right_to(paper)
    assert "refund.give" not in kinds(one)


def answer(one: Shop, other: Shop, paper: str) -> Said:
    """What the first till answers to the second."""
    asked = Said(PAPER, next(ASKED), other.till.identity.lane, "01", 0, 1, paper=paper)
    gift = refund_rights.give(one.till, asked)
    assert gift is not None
    return Said(
        RIGHT, asked.id, one.till.identity.lane, "02", 0, given=gift.given, paper=paper, sale=gift.sale
    )


def test_a_gift_that_was_tampered_with_is_not_kept(hq: Headquarters, store: tuple[Shop, Shop, int]) -> None:
    one, other, m = store
    sale, paper = sell(one, m)
    _, second_paper = sell(one, m)
    good = answer(one, other, paper)
    second = answer(one, other, second_paper)
    assert good.given is not None
    body, key = good.given.content(), other.till.identity.key
    dearer = canonical.encode({**body, "rest": [[1, 9, 9_000_000]]})
    hostile = [
        replace(good, given=replace(good.given, body=dearer)),
        replace(good, given=replace(good.given, signature=bytes(64))),
        replace(good, given=replace(good.given, seq=1)),
        replace(good, given=second.given),
        replace(good, sale=second.sale),
        replace(good, sale=good.sale.replace("4000", "4001")),
        replace(good, paper=second_paper),
        replace(good, paper=claim.encode(replace(claim.decode(paper), kid=key.kid), key)),
        replace(good, paper="12"),
        replace(good, sale="\ud800"),
    ]
    for said in hostile:
        with pytest.raises(WireFault):
            refund_rights.take(other.till, said)
    assert refunds.find(other.till.book, sale) is None
    third = hq.shop("s001", "03")
    with pytest.raises(WireFault):
        refund_rights.take(third.till, good)
    assert refund_rights.take(other.till, good)
    assert refund_rights.take(other.till, good), "twice is once"

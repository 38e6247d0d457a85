"""Tills of one store give each other rights over the store's network, and headquarters counts them once."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import pytest
from headquarters import Headquarters, Shop

from agent import transfers
from agent.counter import Counter
from agent.funding import No
from agent.recorder import Recorded
from agent.sisters import Sisters
from agent.store import device_keys, wants
from hub import losses
from hub.verify import verify
from points.refusals import Refusal
from points.wire.faults import WireFault
from points.wire.sister import WANT, Said
from points.wire.transfer import Given

PORTS = itertools.count(18_760)


@contextmanager
def met(*shops: Shop) -> Iterator[list[Sisters]]:
    """Tills that are on one network, each counter asking its sisters."""
    port = next(PORTS)
    ways = [Sisters(shop.till, port, interface="127.0.0.1") for shop in shops]
    for way, shop in zip(ways, shops, strict=True):
        way.start()
        shop.counter = Counter(shop.till, shop.uplink.authorise, way.fetch, way.near)
    try:
        yield ways
    finally:
        for way in ways:
            way.stop()


@pytest.fixture
def store(hq: Headquarters) -> tuple[Shop, Shop, int]:
    """Two tills of a store that is cut off; the first one holds 300 points of a member."""
    one, other, m = hq.sisters()
    one.uplink.connected = other.uplink.connected = False
    return one, other, m


def at_headquarters(hq: Headquarters) -> dict[str, int]:
    """What each till holds by headquarters' books, which prove themselves."""
    assert verify(hq.office).faults == []
    return dict(
        hq.rows(
            "SELECT till, (granted + taken - allowance_used) * (1 - closed) + added - local_used FROM cells"
        )
    )


@pytest.mark.parametrize("first", [0, 1])
def test_points_of_a_sister_till_are_spent_without_headquarters(
    hq: Headquarters, store: tuple[Shop, Shop, int], first: int
) -> None:
    one, other, m = store
    with met(one, other):
        card = other.counter.card(m)
        assert card is not None
        assert (card.points, card.here) == (300, 300), "the page offers what a sister till has"
        assert isinstance(other.counter.redeem(m, 120, "c2"), Recorded)
    assert (one.here(m), other.here(m)) == (180, 0)
    for shop in (store[first], store[1 - first]):
        shop.uplink.connected = True
        shop.sync()
        assert verify(hq.office).faults == []
    assert at_headquarters(hq) == {"01": 180, "02": 0}
    assert hq.rows("SELECT reason FROM cases") == []


def test_alone_it_is_refused_in_words(store: tuple[Shop, Shop, int]) -> None:
    one, other, m = store
    with met(other):
        no = other.counter.redeem(m, 120, "c2")
    assert isinstance(no, No)
    assert no.refusal is Refusal.not_here_offline
    assert one.here(m) == 300


def test_only_what_is_lacking_is_given_and_several_give_together(
    hq: Headquarters, store: tuple[Shop, Shop, int]
) -> None:
    one, other, m = store
    for shop in (one, other):
        shop.uplink.connected = True
    third = hq.shop("s001", "03")
    for shop in (one, other):
        shop.sync()
        shop.uplink.connected = False
    with met(one, other, third) as ways:
        assert ways[2].fetch(m, 30) == 30
        assert [shop.here(m) for shop in (one, other, third)] == [270, 0, 30]
        assert isinstance(other.counter.redeem(m, 290, "c2"), Recorded)
    assert [shop.here(m) for shop in (one, other, third)] == [0, 0, 10]
    for shop in (third, other, one):
        shop.uplink.connected = True
        shop.sync()
    assert at_headquarters(hq) == {"01": 10, "02": 0, "03": 0}, "what is left is at home where the member is"


def test_a_wish_has_one_answer_for_ever_and_an_older_one_none(store: tuple[Shop, Shop, int]) -> None:
    one, other, m = store
    lane = other.till.identity.lane
    early, late = transfers.wish(other.till, "01", m, 50), transfers.wish(other.till, "01", m, 60)
    early, late = sorted((early, late))
    asked = Said(WANT, late.id, lane, "01", m, 60)
    given = transfers.give(one.till, asked)
    assert given is not None
    assert transfers.give(one.till, asked) == given
    assert transfers.give(one.till, Said(WANT, early.id, lane, "01", m, 50)) is None
    assert transfers.give(one.till, Said(WANT, late.id, lane, "01", m, 61)) is None, "another question"
    assert one.here(m) == 240
    assert transfers.take(other.till, given) == 60
    assert transfers.take(other.till, given) == 0, "heard again"
    assert other.here(m) == 60


def test_what_a_killed_till_wanted_is_asked_again(hq: Headquarters, store: tuple[Shop, Shop, int]) -> None:
    one, other, m = store
    want = transfers.wish(other.till, "01", m, 70)
    other.till.book.close()
    again = hq.open(other.folder)
    assert wants.unanswered(again.till.book) == [want]
    with met(one, again) as (_, way):
        way.ask_again()
    assert wants.unanswered(again.till.book) == []
    assert (one.here(m), again.here(m)) == (230, 70)


def test_what_nobody_took_comes_home_with_the_close_of_its_term(
    hq: Headquarters, store: tuple[Shop, Shop, int]
) -> None:
    one, other, m = store
    want = transfers.wish(other.till, "01", m, 70)
    said = Said(WANT, want.id, other.till.identity.lane, "01", m, 70)
    assert transfers.give(one.till, said) is not None
    one.uplink.connected = True
    one.sync()
    assert at_headquarters(hq) == {"01": 230, "02": 70}
    other.uplink.connected = True
    with hq.office.store.turn() as turn:
        turn.run("UPDATE keys SET term = term + 1 WHERE store = 's001' AND till = '02'")
    other.sync()
    other.sync()
    assert wants.unanswered(other.till.book) == [want]
    transfers.forget_old(other.till)
    assert wants.unanswered(other.till.book) == []
    assert at_headquarters(hq)["02"] == 0
    one.sync()
    assert at_headquarters(hq) == {"01": 300, "02": 0}


def burnt(hq: Headquarters, till: str) -> None:
    """Two people have declared a PC lost."""
    with hq.office.store.turn() as turn:
        assert losses.ask(turn, hq.office, "s001", till, "李娜", "session-a", "火灾")
    with hq.office.store.turn() as turn:
        assert losses.approve(turn, hq.office, "s001", till, 1, "王强", "session-b")


@pytest.mark.parametrize("declared_first", [True, False])
def test_a_giver_that_burns_leaves_what_it_gave(
    hq: Headquarters, store: tuple[Shop, Shop, int], declared_first: bool
) -> None:
    """Its own lane never tells of it; the receiver's does, before the loss is declared or after."""
    one, other, m = store
    with met(one, other):
        assert isinstance(other.counter.redeem(m, 100, "c2"), Recorded)
        other.counter.redeem(m, 50, "c2")
    other.uplink.connected = True
    if declared_first:
        burnt(hq, "01")
    other.sync()
    if not declared_first:
        burnt(hq, "01")
    assert at_headquarters(hq) == {"01": 0, "02": 0}
    assert hq.rows("SELECT count(*) FROM reserved") == [(0,)]
    assert row_of(hq, m) == (150, 0)
    short = [json.loads(detail) for (detail,) in hq.rows("SELECT detail FROM told ORDER BY seq")]
    taken = [{"reason": "uncovered", "pts": pts} for pts in (100, 50)]
    assert short == (taken if declared_first else []), "had it come home before, it is a case"


def test_what_a_receiver_that_burns_was_given_comes_home(
    hq: Headquarters, store: tuple[Shop, Shop, int]
) -> None:
    one, other, m = store
    assert Sisters(other.till, 0).fetch(m, 80) == 0, "a till without a network has no sisters"
    with met(one, other) as (_, way):
        assert way.fetch(m, 80) == 80
    one.uplink.connected = True
    one.sync()
    assert at_headquarters(hq) == {"01": 220, "02": 80}
    burnt(hq, "02")
    assert at_headquarters(hq) == {"01": 220, "02": 0}
    one.sync()
    assert at_headquarters(hq) == {"01": 300, "02": 0}


def row_of(hq: Headquarters, m: int) -> tuple[int, int]:
    """(points, debt) of a member by headquarters' row."""
    ((text,),) = hq.rows('SELECT "row" FROM members WHERE m = ?', m)
    row = json.loads(text)
    return sum(lot[1] for lot in row[8]), row[7]


def test_what_no_till_has_signed_moves_nothing(hq: Headquarters, store: tuple[Shop, Shop, int]) -> None:
    one, other, m = store
    want = transfers.wish(other.till, "01", m, 40)
    given = transfers.give(one.till, Said(WANT, want.id, other.till.identity.lane, "01", m, 40))
    assert given is not None
    forged = Given.signed(given.lane, given.seq, given.body, other.till.identity.key)
    for bad in (
        replace(given, body=given.body.replace(b'"give_a",40', b'"give_a",90')),
        replace(given, seq=given.seq + 1),
        replace(given, kid=forged.kid),
        forged,
    ):
        with pytest.raises(WireFault):
            transfers.take(other.till, bad)
    assert other.here(m) == 0
    real = device_keys.find
    with pytest.MonkeyPatch.context() as patch:  # a till that has been opened up takes it all the same
        patch.setattr(Given, "check", lambda *_: None)
        patch.setattr(device_keys, "find", real)
        assert transfers.take(other.till, forged) == 40
    other.uplink.connected = one.uplink.connected = True
    other.sync()
    assert hq.rows("SELECT letter, detail FROM told") == [("Q", '{"reason": "policy", "field": "given"}')]
    one.sync()
    assert at_headquarters(hq) == {"01": 260, "02": 40}, "as the giver says"

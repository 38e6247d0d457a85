"""Shown is what headquarters counts and what it does not count yet, each once: also of what it took late."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from typing import Any

import pytest
from headquarters import RULES, Headquarters, Shop
from pretend_till import NO_RIGHT, PretendTill

from agent import enrolment
from agent.recorder import Recorded
from agent.store import feeds, outbox
from agent.uplink import OutOfReach
from config.sqlite import Error
from hub import publishing
from points import rulebook
from points.wire import canonical, endpoints

BOOK = canonical.encode({**RULES, "name": "headquarters does not know it yet"})
GOODS = [[1, "all", 1, 10_000]]


@pytest.fixture
def shop(hq: Headquarters) -> Shop:
    return hq.shop("s001")


def used_by_an_unknown_book(shop: Shop) -> int:
    """A new member of 100 points, of which 30 were used by a book that headquarters does not know; unsent."""
    new = enrolment.enrol(shop.till, "c1")
    assert isinstance(new, enrolment.Enrolled)
    assert isinstance(shop.counter.sell(new.m, GOODS, "c1"), Recorded)
    shop.sync()
    with shop.till.book.turn() as turn:
        feeds.keep_book(turn, rulebook.read(BOOK).hash, BOOK)
    shop.till.load_books()
    assert isinstance(shop.counter.redeem(new.m, 30, "c1"), Recorded)
    return new.m


@pytest.fixture
def m(hq: Headquarters, shop: Shop) -> int:
    """A member who has 70 of 100 points left, and headquarters does not know the book of what was used."""
    m = used_by_an_unknown_book(shop)
    shop.sync()
    assert letters(shop) == ["P"]
    assert shown(shop, m) == 70
    return m


def letters(shop: Shop) -> list[str]:
    return [letter for _, letter, _ in outbox.outcomes(shop.till.book)]


def shown(shop: Shop, m: int) -> int:
    """What the counter shows, which is the same after the program was started again."""
    card = shop.counter.card(m)
    assert card is not None
    shop.till.gather()
    again = shop.counter.card(m)
    assert again == card
    return card.points


def told(shop: Shop, m: int) -> int:
    """The points of headquarters' row alone."""
    row = shop.till.row(m)
    assert row is not None
    return sum(lot[1] for lot in row.lots)


def take_late(hq: Headquarters) -> None:
    """Headquarters learns the book, and posts what waited for it: no batch brings that about."""
    with hq.office.store.turn() as turn:
        publishing.publish_rules(turn, hq.office, BOOK)


def after(shop: Shop, path: str, do: Callable[[], None], monkeypatch: pytest.MonkeyPatch) -> None:
    """Do something at headquarters right after it answered ``path`` for the first time."""
    ask = shop.uplink.call
    left = [do]

    def call(method: str, asked: str, *more: Any, **how: Any) -> bytes:
        answer = ask(method, asked, *more, **how)
        if asked == path and left:
            left.pop()()
        return answer

    monkeypatch.setattr(shop.uplink, "call", call)


def test_what_is_taken_while_a_till_still_sends_is_not_missed(
    hq: Headquarters, shop: Shop, m: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop.counter.sell(None, GOODS, "c1")  # so that hello is said before it is sent, and after
    after(shop, endpoints.hello_to(), lambda: take_late(hq), monkeypatch)
    shop.sync()
    assert letters(shop)[-1] == "A", "all that is new is of the moment after the last was sent"
    assert told(shop, m) == 70
    assert shown(shop, m) == 70


def test_what_is_taken_after_the_answer_is_heard_at_the_next_contact(
    hq: Headquarters, shop: Shop, m: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    after(shop, endpoints.hello_to(), lambda: take_late(hq), monkeypatch)
    shop.sync()
    assert (letters(shop), told(shop, m)) == (["P"], 100), "the page and the members are of one moment"
    assert shown(shop, m) == 70
    shop.sync()
    assert (letters(shop), told(shop, m)) == (["A"], 70)
    assert shown(shop, m) == 70


@pytest.mark.parametrize("topic", ["members", "till"])
def test_what_is_cut_off_between_two_editions_is_not_counted_twice(
    hq: Headquarters, shop: Shop, m: int, monkeypatch: pytest.MonkeyPatch, topic: str
) -> None:
    take_late(hq)
    keep = feeds.keep_edition

    def cut_off(turn: Any, name: str, *more: Any) -> None:
        if name == topic:
            raise Error("the power is gone")
        keep(turn, name, *more)

    with monkeypatch.context() as broken:
        broken.setattr(feeds, "keep_edition", cut_off)
        with pytest.raises(Exception, match="power"):
            shop.sync()
    assert letters(shop) == (["P"] if topic == "till" else ["A"]), "the page is kept whole, or not at all"
    assert shown(shop, m) == 70
    shop.sync()
    assert letters(shop) == ["A"]
    assert shown(shop, m) == 70


def test_an_edition_that_counts_what_no_batch_posted_has_a_number_of_its_own(
    hq: Headquarters, shop: Shop, m: int
) -> None:
    before = feeds.edition(shop.till.book, "members", "main")[1]
    take_late(hq)
    shop.sync()
    counted = feeds.edition(shop.till.book, "members", "main")[1]
    assert counted == before + 1
    assert hq.rows("SELECT letter, g FROM told") == [("A", counted)]
    shop.sync()
    assert feeds.edition(shop.till.book, "members", "main")[1] == counted, "nothing new, no new number"


def test_an_ack_that_is_heard_again_is_older_than_what_was_said_later(
    hq: Headquarters, shop: Shop, m: int
) -> None:
    take_late(hq)
    shop.sync()
    ((pos, _, _),) = outbox.outcomes(shop.till.book)
    with shop.till.book.turn() as turn:
        outbox.keep_outcomes(turn, [(pos, "P", {"reason": "missing-dependency"}, 0)])
    assert letters(shop) == ["A"]
    assert shown(shop, m) == 70


def test_the_page_says_from_which_edition_on_a_late_operation_is_counted(
    hq: Headquarters, till: PretendTill, other: PretendTill
) -> None:
    m = till.enrol()
    sale = till.earn(m, 10)
    other.refund(None, sale, 100)
    assert {code for code, _ in other.send().values()} == {"P"}
    assert other.page("o") == []
    till.send()
    shard = (other.lane.store, other.lane.till)
    (row,) = other.page("o")
    told_g, page_g = row[5], other.manifest("till", f"{shard[0]}/{shard[1]}").g
    assert row[:5] == ["o", 1, 1, *NO_RIGHT]
    assert told_g == page_g + 1, "no edition counts it yet, the next one will"
    edition_g = other.manifest("members", "main").g
    assert edition_g >= told_g > page_g
    (again,) = other.page("o")
    assert again[5] == edition_g


def test_what_went_into_custody_unheard_is_counted_until_its_ack_says_so(
    hq: Headquarters, shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    m = used_by_an_unknown_book(shop)
    ask = shop.uplink.call

    def call(method: str, asked: str, *more: Any, **how: Any) -> bytes:
        answer = ask(method, asked, *more, **how)
        if method == "POST":
            raise OutOfReach
        return answer

    with monkeypatch.context() as lost:
        lost.setattr(shop.uplink, "call", call)
        other = hq.shop("s002")
        for _ in range(3):  # each time with news of somebody else
            assert isinstance(enrolment.enrol(other.till, "c1"), enrolment.Enrolled)
            other.sync()
            shop.night.contact(rest=lambda _ms: None)
            assert shown(shop, m) == 70
    assert letters(shop) == []
    shop.sync()
    assert letters(shop) == ["P"]
    assert shown(shop, m) == 70


def test_a_till_that_was_put_back_as_a_whole_goes_on_hearing_of_others(hq: Headquarters, shop: Shop) -> None:
    new = enrolment.enrol(shop.till, "c1")
    assert isinstance(new, enrolment.Enrolled)
    shop.sync()
    shop.till.book.close()
    shop.till.log.mirror.close()
    copy = shop.folder.with_name("copy")
    shutil.copytree(shop.folder, copy)
    again = hq.open(shop.folder, shop.till.identity)
    assert isinstance(again.counter.sell(new.m, GOODS, "c1"), Recorded)
    again.sync()
    late, other = hq.open(copy, shop.till.identity), hq.shop("s002")
    somebody = enrolment.enrol(other.till, "c1")
    assert isinstance(somebody, enrolment.Enrolled)
    other.sync()
    late.night.contact(rest=lambda _ms: None)
    assert late.till.row(somebody.m) is not None

"""The right to refund a sale that a till gave its sister, said byte by byte: whoever is heard first."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from headquarters import Headquarters
from pretend_till import NO_RIGHT, PretendTill
from test_losses import declared
from test_refunds_over_http import WHOLE, ask, intent, sold

from hub.verify import state
from points.wire.transfer import Given

NOT_GIVEN = ("Q", {"reason": "policy", "field": "given"})


@pytest.fixture
def sister(till: PretendTill) -> Iterator[PretendTill]:
    """Another till of the same store."""
    made = PretendTill(till.hq, "s001", "02")
    yield made
    made.close()


@pytest.fixture
def m(till: PretendTill) -> int:
    m = till.enrol()
    till.send()
    return m


def give(till: PretendTill, m: int, sale: dict[str, Any], sister: PretendTill, **more: Any) -> list[Any]:
    """A till gives its right to another one; the proof of it."""
    lane = sister.lane
    body = {"refs": [sale["id"]], "to": [lane.store, lane.till, lane.epoch], "rest": WHOLE}
    till.op("refund.give", m, **body | more)
    return proof(till)


def proof(till: PretendTill) -> list[Any]:
    """That a till's last operation stands where it stands."""
    return Given.signed(till.lane, len(till.bodies), till.bodies[-1], till.key).told()


def back(
    till: PretendTill, m: int, sale: dict[str, Any], given: list[Any] | None, line: int = 1
) -> dict[str, Any]:
    more = {} if given is None else {"given": given}
    return till.op("sale.refund", m, refs=[sale["id"]], lines=[[line, 1, 4_000]], **more)


@pytest.mark.parametrize("giver_first", [True, False])
def test_goods_come_back_at_the_sister_by_right_whoever_is_heard_first(
    hq: Headquarters, till: PretendTill, sister: PretendTill, m: int, giver_first: bool
) -> None:
    sale, _ = sold(till, m)
    given = give(till, m, sale, sister)
    back(sister, m, sale, given)
    back(sister, m, sale, given, 2)
    for one in (till, sister) if giver_first else (sister, till):
        assert one.send() == {}
    assert hq.rows("SELECT store, till, epoch FROM refund_given") == [("s001", "02", sister.lane.epoch)]
    assert till.members()[m][4] == 120 - 80


def test_who_gave_it_away_has_it_no_more(till: PretendTill, sister: PretendTill, m: int) -> None:
    sale, _ = sold(till, m)
    back(till, m, sale, None)
    given = give(till, m, sale, sister, rest=[[1, 1, 4_000], [2, 1, 4_000]])
    back(till, m, sale, None)
    back(sister, m, sale, given, 2)
    assert sister.send() == {}
    assert till.send() == {5: NO_RIGHT}, "what came back before was by right"


def test_what_comes_back_beyond_the_sale_is_borne_by_who_gave_it_away(
    till: PretendTill, sister: PretendTill, m: int
) -> None:
    sale, _ = sold(till, m)
    given = give(till, m, sale, sister)
    sister.op("sale.refund", m, refs=[sale["id"]], lines=WHOLE, given=given)
    assert sister.send() == {}
    back(till, m, sale, None)
    assert till.send() == {4: ("J", {"reason": "refund-beyond-sale", "bearer": "s001"})}


def test_a_gift_that_is_not_this_one_is_none(
    hq: Headquarters, till: PretendTill, sister: PretendTill, other: PretendTill, m: int
) -> None:
    sale, _ = sold(till, m)
    another, _ = sold(till, m)
    good = give(till, m, sale, sister)
    place, body = good[:4], good[5]
    old = Given.signed(sister.lane, 3, till.bodies[-1], sister.key).told()
    changed = till.bodies[-1].replace(b'"by":"c1"', b'"by":"c2"').decode()
    hostile: list[list[Any]] = [
        [*place, "00" * 64, body],
        [*good[:5], changed],
        [good[0], good[1], good[2] + 1, *good[3:]],
        [*good[:3], "00" * 8, *good[4:]],
        old,
        give(till, m, another, sister),
        give(till, m, sale, other),
        give(till, m, sale, sister, to=["s001", "02", sister.lane.epoch + 1]),
    ]
    till.op("auth.void", m, refs=[intent(till)])
    hostile.append(proof(till))
    for given in hostile:
        back(sister, m, sale, given)
    assert sister.send() == dict.fromkeys(range(1, len(hostile) + 1), NOT_GIVEN)
    back(other, m, sale, good)
    assert other.send() == {1: NOT_GIVEN}
    assert hq.rows("SELECT count(*) FROM facts WHERE kind = 'sale.refund'") == [(0,)]


def test_only_the_till_that_sold_gives(
    hq: Headquarters, till: PretendTill, sister: PretendTill, m: int
) -> None:
    sale, _ = sold(till, m)
    given = give(sister, m, sale, till)
    assert sister.send() == {1: ("Q", {"reason": "policy", "field": "refs"})}
    back(till, m, sale, given)
    assert till.send() == {3: NOT_GIVEN}
    third = PretendTill(hq, "s001", "03")
    back(third, m, sale, proof(sister))
    assert third.send() == {1: NOT_GIVEN}
    third.close()


@pytest.mark.parametrize("giver_first", [True, False])
def test_headquarters_asks_who_has_it_now(
    hq: Headquarters, till: PretendTill, sister: PretendTill, other: PretendTill, m: int, giver_first: bool
) -> None:
    sale, claim = sold(till, m)
    given = give(till, m, sale, sister)
    if giver_first:
        till.send()
        assert ask(other, claim, intent(other), [[1, 1, 4_000]]) == {"refused": "owner_silent"}
        assert sister.page("w") == [["w", sale["id"]]]
        assert ask(sister, claim) == {"refused": "own_sale"}
    assert till.page("w") == []
    sister.op("refund.cede", m, refs=[sale["id"]], given=given)
    assert sister.send() == {}
    assert sister.page("w") == []
    assert ask(other, claim, intent(other), [[1, 1, 4_000]])["granted"]
    till.send() if not giver_first else None
    assert ask(till, claim, intent(till), [[2, 1, 4_000]])["granted"], "it stays with headquarters"
    back(sister, m, sale, given, 2)
    assert sister.send() == {2: NO_RIGHT}


def test_a_ceding_that_shows_no_gift_is_none(till: PretendTill, sister: PretendTill, m: int) -> None:
    sale, _ = sold(till, m)
    give(till, m, sale, sister)
    till.send()
    sister.op("refund.cede", m, refs=[sale["id"]])
    assert sister.send() == {1: ("Q", {"reason": "policy", "field": "refs"})}


def test_of_a_pc_that_was_given_it_and_is_lost_headquarters_has_it(
    hq: Headquarters, till: PretendTill, sister: PretendTill, other: PretendTill, m: int
) -> None:
    sale, claim = sold(till, m)
    give(till, m, sale, sister)
    till.send()
    sister.op("member.enrol", sister.pool[0][0])
    sister.send()
    declared(hq, "s001", "02", sister.lane.epoch)
    assert ask(other, claim, intent(other), [[1, 1, 4_000]])["granted"]


def test_of_two_gifts_of_one_right_the_first_counts_in_any_order(
    hq: Headquarters, till: PretendTill, sister: PretendTill, other: PretendTill, m: int
) -> None:
    third = PretendTill(hq, "s001", "03")
    sale, claim = sold(till, m)
    give(till, m, sale, sister)
    second = give(till, m, sale, third)
    back(third, m, sale, second)
    third.send()
    assert ask(other, claim) == {"refused": "owner_silent"}
    assert third.page("w") == [["w", sale["id"]]], "all that is known by now"
    till.send()
    assert state(hq.office)["refunds_given"][0][2:] == ["s001", "02", sister.lane.epoch]
    third.close()


def test_misshapen_gifts_are_named(till: PretendTill, sister: PretendTill, m: int) -> None:
    sale, _ = sold(till, m)
    good = {"refs": [sale["id"]], "to": ["s001", "02", 1], "rest": WHOLE}
    bad: list[tuple[str, dict[str, Any]]] = [
        ("refs", {"refs": []}),
        ("body", {"to": ["s001", "02"]}),
        ("body", {"to": ["s001", "02", 0]}),
        ("lines", {"rest": [[1, 1, 1], [1, 1, 1]]}),
        ("body", {"rest": []}),
    ]
    for _, more in bad:
        till.op("refund.give", m, **good | more)
    assert {seq: detail["field"] for seq, (_, detail) in till.send().items()} == {
        seq: field for seq, (field, _) in enumerate(bad, 3)
    }

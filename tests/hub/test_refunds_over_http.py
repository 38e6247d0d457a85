"""The right to refund a sale, asked for byte by byte: who may, what is hostile, what ends."""

from __future__ import annotations

from typing import Any

import pytest
from headquarters import Headquarters
from pretend_till import NO_RIGHT, Answer, PretendTill

from hub import losses
from points.identifiers import new_op_id
from points.wire import canonical, endpoints

LINES = [[1, "all", 2, 8_000], [2, "all", 1, 4_000]]
WHOLE = [[1, 2, 8_000], [2, 1, 4_000]]


def sold(till: PretendTill, m: int) -> tuple[dict[str, Any], str]:
    """A sale of two lines, delivered, and the code on its paper."""
    sale = till.op(
        "sale.earn", m, receipt=f"r{len(till.bodies)}", lines=LINES, tenders=[["cash", 12_000]], tier=0,
        m_bp=10_000, day_used=0, desired=120, pts=120, fund=[["add", 120]],
    )  # fmt: skip
    seq = len(till.bodies)
    assert till.send() == {}
    return sale, till.claim_of(sale, seq, groups=((0, 12_000),))


def raw(till: PretendTill, **asked: Any) -> Answer:
    return till.call("POST", endpoints.refunds(), canonical.encode(asked), endpoints.JSON)


def ask(till: PretendTill, claim: str, intent: str = "", lines: list[list[int]] | None = None) -> Any:
    """An honest question, and its answer."""
    more: dict[str, Any] = {"id": intent, "lines": lines} if intent else {}
    answer = raw(till, claim=claim, **more)
    assert answer.status == 200, answer.fault
    return canonical.decode(answer.body)


def intent(till: PretendTill) -> str:
    till.st += 1_000
    return new_op_id(till.st, till.chance.randbytes(10))


def give_back(till: PretendTill, m: int, sale: dict[str, Any], op_id: str, lines: list[list[int]]) -> None:
    till.op("sale.refund", m, id=op_id, refs=[sale["id"]], lines=lines)


def open_of(hq: Headquarters) -> list[tuple[Any, ...]]:
    return hq.rows("SELECT intent, till, ended FROM refund_reserved ORDER BY intent")


@pytest.fixture
def m(till: PretendTill, other: PretendTill) -> int:
    m = till.enrol()
    till.send()
    return m


@pytest.fixture
def ceded(till: PretendTill, m: int) -> tuple[dict[str, Any], str]:
    """A sale whose right is headquarters'."""
    sale, claim = sold(till, m)
    till.op("refund.cede", m, refs=[sale["id"]])
    assert till.send() == {}
    return sale, claim


def test_a_look_reserves_nothing_and_says_what_was_signed(
    hq: Headquarters, till: PretendTill, other: PretendTill, m: int, ceded: tuple[dict[str, Any], str]
) -> None:
    _, claim = ceded
    told = ask(other, claim)
    assert (told["sale"].encode(), told["m"], told["rest"]) == (till.bodies[1], m, WHOLE)
    assert "granted" not in told
    assert open_of(hq) == []


def test_the_same_question_has_the_same_answer_and_another_one_is_refused(
    hq: Headquarters, other: PretendTill, ceded: tuple[dict[str, Any], str]
) -> None:
    _, claim = ceded
    op_id = intent(other)
    first = ask(other, claim, op_id, [[1, 1, 4_000]])
    assert (first["granted"], first["rest"]) == (True, WHOLE)
    assert ask(other, claim, op_id, [[1, 1, 4_000]]) == first
    assert ask(other, claim, op_id, [[1, 2, 8_000]]) == {"refused": "over"}
    assert ask(other, claim)["rest"] == [[1, 1, 4_000], [2, 1, 4_000]], "others see what is left"
    assert len(hq.rows("SELECT 1 FROM facts WHERE kind = 'refund.reserve'")) == 1


def test_no_more_is_reserved_than_was_sold(
    hq: Headquarters, till: PretendTill, other: PretendTill, m: int, ceded: tuple[dict[str, Any], str]
) -> None:
    _, claim = ceded
    assert ask(other, claim, intent(other), [[1, 1, 4_000]])["granted"]
    assert ask(till, claim, intent(till), [[1, 1, 4_000]])["granted"], "the owner asks like any other"
    too_much = {"refused": "too_much", "left_fen": 4_000}
    for lines in ([[1, 1, 4_000]], [[1, 0, 1]], [[2, 1, 4_001]], [[2, 2, 4_000]], [[3, 1, 1]]):
        assert ask(other, claim, intent(other), lines) == too_much, lines
    assert ask(other, claim, intent(other), [[2, 0, 0]])["refused"] == "too_much"
    assert ask(other, claim, intent(other), [[2, 1, 4_000]])["granted"]
    assert len(open_of(hq)) == 3


def test_the_owner_has_its_right_until_it_cedes(
    hq: Headquarters, till: PretendTill, other: PretendTill, m: int
) -> None:
    sale, claim = sold(till, m)
    assert ask(till, claim, intent(till), WHOLE) == {"refused": "own_sale"}
    assert ask(other, claim, intent(other), WHOLE) == {"refused": "owner_silent"}
    assert ask(other, claim) == {"refused": "owner_silent"}
    assert till.page("w") == [["w", sale["id"]]]
    assert other.page("w") == []
    till.op("refund.cede", m, refs=[sale["id"]])
    till.send()
    assert till.page("w") == []
    assert ask(other, claim, intent(other), WHOLE)["granted"]


def test_only_the_till_that_sold_can_cede(
    hq: Headquarters, till: PretendTill, other: PretendTill, m: int
) -> None:
    sale, claim = sold(till, m)
    other.op("refund.cede", m, refs=[sale["id"]])
    assert other.send() == {1: ("Q", {"reason": "policy", "field": "refs"})}
    assert ask(other, claim, intent(other), WHOLE) == {"refused": "owner_silent"}
    again = PretendTill(hq, seed=2)  # another PC in its place never saw the sale
    assert ask(again, claim, intent(again), WHOLE) == {"refused": "owner_silent"}
    assert till.page("w") == [["w", sale["id"]]], "and the one that was replaced is asked"
    till.op("refund.cede", m, refs=[sale["id"]])
    assert till.send() == {}
    again.op("refund.cede", m, refs=[sale["id"]])
    assert again.send() == {1: ("Q", {"reason": "policy", "field": "refs"})}
    assert ask(again, claim, intent(again), WHOLE)["granted"]
    again.close()


def test_a_ceding_waits_behind_what_is_not_clear_of_its_lane(
    hq: Headquarters, till: PretendTill, other: PretendTill, m: int
) -> None:
    sale, claim = sold(till, m)
    till.op("sale.refund", m, refs=["0" * 32], lines=[[1, 1, 100]])
    till.op("refund.cede", m, refs=[sale["id"]])
    assert [said[0] for said in till.send().values()] == ["P", "P"]
    assert ask(other, claim, intent(other), WHOLE) == {"refused": "owner_silent"}


def test_a_reservation_ends_by_its_refund_and_by_its_own_void_only(
    hq: Headquarters, till: PretendTill, other: PretendTill, m: int, ceded: tuple[dict[str, Any], str]
) -> None:
    sale, claim = ceded
    one, two = sorted((intent(other), intent(other)))
    assert ask(other, claim, one, [[1, 2, 8_000]])["granted"]
    assert ask(other, claim, two, [[2, 1, 4_000]])["granted"]
    till.op("refund.void", refs=[one], sale=sale["id"])
    assert till.send() == {}
    ended = hq.rows("SELECT ended FROM refund_reserved WHERE intent = ? AND store = 's002'", one)
    assert ended == [(0,)], "another till's void is its own"
    give_back(other, m, sale, one, [[1, 2, 8_000]])
    other.op("refund.void", refs=[two], sale=sale["id"])
    assert other.send() == {}
    rows = hq.rows("SELECT intent, ended FROM refund_reserved WHERE store = 's002' ORDER BY intent")
    assert rows == [(one, 1), (two, 1)]
    for op_id in (one, two):
        assert ask(other, claim, op_id, [[2, 1, 4_000]]) == {"refused": "over"}
    assert ask(other, claim)["rest"] == [[2, 1, 4_000]]


def test_a_till_does_not_reserve_by_itself(
    hq: Headquarters, other: PretendTill, m: int, ceded: tuple[dict[str, Any], str]
) -> None:
    said = {"sale": ceded[0]["id"], "to": ["s002", "01"], "inc": 1, "term": 1, "lines": WHOLE}
    other.op("refund.reserve", m, refs=[intent(other)], **said)
    assert other.send() == {1: ("Q", {"reason": "policy", "field": "t"})}
    assert open_of(hq) == []


def test_what_is_no_refund_of_the_sale_ends_nothing(
    hq: Headquarters, till: PretendTill, other: PretendTill, m: int, ceded: tuple[dict[str, Any], str]
) -> None:
    sale, claim = ceded
    one, two = intent(other), intent(other)
    for op_id, lines in ((one, [[1, 1, 4_000]]), (two, [[2, 1, 4_000]])):
        assert ask(other, claim, op_id, lines)["granted"]
    give_back(till, m, sale, one, [[1, 1, 4_000]])  # another till's, under the id that was reserved
    assert list(till.send().values()) == [NO_RIGHT]
    other.op("sale.earn", m, id=two, **{key: sale[key] for key in sale.keys() - {"id", "st", "mono", "m"}})
    assert {letter for letter, _ in other.send().values()} <= {"J"}
    assert [ended for _, _, ended in open_of(hq)] == [0, 0]
    other.op("refund.void", refs=[one], sale=sale["id"])
    other.send()
    assert sorted(ended for _, _, ended in open_of(hq)) == [0, 1]
    other.op("rights.close", inc=1, term=1)
    other.send()
    assert [ended for _, _, ended in open_of(hq)] == [1, 1], "whatever stands under their names"


def test_a_void_that_comes_before_its_question_refuses_it(
    hq: Headquarters, other: PretendTill, ceded: tuple[dict[str, Any], str]
) -> None:
    sale, claim = ceded
    op_id = intent(other)
    other.op("refund.void", refs=[op_id], sale=sale["id"])
    assert other.send() == {}
    assert ask(other, claim, op_id, WHOLE) == {"refused": "over"}


def test_the_close_of_a_term_ends_what_was_reserved_in_it(
    hq: Headquarters, other: PretendTill, ceded: tuple[dict[str, Any], str]
) -> None:
    _, claim = ceded
    op_id = intent(other)
    assert ask(other, claim, op_id, WHOLE)["granted"]
    other.op("rights.close", inc=1, term=2)
    other.send()
    assert open_of(hq) == [(op_id, "01", 0)], "of another term"
    other.op("rights.close", inc=1, term=1)
    other.send()
    assert open_of(hq) == [(op_id, "01", 1)]


def burnt(hq: Headquarters, store: str, epoch: int = 1) -> None:
    """Two people have declared a PC lost."""
    with hq.office.store.turn() as turn:
        assert losses.ask(turn, hq.office, store, "01", "李娜", "session-a", "火灾")
    with hq.office.store.turn() as turn:
        assert losses.approve(turn, hq.office, store, "01", epoch, "王强", "session-b")


def test_the_right_of_a_pc_that_was_lost_is_headquarters_and_what_it_reserved_is_over(
    hq: Headquarters, till: PretendTill, other: PretendTill, m: int
) -> None:
    _, claim = sold(till, m)
    assert ask(other, claim, intent(other), WHOLE) == {"refused": "owner_silent"}
    burnt(hq, "s001")
    op_id = intent(other)
    assert ask(other, claim, op_id, WHOLE)["granted"]
    burnt(hq, "s002")
    assert open_of(hq) == [(op_id, "01", 1)]


@pytest.mark.parametrize(
    "asked",
    [
        {},
        {"claim": 5},
        {"claim": "12"},
        {"claim": "9" * 463},
        {"claim": "{}", "id": "ab" * 16, "lines": []},
        {"claim": "{}", "id": "ab" * 16, "lines": [[1, 1]]},
        {"claim": "{}", "id": "ab" * 16, "lines": [[1, 1, -1]]},
        {"claim": "{}", "id": "ab" * 16, "lines": [[1, True, 5]]},
        {"claim": "{}", "id": "ab" * 16, "lines": [[1, 1, 5], [1, 1, 5]]},
        {"claim": "{}", "id": "ab" * 16, "lines": [[n, 1, 1] for n in range(501)]},
        {"claim": "{}", "id": "ab" * 16, "lines": "all"},
        {"claim": "{}", "id": "AB" * 16, "lines": [[1, 1, 5]]},
        {"claim": "{}", "id": 7, "lines": [[1, 1, 5]]},
        {"claim": "{}", "lines": [[1, 1, 5]]},
    ],
)
def test_what_is_no_question_is_not_answered(
    hq: Headquarters, other: PretendTill, ceded: tuple[dict[str, Any], str], asked: dict[str, Any]
) -> None:
    claim = asked.get("claim")
    answer = raw(other, **({**asked, "claim": ceded[1]} if claim == "{}" else asked))
    assert answer.status == 400, answer.body
    assert open_of(hq) == []


def test_a_paper_that_proves_nothing_opens_nothing(
    hq: Headquarters, till: PretendTill, other: PretendTill, m: int, ceded: tuple[dict[str, Any], str]
) -> None:
    sale, claim = ceded
    forged = till.claim_of(sale, 2, op_hash="ab" * 16)
    assert ask(other, forged, intent(other), WHOLE) == {"refused": "no_sale"}, "other bytes than were signed"
    flipped = claim[:-1] + str((int(claim[-1]) + 1) % 10)
    assert raw(other, claim=flipped).status == 401
    spent = till.redeem(m, 10)
    till.send()
    assert ask(other, till.claim_of(spent, len(till.bodies))) == {"refused": "no_sale"}
    unheard = till.earn(m, 5)
    assert ask(other, till.claim_of(unheard, len(till.bodies))) == {"refused": "not_told"}


def test_a_pc_that_was_replaced_reserves_nothing(
    hq: Headquarters, till: PretendTill, other: PretendTill, ceded: tuple[dict[str, Any], str]
) -> None:
    again = PretendTill(hq, "s002", seed=2)
    assert raw(other, claim=ceded[1], id=intent(other), lines=WHOLE).fault.problem == "fenced-epoch"
    again.close()


def test_the_next_pc_of_a_till_is_not_asked_for_the_right_of_the_one_before(
    hq: Headquarters, till: PretendTill, other: PretendTill, m: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, claim = sold(till, m)
    monkeypatch.setattr(hq.office.bells, "hears", lambda agents: ("s001", "01") in agents)
    assert "rest" in ask(other, claim)
    again = PretendTill(hq, "s001", seed=2)
    assert ask(other, claim) == {"refused": "owner_silent"}
    assert ask(other, claim, intent(other), WHOLE) == {"refused": "owner_silent"}
    again.close()


def test_who_refunds_to_the_line_without_the_right_is_told_so_and_bears_what_is_too_much(
    hq: Headquarters, till: PretendTill, other: PretendTill, m: int, ceded: tuple[dict[str, Any], str]
) -> None:
    sale, claim = ceded
    op_id, seq = intent(other), len(till.bodies)
    assert ask(other, claim, op_id, WHOLE)["granted"]
    give_back(other, m, sale, op_id, WHOLE)
    assert other.send() == {}, "it was reserved"
    give_back(other, m, sale, intent(other), [[1, 0, 1]])
    give_back(till, m, sale, intent(till), [[1, 1, 4_000]])  # it has given its right away
    assert other.send() == {2: ("J", {"reason": "refund-beyond-sale", "bearer": "s002"})}
    assert till.send() == {seq + 1: ("J", {"reason": "refund-beyond-sale", "bearer": "s001"})}


def test_a_part_that_came_back_without_the_right_is_a_case(
    hq: Headquarters, till: PretendTill, other: PretendTill, m: int
) -> None:
    sale, _ = sold(till, m)
    give_back(other, m, sale, intent(other), [[1, 1, 4_000]])
    give_back(till, m, sale, intent(till), [[1, 1, 4_000]])
    assert other.send() == {1: NO_RIGHT}
    assert till.send() == {}

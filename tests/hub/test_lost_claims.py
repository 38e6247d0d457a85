"""A burnt PC's papers: the member keeps what was earned there, once, and a thief earns nothing by himself."""

from __future__ import annotations

from typing import Any

import pytest
import test_losses
from headquarters import RULES, Headquarters
from pretend_till import PretendTill, points_of
from test_exposure import browser, send
from test_rights_over_http import intent
from test_unlocks import sound

from hub import casework, lost_claims, publishing
from points import rulebook
from points.fold import fold
from points.holding import Standing
from points.identifiers import new_op_id
from points.judging import extends, post
from points.members import end, own_row
from points.operations import Operation, read
from points.wire import canonical, claim


@pytest.fixture
def paper(till: PretendTill) -> tuple[int, str, dict[str, Any]]:
    """A known member's sale of 100 points that only its paper tells of: (member, digits, sale)."""
    m = till.enrol()
    till.send()
    sale = till.earn(m, 100)
    return m, till.claim_of(sale, 2), sale


def declared(hq: Headquarters, store: str = "s001") -> None:
    """Two people declare the PC lost, and a person accepts the papers that were shown before."""
    test_losses.declared(hq, store)
    for (number,) in hq.rows("SELECT id FROM cases WHERE reason = 'claim-of-lost' AND closed_ms IS NULL"):
        with hq.office.store.turn() as turn:
            casework.act(turn, hq.office, number, 0, casework.ACCEPT, "李娜", "有凭据")


def shown(till: PretendTill, digits: str) -> str:
    answer = till.show(digits)
    assert answer.status == 200, answer.fault
    return str(canonical.decode(answer.body)["state"])


def test_what_was_shown_before_counts_when_a_person_accepts_it(
    hq: Headquarters, other: PretendTill, paper: tuple[int, str, dict[str, Any]]
) -> None:
    m, digits, _ = paper
    assert shown(other, digits) == "shown"
    assert points_of(hq, m) == (0, 0), "a claim mints nothing while its lane may be heard"
    test_losses.declared(hq)
    assert points_of(hq, m) == (0, 0), "nor when its PC is lost: a thief may have signed and shown it"
    ((number,),) = hq.rows("SELECT id FROM cases WHERE reason = 'claim-of-lost'")
    with hq.office.store.turn() as turn:
        assert casework.act(turn, hq.office, number, 0, casework.ACCEPT, "李娜", "有凭据")
    assert points_of(hq, m) == (100, 0)
    assert shown(other, digits) == "available"
    assert other.authorise(intent(other), m, 100) == {"granted": 100}
    sound(hq)


def test_a_paper_without_a_place_keeps_no_pc_from_being_lost(
    hq: Headquarters, till: PretendTill, other: PretendTill, paper: tuple[int, str, dict[str, Any]]
) -> None:
    m, _, sale = paper
    shown(till, till.claim_of(sale, 0))
    declared(hq)
    assert points_of(hq, m) == (0, 0)
    sound(hq)


def test_the_first_paper_of_a_sale_stands(
    hq: Headquarters, other: PretendTill, paper: tuple[int, str, dict[str, Any]]
) -> None:
    m, digits, sale = paper
    assert shown(other, digits) == "shown"
    other.enrol()
    for _ in range(2):
        assert shown(other, other.claim_of(sale, 1)) == "equivocation"
    assert hq.rows("SELECT reason FROM cases") == [("equivocation",)]
    declared(hq)
    assert points_of(hq, m) == (100, 0)


def test_nothing_counts_before_the_second_person(
    hq: Headquarters, other: PretendTill, paper: tuple[int, str, dict[str, Any]]
) -> None:
    m, digits, _ = paper
    shown(other, digits)
    with browser(hq) as first:
        send(first, "/console/exposure", what="ask", store="s001", till="01", by="李娜", note="火灾")
        (row,) = first.get("/console/exposure?csv=lost").text.splitlines()[1:]
        assert row.split(",")[7] == "100", "the second person sees what would count"
    with hq.office.store.turn() as turn:
        assert not lost_claims.accept(turn, hq.office, claim.decode(digits).op_id)
    assert points_of(hq, m) == (0, 0)


def test_what_is_shown_later_is_a_case_that_a_person_accepts(
    hq: Headquarters, other: PretendTill, paper: tuple[int, str, dict[str, Any]]
) -> None:
    m, digits, _ = paper
    declared(hq)
    assert [shown(other, digits) for _ in range(2)] == ["shown", "shown"]
    assert points_of(hq, m) == (0, 0)
    ((number, reason, who),) = hq.rows("SELECT id, reason, m FROM cases")
    assert (reason, who) == ("claim-of-lost", m)
    path = f"/console/cases/{number}"
    with browser(hq) as somebody:
        assert "认这张小票" in somebody.get(path).text
        assert send(somebody, path, what="accept", before="0", by="李娜", note="").status_code == 422
        assert send(somebody, path, what="accept", before="0", by="李娜", note="有凭据").status_code == 200
    with hq.office.store.turn() as turn:
        assert not lost_claims.accept(turn, hq.office, claim.decode(digits).op_id), "once"
    assert points_of(hq, m) == (100, 0)
    assert shown(other, digits) == "available"
    assert hq.rows("SELECT closed_ms IS NULL FROM cases") == [(0,)]
    sound(hq)


def test_what_a_person_accepted_counts_once_when_headquarters_is_put_back(
    hq: Headquarters, other: PretendTill, paper: tuple[int, str, dict[str, Any]]
) -> None:
    m, digits, _ = paper
    copy = hq.copy()
    assert shown(other, digits) == "shown"
    declared(hq)
    hq.put_back(copy)
    assert points_of(hq, m) == (100, 0)
    assert shown(other, digits) == "available"
    for (number,) in hq.rows("SELECT id FROM cases WHERE reason = 'claim-of-lost' AND closed_ms IS NULL"):
        with hq.office.store.turn() as turn:
            assert not casework.act(turn, hq.office, number, 0, casework.ACCEPT, "李娜", "有凭据")
    with hq.office.store.turn() as turn:
        assert not lost_claims.accept(turn, hq.office, claim.decode(digits).op_id)
    assert points_of(hq, m) == (100, 0)
    sound(hq)


def test_a_paper_that_is_turned_down_counts_nothing(
    hq: Headquarters, other: PretendTill, paper: tuple[int, str, dict[str, Any]]
) -> None:
    m, digits, _ = paper
    declared(hq)
    shown(other, digits)
    with browser(hq) as somebody:
        send(somebody, "/console/cases/1", what="turn_down", before="0", by="李娜", note="机器被盗")
    assert shown(other, digits) == "shown"
    assert points_of(hq, m) == (0, 0)
    assert hq.rows("SELECT count(*) FROM cases") == [(1,)]


@pytest.mark.parametrize(
    "told",
    [{"kind": claim.Kind.REDEEM}, {"used": 5}, {"earned": 0}, {"m": 2**39}, {"kind": claim.Kind.REFUND}],
)
def test_other_papers_stay_evidence(
    hq: Headquarters, till: PretendTill, other: PretendTill, told: dict[str, Any]
) -> None:
    m = till.enrol()
    till.send()
    digits = till.claim_of(till.earn(m, 100), 2, **told)
    assert shown(other, digits) == "shown"
    declared(hq)
    assert shown(other, digits) == "shown"
    assert points_of(hq, m) == (0, 0)
    with hq.office.store.turn() as turn:
        assert not lost_claims.accept(turn, hq.office, claim.decode(digits).op_id)
    sound(hq)


def test_what_was_heard_before_the_loss_is_not_counted_twice(
    hq: Headquarters, till: PretendTill, other: PretendTill, paper: tuple[int, str, dict[str, Any]]
) -> None:
    m, digits, _ = paper
    shown(other, digits)
    till.send()
    declared(hq)
    assert shown(other, digits) == "confirmed"
    assert points_of(hq, m) == (100, 0)
    sound(hq)


def test_what_waits_at_headquarters_is_not_counted_by_its_paper_too(
    hq: Headquarters, till: PretendTill, other: PretendTill
) -> None:
    blob = canonical.encode({**RULES, "name": "newer"})
    m = till.enrol()
    till.send()
    till.rules = rulebook.read(blob).hash  # headquarters has not published it yet
    shown(other, till.claim_of(till.earn(m, 100), 2))
    assert [code for code, _ in till.send().values()] == ["P"]
    declared(hq)
    with hq.office.store.turn() as turn:
        publishing.publish_rules(turn, hq.office, blob)
    assert points_of(hq, m) == (100, 0)
    assert hq.rows("SELECT count(*) FROM facts WHERE kind = 'claim.earn'") == [(0,)]
    sound(hq)


def test_the_dead_lane_brings_nothing_more(
    hq: Headquarters, till: PretendTill, other: PretendTill, paper: tuple[int, str, dict[str, Any]]
) -> None:
    m, digits, _ = paper
    shown(other, digits)
    declared(hq)
    assert {code for code, _ in till.send().values()} == {"Q"}
    assert points_of(hq, m) == (100, 0)


def test_papers_of_another_till_are_not_touched(
    hq: Headquarters, till: PretendTill, other: PretendTill
) -> None:
    m = other.enrol()
    other.send()
    digits = other.claim_of(other.earn(m, 100), 2)
    shown(till, digits)
    declared(hq)
    assert points_of(hq, m) == (0, 0)
    assert hq.rows("SELECT state FROM claims") == [("shown",)]


def test_a_paper_of_the_future_earned_today(hq: Headquarters, till: PretendTill, other: PretendTill) -> None:
    m = till.enrol()
    till.send()
    shown(other, till.claim_of(till.earn(m, 100), 2, st=2**48 - 1))
    declared(hq)
    ((row,),) = hq.rows('SELECT "row" FROM members WHERE m = ?', m)
    assert '20271119,0,"s001"' in row, "its points end a year from now"
    sound(hq)


def test_a_thief_cannot_open_cases_without_end(
    hq: Headquarters, till: PretendTill, other: PretendTill, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lost_claims, "CASES_MAX", 2)
    m = till.enrol()
    till.send()
    papers = [till.claim_of(till.earn(m, 10), n) for n in (2, 3, 4)]
    declared(hq)
    assert [other.show(digits).status for digits in papers] == [200, 200, 403]


@pytest.mark.parametrize("ahead_ms", [-5_000, 0, 5_000])
def test_the_operation_takes_the_papers_place_once_in_any_order(hq: Headquarters, ahead_ms: int) -> None:
    """By the fold, which is all there is: a key that is revoked brings no operation."""
    rules, chance = hq.office.rules(), b"0123456789"
    st = hq.clock.now_ms
    head = {"tv": 1, "day": rules.today(st), "boot": "0" * 16, "mono": 0, "rule": rules.hash, "m": 7}
    sale = {
        **head, "id": new_op_id(st, chance), "t": "sale.earn", "st": st + ahead_ms, "by": "c1",
        "receipt": "1", "lines": [[1, "all", 1, 10_000]], "tenders": [["cash", 10_000]], "tier": 0,
        "m_bp": 10_000, "day_used": 0, "desired": 100, "pts": 100,
    }  # fmt: skip
    facts = [
        {
            **head, "id": new_op_id(st + n, b"9876543210"), "t": "claim.earn", "st": st + n, "by": "hq",
            "refs": [sale["id"]], "pts": 100, "earned_st": sale["st"], "digest": "ab" * 16,
            "place": ["s001", "01", 1, 2],
        }
        for n in (0, 1)
    ]  # fmt: skip
    real = read(sale, "s001", "01")
    claims = [read(fact, "hq", "w1") for fact in facts]

    def told(ops: list[Operation]) -> tuple[int, int, int, int]:
        account = fold(7, ops, {rules.hash: rules})
        row = end(account, 1, "", "")
        return account.balance(rules.today(st)), account.tier_pts, len(account.lots), len(row[8])

    assert told([real]) == told([*claims]) == told([claims[1]]) == (100, 100, 1, 1)
    for ops in ([real, *claims], [*claims, real], [claims[0], real, claims[1], real]):
        assert told(ops) == (100, 100, 1, 1)
        account = fold(7, ops, {rules.hash: rules})
        assert [lot.issuer for lot in account.lots.values()] == ["s001"]
        assert {leg.op for leg in account.legs} == {real.id}, "the operation's own"
    standing, books = Standing(7), {rules.hash: rules}
    account = post(standing, claims[:1], [], books).account
    standing.row = own_row(end(account, 1, "", ""))
    assert not extends(standing, [real], books), "it is never added to what its paper gave"

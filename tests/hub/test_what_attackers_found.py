"""Ways in which a lane, a device or a box once got the better of headquarters; each closed for good."""

from __future__ import annotations

from typing import Any

from headquarters import Headquarters
from pretend_till import PretendTill, points_of

from hub import authorisations
from points.wire import canonical, sealing


def sale(till: PretendTill, m: int, pts: int) -> dict[str, Any]:
    body = {
        "receipt": "x", "lines": [[1, "all", 1, pts * 100]], "tenders": [["cash", pts * 100]], "tier": 0,
        "m_bp": 10_000, "day_used": 0, "desired": pts, "pts": pts,
    }  # fmt: skip
    made: dict[str, Any] = till.body("sale.earn", m, **body)
    return made


def test_a_till_that_joins_anew_is_granted_nothing_while_the_old_one_may_still_spend(
    hq: Headquarters,
) -> None:
    old = PretendTill(hq)
    m = old.enrol()
    old.earn(m, 100, add=False)
    old.earn(m, 1, add=False)
    old.send()
    assert [row[3] for row in old.page("r")] == [101]
    new = PretendTill(hq, seed=2)
    elsewhere = PretendTill(hq, store="s009")
    elsewhere.earn(m, 5, add=False)
    elsewhere.send()
    assert new.page("r") == []
    old.redeem(m, 101, ["allowance", 101])
    assert old.send() == {}
    assert [row[3] for row in new.page("r")] == [5]  # the old one holds nothing any more
    assert points_of(hq, m) == (5, 0)


def test_a_refund_that_names_another_member_follows_its_sale(hq: Headquarters, till: PretendTill) -> None:
    a, b = till.enrol(), till.enrol()
    sold = till.earn(a, 100)
    till.send()
    till.refund(b, sold, 10_000)
    assert [code for code, _ in till.send().values()] == ["J"]
    assert points_of(hq, a) == (0, 0)
    assert hq.rows("SELECT reason FROM cases") == [("other-member",)]


def test_a_multiplier_is_the_books_and_not_what_a_till_wrote(hq: Headquarters, till: PretendTill) -> None:
    m = till.enrol()
    till.write(canonical.encode(sale(till, m, 10) | {"m_bp": 1_000_000, "desired": 1000, "pts": 1000}))
    assert till.send()[2] == ("J", {"delta": -990, "reason": "earn-differs"})
    assert points_of(hq, m) == (10, 0)
    till.write(canonical.encode(sale(till, m, 100) | {"tier": 1, "m_bp": 12_000, "desired": 120, "pts": 120}))
    assert till.send()[3][1]["reason"] == "tier-differs"


def test_a_time_beyond_the_calendar_is_quarantined_and_the_lane_goes_on(
    hq: Headquarters, till: PretendTill
) -> None:
    m = till.enrol()
    till.earn(m, 100)
    till.send()
    far = till.body("redeem.cash", m, pts=10, fen=10, fund=[["local", 10]])
    far["st"] = 2**53 - 1
    till.write(canonical.encode(far))
    till.redeem(m, 10, ["local", 10])
    answered = till.send()
    assert [code for code, _ in answered.values()] == ["Q"]
    assert points_of(hq, m) == (90, 0)


def test_a_parked_operation_twice_around_its_cause_is_posted_once(
    hq: Headquarters, till: PretendTill
) -> None:
    m = till.enrol()
    till.send()
    sold = sale(till, m, 10)
    back = till.body("sale.refund", m, refs=[sold["id"]], lines=[[1, 0, 500]])
    for body in (back, sold, back):
        till.write(canonical.encode(body))
    assert [code for code, _ in till.send().values()] == ["P", "D"]
    assert hq.rows("SELECT seq FROM waiting") == []
    assert points_of(hq, m) == (5, 0)


def test_a_box_waits_as_long_as_its_operation_waits(hq: Headquarters, till: PretendTill) -> None:
    m, _ = till.pool.pop(0)
    body = till.body("member.enrol", m)
    blob = till.box(body["id"], phone="13812348000")
    body |= {"pii": sealing.pii_commitment(blob), "rule": "ab" * 32}
    till.write(canonical.encode(body))
    till.send()
    till.put(body["id"], blob)
    assert hq.rows("SELECT count(*) FROM sealed") == [(1,)]
    assert hq.rows("SELECT reason FROM cases") == []


def test_nobody_else_ends_a_tills_reservation_and_its_close_does(
    hq: Headquarters, till: PretendTill, other: PretendTill
) -> None:
    m = till.enrol()
    till.earn(m, 100, add=False)
    till.send()
    intent = "0" * 31 + "1"
    at = authorisations.Asked((till.lane.store, till.lane.till), (1, 1), intent, m, 100)
    said, _ = authorisations.reserve(hq.office, at)
    assert said == "granted"
    other.write(canonical.encode(other.body("auth.void", m, refs=[intent])))
    other.send()
    again, _ = authorisations.reserve(hq.office, at._replace(agent=("s002", "01"), intent="0" * 31 + "2"))
    assert again == "not_enough_points"
    till.write(canonical.encode(till.body("rights.close", None, inc=1, term=1)))
    till.send()
    assert hq.rows("SELECT count(*) FROM reserved") == [(0,)]


def test_a_close_that_names_a_number_issues_it_to_nobody(hq: Headquarters, till: PretendTill) -> None:
    m = 5_000_000
    till.op("rights.close", m, inc=1, term=7)
    till.earn(m, 10)
    assert till.send() == {2: ("P", {"reason": "missing-dependency", "m": m})}
    till.earn(m, 10)
    assert till.send()[3][0] == "P"
    assert hq.rows("SELECT count(*) FROM members WHERE m = ?", m) == [(0,)]


def test_another_body_under_a_known_id_is_an_equivocation_however_it_is_spelt(
    hq: Headquarters, till: PretendTill
) -> None:
    m = till.enrol()
    sale = till.earn(m, 10)
    till.send()
    till.write(canonical.encode(sale | {"pts": "many"}))
    assert till.send() == {3: ("Q", {"reason": "equivocation"})}


def test_points_are_given_for_no_more_than_they_are_worth_without_a_word(
    hq: Headquarters, till: PretendTill
) -> None:
    m = till.enrol()
    till.earn(m, 100)
    till.send()
    till.op("redeem.cash", m, pts=1, fen=1_000_000, fund=[["local", 1]])
    paid = till.body("sale.earn", m, **sale_paid(5, 600))
    till.write(canonical.encode(paid))
    till.redeem(m, 10)
    assert till.send() == {
        3: ("J", {"reason": "worth-differs", "fen": 999_999}),
        4: ("J", {"reason": "worth-differs", "fen": 595}),
    }
    assert points_of(hq, m) == (84, 0)
    assert hq.rows("SELECT reason FROM cases") == [("worth-differs",)] * 2


def sale_paid(pts: int, fen: int) -> dict[str, Any]:
    """A sale that points alone paid for."""
    return {
        "receipt": "x", "lines": [[1, "all", 1, fen]], "tenders": [["points", fen, pts]], "tier": 0,
        "m_bp": 10_000, "day_used": 0, "desired": 0, "pts": 0, "fund": [["local", pts]],
    }  # fmt: skip


def test_a_fen_too_much_hides_no_spend_without_a_right(hq: Headquarters, till: PretendTill) -> None:
    m = till.enrol()
    till.earn(m, 100, add=False)
    till.send()
    till.op("redeem.cash", m, pts=50, fen=51, fund=[["local", 50]])
    assert till.send()[3] == ("J", {"reason": "uncovered", "pts": 50})

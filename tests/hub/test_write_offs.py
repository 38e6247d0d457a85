"""A debt is written off by two people, borne by whom it was borne by, and is the same in whatever order."""

from __future__ import annotations

import random
from typing import Any

import pytest
from headquarters import Headquarters
from pretend_till import PretendTill, points_of
from test_exposure import browser, send
from test_rights_over_http import intent
from test_unlocks import HOUR_MS, SURELY_MS, granted, out, sound

from hub import write_offs
from hub.office import Unlock
from points.fields import BadOperation
from points.operations import read

EXPOSURE = "/console/exposure"


def owing(till: PretendTill, pts: int = 100) -> int:
    """A member who owes ``pts``: they were earned, spent and clawed at this till's store."""
    m = till.enrol()
    sale = till.earn(m, pts)
    till.redeem(m, pts)
    till.refund(m, sale, pts * 100)
    till.send()
    assert points_of(till.hq, m) == (0, pts)
    return m


def written_off(hq: Headquarters, m: int, pts: int) -> None:
    """Two people, two sessions."""
    with hq.office.store.turn() as turn:
        assert write_offs.ask(turn, hq.office, m, pts, "李娜", "session-a", "老会员，投诉 88 号")
    with hq.office.store.turn() as turn:
        assert write_offs.approve(turn, hq.office, m, "王强", "session-b")


def nets(hq: Headquarters, like: str) -> dict[str, int]:
    """Credit minus debit of every account like this."""
    sums: dict[str, int] = {}
    for debit, credit, pts in hq.rows("SELECT debit, credit, pts FROM postings"):
        for account, n in ((debit, -pts), (credit, pts)):
            if account.startswith(like):
                sums[account] = sums.get(account, 0) + n
    return {account: n for account, n in sums.items() if n}


def test_two_people_write_it_off_on_pages_and_the_member_owes_nothing(
    hq: Headquarters, till: PretendTill
) -> None:
    m = owing(till)
    path = f"/console/members/{m}"
    with browser(hq) as first, browser(hq) as second:
        for bad in ({"pts": "101"}, {"pts": "0"}, {"pts": "-1"}, {"pts": "x"}, {"by": ""}, {"note": ""}):
            form = {"what": "ask_write_off", "pts": "100", "by": "李娜", "note": "投诉", **bad}
            assert send(first, path, **form).status_code == 422
        asked = send(first, path, what="ask_write_off", pts="100", by="李娜", note="投诉")
        assert "李娜 申请免去 100 分欠分" in asked.text
        assert send(second, path, what="ask_write_off", pts="1", by="王强", note="x").status_code == 422
        for client, who in ((first, "王强"), (second, "李娜"), (second, "")):
            assert send(client, path, what="agree_write_off", by=who).status_code == 422
        assert points_of(hq, m) == (0, 100)
        assert send(second, path, what="agree_write_off", by="王强").status_code == 200
        assert send(second, path, what="agree_write_off", by="王强").status_code == 422, "once"
        rows = first.get(EXPOSURE + "?csv=written_off").text.splitlines()[1:]
        assert [row.split(",")[:6] for row in rows] == [[str(m), "100", "100", "s001", "李娜", "王强"]]
    assert points_of(hq, m) == (0, 0)
    assert till.members()[m][7] == 0, "the stores are told"
    assert nets(hq, "x.writeoff") == {"x.writeoff:s001": -100}
    sound(hq)
    till.earn(m, 10)
    till.redeem(m, 10)
    assert till.send() == {}, "what is earned next is the member's"
    assert points_of(hq, m) == (0, 0)


def test_what_was_asked_by_mistake_is_taken_back(hq: Headquarters, till: PretendTill) -> None:
    m = owing(till)
    path = f"/console/members/{m}"
    with browser(hq) as somebody:
        assert send(somebody, path, what="withdraw_write_off").status_code == 422
        send(somebody, path, what="ask_write_off", pts="100", by="李娜", note="投诉")
        assert send(somebody, path, what="withdraw_write_off").status_code == 200
        assert send(somebody, path, what="agree_write_off", by="王强").status_code == 422
    assert points_of(hq, m) == (0, 100)


def test_a_part_is_written_off_and_the_rest_is_owed(hq: Headquarters, till: PretendTill) -> None:
    m = owing(till)
    written_off(hq, m, 30)
    assert points_of(hq, m) == (0, 70)
    sound(hq)
    written_off(hq, m, 70)
    assert points_of(hq, m) == (0, 0)
    sound(hq)


def test_points_that_come_to_light_and_had_repaid_it_leave_less_to_write_off(
    hq: Headquarters, till: PretendTill, other: PretendTill
) -> None:
    m = owing(till)
    other.st = till.st
    other.earn(m, 60, add=False)  # before the decision, and not heard of yet
    hq.clock.now_ms += HOUR_MS
    written_off(hq, m, 100)
    assert nets(hq, "x.writeoff") == {"x.writeoff:s001": -100}
    other.send()
    assert points_of(hq, m) == (0, 0)
    assert nets(hq, "x.writeoff") == {"x.writeoff:s001": -40}, "60 were repaid by the member"
    sound(hq)


def test_the_redemption_returned_after_it_comes_to_nothing_for_anybody(
    hq: Headquarters, till: PretendTill, other: PretendTill
) -> None:
    """Return everything in any order: no points, no debt, nothing between stores."""
    m = till.enrol()
    sale = till.earn(m, 100)
    till.op("rights.return", m, fund=[["back_l", 100]])
    till.send()
    asked = intent(other)
    assert other.authorise(asked, m, 100) == {"granted": 100}
    other.st = till.st + 1_000
    spent = other.redeem(m, 100, ["auth", 100], id=asked)
    other.send()
    till.st = other.st
    till.refund(m, sale, 10_000)
    till.send()
    assert points_of(hq, m) == (0, 100)
    written_off(hq, m, 100)
    assert nets(hq, "settle") == {"settle:s001": -100, "settle:s002": 100}, "it was paid for, and stays so"
    other.st = hq.clock.now_ms + HOUR_MS
    other.op("sale.void", m, refs=[spent["id"]])
    other.send()
    assert points_of(hq, m) == (0, 0)
    assert nets(hq, "settle") == nets(hq, "x.writeoff") == {}
    sound(hq)


def test_what_was_promised_and_written_off_is_out_of_the_budget(
    hq: Headquarters, till: PretendTill, other: PretendTill
) -> None:
    hq.office.session_ms, hq.office.unlock = 24 * HOUR_MS, Unlock(100, 100, 100)
    m = granted(till, 300)
    hq.clock.now_ms += SURELY_MS
    asked = intent(other)
    other.authorise(asked, m, 100)
    other.redeem(m, 100, ["auth", 100], id=asked)
    other.send()
    till.redeem(m, 300, ["allowance", 300])
    till.send()
    assert (points_of(hq, m), out(hq)) == ((0, 100), 100)
    written_off(hq, m, 100)
    assert (points_of(hq, m), out(hq)) == ((0, 0), 0)
    assert nets(hq, "x.writeoff") == {"x.writeoff:hq": -100}, "an unlock is headquarters' risk"
    sound(hq)


@pytest.mark.parametrize("seed", range(4))
def test_facts_in_any_order_and_twice_give_the_same(hq: Headquarters, seed: int) -> None:
    """Returns, earnings, redemptions and write-offs, heard in any order; each step is verified."""
    dice = random.Random(seed)
    tills = [PretendTill(hq, f"s00{n}", seed=seed) for n in (1, 2)]
    m = tills[0].enrol()
    tills[0].send()
    sales: list[tuple[PretendTill, dict[str, Any]]] = []
    done = 0
    for _ in range(25):
        till = dice.choice(tills)
        hq.clock.now_ms += 60_000
        till.st = max(till.st, hq.clock.now_ms - dice.choice((0, HOUR_MS)))
        match dice.randrange(4):
            case 0:
                sales.append((till, till.earn(m, dice.randrange(1, 80))))
            case 1 if sales:
                at, sale = sales.pop(dice.randrange(len(sales)))
                at.refund(m, sale, sale["pts"] * 100)
            case 2:
                n = dice.randrange(1, 90)
                till.redeem(m, n, ["local", n])
        if dice.random() < 0.5 and till.sent < len(till.bodies):
            till.send()
        debt = points_of(hq, m)[1]
        if debt and dice.random() < 0.5:
            written_off(hq, m, dice.randrange(1, debt + 1))
            done += 1
        sound(hq)
    for till in tills:
        if till.sent < len(till.bodies):
            till.send()
        till.close()
    sound(hq)
    assert done


def test_a_fact_of_one_person_is_none() -> None:
    body = {
        "id": "ab" * 16, "t": "debt.writeoff", "tv": 1, "day": 20261119, "st": 1, "boot": "0" * 16,
        "mono": 0, "by": "hq", "rule": "0" * 64, "m": 1, "refs": ["cd" * 16], "pts": 5, "note": "投诉",
        "asked_by": "李娜", "approved_by": "王强",
    }  # fmt: skip
    assert read(body, "hq", "w1").kind == "debt.writeoff"
    for bad in ({"approved_by": "李娜"}, {"pts": 0}, {"note": 5}, {"refs": []}):
        with pytest.raises(BadOperation):
            read(body | bad, "hq", "w1")


def test_a_till_cannot_write_anything_off(hq: Headquarters, till: PretendTill) -> None:
    m = owing(till)
    till.op(
        "debt.writeoff",
        m,
        refs=[till.op("auth.void", m, refs=["ab" * 16])["id"]],
        pts=100,
        note="x",
        asked_by="a",
        approved_by="b",
    )
    assert [code for code, _ in till.send().values()] == ["Q"]
    assert points_of(hq, m) == (0, 100)


def test_the_franchise_pump(hq: Headquarters, till: PretendTill, other: PretendTill) -> None:
    """A fake sale, its points spent, the sale refunded: no point of it comes out of headquarters."""
    for spender in (till, other):
        m = till.enrol()
        sale = till.earn(m, 100)
        if spender is till:
            till.redeem(m, 100)
            till.send()
        else:
            till.op("rights.return", m, fund=[["back_l", 100]])
            till.send()
            asked = intent(other)
            assert other.authorise(asked, m, 100) == {"granted": 100}
            other.st = till.st + 1_000
            other.redeem(m, 100, ["auth", 100], id=asked)
            other.send()
        till.st = max(till.st, other.st)
        till.refund(m, sale, 10_000)
        till.send()
        assert points_of(hq, m) == (0, 100)
        written_off(hq, m, 100)
    assert nets(hq, "settle") == {"settle:s001": -100, "settle:s002": 100}, "its own store pays"
    assert nets(hq, "x.writeoff") == {"x.writeoff:s001": -200}, "also of what nobody will ever repay"
    sound(hq)

"""The desk over real HTTP: an act once, a manager where one is needed, every no in two languages."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from running import MEMBER, OTHER, OWES, Page, act, code_of, make_agent, running
from shopfloor import HandClock, grant

from agent import approval
from agent.assembly import Agent
from agent.funding import No
from agent.journal.mirror import Mirror
from agent.till import Till
from config.faults import Fault
from config.words import load_words
from points.refusals import Refusal

LIMITS = {"manager": {"redeem_pts": 100, "refund_fen": 10_000}}


@pytest.fixture
def agent(tmp_path: Path) -> Iterator[Agent]:
    with running(tmp_path, rules=LIMITS) as started:
        grant(started.till, MEMBER, 600)
        yield started


@pytest.fixture
def page(agent: Agent) -> Page:
    return Page(agent).open()


def test_a_double_click_records_once(agent: Agent, page: Page) -> None:
    asked = {"act": act(), "m": MEMBER, "fen": 12500}
    answers: list[Any] = []
    clicks = [
        threading.Thread(target=lambda: answers.append(page.post("/api/sell", **asked))) for _ in range(6)
    ]
    for click in clicks:
        click.start()
    for click in clicks:
        click.join()
    assert agent.till.log.seq == 1
    assert len({told["op"] for told in answers}) == 1
    assert sorted(told["again"] for told in answers) == [False, *[True] * 5]
    other = page.post("/api/sell", **{**asked, "act": act()})  # another click of another sale is another sale
    assert other["op"] not in {told["op"] for told in answers}
    assert agent.till.log.seq == 2


def test_an_act_is_the_same_act_after_the_program_was_started_again(tmp_path: Path) -> None:
    asked = {"act": act(), "m": MEMBER, "fen": 12500}
    with running(tmp_path) as first:
        port, url = first.server.port, first.page_url
        before = Page(first).open()
        told = before.post("/api/sell", **asked)
    with running(tmp_path, port=port) as second:
        assert second.page_url != url
        before.agent = second
        again = before.post("/api/sell", **asked)  # the page that was open goes on: same cookie, same word
        assert (again["op"], again["again"], second.till.log.seq) == (told["op"], True, 1)
        assert {**again, "again": False, "card": 0} == {**told, "card": 0}


def test_an_act_id_that_is_used_for_something_else_is_refused(agent: Agent, page: Page) -> None:
    asked = {"act": act(), "m": MEMBER, "fen": 12500}
    page.post("/api/sell", **asked)
    status, _, told = page.send("POST", "/api/sell", {**asked, "fen": 12600})
    assert (status, told["fault"]) == (409, "fault.act_reused"), "asking again helps nobody"
    assert agent.till.log.seq == 1


def test_a_whole_visit_over_http(agent: Agent, page: Page) -> None:
    found = page.post("/api/scan", text=code_of(MEMBER))
    assert (found["found"], found["card"]["points"], found["card"]["here"]) == ("member", 1280, 600)
    assert found["card"]["less_here"]
    quote = page.post("/api/quote", m=MEMBER, fen=12500, points=100)
    assert (quote["pts"], quote["points_fen"], quote["due_fen"]) == (13, 1000, 11500)
    assert quote["reasons"] == ["¥115.00 按每 ¥10.00 积 1 分", "等级倍数 ×1.2"]
    sold = page.post("/api/sell", act=act(), m=MEMBER, fen=12500, points=100)
    assert (sold["earned"], sold["used"], sold["balance"], sold["card"]["points"]) == (13, 100, 1193, 1193)
    sale = page.post("/api/find", text=sold["number"])
    assert sale["lines"] == [
        {"line": 1, "category": "all", "units": 1, "fen": 12500, "rest_units": 1, "rest_fen": 12500}
    ]
    lines = [[1, 0, 5000]]
    told = page.post("/api/return", sale=sale["sale"], lines=lines)
    assert (told["claw"], told["restore"], told["fen"]) == (13 - 8, 40, 5000)
    back = page.post("/api/refund", act=act(), sale=sale["sale"], lines=lines)
    assert (back["clawed"], back["restored"]) == (5, 40)
    closed = page.post("/api/day/close")
    assert (closed["given_back"], closed["kept"] > 0) == (0, True), "headquarters is out of reach"
    assert page.post("/api/sell", act=act(), fen=100)["no"] == "day_closed"
    approval.set_pin(agent.till, "246810")
    assert page.post("/api/day/open")["no"] == "manager_needed"
    assert page.post("/api/day/open", pin="246810")["day"] == 20261119
    assert page.post("/api/sell", act=act(), fen=100)["done"] == "sale.earn"


@pytest.mark.drawn
def test_the_paper_of_a_sale_can_be_looked_at(page: Page) -> None:
    sold = page.post("/api/sell", act=act(), m=MEMBER, fen=12500)
    assert page.get(f"/api/paper/{sold['job']}").startswith(b"\x89PNG")


def test_a_point_of_sale_may_send_lines_and_its_own_number(page: Page) -> None:
    lines = [[1, "food", 2, 8000], [2, "food", 1, 4500]]
    sold = page.post("/api/sell", act=act(), m=OTHER, lines=lines, receipt="A-0417", paid="card")
    assert (sold["number"], sold["earned"]) == ("A-0417", 12)
    assert len(page.post("/api/find", text="A-0417")["lines"]) == 2
    twice = page.post("/api/sell", act=act(), m=OTHER, lines=lines, receipt="A-0417")
    assert twice["no"] == "receipt_known"


def test_every_no_is_said_in_the_language_of_the_page(page: Page) -> None:
    asked = {"act": act(), "m": OWES, "points": 10}
    zh = page.post("/api/redeem", **asked)
    en = page.post("/api/redeem?lang=en", **asked)
    assert zh["no"] == en["no"] == "debt"
    assert zh["say"] == "会员欠 30 分，先消费获得积分抵扣后才能使用"
    assert en["say"] == load_words("en").say("refusal.debt", points="30")
    assert page.post("/api/scan", text="134567890123456789")["no"] == "payment_code"
    assert page.post("/api/return", sale="0" * 32, lines=[[1, 1, 1]])["no"] == "refund_elsewhere_offline"


def test_above_a_limit_the_manager_is_needed_and_stands_in_the_book(agent: Agent, page: Page) -> None:
    asked = {"act": act(), "m": MEMBER, "points": 200}
    assert page.post("/api/redeem", **asked)["no"] == "pin_not_set"
    approval.set_pin(agent.till, "246810")
    assert page.post("/api/redeem", **asked)["no"] == "manager_needed"
    assert page.post("/api/redeem", **asked, pin="111111")["no"] == "pin_wrong"
    assert agent.till.log.seq == 0
    done = page.post("/api/redeem", **asked, pin="246810")
    assert done["approved"]
    below = page.post("/api/redeem", act=act(), m=MEMBER, points=100)
    assert not below["approved"]
    sold = page.post("/api/sell", act=act(), m=MEMBER, fen=20000)
    assert page.post("/api/void", act=act(), sale=sold["op"])["no"] == "manager_needed"
    whole = [[1, 1, 20000]]
    assert page.post("/api/refund", act=act(), sale=sold["op"], lines=whole)["no"] == "manager_needed"
    assert page.post("/api/refund", act=act(), sale=sold["op"], lines=whole, pin="246810")["approved"]


def try_pin(till: Till, pin: str) -> tuple[Refusal, Any] | None:
    no = approval.approve(till, pin)
    return (no.refusal, next(iter(no.values.values()), None)) if isinstance(no, No) else None


def test_five_wrong_pins_lock_for_five_ten_and_fifteen_minutes_also_over_a_restart(tmp_path: Path) -> None:
    agent = make_agent(tmp_path)
    approval.set_pin(agent.till, "246810")
    assert try_pin(agent.till, "246810") is None
    for minutes in (5, 10, 15, 15):
        for left in (4, 3, 2, 1):
            assert try_pin(agent.till, "000000") == (Refusal.pin_wrong, left)
        assert try_pin(agent.till, "000000") == (Refusal.pin_locked, minutes)
        assert try_pin(agent.till, "246810") == (Refusal.pin_locked, minutes)  # the right one waits too
        clock = agent.till.clock
        assert isinstance(clock, HandClock)
        now = clock.now_ms
        agent.stop()
        agent = make_agent(tmp_path)
        assert isinstance(agent.till.clock, HandClock)
        agent.till.clock.now_ms = now
        assert try_pin(agent.till, "246810") == (Refusal.pin_locked, minutes)
        agent.till.clock.now_ms += minutes * 60_000
    assert try_pin(agent.till, "246810") is None
    assert try_pin(agent.till, "000000") == (Refusal.pin_wrong, 4)  # the right one forgets the wrong ones
    agent.stop()


def test_a_pin_is_six_to_twelve_digits_and_is_not_in_the_book(tmp_path: Path) -> None:
    agent = make_agent(tmp_path)
    for pin in ("", "12345", "1234567890123", "abcdef", "12345６"):
        with pytest.raises(Fault, match="digits"):
            approval.set_pin(agent.till, pin)
    assert not approval.is_set(agent.till)
    approval.set_pin(agent.till, "246810")
    kept = agent.till.book.row("SELECT value FROM facts WHERE name = 'manager_pin'")
    assert kept is not None
    assert "246810" not in kept[0]
    agent.stop()


def test_a_disk_that_takes_nothing_more_is_said_as_something_to_do(
    agent: Agent, page: Page, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_self: Mirror, _records: object) -> None:
        raise Fault("fault.mirror", "no space left on device")

    page.post("/api/sell", act=act(), m=MEMBER, fen=5000)
    with monkeypatch.context() as broken:
        broken.setattr(Mirror, "append", full)
        page.post("/api/sell", act=act(), m=MEMBER, fen=5000)  # committed, its second copy is behind
        before = agent.till.log.seq
        assert page.post("/api/sell", act=act(), m=MEMBER, fen=5000)["no"] == "storage_full"
        assert agent.till.log.seq == before
    assert page.post("/api/sell", act=act(), m=MEMBER, fen=5000)["done"] == "sale.earn"


def test_a_second_agent_on_the_same_book_does_not_start(tmp_path: Path) -> None:
    first = make_agent(tmp_path)
    with pytest.raises(Fault) as caught:
        make_agent(tmp_path)
    assert caught.value.remedy == "fault.already_running"
    first.stop()
    make_agent(tmp_path).stop()


def test_what_cannot_be_is_said_before_anybody_is_called(agent: Agent, page: Page) -> None:
    approval.set_pin(agent.till, "246810")
    assert page.post("/api/redeem", act=act(), m=MEMBER, points=1_000_000)["no"] == "not_enough_points"
    assert page.post("/api/redeem", act=act(), m=MEMBER, points=200)["no"] == "manager_needed"
    stranger = 99_999_999
    assert page.post("/api/quote", m=stranger, fen=5_000)["no"] == "unknown_member"
    assert page.post("/api/sell", act=act(), m=stranger, fen=5_000)["no"] == "unknown_member"

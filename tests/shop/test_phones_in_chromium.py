"""A typed phone in a real browser: it earns where nobody knows it, and enrols nobody where it is known."""

from __future__ import annotations

import pytest
from running import MEMBER
from somebody import DRIVEN, Cashier, browser
from test_cashier_in_chromium import cashier, paper
from test_whole_day_in_chromium import day

from agent.store import members
from hardware.virtual.printer import VirtualPrinter
from points.wire import keys

__all__ = ["browser", "cashier", "day", "paper"]
pytestmark = DRIVEN
PHONE = "13812345678"


@pytest.mark.drawn
def test_a_phone_that_nobody_knows_here_earns_and_waits(cashier: Cashier, paper: VirtualPrinter) -> None:
    for amount_first in (False, True):
        if amount_first:
            cashier.type("125")
            cashier.press("Enter")
            cashier.sees("#confirm")
        cashier.type("13812345678")
        cashier.press("Enter")
        cashier.sees("#said", "可能是别店会员")
        cashier.sees("#phone", "138 1234 5678")
        cashier.sees("#to-phone", "积分先记在这个手机号上")
        cashier.keep(f"phone-offered-{amount_first:d}")
        cashier.press("Enter")
        cashier.sees("#phone", "138 **** 5678")
        if not amount_first:
            cashier.keep("phone-taken")
            cashier.type("125")
            cashier.press("Enter")
        cashier.sees("#gain", "+12")
        cashier.sees(".gain", "待总部确认后到账")
        cashier.keep("phone-quote")
        cashier.press("Enter")
        cashier.sees("#done", "已记录")
        cashier.sees("#sale .bill", "待总部确认")
        cashier.page.locator(".paper img").evaluate("picture => picture.decode()")
        cashier.keep("phone-done")
        assert paper.wait_for_receipts(1 + amount_first)
        assert "手机尾号 5678，积分待确认" in paper.receipts[0].text
        assert "扣回" not in paper.receipts[0].text
        cashier.press("Enter")
        cashier.sees_no("#done")
    assert b"13812345678" not in b"".join(op.body for op in cashier.agent.till.log.between(1, 1 << 62))
    cashier.type("13812345678")
    cashier.press("Enter")
    cashier.sees("#to-phone")
    cashier.press("F4")
    cashier.sees("#enrol-phone")
    assert cashier.page.input_value("#enrol-phone") == "13812345678"
    cashier.press("Enter")
    cashier.sees(".given")
    cashier.type("80")
    cashier.press("Enter")
    cashier.sees("#gain", "+8")
    cashier.press("Enter")
    cashier.sees("#points", "8")


def test_with_a_network_a_phone_that_nobody_knows_here_earns_and_is_known_after_the_next_contact(
    day: Cashier,
) -> None:
    day.sees("#network", "已联网")
    for known in (False, True):
        day.type(PHONE)
        day.press("Enter")
        if known:
            day.sees("#points", "12")
            break
        day.sees("#to-phone", "积分先记在这个手机号上")
        day.keep("phone-offered-online")
        day.press("Enter")
        day.sees("#phone", "138 **** 5678")
        day.keep("phone-taken-online")
        day.type("125")
        day.press("Enter")
        day.sees("#gain", "+12")
        day.press("Enter")
        day.sees("#sale .bill", "待总部确认后到账")
        assert day.agent.pulse.contact()
        day.press("Enter")
        day.sees_no("#done")


def test_who_has_a_card_here_is_not_enrolled_again(cashier: Cashier) -> None:
    till = cashier.agent.till
    with till.book.turn() as turn:
        members.take_phones(turn, [(keys.phone_tag(till.identity.index_key, PHONE), MEMBER)])
    for amount_first in (False, True):
        if amount_first:
            cashier.type("125")
            cashier.press("Enter")
            cashier.sees("#confirm")
        cashier.press("F4")
        cashier.sees("#enrol-phone")
        cashier.type(PHONE)
        cashier.press("Enter")
        cashier.sees_no("#enrol-title")
        cashier.sees("#points", "1,280")
        cashier.sees("#said", "这个手机号已经有会员，没有再登记")
        cashier.keep(f"already-member-{amount_first:d}")
        if not amount_first:
            cashier.press("Escape")
            cashier.sees_no("#points")
    cashier.sees("#gain", "+15")
    assert till.log.seq == 0
    cashier.press("Enter")
    cashier.sees("#points", "1,295")
    cashier.press("Enter")
    with till.book.turn() as turn:  # a member of another region, of whom nothing else was told
        members.take_phones(turn, [(keys.phone_tag(till.identity.index_key, PHONE), 5_000_000)])
    cashier.press("F4")
    cashier.sees("#enrol-phone")
    cashier.type(PHONE)
    cashier.press("Enter")
    cashier.sees("#to-phone", "积分先记在这个手机号上")
    cashier.sees("#said", "这个手机号已经有会员，没有再登记")
    cashier.keep("already-member-elsewhere")
    assert till.log.seq == 1

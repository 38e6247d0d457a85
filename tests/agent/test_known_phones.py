"""A phone that leads to a member here enrols nobody else, and leads where headquarters told."""

from __future__ import annotations

from pathlib import Path

import pytest
from running import MEMBER, Page, act, running
from shopfloor import open_till, tell_member

from agent import enrolment
from agent.funding import No
from agent.store import feeds, members
from agent.till import Till
from points.refusals import Refusal
from points.wire import keys

PHONE = "13800138000"


def tag_of(till: Till) -> str:
    return keys.phone_tag(till.identity.index_key, PHONE)


def tell_phone(till: Till, m: int) -> None:
    """An edition tells whose phone it is."""
    with till.book.turn() as turn:
        members.take_phones(turn, [(tag_of(till), m)])


def refused(till: Till, **how: str) -> Refusal:
    told = enrolment.enrol(till, "c1", phone=PHONE, **how)
    assert isinstance(told, No), told
    return told.refusal


@pytest.mark.parametrize("whose", ["told here", "told, of another region", "enrolled here"])
def test_a_phone_that_leads_to_a_member_enrols_nobody_else(tmp_path: Path, whose: str) -> None:
    till = open_till(tmp_path)
    if whose == "enrolled here":
        new = enrolment.enrol(till, "c1", phone=PHONE)
        assert isinstance(new, enrolment.Enrolled)
        m = new.m
    else:
        m = MEMBER if whose == "told here" else 5_000_000
        tell_member(till, MEMBER, 70)
        tell_phone(till, m)
    before, left = till.log.seq, members.pool_left(till.book)
    assert refused(till) is Refusal.already_member
    assert refused(till, name="王小明") is Refusal.already_member
    assert (till.log.seq, members.pool_left(till.book)) == (before, left), "no number and no code is used up"
    assert members.by_phone(till.book, tag_of(till)) == m
    assert isinstance(enrolment.enrol(till, "c1", phone="13800138001"), enrolment.Enrolled)
    assert isinstance(enrolment.enrol(till, "c1"), enrolment.Enrolled)


def test_an_own_phone_overwrites_nothing_that_headquarters_told(tmp_path: Path) -> None:
    till = open_till(tmp_path)
    tell_phone(till, MEMBER)
    with till.book.turn() as turn:
        members.put_own_phone(turn, tag_of(till), 1028)
    assert members.by_phone(till.book, tag_of(till)) == MEMBER
    assert feeds.fact(till.book, members.OWN + tag_of(till)) is None
    with till.book.turn() as turn:
        members.take_phones(turn, [])
    assert members.by_phone(till.book, tag_of(till)) is None, "what is not told any more is forgotten"


def test_the_page_is_told_whose_phone_it_is_and_the_same_press_enrols_once(tmp_path: Path) -> None:
    with running(tmp_path) as agent:
        page = Page(agent).open()
        tell_phone(agent.till, MEMBER)
        told = page.post("/api/enrol?lang=en", act=act(), phone=PHONE)
        assert (told["no"], told["found"], told["card"]["m"]) == ("already_member", "member", MEMBER)
        assert "has a member already" in told["say"]
        tell_phone(agent.till, 5_000_000)  # a member of another region, of whom nothing else was told
        told = page.post("/api/enrol", act=act(), phone=PHONE)
        assert (told["no"], told["found"], told["phone"]) == ("already_member", "phone", PHONE)
        assert "已经有会员" in told["say"]
        assert agent.till.log.seq == 0
        again = {"act": act(), "phone": "13800138001"}
        first = page.post("/api/enrol", **again)
        assert page.post("/api/enrol", **again) == first | {"again": True}, "its answer was lost"

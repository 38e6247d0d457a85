"""A sale to a typed phone, as the page asks for it: to the member where one is known, else it waits."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from running import MEMBER, Page, act, code_of, running
from shopfloor import HandClock, counter_of, open_till, tell_member

from agent.assembly import Agent
from agent.counter import Found
from agent.desk import Desk, Done
from agent.store import members
from points.wire import keys

PHONE = "13812345678"


def know(agent: Agent, m: int) -> None:
    """An edition tells whose phone it is."""
    till = agent.till
    with till.book.turn() as turn:
        members.take_phones(turn, [(keys.phone_tag(till.identity.index_key, PHONE), m)])


def paper(agent: Agent, job: int) -> str:
    """Every text on a receipt."""
    drawn = agent.printing.paper(job)
    assert drawn is not None
    return " ".join(str(row) for row in drawn.rows)


def sale(**more: Any) -> dict[str, Any]:
    return {"act": act(), "phone": PHONE, "fen": 12_500} | more


@pytest.mark.parametrize("online", [True, False])
def test_a_phone_is_a_member_s_or_the_points_wait_for_it(tmp_path: Path, *, online: bool) -> None:
    with running(tmp_path) as agent:
        page = Page(agent).open()
        agent.pulse.online = online
        for lang, words in (("zh", "可能是别店会员"), ("en", "may be a member of another store")):
            asked = page.post(f"/api/scan?lang={lang}", text=PHONE)
            assert (asked["found"], asked["phone"]) == ("phone", PHONE)
            assert words in asked["say"]
        know(agent, 5_000_000)  # a member of another region, of whom nothing else was told
        assert page.post("/api/scan", text=PHONE)["found"] == "phone"
        assert page.post("/api/sell-to-phone", **sale())["waits"]
        know(agent, MEMBER)
        assert page.post("/api/scan", text=PHONE)["card"]["m"] == MEMBER


def test_a_sale_waits_once_and_goes_to_the_member_as_soon_as_one_is_known(tmp_path: Path) -> None:
    with running(tmp_path) as agent:
        page = Page(agent).open()
        first = sale()
        done = page.post("/api/sell-to-phone", **first)
        assert (done["waits"], done["m"], done["earned"], done["has_member"]) == (True, None, 12, False)
        know(agent, MEMBER)
        assert page.post("/api/sell-to-phone", **first)["op"] == done["op"], "the same press is the same sale"
        known = page.post("/api/sell-to-phone", **sale())
        assert (known["waits"], known["m"], known["earned"]) == (False, MEMBER, 15)
        assert known["card"]["points"] == 1295
        assert agent.till.log.seq == 2
        for bad in ({"phone": "123"}, {"phone": ""}, {"points": 5}, {"fen": -1}, {"m": MEMBER}):
            status, _, _ = page.send("POST", "/api/sell-to-phone", sale(**bad))
            assert status == 422, bad
        page.post("/api/day/close")
        assert page.post("/api/sell-to-phone", **sale())["no"] == "day_closed"


def test_an_unknown_code_s_receipt_says_that_its_points_wait(tmp_path: Path) -> None:
    with running(tmp_path) as agent:
        page = Page(agent).open()
        told = page.post("/api/scan", text=code_of(77))
        assert (told["found"], told["code"]) == ("unknown", code_of(77))
        done = page.post("/api/sell", act=act(), m=None, who=told["who"], fen=8_000)
        assert done["waits"]
        assert "积分待确认" in paper(agent, done["job"])
        assert "+8" in paper(agent, done["job"])
        nobody = page.post("/api/sell", act=act(), m=None, fen=8_000)
        assert not nobody["waits"]
        assert "本单没有积分" in paper(agent, nobody["job"])
        assert "+8" not in paper(agent, nobody["job"]), "what nobody gets is not promised"
        for sold, claw, later in ((done, 8, True), (nobody, 0, False)):
            asked = {"sale": sold["op"], "lines": [[1, 0, 4_000]]}
            assert page.post("/api/return", **asked)["claw"] == claw
            back = page.post("/api/refund", act=act(), **asked)
            assert ("积分由总部扣回" in paper(agent, back["job"]), back["waits"]) == (later, later)


@pytest.mark.parametrize("status", ["frozen", "active"])
def test_a_known_phone_is_sold_to_like_the_member(tmp_path: Path, status: str) -> None:
    till = open_till(tmp_path, HandClock())
    tell_member(till, MEMBER, 100, status=status)
    with till.book.turn() as turn:
        members.take_phones(turn, [(keys.phone_tag(till.identity.index_key, PHONE), MEMBER)])
    by_phone = Desk(counter_of(till)).sell_to_phone("act-00001", "c1", PHONE, [[1, "all", 1, 8_000]])
    by_number = Desk(counter_of(till)).sell("act-00002", "c1", MEMBER, [[1, "all", 1, 8_000]])
    assert isinstance(by_phone, Done)
    assert isinstance(by_number, Done)
    assert by_phone.op.body["lines"] == by_number.op.body["lines"]
    assert by_phone.op.m == by_number.op.m == MEMBER


def test_a_member_and_the_phone_that_finds_it_are_recorded_together(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A till that stopped between the two had a member whom it did not find by the phone just typed."""
    till = open_till(tmp_path)
    desk, again = Desk(counter_of(till)), act()
    before = members.next_from_pool(till.book)

    def crash(*_: object) -> None:
        raise RuntimeError("the plug was pulled")

    with monkeypatch.context() as broken:
        broken.setattr(members, "put_own_phone", crash)
        with pytest.raises(RuntimeError):
            desk.enrol(again, "c1", phone=PHONE)
    assert till.log.seq == 0
    assert till.book.rows("SELECT * FROM sealed") == []
    assert members.next_from_pool(till.book) == before
    new = desk.enrol(again, "c1", phone=PHONE)  # the page asks once more, under the same id
    assert isinstance(new, Done)
    known = desk.counter.scan(PHONE)
    assert isinstance(known, Found)
    assert known.card is not None
    assert known.card.m == new.op.m

"""Goods of another till's sale come back at this counter: by its paper, within limits, in words."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from running import MEMBER, Page, act, running
from shopfloor import counter_of, open_till, tell_member

from agent import approval, claims
from agent.assembly import Agent
from agent.recorder import Recorded
from agent.store import device_keys, prints, sales
from agent.till import Till
from points.wire import canonical
from points.wire.fields import SUITE

PIN = "246810"
CAPPED = {"refund_elsewhere": {"sale_fen": 6000, "day_fen": 9000}, "manager": {"refund_fen": 10_000}}
GOODS = [[1, "food", 2, 8000], [2, "food", 1, 4500]]


def other_till(folder: Path) -> Till:
    """A till of another store."""
    till = open_till(folder / "other", rules=CAPPED, store="s002")
    till.chance = random.Random(9).randbytes
    tell_member(till, MEMBER, 500)
    return till


@pytest.fixture
def other(tmp_path: Path) -> Iterator[Till]:
    till = other_till(tmp_path)
    yield till
    till.book.close()


def sold(other: Till, m: int | None = MEMBER) -> str:
    """The code on the paper of a sale at the other store."""
    done = counter_of(other).sell(m, GOODS, "c9")
    assert isinstance(done, Recorded)
    return claims.digits(other, done.op.id)


def tell_key(till: Till, other: Till) -> None:
    """The other till's key, as headquarters tells it."""
    key, lane = other.identity.key, other.identity.lane
    with till.book.turn() as turn:
        row = [key.kid, key.public_raw.hex(), lane.store, lane.till, lane.epoch, SUITE, 0, None, None]
        device_keys.put(turn, [row])


@pytest.fixture
def agent(tmp_path: Path, other: Till) -> Iterator[Agent]:
    with running(tmp_path / "own", rules=CAPPED) as started:
        tell_key(started.till, other)
        approval.set_pin(started.till, PIN)
        yield started


@pytest.fixture
def page(agent: Agent) -> Page:
    return Page(agent).open()


def asked(claim: str, fen: int, **more: Any) -> dict[str, Any]:
    return {"act": act(), "claim": claim, "groups": [[0, fen]], **more}


def test_another_store_s_paper_says_what_may_come_back(page: Page, other: Till) -> None:
    claim = sold(other)
    for found in (page.post("/api/scan", text=claim), page.post("/api/find", text=claim)):
        assert found["found"] == "elsewhere"
        assert found["claim"] == claim
        assert (found["number"], found["day"], found["tail"]) == ("s002 · 01-1-1", "2026-11-19", "8000")
        assert found["groups"] == [{"rate": 0, "goods": "商品合计", "left_fen": 12_500}]


def test_a_part_comes_back_with_the_manager_and_headquarters_will_claw(
    agent: Agent, page: Page, other: Till
) -> None:
    claim = sold(other)
    first = asked(claim, 5000)
    assert page.post("/api/refund-elsewhere", **first)["no"] == "manager_needed"
    assert page.post("/api/refund-elsewhere", **first, pin="111111")["no"] == "pin_wrong"
    assert agent.till.log.seq == 0
    done = page.post("/api/refund-elsewhere", **first, pin=PIN)
    assert (done["done"], done["back_fen"], done["approved"]) == ("sale.refund", 5000, True)
    assert (done["clawed"], done["restored"], done["balance"]) == (0, 0, 1280), "nothing is taken here"
    assert page.post("/api/refund-elsewhere", **first, pin=PIN)["again"]
    body = canonical.decode(sales.body(agent.till.book, done["op"]) or b"")
    assert (body["groups"], body["m"], "fund" in body) == ([[0, 5000]], MEMBER, False)
    assert "claw_pts" not in body
    assert page.post("/api/find", text=claim)["groups"][0]["left_fen"] == 7500
    job = prints.of(agent.till.book, done["job"])
    assert job is not None
    assert (job.receipt["origin"], job.receipt["unconfirmed"]) == ("s002 · 01-1-1", True)


@pytest.mark.drawn
def test_its_paper_can_be_looked_at(page: Page, other: Till) -> None:
    done = page.post("/api/refund-elsewhere", **asked(sold(other), 5000), pin=PIN)
    assert page.get(f"/api/paper/{done['job']}").startswith(b"\x89PNG")


def test_without_a_network_the_book_says_how_much(page: Page, other: Till) -> None:
    claim, second = sold(other), sold(other)
    limit = page.post("/api/refund-elsewhere", **asked(claim, 6001, pin=PIN))
    assert limit["no"] == "refund_elsewhere_limit"
    assert (
        limit["say"] == "断网时另一台收银机的小票现在最多还能退 ¥60.00；请联网后再试，或请顾客到那台收银机退"
    )
    assert page.post("/api/refund-elsewhere", **asked(claim, 6000, pin=PIN))["done"]
    assert page.post("/api/refund-elsewhere", **asked(claim, 1, pin=PIN))["no"] == "refund_elsewhere_limit"
    of_day = page.post("/api/refund-elsewhere?lang=en", **asked(second, 3001, pin=PIN))
    assert (of_day["no"], "¥30.00" in of_day["say"]) == ("refund_elsewhere_limit", True)
    assert page.post("/api/refund-elsewhere", **asked(second, 3000, pin=PIN))["done"]


def test_with_a_network_headquarters_is_asked_and_the_limits_stay_where_it_cannot_help(
    agent: Agent, page: Page, other: Till
) -> None:
    claim = sold(other)
    agent.uplink.connected = agent.pulse.online = True  # as far as it knows; nobody answers at this address
    assert page.post("/api/find", text=claim)["found"] == "elsewhere"
    assert page.post("/api/refund-elsewhere", **asked(claim, 5000))["no"] == "manager_needed"
    assert page.post("/api/refund-elsewhere", **asked(claim, 5000, pin=PIN))["approved"]
    more = page.post("/api/refund-elsewhere", **asked(claim, 5000, pin=PIN))
    assert (more["no"], "¥10.00" in more["say"]) == ("refund_elsewhere_limit", True)
    assert page.post("/api/refund-elsewhere", **asked(claim, 7501, pin=PIN))["no"] == "refund_too_much"
    assert agent.till.log.seq == 1


@pytest.mark.parametrize(
    ("answer", "no"),
    [
        ({"refused": "no_sale"}, "nothing_to_refund"),
        ({"refused": "owner_silent"}, ""),
        ({"refused": "not_told"}, ""),
    ],
)
def test_what_headquarters_knows_is_not_refunded_by_the_paper_alone(
    agent: Agent, page: Page, other: Till, answer: dict[str, Any], no: str
) -> None:
    claim = sold(other)
    agent.uplink.connected = agent.pulse.online = True
    agent.desk._ask = lambda _asked: answer
    told = page.post("/api/refund-elsewhere", **asked(claim, 5000, pin=PIN))
    assert told.get("no", "") == no
    assert page.post("/api/find", text=claim).get("no", "") == no
    assert agent.till.log.seq == (0 if no else 1)


def test_lines_that_headquarters_tells_take_the_place_of_the_paper(
    agent: Agent, page: Page, other: Till
) -> None:
    claim = sold(other)
    sale = next(body for _, body in sales.since(other.book, 0))
    rest = [[1, 2, 8000], [2, 1, 4500]]
    asks: list[dict[str, Any]] = []

    def hub(asked_of_it: dict[str, Any]) -> dict[str, Any]:
        asks.append(asked_of_it)
        lines = {"sale": sale.decode(), "m": MEMBER, "rest": rest}
        return {**lines, "granted": True} if "id" in asked_of_it else lines

    agent.uplink.connected = agent.pulse.online = True
    agent.desk._ask = hub
    found = page.post("/api/find", text=claim)
    assert (found["origin"], [line["rest_fen"] for line in found["lines"]]) == ("s002 · 01-1-1", [8000, 4500])
    assert page.post("/api/refund-elsewhere", **asked(claim, 5000, pin=PIN))["no"] == "refund_by_lines"
    told = page.post("/api/return", sale=found["sale"], lines=[[1, 1, 4000]])
    assert (told["fen"], told["restore"]) == (4000, 0)
    done = page.post("/api/refund", act=act(), sale=found["sale"], lines=[[1, 1, 4000]])
    assert (done["done"], done["clawed"], done["back_fen"], done["waits"]) == (
        "sale.refund", told["claw"], 4000, False,
    )  # fmt: skip
    assert asks[-1] == {"claim": claim, "id": done["op"], "lines": [[1, 1, 4000]]}
    job = prints.of(agent.till.book, done["job"])
    assert job is not None
    assert (job.receipt["origin"], job.receipt["clawed"]) == ("s002 · 01-1-1", told["claw"])
    again = page.post("/api/return", sale=found["sale"], lines=[[1, 2, 8000]])
    assert again["no"] == "refund_too_much", "what came back here is taken off without asking"


def test_a_book_that_says_nothing_allows_nothing_without_a_network(tmp_path: Path, other: Till) -> None:
    with running(tmp_path / "own") as agent:
        tell_key(agent.till, other)
        page = Page(agent).open()
        told = page.post("/api/refund-elsewhere", **asked(sold(other), 100))
        assert told["no"] == "refund_elsewhere_offline"
        assert page.post("/api/find", text="s002 01-1-1")["no"] == "no_sale_here"
        assert agent.till.log.seq == 0


def test_a_paper_that_is_no_sale_opens_no_refund(agent: Agent, page: Page) -> None:
    sold_here = page.post("/api/sell", act=act(), m=MEMBER, fen=5000)
    back = page.post("/api/refund", act=act(), sale=sold_here["op"], lines=[[1, 1, 5000]])
    assert page.post("/api/find", text=claims.digits(agent.till, back["op"]))["no"] == "nothing_to_refund"


def test_a_sale_of_this_till_comes_back_by_its_lines_and_not_once_more_by_its_paper(
    agent: Agent, page: Page
) -> None:
    sold_here = page.post("/api/sell", act=act(), m=MEMBER, fen=5000)
    paper = claims.digits(agent.till, sold_here["op"])
    assert page.post("/api/refund-elsewhere", **asked(paper, 5000))["no"] == "nothing_to_refund"
    assert page.post("/api/refund", act=act(), sale=sold_here["op"], lines=[[1, 1, 5000]])["done"]
    assert page.post("/api/refund-elsewhere", **asked(paper, 5000))["no"] == "nothing_to_refund"
    assert agent.till.log.seq == 2


def test_a_refund_s_slip_says_what_the_goods_were_worth_and_moves_points_only_of_somebody(page: Page) -> None:
    of_member = page.post("/api/sell", act=act(), m=MEMBER, fen=8000)
    of_nobody = page.post("/api/sell", act=act(), fen=8000)
    told = [
        page.post("/api/refund", act=act(), sale=sale["op"], lines=[[1, 1, 8000]])
        for sale in (of_member, of_nobody)
    ]
    assert [(one["back_fen"], one["clawed"]) for one in told] == [(8000, 9), (8000, 0)]


def test_what_no_key_proves_is_not_taken_back(agent: Agent, page: Page, other: Till) -> None:
    claim = sold(other)
    forged = claim[:-1] + str((int(claim[-1]) + 1) % 10)
    assert page.post("/api/find", text=forged)["no"] == "receipt_not_proved"
    assert page.post("/api/refund-elsewhere", **asked(forged, 100, pin=PIN))["no"] == "receipt_not_proved"
    assert page.post("/api/refund-elsewhere", **asked("123", 100, pin=PIN))["no"] == "unknown_code"
    spent = counter_of(other, "granted").redeem(MEMBER, 100, "c9")
    assert isinstance(spent, Recorded)
    no_sale = claims.digits(other, spent.op.id)
    assert page.post("/api/refund-elsewhere", **asked(no_sale, 100, pin=PIN))["no"] == "nothing_to_refund"
    assert page.post("/api/refund-elsewhere", **asked(claim, 12_501, pin=PIN))["no"] == "refund_too_much"
    other_group = {"act": act(), "claim": claim, "groups": [[3, 100]], "pin": PIN}
    assert page.post("/api/refund-elsewhere", **other_group)["no"] == "refund_too_much"
    page.post("/api/day/close")
    assert page.post("/api/refund-elsewhere", **asked(claim, 100, pin=PIN))["no"] == "day_closed"
    for bad in ({"groups": []}, {"groups": [[0, 0]]}, {"groups": [[0, 1.5]]}, {"claim": "x"}, {"claim": ""}):
        status, _, _ = page.send("POST", "/api/refund-elsewhere", {**asked(claim, 100), **bad})
        assert status == 422
    assert agent.till.log.seq == 0

"""A card or a phone that a till does not know, asked of headquarters."""

from __future__ import annotations

import pytest
from headquarters import DAY_MS, Headquarters, Shop
from told_by_steps import shown
from two_regions import knows, met

from agent.counter import Found
from agent.enrolment import Enrolled, enrol
from agent.look_up import Answered, LookUp
from hub import look_up
from points import codes
from points.wire import endpoints


def test_a_look_up_makes_a_visitor(hq: Headquarters, north: Shop, south: Shop) -> None:
    m, code = met(north)
    asks = LookUp(south.till, south.uplink.look_up, south.sync)
    assert asks(code) is Answered.SOMEBODY
    assert shown(south, m) == 100
    assert asks(codes.member_code(b"0123456789abcdef")) is Answered.NOBODY
    assert asks("6901234567892") is Answered.UNANSWERED, "no member's code"
    south.uplink.connected = False
    assert asks(code) is Answered.UNANSWERED


def test_a_phone_is_looked_up_sealed(hq: Headquarters, north: Shop, south: Shop) -> None:
    new = enrol(north.till, "c1", "13800138000", "王芳")
    assert isinstance(new, Enrolled)
    m = new.m
    north.sync()
    asks = LookUp(south.till, south.uplink.look_up, south.sync)
    assert asks("138 0013 8000") is Answered.SOMEBODY
    assert knows(south, m)
    found = south.counter.scan("13800138000")
    assert isinstance(found, Found)
    assert found.card is not None
    assert found.card.m == m
    assert asks("13900139000") is Answered.NOBODY


def test_a_stolen_till_learns_nobodys_phone_by_trying(
    hq: Headquarters, south: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(look_up, "A_DAY_MAX", 2)
    asks = LookUp(south.till, south.uplink.look_up, south.sync)
    said = [asks(f"1380013800{n}") for n in range(4)]
    assert said == [Answered.NOBODY] * 2 + [Answered.UNANSWERED] * 2
    hq.clock.now_ms += DAY_MS
    assert asks("13800138009") is Answered.NOBODY


@pytest.mark.parametrize(
    "asked",
    [b"{}", b'{"who":"xyz"}', b'{"who":7}', b'{"box":"00","id":"z"}', b'{"box":7,"id":7}', b'{"box":"00"}'],
)
def test_a_question_that_is_none_is_refused(hq: Headquarters, south: Shop, asked: bytes) -> None:
    with pytest.raises(Exception, match="malformed"):
        south.uplink.call("POST", endpoints.look_ups(), asked, endpoints.JSON)

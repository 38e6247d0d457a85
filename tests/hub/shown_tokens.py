"""A store whose line is cut, a member who enrolled elsewhere, and what that member's phone shows."""

from __future__ import annotations

import dataclasses
from typing import Any

from headquarters import Headquarters, Shop
from test_rights_over_http import enrolled

from agent.counter import Found, No
from agent.recorder import Recorded
from hub import member_tokens
from points.refusals import Refusal
from points.wire import member_token

GOODS = [[1, "food", 1, 10_000]]


def phone(hq: Headquarters, m: int, **other: Any) -> str:
    """The digits on a member's phone, or with something else in their place, signed all the same."""
    with hq.office.store.look() as look:
        issued = member_tokens.issue(look, hq.office, m)
    assert issued is not None
    token, digits = issued
    assert hq.office.keys.token is not None
    return (
        member_token.encode(dataclasses.replace(token, **other), hq.office.chain, hq.office.keys.token)
        if other
        else digits
    )


def card(told: Found | No) -> Any:
    assert isinstance(told, Found), told
    assert told.card is not None
    return told.card


def refused(told: Any) -> Refusal:
    assert isinstance(told, No), told
    return told.refusal


def cut(*shops: Shop) -> None:
    for shop in shops:
        shop.uplink.connected = False


def mend(*shops: Shop) -> None:
    for shop in shops:
        shop.uplink.connected = True
    for shop in (*shops, *shops):
        shop.sync()


def elsewhere(hq: Headquarters, pts: int = 400) -> tuple[Shop, Shop, int]:
    """A store whose line is cut, and a member who enrolled and bought at another one afterwards."""
    away, home = hq.shop("s002"), hq.shop("s001")
    cut(away)
    m = enrolled(home)
    assert isinstance(home.counter.sell(m, [[1, "food", 1, pts * 100]], "c1"), Recorded)
    home.sync()
    return away, home, m

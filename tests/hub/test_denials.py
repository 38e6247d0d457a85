"""A member whom headquarters trusts no more is trusted nowhere, and keeps what is theirs."""

from __future__ import annotations

from typing import Any

import pytest
from headquarters import Headquarters
from pretend_till import PretendTill
from test_bells import spent
from test_exposure import browser, send
from test_rights_over_http import intent
from test_trust import away
from test_unlocks import ELSEWHERE, HOUR_MS, SURELY_MS, granted

from agent import trust
from agent.counter import No
from hub import denials
from hub.office import Trust, Unlock

BUDGET = Trust(100, 150, 300)


def heard(hq: Headquarters, shop: Any) -> None:
    shop.uplink.connected = True
    shop.sync()
    shop.uplink.connected = False


def test_a_member_is_denied_on_a_page_and_every_till_hears_it_at_its_next_contact(hq: Headquarters) -> None:
    other, m = away(hq, BUDGET)
    with browser(hq) as somebody:
        path = f"/console/members/{m}"
        assert send(somebody, path, what="deny", by="李娜", note="").status_code == 422
        assert send(somebody, path, what="deny", by="李娜", note="两处同时用分").status_code == 200
        assert send(somebody, path, what="deny", by="李娜", note="x").status_code == 422, "it is so already"
        told = somebody.get(path + "?csv=denials").text.splitlines()[1:]
        assert [row.split(",")[1:] for row in told] == [["不再信任", "李娜", "两处同时用分"]]
        assert spent(other.counter.redeem(m, 50, "c2")) == {"trust": 50}, "it has not heard"
        heard(hq, other)
        assert isinstance(other.counter.redeem(m, 50, "c2"), No)
        assert send(somebody, path, what="allow", by="王强", note="已说明").status_code == 200
        assert send(somebody, path, what="allow", by="王强", note="已说明").status_code == 422
    assert isinstance(other.counter.redeem(m, 50, "c2"), No)
    heard(hq, other)
    assert spent(other.counter.redeem(m, 50, "c2")) == {"trust": 50}


def test_others_are_trusted_and_what_is_the_members_own_is_spent(hq: Headquarters) -> None:
    other, m = away(hq, BUDGET)
    with hq.office.store.turn() as turn:
        assert denials.deny(turn, hq.office, m + 1, "李娜", "x")
    heard(hq, other)
    assert spent(other.counter.redeem(m, 50, "c2")) == {"trust": 50}
    with hq.office.store.turn() as turn:
        assert denials.deny(turn, hq.office, m, "李娜", "x")
    heard(hq, other)
    other.counter.sell(m, [[1, "food", 1, 1_000]], "c2")
    assert spent(other.counter.redeem(m, 10, "c2")) == {"local": 10}


def test_nothing_is_promised_to_one_who_is_denied(
    hq: Headquarters, till: PretendTill, other: PretendTill
) -> None:
    hq.office.session_ms, hq.office.unlock = 24 * HOUR_MS, Unlock(200, 200, 200)
    m = granted(till, 100)
    hq.clock.now_ms += SURELY_MS
    with hq.office.store.turn() as turn:
        assert denials.deny(turn, hq.office, m, "李娜", "x")
    assert other.authorise(intent(other), m, 10) == ELSEWHERE
    with hq.office.store.turn() as turn:
        assert denials.allow(turn, hq.office, m, "李娜", "x")
    assert other.authorise(intent(other), m, 10) == {"granted": 10}


def test_a_page_says_it_beside_the_budget_and_else_not_at_all(hq: Headquarters, till: PretendTill) -> None:
    with hq.office.store.turn() as turn:
        assert denials.deny(turn, hq.office, 1030, "李娜", "x")
    assert till.page("d") == [], "who trusts nobody need not know whom"
    hq.office.trust = BUDGET
    assert till.page("d") == [["d", [1030]]]
    with hq.office.store.turn() as turn:
        assert denials.allow(turn, hq.office, 1030, "李娜", "x")
    assert till.page("d") == [["d", []]], "said, for what is not said is as it was"


def test_a_list_has_an_end(hq: Headquarters, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(denials, "DENIED_MAX", 2)
    with hq.office.store.turn() as turn:
        assert [denials.deny(turn, hq.office, m, "李娜", "x") for m in (1, 2, 3)] == [True, True, False]


@pytest.mark.parametrize("told", ["1 2", None, 7, [1, "2"], [True], list(range(10_001))])
def test_what_is_no_list_is_refused(hq: Headquarters, told: Any) -> None:
    shop = hq.shop("s001")
    with shop.till.book.turn() as turn, pytest.raises(ValueError, match="denied"):
        trust.hear_denied(turn, told)

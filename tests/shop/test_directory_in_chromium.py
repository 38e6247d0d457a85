"""A card of another region at the counter: what the directory tells, on the page, in both languages; nothing
of it can be used, and the sale goes on as any that waits for headquarters."""

from __future__ import annotations

import pytest
from running import code_of
from somebody import DRIVEN, Cashier, browser
from test_cashier_in_chromium import cashier, paper

from agent.directory import Listed
from agent.store import sales
from points.bands import band, range_of

__all__ = ["browser", "cashier", "paper"]
pytestmark = DRIVEN
STRANGER = 9_000_000


def test_a_card_of_another_region_is_told_of_and_not_spent(cashier: Cashier) -> None:
    as_of_ms = cashier.agent.till.time().st_ms
    cashier.agent.counter._listed = lambda _who: Listed(0, range_of(band(2_345)), as_of_ms)
    cashier.scan(code_of(STRANGER))
    cashier.sees("#listed", "约 2,000–2,499 分")
    cashier.sees("#member h1", "其他门店会员 · 普通")
    cashier.sees("#member", "积分仅供参考，这里不能使用")
    cashier.keep("listed")
    cashier.type("128")
    cashier.press("Enter")
    cashier.sees("#gain")
    cashier.keep("listed-quote")
    cashier.press("Enter")
    cashier.sees("#done")
    cashier.sees("p.mind", "待总部确认后到账")
    cashier.keep("listed-done")
    ((_, body),) = sales.since(cashier.agent.till.book, 0)
    assert '"who":' in body.decode(), "whose it is says headquarters"


@pytest.mark.parametrize(("points", "told"), [(0, "没有积分"), (10**14, "以上"), (7, "约 1–9 分")])
def test_a_band_is_said_as_a_person_would(cashier: Cashier, points: int, told: str) -> None:
    as_of_ms = cashier.agent.till.time().st_ms
    cashier.agent.counter._listed = lambda _who: Listed(200, range_of(band(points)), as_of_ms)
    cashier.scan(code_of(STRANGER))
    cashier.sees("#listed", told)

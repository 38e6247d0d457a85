"""A risk that was budgeted beforehand, and not a point more: in one outage, in many, on one day."""

from __future__ import annotations

import dataclasses
from types import SimpleNamespace
from typing import Any

import pytest
from headquarters import DAY_MS, Headquarters, Shop
from pretend_till import PretendTill, points_of
from test_bells import at_home, spent
from test_losses import declared
from test_rights_over_http import enrolled

from agent import goods_back, provisioning, trust
from agent.counter import No
from agent.recorder import Recorded
from agent.store import trusts
from hub import trust as budgets
from hub.office import Trust
from hub.verify import verify
from points.refusals import Refusal


def away(hq: Headquarters, budget: Trust) -> tuple[Shop, int]:
    """A store out of reach where a member of 400 points, at home elsewhere, was served before."""
    hq.office.trust = budget
    home, other, m = at_home(hq)
    sold = other.counter.sell(m, [[1, "food", 1, 10_000]], "c2")
    assert isinstance(sold, Recorded)
    assert isinstance(goods_back.refund(other.till, sold.op.id, [[1, 1, 10_000]], "c2"), Recorded)
    for shop in (other, home, other):
        shop.sync()
    assert points_of(hq, m) == (400, 0)
    other.uplink.connected = False
    return other, m


def at_risk(hq: Headquarters) -> int:
    with hq.office.store.look() as look:
        return budgets.at_risk(look)


def test_without_a_budget_nothing_is_trusted(hq: Headquarters) -> None:
    other, m = away(hq, Trust())
    said = other.counter.redeem(m, 10, "c2")
    assert isinstance(said, No)
    assert said.refusal is Refusal.not_here_offline
    assert at_risk(hq) == 0


def test_a_budget_is_spent_and_posted_and_headquarters_sees_it_before(hq: Headquarters) -> None:
    other, m = away(hq, Trust(100, 150, 300))
    assert at_risk(hq) == 300 * 2, "both stores were told"
    assert spent(other.counter.redeem(m, 100, "c2")) == {"trust": 100}
    for pts in (101, 60):
        assert isinstance(other.counter.redeem(m, pts, "c2"), No), "above one operation, or one day"
    assert spent(other.counter.redeem(m, 50, "c2")) == {"trust": 50}
    hq.clock.now_ms += DAY_MS
    assert spent(other.counter.redeem(m, 100, "c2")) == {"trust": 100}
    assert isinstance(other.counter.redeem(m, 51, "c2"), No), "300 for the whole outage"
    other.uplink.connected = True
    other.sync()
    assert points_of(hq, m) == (150, 0)
    assert hq.rows("SELECT count(*) FROM cases") == [(0,)]
    assert at_risk(hq) == 300 * 2, "what was posted is replaced"
    assert not verify(hq.office).faults
    other.uplink.connected = False
    assert spent(other.counter.redeem(m, 50, "c2")) == {"trust": 50}


def test_an_outage_every_night_costs_one_budget_until_headquarters_has_heard(hq: Headquarters) -> None:
    other, m = away(hq, Trust(40, 40, 100))
    used = 0
    for _ in range(10):
        for _ in range(3):
            done = other.counter.redeem(m, 40, "c2")
            used += 40 if isinstance(done, Recorded) else 0
        hq.clock.now_ms += DAY_MS
    assert used == 80


def test_a_restart_or_a_lost_database_forgets_nothing_of_it(hq: Headquarters) -> None:
    other, m = away(hq, Trust(100, 100, 100))
    assert spent(other.counter.redeem(m, 100, "c2")) == {"trust": 100}
    other.till.book.close()
    (other.folder / "data" / "agent.sqlite").unlink()
    for name in ("agent.sqlite-wal", "agent.sqlite-shm"):
        (other.folder / "data" / name).unlink(missing_ok=True)
    again = hq.open(other.folder, provisioning.identity_of(other.folder / "keys"))
    again.uplink.connected = False
    assert trust.budget(again.till).whole == 200, "headquarters heard of it from the second file"
    assert trusts.spent(again.till.book, m, again.till.shift().day) == (100, 100)
    assert isinstance(again.counter.redeem(m, 10, "c2"), No)


def test_who_owes_or_was_never_here_is_not_trusted(hq: Headquarters) -> None:
    other, m = away(hq, Trust(100, 100, 1_000))
    stranger = enrolled(hq.shops[0])
    hq.shops[0].counter.sell(stranger, [[1, "food", 1, 20_000]], "c1")
    hq.shops[0].sync()
    other.uplink.connected = True
    other.sync()
    other.uplink.connected = False
    assert isinstance(other.counter.redeem(stranger, 10, "c2"), No)
    view = other.till.look(m)
    assert view is not None
    assert trust.left(other.till, view) == 100
    for odd in ({"debt": 1, "status": "active"}, {"debt": 0, "status": "frozen"}):
        account: Any = SimpleNamespace(**odd, balance=lambda _today: 400)
        assert trust.left(other.till, dataclasses.replace(view, account=account)) == 0
    hq.clock.now_ms += 8 * DAY_MS
    assert isinstance(other.counter.redeem(m, 10, "c2"), No), "what is known is too old"


def test_what_is_spent_twice_by_it_is_headquarters_loss_and_no_members(hq: Headquarters) -> None:
    hq.office.trust = Trust(300, 300, 300)
    home, other, m = at_home(hq)
    assert isinstance(other.counter.sell(m, [[1, "food", 1, 10_000]], "c2"), Recorded)
    for shop in (other, other, home):
        shop.sync()
        shop.uplink.connected = shop is other
    other.uplink.connected = False
    assert spent(home.counter.redeem(m, 500, "c1")) == {"allowance": 500}
    assert spent(other.counter.redeem(m, 300, "c2")) == {"trust": 300}
    for shop in (home, other):
        shop.uplink.connected = True
        shop.sync()
    assert points_of(hq, m) == (0, 300), "the bound that was shown before"
    assert not verify(hq.office).faults
    bearers = hq.rows("SELECT debit, sum(pts) FROM postings WHERE debit LIKE 'settle:%' GROUP BY debit")
    assert dict(bearers)["settle:hq"] == 300


def test_what_was_never_budgeted_is_posted_and_is_a_case_of_its_store(
    hq: Headquarters, till: PretendTill
) -> None:
    m = till.enrol()
    till.earn(m, 100)
    till.op("rights.return", m, fund=[["back_l", 100]])
    till.redeem(m, 60, ["trust", 60])
    ((letter, detail),) = till.send().values()
    assert (letter, detail) == ("J", {"reason": "beyond-budget", "pts": 60, "bearer": "s001"})
    assert points_of(hq, m) == (40, 0)


def test_the_next_pc_does_not_inherit_what_the_last_one_had(hq: Headquarters) -> None:
    hq.office.trust = Trust(100, 100, 100)
    till = PretendTill(hq, "s001")
    m = till.enrol()
    till.earn(m, 100)
    till.op("rights.return", m, fund=[["back_l", 100]])
    till.redeem(m, 60, ["trust", 60])
    assert till.send() == {}
    assert till.page("t") == [["t", 100, 100, 160]]
    again = PretendTill(hq, "s001", seed=2)
    assert again.page("t") == [["t", 100, 100, 100]]
    for one in (till, again):
        one.close()


@pytest.mark.parametrize("rule", ["operation", "member_day", "whole"])
def test_each_limit_holds_by_itself(hq: Headquarters, rule: str) -> None:
    other, m = away(hq, Trust(100, 100, 100))
    view = other.till.look(m)
    assert view is not None
    held = dataclasses.replace(trust.budget(other.till), **{rule: 7})
    with other.till.book.turn() as turn:
        turn.execute(
            "UPDATE facts SET value = ? WHERE name = 'trust'",
            (f"{held.operation},{held.member_day},{held.whole}",),
        )
    assert trust.left(other.till, view) == 7


def test_all_tills_together_are_told_no_more_than_the_chain_may_risk(hq: Headquarters) -> None:
    hq.office.trust = Trust(100, 100, 100, 250)
    tills = [PretendTill(hq, f"s00{n}") for n in range(1, 5)]
    assert [till.page("t")[0][3] if till.page("t") else 0 for till in tills] == [100, 100, 50, 0]
    assert at_risk(hq) == 250
    m = tills[0].enrol()
    tills[0].earn(m, 100)
    tills[0].op("rights.return", m, fund=[["back_l", 100]])
    tills[0].redeem(m, 60, ["trust", 60])
    assert tills[0].send() == {}
    assert at_risk(hq) == 190, "what is posted is at risk no more"
    assert tills[3].page("t")[0][3] == 60, "and there is room for whoever asks first"
    assert tills[0].page("t")[0][3] == 100
    assert at_risk(hq) == 250
    for till in tills:
        till.close()


def test_a_lost_pc_stays_in_view_and_leaves_the_budget_to_the_others(hq: Headquarters) -> None:
    hq.office.trust = Trust(100, 100, 100, 100)
    lost, other = PretendTill(hq, "s001"), PretendTill(hq, "s002")
    assert [one.page("t") for one in (lost, other)] == [[["t", 100, 100, 100]], [["t", 100, 100, 0]]]
    declared(hq)
    assert at_risk(hq) == 100
    assert other.page("t") == [["t", 100, 100, 100]]
    assert at_risk(hq) == 200
    for one in (lost, other):
        one.close()

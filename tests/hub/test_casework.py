"""Cases worked through on the console: judged again, dismissed, closed; each act once, with who and why."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import httpx
import pytest
from headquarters import Headquarters, headquarters
from playwright.sync_api import Page
from pretend_till import PretendTill, points_of

from hub import judgement, reception
from hub.registry import copy_registry
from hub.verify import state, verify

WHO = {"by": "陈静", "note": "已与门店核对"}


def form(desk: httpx.Client, number: int) -> dict[str, str]:
    page = desk.get(f"/console/cases/{number}").text
    return dict(re.findall(r'name="(word|before)" value="([0-9a-f]+)"', page))


def act(desk: httpx.Client, what: str, number: int = 1, **more: str) -> httpx.Response:
    return desk.post(f"/console/cases/{number}", data={**form(desk, number), **WHO, "what": what, **more})


def acts(hq: Headquarters) -> list[tuple[Any, ...]]:
    return hq.rows('SELECT case_id, "by", act, note FROM case_acts ORDER BY case_id, n')


def refused(till: PretendTill, m: int, pts: int, act: str) -> dict[str, Any]:
    """A redemption with a field that nobody can believe."""
    return till.op("redeem.cash", m, pts=pts, fen=-1, fund=[[act, pts]])


def spent_wrongly(till: PretendTill) -> tuple[int, dict[str, Any]]:
    """A redemption that headquarters refuses, with 40 of the 100 points that the till may spend."""
    m = till.enrol()
    till.earn(m, 100)
    return m, refused(till, m, 40, "local")


def test_what_is_dismissed_is_over_and_its_rights_come_home(
    hq: Headquarters, till: PretendTill, desk: httpx.Client
) -> None:
    m, _ = spent_wrongly(till)
    till.op("rights.return", m, fund=[["back_l", 60]])
    till.op("rights.close", inc=1, term=1)
    assert {seq: code for seq, (code, _) in till.send().items()} == {3: "Q", 4: "P", 5: "P"}
    assert hq.rows("SELECT added, local_used, closed FROM cells") == [(100, 0, 0)]
    assert act(desk, "dismiss").status_code == 200
    assert hq.rows("SELECT added, local_used, closed FROM cells") == [(100, 100, 1)]
    assert points_of(hq, m) == (100, 0), "nothing was redeemed"
    told = till.told()
    assert told[3] == ("Q", {"reason": "bad-field", "field": "body", "closed": True})
    assert (told[4][0], told[5][0]) == ("A", "A"), "what waited behind it goes on"
    assert hq.rows("SELECT kind FROM facts WHERE kind = 'op.dismiss'") == [("op.dismiss",)]
    assert acts(hq) == [(1, "陈静", "dismiss", "已与门店核对")]
    assert hq.rows("SELECT count(*) FROM cases WHERE closed_ms IS NULL") == [(0,)]
    page = desk.get("/console/cases/1").text
    assert "已与门店核对" in page
    assert "<button" not in page, "there is nothing left to do"


def test_a_refund_of_what_was_dismissed_waits_for_people_and_not_for_ever(
    hq: Headquarters, till: PretendTill, desk: httpx.Client
) -> None:
    m = till.enrol()
    till.earn(m, 100)
    till.send()
    sale = till.op("sale.earn", m, m_bp=-1)
    till.refund(m, sale, 1000)
    till.op("rights.return", m, fund=[["back_l", 100]])
    assert {seq: code for seq, (code, _) in till.send().items()} == {3: "Q", 4: "P", 5: "P"}
    assert act(desk, "dismiss", 1).status_code == 200
    assert till.told()[4] == ("Q", {"reason": "policy", "field": "refs"})
    assert act(desk, "dismiss", 2).status_code == 200
    assert till.told()[5][0] == "A"
    till.refund(m, sale, 500)
    assert till.send() == {6: ("Q", {"reason": "policy", "field": "refs"})}, "nor does a later one"
    assert verify(hq.office).faults == []


def test_the_same_form_twice_is_one_act(hq: Headquarters, till: PretendTill, desk: httpx.Client) -> None:
    spent_wrongly(till)
    till.send()
    sent = {**form(desk, 1), **WHO, "what": "judge_again"}
    for _ in range(3):
        assert desk.post("/console/cases/1", data=sent).status_code == 200
    assert len(acts(hq)) == 1
    assert hq.rows("SELECT count(*), count(closed_ms) FROM cases") == [(1, 0)], "it is refused as before"
    sent = {**form(desk, 1), **WHO, "what": "dismiss"}
    for _ in range(3):
        assert desk.post("/console/cases/1", data=sent).status_code == 200
    assert [what for _, _, what, _ in acts(hq)] == ["judge_again", "dismiss"]
    assert hq.rows("SELECT count(*) FROM facts WHERE kind = 'op.dismiss'") == [(1,)]


def test_what_is_judged_again_after_a_fix_is_posted(
    hq: Headquarters, till: PretendTill, desk: httpx.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    m = till.enrol()
    till.earn(m, 100)
    till.send()
    with monkeypatch.context() as broken:
        broken.setattr(judgement, "admit", lambda *_: 1 / 0)
        till.redeem(m, 40, ["local", 30], ["local", 10])  # not plain: the whole judgement is asked
        assert till.send()[3] == ("Q", {"reason": "policy", "field": "internal"})
    till.earn(m, 1)
    till.send()
    assert points_of(hq, m) == (101, 0)
    act(desk, "judge_again")
    assert points_of(hq, m) == (61, 0)
    assert till.told()[3] == ("A", {})
    assert hq.rows("SELECT count(*) FROM cases WHERE closed_ms IS NULL") == [(0,)]
    assert hq.rows("SELECT count(*) FROM waiting") == [(0,)]


def test_a_case_of_what_was_posted_closes_with_a_note(
    hq: Headquarters, till: PretendTill, desk: httpx.Client
) -> None:
    m = till.enrol()
    till.redeem(m, 30)
    assert till.send()[2][0] == "J"
    before = hq.rows("SELECT count(*) FROM op_seen")
    assert act(desk, "dismiss").status_code == 200
    assert acts(hq) == [], "what was posted is not dismissed"
    assert act(desk, "close").status_code == 200
    assert acts(hq) == [(1, "陈静", "close", "已与门店核对")]
    assert hq.rows("SELECT count(closed_ms) FROM cases") == [(1,)]
    assert hq.rows("SELECT count(*) FROM op_seen") == before


def test_an_act_needs_a_person_a_reason_and_our_own_form(
    hq: Headquarters, till: PretendTill, desk: httpx.Client
) -> None:
    spent_wrongly(till)
    till.write(b"\xff\xfe")
    till.send()
    for bad in ({"by": " "}, {"note": ""}, {"by": "x" * 41}, {"note": "\u202e"}):
        assert act(desk, "dismiss", **bad).status_code == 422
    assert act(desk, "dismiss", word="0" * 64).status_code == 403
    assert httpx.post(f"{hq.url}/console/cases/1", data=WHO, trust_env=False).status_code == 401
    for bad in ({"before": "x"}, {"before": "7"}, {"what": "erase"}):
        desk.post("/console/cases/1", data={**form(desk, 1), **WHO, "what": "dismiss", **bad})
    assert acts(hq) == []
    for number in ("x", "-1", "999", "9" * 30):
        assert desk.get(f"/console/cases/{number}").status_code == 404
    assert act(desk, "dismiss", number=2).status_code == 200
    assert acts(hq) == [(2, "陈静", "dismiss", "已与门店核对")], "even what nobody can read is closed"
    assert hq.rows("SELECT seq FROM waiting") == [(3,)]


def test_an_allowance_and_a_reservation_come_home(
    hq: Headquarters, till: PretendTill, desk: httpx.Client
) -> None:
    m = till.enrol()
    for _ in range(2):
        till.earn(m, 100)
        till.op("rights.return", m, fund=[["back_l", 100]])
    till.send()
    till.page()
    assert hq.rows("SELECT granted, allowance_used FROM cells") == [(200, 0)]
    refused(till, m, 50, "allowance")
    till.send()
    act(desk, "dismiss")
    assert hq.rows("SELECT granted, allowance_used FROM cells") == [(200, 50)]
    till.redeem(m, 150, ["allowance", 150])
    assert till.send() == {}, "the rest is still there"
    assert [row[3] for row in till.page("r")] == [250], "and what came home is granted anew"


@pytest.mark.parametrize("hub_first", [True, False])
def test_delivered_again_it_stays_dismissed(
    hq: Headquarters, till: PretendTill, desk: httpx.Client, tmp_path: Path, *, hub_first: bool
) -> None:
    m, _ = spent_wrongly(till)
    till.op("rights.return", m, fund=[["back_l", 60]])
    till.send()
    act(desk, "dismiss")
    wanted = state(hq.office)
    lanes = [("hq",), ("s001",)] if hub_first else [("s001",), ("hq",)]
    with headquarters(tmp_path / "again") as again:
        again.office.keys = hq.office.keys
        copy_registry(hq.office.store, again.office)
        for (store,) in lanes:
            for (raw,) in hq.rows("SELECT envelope FROM batches WHERE store = ? ORDER BY arrived", store):
                reception.receive(again.office, bytes(raw))
        assert verify(again.office).faults == []
        told = state(again.office)
        for part in ("waiting", "members", "cells", "accounts", "operations"):
            assert told[part] == wanted[part], part


@pytest.mark.browser
def test_in_a_real_browser_a_case_is_worked_through(
    hq: Headquarters, till: PretendTill, browsed: Page, tmp_path: Path
) -> None:
    spent_wrongly(till)
    till.send()
    browsed.get_by_role("link", name="个案").click()
    browsed.get_by_role("cell", name="1", exact=True).get_by_role("link").click()
    browsed.screenshot(path=tmp_path / "open.png", full_page=True)
    browsed.fill("#by", WHO["by"])
    browsed.fill("#note", WHO["note"])
    browsed.get_by_role("button", name="驳回结案").click()
    assert WHO["note"] in browsed.inner_text("table")
    assert browsed.get_by_role("button").count() == 0
    browsed.screenshot(path=tmp_path / "closed.png", full_page=True)
    assert acts(hq) == [(1, "陈静", "dismiss", "已与门店核对")]

"""What the key of a lost PC tells after all: kept, asked about, and posted only when a person believes it."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
import two_pcs
from forks import points_of as points
from forks import sold
from headquarters import Headquarters, Shop
from playwright.sync_api import Page
from pretend_till import PretendTill, points_of
from test_losses import burnt, declared, rights_out
from two_pcs import parted, say

from hub import casework, intake, reception, release
from hub.verify import verify

LATE = {"reason": "revoked", "pc": "s001/01/1"}


def the_case(hq: Headquarters) -> casework.Case:
    ((number,),) = hq.rows("SELECT id FROM cases WHERE reason = 'revoked' AND closed_ms IS NULL")
    with hq.office.store.look() as look:
        case = casework.find(look, hq.office, number)
    assert case is not None
    return case


def decided(hq: Headquarters, what: str) -> None:
    """A person decides; what follows from it is still to be done."""
    case = the_case(hq)
    with hq.office.store.turn() as turn:
        assert casework.act(turn, hq.office, case.number, len(case.acts), what, "李娜", "问过门店")


def kept(hq: Headquarters) -> int:
    ((count,),) = hq.rows("SELECT count(*) FROM waiting WHERE on_what LIKE 'pc:%'")
    return int(count)


def outcomes(hq: Headquarters) -> list[tuple[str, bool]]:
    """The last word on each operation that is told late, in order."""
    rows = hq.rows("SELECT letter, detail FROM told WHERE later = 1 ORDER BY seq")
    return [(letter, bool(json.loads(detail).get("closed"))) for letter, detail in rows]


def deliver(shop: Shop) -> None:
    """It hears that its key was stopped, and tells what it recorded all the same."""
    done = shop.night.contact(rest=lambda _ms: None)
    assert [alarm.problem for alarm in done.alarms] == ["revoked"]


@pytest.fixture
def lost(hq: Headquarters, till: PretendTill) -> int:
    """A member of 400 points, whose till was declared lost."""
    m = burnt(hq, till)
    declared(hq)
    return m


def test_it_is_kept_with_one_case_and_posts_nothing(
    hq: Headquarters, till: PretendTill, other: PretendTill, lost: int
) -> None:
    for _ in range(2):
        till.earn(lost, 100)
        till.redeem(lost, 300, ["allowance", 300])
        assert list(till.send().values()) == [("Q", LATE)] * 2
    assert points_of(hq, lost) == (400, 0)
    assert (kept(hq), the_case(hq).kept) == (4, 4)
    assert hq.rows("SELECT count(*) FROM cases") == [(1,)]
    assert rights_out(hq, "s001") == 0
    other.earn(lost, 10)
    assert other.send() == {}, "nobody else waits for it"
    assert points_of(hq, lost) == (410, 0)
    assert not verify(hq.office).faults


def test_it_is_answered_alike_whenever_it_comes(hq: Headquarters, till: PretendTill, lost: int) -> None:
    till.earn(lost, 100)
    raw = till.cut()
    first = till.deliver(raw)
    assert till.deliver(raw).body == first.body
    decided(hq, casework.BELIEVE)
    release.go_on(hq.office)
    assert till.deliver(raw).body == first.body
    assert (kept(hq), points_of(hq, lost)) == (0, (500, 0))


def test_believed_it_is_posted_and_costs_no_member_anything(
    hq: Headquarters, till: PretendTill, lost: int
) -> None:
    till.earn(lost, 100)
    till.redeem(lost, 300, ["allowance", 300])
    till.send()
    decided(hq, casework.BELIEVE)
    case = hq.rows("SELECT id FROM cases WHERE reason = 'revoked'")
    release.go_on(hq.office)
    assert points_of(hq, lost) == (200, 0)
    assert rights_out(hq, "s001") == 0
    assert "uncovered" in {reason for (reason,) in hq.rows("SELECT reason FROM cases")}
    assert kept(hq) == 0
    assert hq.rows("SELECT max_seq FROM keys WHERE kid = ?", till.key.kid) == [(len(till.bodies),)]
    till.earn(lost, 50)
    assert list(till.send().values()) == [("Q", LATE)], "what comes behind it is asked about anew"
    assert the_case(hq).number != case[0][0]
    with hq.office.store.look() as look:
        closed = casework.find(look, hq.office, case[0][0])
    assert closed is not None
    assert not closed.is_under_way, "what is kept is of the later case"
    assert points_of(hq, lost) == (200, 0)
    assert not verify(hq.office).faults


def test_turned_down_it_is_over_and_nothing_more_is_taken(
    hq: Headquarters, till: PretendTill, other: PretendTill, lost: int
) -> None:
    sale = till.earn(lost, 100)
    till.send()
    decided(hq, casework.DISBELIEVE)
    release.go_on(hq.office)
    assert (kept(hq), outcomes(hq)) == (0, [("Q", True)])
    assert json.loads(hq.rows("SELECT detail FROM told WHERE later = 1")[0][0])["reason"] == "revoked"
    till.earn(lost, 100)
    for _ in range(2):
        assert till.deliver(till.cut()).fault.problem == "revoked"
    assert hq.rows("SELECT count(*) FROM cases WHERE closed_ms IS NULL") == [(0,)]
    assert points_of(hq, lost) == (400, 0)
    other.earn(lost, 100, id=sale["id"])
    assert other.send() == {}, "a thief takes no id away from whoever it belongs to"
    assert points_of(hq, lost) == (500, 0)


def test_a_stolen_key_cannot_fill_the_disk(
    hq: Headquarters, till: PretendTill, lost: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(intake, "DOUBTED_MAX", 2)
    for left in (1, 0):
        till.earn(lost, 10)
        till.earn(lost, 10)
        told = till.deliver(till.cut())
        if left:
            till.heard(told)
    assert told.status == 200, "more than that is kept"
    till.heard(told)
    till.earn(lost, 10)
    assert till.deliver(till.cut()).fault.problem == "busy"
    assert kept(hq) == 4


def test_what_comes_while_it_is_posted_comes_again(
    hq: Headquarters, till: PretendTill, lost: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(release, "PAGE_OPS", 2)
    for _ in range(3):
        till.earn(lost, 100)
    till.send()
    decided(hq, casework.BELIEVE)
    with hq.office.store.turn() as turn:
        assert release.page(turn, hq.office, till.lane)
    till.earn(lost, 100)
    raw = till.cut()
    assert till.deliver(raw).fault.problem == "busy"
    hq.reopen()  # goes on with what is pending
    assert (kept(hq), points_of(hq, lost)) == (0, (700, 0))
    assert list(till.heard(till.deliver(raw)).values()) == [("Q", LATE)]


def test_nothing_is_done_before_a_person_decides(hq: Headquarters, till: PretendTill, lost: int) -> None:
    till.earn(lost, 100)
    till.send()
    release.go_on(hq.office)
    with hq.office.store.turn() as turn:
        assert not release.page(turn, hq.office, till.lane)
    assert kept(hq) == 1


def test_headquarters_that_was_put_back_keeps_it_again_and_asks(
    hq: Headquarters, till: PretendTill, lost: int
) -> None:
    copy = hq.copy()
    till.earn(lost, 100)
    raw = till.cut()
    answer = till.deliver(raw).body
    hq.put_back(copy, loses_journal=True)
    assert kept(hq) == 0
    assert reception.receive(hq.office, raw, answered=answer) == answer
    assert (kept(hq), points_of(hq, lost)) == (1, (400, 0))
    assert the_case(hq).may == (casework.BELIEVE, casework.DISBELIEVE)


def test_headquarters_that_forgot_the_loss_too_posts_nothing_of_it(
    hq: Headquarters, till: PretendTill
) -> None:
    m = burnt(hq, till)
    copy = hq.copy()
    declared(hq)
    till.earn(m, 100)
    raw = till.cut()
    answer = till.deliver(raw).body
    hq.put_back(copy, loses_journal=True)
    assert reception.receive(hq.office, raw, answered=answer) == answer
    assert (kept(hq), points_of(hq, m)) == (1, (400, 0))
    decided(hq, casework.BELIEVE)
    release.go_on(hq.office)
    assert (kept(hq), points_of(hq, m)) == (0, (500, 0))


def test_what_people_decided_outlives_a_put_back(hq: Headquarters, till: PretendTill, lost: int) -> None:
    copy = hq.copy()
    till.earn(lost, 100)
    till.send()
    decided(hq, casework.DISBELIEVE)
    release.go_on(hq.office)
    hq.put_back(copy)
    till.earn(lost, 100)
    assert till.deliver(till.cut()).fault.problem == "revoked"


@pytest.mark.usefixtures("asks")
def test_a_second_pc_that_was_ours_and_is_lost_is_asked_about_again(
    hq: Headquarters, home: Shop, tmp_path: Path
) -> None:
    twin, m = parted(hq, home, tmp_path)
    sold(twin, m)
    twin.sync()
    say(hq, casework.ACCEPT_PC)
    twin.sync()
    before = points(hq, m)
    declared(hq, epoch=2)
    for n in (1, 2):
        sold(twin, m)
        deliver(twin)
        assert kept(hq) == n
        release.go_on(hq.office)
        assert (kept(hq), points(hq, m)) == (n, before)
    assert the_case(hq).kept == 2
    decided(hq, casework.BELIEVE)
    release.go_on(hq.office)
    assert (kept(hq), points(hq, m)) == (0, before + 200)


@pytest.mark.usefixtures("asks")
def test_what_a_second_pc_told_before_it_was_lost_is_posted_first(
    hq: Headquarters, home: Shop, tmp_path: Path
) -> None:
    twin, m = parted(hq, home, tmp_path)
    sold(twin, m)
    twin.sync()
    before = points(hq, m)
    two_pcs.decided(hq, casework.ACCEPT_PC)
    declared(hq, epoch=2)
    sold(twin, m)
    twin.night.contact(rest=lambda _ms: None)
    assert kept(hq) == 1, "what comes meanwhile comes again"
    release.go_on(hq.office)
    assert points(hq, m) == before + 100
    deliver(twin)
    assert (kept(hq), points(hq, m)) == (1, before + 100)


@pytest.mark.usefixtures("asks")
def test_a_second_pc_that_is_in_question_and_lost_is_asked_about_once(
    hq: Headquarters, home: Shop, tmp_path: Path
) -> None:
    twin, m = parted(hq, home, tmp_path)
    declared(hq, epoch=2)
    sold(twin, m)
    deliver(twin)
    assert kept(hq) == 1
    assert hq.rows("SELECT count(*) FROM cases WHERE reason = 'revoked'") == [(0,)]
    say(hq, casework.ACCEPT_PC)
    assert kept(hq) == 0


@pytest.mark.browser
def test_in_a_real_browser_a_person_judges_it(
    hq: Headquarters, till: PretendTill, lost: int, browsed: Page
) -> None:
    till.earn(lost, 100)
    till.redeem(lost, 300, ["allowance", 300])
    till.send()
    browsed.goto(f"{hq.url}/console/cases/{the_case(hq).number}")
    assert "已吊销的密钥仍在签名" in browsed.inner_text("h1")
    assert "2" in browsed.inner_text(".look:has-text('总部保管') dd")
    assert "是真的：它报失后才送到的账现在入账" in browsed.inner_text(".means")
    _keep(browsed, "late-word")
    browsed.fill("#by", "李娜")
    browsed.fill("#note", "门店找回了硬盘")
    browsed.get_by_role("button", name="是真的，入账").click()
    release.go_on(hq.office)
    browsed.reload()
    assert "是真的，入账" in browsed.inner_text("table")
    _keep(browsed, "late-word-booked")
    assert points_of(hq, lost) == (200, 0)


def _keep(page: Page, name: str) -> None:
    """A picture for people, where somebody wants one."""
    if os.environ.get("JIFEN_PICTURES"):
        page.screenshot(path=str(Path(os.environ["JIFEN_PICTURES"]) / f"{name}.png"))

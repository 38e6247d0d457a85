"""What was kept of a second PC, once people have decided: page after page, and cut off between any two."""

from __future__ import annotations

import json
import multiprocessing
import os
import signal
from pathlib import Path
from typing import Any

import httpx
import pytest
from forks import heard, points_of, sold
from headquarters import RULES, Headquarters, Shop
from patience import until
from two_pcs import decided, is_told, kept, parted, say, the_case

from config.settings import HubSettings
from hub import casework, intake, reception, release
from hub.assembly import open_office
from hub.store import doubted_pcs
from points.wire import canonical
from points.wire.faults import Problem

pytestmark = pytest.mark.usefixtures("asks")
PAGE = 2
SOLD = 5


@pytest.fixture(autouse=True)
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two operations a page."""
    monkeypatch.setattr(release, "PAGE_OPS", PAGE)


@pytest.fixture
def pair(hq: Headquarters, home: Shop, tmp_path: Path) -> tuple[Shop, int, list[str]]:
    """A second PC of which five sales are kept, their member, and what they are."""
    twin, m = parted(hq, home, tmp_path)
    mine = sold(twin, m, SOLD)
    twin.sync()
    assert kept(hq) == SOLD
    return twin, m, mine


def test_each_page_is_a_turn_of_its_own(hq: Headquarters, pair: tuple[Shop, int, list[str]]) -> None:
    twin, _, mine = pair
    decided(hq, casework.ACCEPT_PC)
    lane = twin.till.identity.lane
    for left in (3, 1, 0):
        with hq.office.store.turn() as turn:
            assert release.page(turn, hq.office, lane)
        assert kept(hq) == left
        assert len(set(mine) & heard(hq).keys()) == SOLD - left
    with hq.office.store.turn() as turn:
        assert not release.page(turn, hq.office, lane)


def test_what_it_tells_meanwhile_stands_behind_what_it_told_before(
    hq: Headquarters, pair: tuple[Shop, int, list[str]]
) -> None:
    twin, m, mine = pair
    before = points_of(hq, m)
    decided(hq, casework.ACCEPT_PC)
    lane = twin.till.identity.lane
    with hq.office.store.turn() as turn:
        release.page(turn, hq.office, lane)
    later = sold(twin, m)
    assert twin.sync().settled
    assert kept(hq) == SOLD - PAGE + 1
    assert is_told(twin)
    assert twin.uplink.authorise("0" * 32, m, 100) == "unanswered"
    assert hq.rows("SELECT 1 FROM cases WHERE reason = 'second-pc' AND closed_ms IS NULL") == [], "again"
    release.go_on(hq.office)
    assert {*mine, *later} <= heard(hq).keys()
    assert points_of(hq, m) == before + 100 * (SOLD + 1)
    twin.sync()
    twin.sync()
    assert not is_told(twin)


def test_nothing_is_done_before_people_have_decided(
    hq: Headquarters, pair: tuple[Shop, int, list[str]]
) -> None:
    twin = pair[0]
    release.go_on(hq.office)
    with hq.office.store.turn() as turn:
        assert not release.page(turn, hq.office, twin.till.identity.lane)
    assert kept(hq) == SOLD


def start_and_die(settings: HubSettings, when: str) -> None:
    """Headquarters as it starts, killed in the second page or right behind it."""
    release.PAGE_OPS = PAGE
    page, own, pages = release.page, release._page, []

    def dies_in(*args: Any, **named: Any) -> bool:
        done = page(*args, **named)
        pages.append(done)
        if when == "in" and len(pages) == 2:
            os.kill(os.getpid(), signal.SIGKILL)
        return done

    def dies_behind(*args: Any) -> bool:
        done = own(*args)
        if when == "behind" and len(pages) == 2:
            os.kill(os.getpid(), signal.SIGKILL)
        return done

    release.page, release._page = dies_in, dies_behind
    open_office(settings, canonical.encode(RULES))


@pytest.mark.parametrize("when", ["in", "behind"])
@pytest.mark.parametrize("what", [casework.ACCEPT_PC, casework.TURN_DOWN_PC])
def test_who_is_killed_between_two_pages_goes_on_from_there(
    hq: Headquarters, home: Shop, pair: tuple[Shop, int, list[str]], what: str, when: str
) -> None:
    _, m, mine = pair
    before = points_of(hq, m)
    decided(hq, what)
    child = multiprocessing.get_context("spawn").Process(target=start_and_die, args=(hq.settings, when))
    child.start()
    child.join(60)
    assert child.exitcode == -signal.SIGKILL
    assert kept(hq) == SOLD - (PAGE if when == "in" else 2 * PAGE)
    hq.reopen()
    assert kept(hq) == 0
    is_ours = what == casework.ACCEPT_PC
    assert (set(mine) <= heard(hq).keys()) is is_ours
    assert points_of(hq, m) == before + (100 * SOLD if is_ours else 0)
    told = hq.rows(
        "SELECT letter, detail FROM told WHERE epoch = 2 AND later = 1 ORDER BY seq DESC LIMIT ?", SOLD
    )
    assert [letter for letter, _ in told] == ["A" if is_ours else "Q"] * SOLD
    assert all(json.loads(detail).get("closed") is (None if is_ours else True) for _, detail in told)
    home.sync()
    home.sync()
    assert hq.rows("SELECT count(*) FROM dismissed") == [(0 if is_ours else SOLD,)]


def test_a_page_that_fails_stops_neither_another_pc_nor_the_next_try(
    hq: Headquarters, pair: tuple[Shop, int, list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    decided(hq, casework.ACCEPT_PC)
    judge, tries = intake.judge_waiting, []

    def fails(*args: Any) -> Any:
        tries.append(args)
        if len(tries) == 2:
            raise OSError("the disk is full")
        return judge(*args)

    with monkeypatch.context() as full:
        full.setattr(intake, "judge_waiting", fails)
        release.go_on(hq.office)
    assert kept(hq) == SOLD - PAGE
    release.go_on(hq.office)
    assert kept(hq) == 0


def test_the_page_of_the_case_says_what_is_left_and_looks_again(
    hq: Headquarters, desk: httpx.Client, pair: tuple[Shop, int, list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    case = f"/console/cases/{the_case(hq).number}"
    asked = desk.get(case).text
    assert f"<dd>{SOLD}</dd>" in asked
    assert "refresh" not in asked
    decided(hq, casework.ACCEPT_PC)
    under_way = desk.get(case).text
    assert f"<dd>{SOLD}</dd>" in under_way
    assert '<meta http-equiv="refresh" content="2">' in under_way
    release.go_on(hq.office)
    done = desk.get(case).text
    assert "refresh" not in done
    assert "<dd>0</dd>" in done


def test_who_decides_on_the_page_need_not_stay(
    hq: Headquarters, desk: httpx.Client, pair: tuple[Shop, int, list[str]]
) -> None:
    mine = pair[2]
    case = f"/console/cases/{the_case(hq).number}"
    word = desk.get(case).text.partition('name="word" value="')[2].partition('"')[0]
    said = {"word": word, "before": "0", "what": casework.ACCEPT_PC, "by": "李娜", "note": "备机"}
    assert desk.post(case, data=said).is_success
    assert until(lambda: kept(hq) == 0)
    assert set(mine) <= heard(hq).keys()


def test_what_the_other_pc_has_told_as_well_waits_for_nothing_any_more(
    hq: Headquarters, home: Shop, pair: tuple[Shop, int, list[str]]
) -> None:
    """Both may have an operation from before they parted. It is the other's, and is kept of nobody."""
    twin = pair[0]
    with hq.office.store.turn() as turn:  # as if the other had been first
        turn.run("UPDATE waiting SET body = (SELECT body FROM facts WHERE till = '01' LIMIT 1) WHERE seq ="
                 " (SELECT max(seq) FROM waiting)")  # fmt: skip
    say(hq, casework.ACCEPT_PC)
    assert hq.rows("SELECT count(*) FROM waiting") == [(0,)]
    twin.sync()
    twin.sync()
    assert not is_told(twin)


def test_what_its_key_vouches_for_is_posted_again_when_no_copy_and_no_journal_has_it(
    hq: Headquarters, home: Shop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It was acknowledged before its PC was doubted; only the rest of what it told was turned down."""
    monkeypatch.setattr(intake, "TWICE_BYTES_MAX", 0)
    copy = hq.copy()
    twin, m = parted(hq, home, tmp_path)
    before = points_of(hq, m)
    mine = sold(twin, m)
    twin.sync()
    told = hq.rows("SELECT envelope FROM batches WHERE epoch = 2 ORDER BY first")
    say(hq, casework.TURN_DOWN_PC)
    hq.put_back(copy)
    for _ in range(3):
        home.sync()
    lost = points_of(hq, m)
    assert lost < before
    reception.receive(hq.office, bytes(told[0][0]))
    assert points_of(hq, m) == before
    assert kept(hq) == 0
    with pytest.raises(Exception, match=Problem.REVOKED):
        reception.receive(hq.office, bytes(told[-1][0]))
    assert mine[0] not in heard(hq)
    with hq.office.store.look() as look:
        assert doubted_pcs.thought(look, twin.till.identity.lane) == doubted_pcs.REFUSED

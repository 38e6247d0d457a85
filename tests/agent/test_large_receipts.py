"""Sums that no claim can carry, and a program that fails at one receipt: the next one is printed."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from patience import until
from running import make_agent, printer, running
from shopfloor import GOODS, counter_of, open_till
from test_printing import sell, state_of

from agent import claims
from agent.recorder import Recorded
from agent.screen import asked
from agent.screen.app import PAGE
from agent.till import Till
from points.codes import CLAIM_DIGITS
from points.wire import claim

HUGE_FEN = 6_901_234_500


def sold(till: Till, fen: int, lines: int = 1) -> str:
    done = counter_of(till).sell(None, [[i, "food", 1, fen] for i in range(1, lines + 1)], "c1")
    assert isinstance(done, Recorded)
    return done.op.id


def test_a_claim_leaves_out_groups_that_do_not_fit(tmp_path: Path) -> None:
    till = open_till(tmp_path)
    ordinary = claim.decode(claims.digits(till, sold(till, 8000)))
    assert ordinary.groups == ((0, 8000),)
    assert claim.decode(claims.digits(till, sold(till, 2**32 - 1, lines=2))).groups == ()


def test_a_receipt_whose_numbers_fit_into_no_claim_has_none(tmp_path: Path) -> None:
    till = open_till(tmp_path, rules={"rates": [[1, 1]], "day_cap_pts": 0})
    assert claims.digits(till, sold(till, 8000)) != ""
    assert claims.digits(till, sold(till, HUGE_FEN)) == ""


def test_a_page_asks_for_no_more_than_a_claim_can_carry() -> None:
    asked.Quote(fen=2**32 - 1)
    with pytest.raises(ValueError, match="less than or equal"):
        asked.Quote(fen=2**32)


def test_every_field_that_a_receipt_is_scanned_into_takes_the_longest_claim() -> None:
    for name, field in (
        ("page.html", 'id="entry"[^>]*maxlength="([0-9]+)"'),
        ("refund.js", 'find-sale".*?maxlength: "([0-9]+)"'),
    ):
        found = re.search(field, (PAGE / name).read_text("utf-8"))
        assert found is not None, name
        assert int(found[1]) >= max(CLAIM_DIGITS), name


def test_a_huge_sale_is_printed_and_so_is_the_next(tmp_path: Path) -> None:
    with printer() as device, running(tmp_path, printer=device.address) as agent:
        sold(agent.till, HUGE_FEN)
        done = sell(agent)
        assert until(lambda: state_of(agent, done.job) == "CONFIRMED")
        assert len(device.receipts) == 2


@pytest.mark.parametrize(("place", "state"), [("_paper", "FAILED"), ("print", "UNCERTAIN")])
def test_a_program_that_fails_at_one_receipt_prints_the_next(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, place: str, state: str
) -> None:
    with printer() as device:
        agent = make_agent(tmp_path, printer=device.address)
        part = agent.printing.printer if place == "print" else agent.printing
        real = getattr(part, place)
        broken: list[int] = []

        def fail_once(*arguments: object) -> object:
            if not broken:
                broken.append(1)
                raise RuntimeError("a mistake of ours")
            return real(*arguments)

        monkeypatch.setattr(part, place, fail_once)
        agent.start()
        try:
            first = sell(agent, "act-00000001")
            assert until(lambda: state_of(agent, first.job) == state)
            assert [look.job for look in agent.printing.looks()] == [first.job]
            second = sell(agent, "act-00000002")
            assert until(lambda: state_of(agent, second.job) == "CONFIRMED")
        finally:
            agent.stop()


def test_a_queue_that_cannot_be_read_is_read_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with printer() as device:
        agent = make_agent(tmp_path, printer=device.address)
        real = agent.printing._step
        failed: list[int] = []

        def fail_once() -> float:
            if not failed:
                failed.append(1)
                raise RuntimeError("a mistake of ours")
            return real()

        monkeypatch.setattr(agent.printing, "_step", fail_once)
        agent.start()
        try:
            done = counter_of(agent.till).sell(None, GOODS, "c1")
            assert isinstance(done, Recorded)
            assert until(lambda: len(device.receipts) == 1)
        finally:
            agent.stop()

"""Printing against a printer that speaks the real protocol: nothing twice, nothing lost, nothing claimed."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
import zxingcpp
from patience import until
from PIL import Image
from running import MEMBER, make_agent, printer, running
from shopfloor import GOODS

from agent.assembly import Agent
from agent.desk import Done
from agent.store import prints
from hardware.paper import Paper


def sell(agent: Agent, act: str = "act-00000001") -> Done:
    done = agent.desk.sell(act, "c1", MEMBER, GOODS)
    assert isinstance(done, Done)
    agent.shop.recorded()
    return done


def state_of(agent: Agent, job: int) -> str:
    found = prints.of(agent.till.book, job)
    assert found is not None
    return found.state


def test_a_receipt_is_printed_once_and_its_claim_is_on_it(tmp_path: Path) -> None:
    with printer() as device, running(tmp_path, printer=device.address) as agent:
        done = sell(agent)
        assert until(lambda: state_of(agent, done.job) == "CONFIRMED")
        assert device.wait_for_receipts(1)
        slip = device.receipts[0]
        assert "示例超市 · 员村二横路店" in slip.text
        assert agent.desk.counter.scan(slip.symbols[0]).sale == done.op.id  # type: ignore[union-attr]
        assert len(device.receipts) == 1


@pytest.mark.drawn
def test_what_another_program_reads_on_the_narrow_paper_is_the_claim_of_the_sale(tmp_path: Path) -> None:
    with printer(58) as device, running(tmp_path, printer=device.address) as agent:
        done = sell(agent)
        assert device.wait_for_receipts(1)
        picture = Image.open(io.BytesIO(device.receipts[0].png())).convert("L")
        (read,) = zxingcpp.read_barcodes(picture)
        assert agent.desk.counter.scan(read.text).sale == done.op.id  # type: ignore[union-attr]


def test_paper_that_was_out_before_a_job_costs_no_byte_and_gives_one_receipt_after_the_reload(
    tmp_path: Path,
) -> None:
    with printer() as device, running(tmp_path, printer=device.address) as agent:
        device.set_fault("paper_out")
        done = sell(agent)
        assert until(lambda: state_of(agent, done.job) == "BLOCKED")
        assert agent.printing.condition == "printer_paper_out"
        assert (device.receipts, device.torn) == ([], [])
        device.set_fault("paper_out", 0)
        agent.printing.wake()
        assert until(lambda: state_of(agent, done.job) == "CONFIRMED")
        assert len(device.receipts) == 1
        assert "补打" not in device.receipts[0].text


def test_a_job_cut_off_in_the_middle_waits_for_eyes_and_its_copy_says_that_it_is_one(tmp_path: Path) -> None:
    with printer() as device, running(tmp_path, printer=device.address) as agent:
        device.set_fault("rst_after", 200)
        done = sell(agent)
        assert until(lambda: agent.printing.looks())
        assert state_of(agent, done.job) in ("UNCERTAIN", "FAILED")
        assert not any("补打" in slip.text for slip in device.receipts)
        copy = agent.printing.resolve(done.job, printed=False)
        assert copy != done.job
        assert until(lambda: state_of(agent, copy) == "CONFIRMED")
        assert agent.printing.looks() == ()
        assert "补打 第 1 次" in device.receipts[-1].text
        assert agent.printing.resolve(done.job, printed=False) == done.job  # asked twice, copied once
        assert len(device.receipts) == 1


def test_a_program_that_ended_while_sending_never_sends_again_by_itself(tmp_path: Path) -> None:
    with printer() as device:
        first = make_agent(tmp_path, printer=device.address)
        done = first.desk.sell("act-00000001", "c1", MEMBER, GOODS)
        assert isinstance(done, Done)
        with first.till.book.turn() as turn:
            prints.mark(turn, done.job, "SENDING")  # and here the PC lost its power
        first.stop()
        with running(tmp_path, printer=device.address) as agent:
            assert [look.job for look in agent.printing.looks()] == [done.job]
            second = sell(agent, "act-00000002")
            assert until(lambda: state_of(agent, second.job) == "CONFIRMED")
            assert state_of(agent, done.job) == "UNCERTAIN"
            assert len(device.receipts) == 1
            agent.printing.resolve(done.job, printed=True)
            assert state_of(agent, done.job) == "CONFIRMED"
            assert len(device.receipts) == 1


def test_a_copy_of_an_old_receipt_is_printed_though_newer_ones_are_done(tmp_path: Path) -> None:
    with printer() as device, running(tmp_path, printer=device.address) as agent:
        old = sell(agent, "act-00000001")
        new = sell(agent, "act-00000002")
        assert until(lambda: state_of(agent, new.job) == "CONFIRMED")
        for expected in (1, 2):
            copy = agent.printing.reprint(old.op.id)
            assert copy == old.job + expected
            assert until(lambda number=copy: state_of(agent, number) == "CONFIRMED")  # type: ignore[misc]
        assert [("补打" in slip.text) for slip in device.receipts] == [False, False, True, True]
        assert "补打 第 2 次" in device.receipts[-1].text
        assert agent.printing.waiting() == 0


def test_a_printer_that_is_not_there_keeps_nobody_from_selling(tmp_path: Path) -> None:
    with running(tmp_path, printer="tcp://127.0.0.1:9") as agent:
        done = sell(agent)
        assert until(lambda: state_of(agent, done.job) == "BLOCKED")
        assert agent.printing.condition == "printer_unreachable"
        assert agent.till.log.seq == 1


def test_without_a_printer_receipts_are_on_the_screen_only(tmp_path: Path) -> None:
    with running(tmp_path) as agent:
        done = sell(agent)
        assert until(lambda: agent.printing.waiting() == 0)
        assert agent.printing.looks() == ()
        assert agent.printing.paper(done.job) is not None


def test_a_new_member_s_receipt_fits_on_the_narrow_paper(tmp_path: Path) -> None:
    with printer(58) as device, running(tmp_path, printer=device.address) as agent:
        done = agent.desk.enrol("act-00000001", "c1", phone="13812348000")
        assert isinstance(done, Done)
        agent.shop.recorded()
        assert until(lambda: state_of(agent, done.job) == "CONFIRMED")
        slip = device.receipts[0]
        assert done.receipt.member_code in slip.text
        assert "13812348000" not in slip.text


def test_a_job_that_gets_another_number_before_its_first_byte_is_printed_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The book may go on in another lane at any moment, and its receipts with it."""
    shift, moved = 1_000 * prints.COPIES_MAX, list[int]()
    with printer() as device, running(tmp_path, printer=device.address) as agent:
        draw = agent.printing._paper

        def moves(job: prints.PrintJob) -> Paper:
            if not moved:
                moved.append(job.id + shift)
                with agent.till.book.turn() as turn:
                    turn.execute("UPDATE prints SET id = id + ?", (shift,))
            return draw(job)

        monkeypatch.setattr(agent.printing, "_paper", moves)
        sell(agent)
        assert until(lambda: moved and state_of(agent, moved[0]) == "CONFIRMED")
        assert len(device.receipts) == 1

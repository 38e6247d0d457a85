"""A printer is asked first, sent to once and believed only at the fence: over real TCP and a real terminal.

`JIFEN_PRINT_JOBS=1000` runs the long form of the storm.
"""

from __future__ import annotations

import os
import random
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from patience import until
from slips import RECEIPT, SHORT

from hardware.devices import open_printer
from hardware.faults import LinkFault, PaperFault
from hardware.paper import QR, SIZES, Cut, Paper, Text
from hardware.printer import Printed, Printer, State, condition
from hardware.virtual.engine import FAULTS
from hardware.virtual.printer import VirtualPrinter

JOBS = int(os.environ.get("JIFEN_PRINT_JOBS", "40"))
POSIX = pytest.mark.skipif(
    sys.platform == "win32", reason="SKIPPED, missing: pseudo-terminals, which are POSIX"
)
LINES = ["tcp", pytest.param("pty", marks=POSIX)]


@pytest.fixture(params=LINES)
def device(request: pytest.FixtureRequest) -> Iterator[VirtualPrinter]:
    with VirtualPrinter(58, pty=request.param == "pty") as device:
        yield device


@pytest.fixture
def tcp() -> Iterator[VirtualPrinter]:
    with VirtualPrinter(58) as device:
        yield device


def printer_at(device: VirtualPrinter, patience_ms: int = 1_500, reload_ms: int = 5_000) -> Printer:
    opened = open_printer(device.address, device.size.mm)
    return Printer(opened.opener, opened.size, patience_ms=patience_ms, reload_ms=reload_ms)


def test_a_receipt_is_confirmed_and_on_the_paper(device: VirtualPrinter) -> None:
    printed = printer_at(device).print(RECEIPT)
    assert (printed.state, printed.words) == (State.CONFIRMED, "state.job_confirmed")
    assert len(device.receipts) == 1
    assert "本次使用       -100 分 (￥10.00)" in device.receipts[0].lines
    assert list(device.engine.unknown) == []


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        ("paper_out", "state.printer_paper_out"),
        ("cover_open", "state.printer_cover_open"),
        ("offline", "state.printer_offline"),
        ("error", "state.printer_error"),
        ("mute", "state.printer_silent"),
        ("stalled", "state.printer_silent"),
        ("half_open", "state.printer_silent"),
    ],
)
def test_a_printer_that_is_not_ready_gets_not_one_byte(
    device: VirtualPrinter, fault: str, words: str
) -> None:
    printer = printer_at(device)
    device.set_fault(fault)
    flight = printer.preflight()
    assert (flight.ready, flight.words) == (False, words)
    printed = printer.print(RECEIPT)
    assert printed == Printed(State.BLOCKED, words)
    assert device.engine.job_bytes_in == 0
    device.set_fault(fault, 0)
    assert printer.print(RECEIPT).state is State.CONFIRMED
    assert len(device.receipts) == 1, "exactly one receipt after the cure"
    assert device.torn == []


def test_a_printer_that_is_low_on_paper_says_so_and_prints(device: VirtualPrinter) -> None:
    device.set_fault("paper_near_end")
    printer = printer_at(device)
    assert printer.preflight().words == "state.printer_low"
    assert printer.print(SHORT).state is State.CONFIRMED


def test_a_printer_that_cannot_be_reached_is_blocked(tcp: VirtualPrinter) -> None:
    printer = printer_at(tcp)
    tcp.set_fault("refuse")
    assert printer.preflight().words == "state.printer_unreachable"
    assert printer.print(SHORT).state is State.BLOCKED
    tcp.set_fault("refuse", 0)
    assert printer.print(SHORT).state is State.CONFIRMED
    gone = open_printer("file:///dev/no-such-printer", 58)
    assert gone.print(SHORT).words == "state.printer_unreachable"
    assert open_printer("serial:///dev/no-such-printer", 58).print(SHORT).state is State.BLOCKED


def test_paper_that_ends_inside_a_job_makes_one_receipt_after_the_reload(device: VirtualPrinter) -> None:
    device.set_fault("paper_out_after", 120)
    told: list[str] = []
    reloaded = threading.Event()

    def notice(words: str) -> None:
        told.append(words)
        device.set_fault("paper_out", 0)
        reloaded.set()

    printed = printer_at(device).print(RECEIPT, notice)
    assert reloaded.is_set()
    assert told[0] == "state.printer_paper_out"
    assert printed.state is State.CONFIRMED
    assert (len(device.receipts), device.torn) == (1, [])


def test_a_reload_may_take_longer_than_our_patience(device: VirtualPrinter) -> None:
    device.set_fault("paper_out_after", 20)
    told: list[str] = []

    def notice(words: str) -> None:
        told.append(words)
        if len(told) == 2:
            device.set_fault("paper_out", 0)

    assert printer_at(device, patience_ms=300).print(SHORT, notice).state is State.CONFIRMED
    assert len(device.receipts) == 1


def test_paper_that_nobody_loads_leaves_the_job_uncertain(device: VirtualPrinter) -> None:
    device.set_fault("paper_out_after", 120)
    printed = printer_at(device, patience_ms=700, reload_ms=300).print(RECEIPT)
    assert (printed.state, printed.words) == (State.UNCERTAIN, "state.printer_paper_out")
    device.set_fault("paper_out", 0)
    assert device.wait_for_receipts(1), "the printer finishes by itself: a resend would have made two"


def test_a_connection_that_breaks_inside_a_job_never_counts_as_printed(tcp: VirtualPrinter) -> None:
    tcp.set_fault("rst_after", 200)
    printed = printer_at(tcp).print(RECEIPT)
    assert printed.state in (State.FAILED, State.UNCERTAIN)
    assert printed.words == "state.print_link_broken"
    assert tcp.receipts == []
    assert len(tcp.torn) == 1
    assert printer_at(tcp).print(RECEIPT).state is State.CONFIRMED
    assert (len(tcp.receipts), len(tcp.torn)) == (1, 1)


def test_a_job_that_was_not_taken_whole_has_failed(tcp: VirtualPrinter) -> None:
    printer = printer_at(tcp)
    tcp.set_fault("rst_after", 5_000)
    printed = printer.send(b"x" * 20_000_000, lambda words: None)  # more than any buffer takes
    assert printed.state is State.FAILED
    assert 0 < printed.bytes_sent < 20_000_000


def test_a_power_cut_inside_a_job_is_uncertain_and_leaves_a_torn_slip(tcp: VirtualPrinter) -> None:
    tcp.set_fault("slow", 400)
    done: list[Printed] = []
    thread = threading.Thread(target=lambda: done.append(printer_at(tcp).print(RECEIPT)))
    thread.start()
    assert until(lambda: tcp.torn)
    tcp.power_cycle()
    thread.join(10)
    assert done[0].state is State.UNCERTAIN
    assert tcp.receipts == []
    assert not tcp.torn[0].complete


def test_a_slow_printer_is_waited_for(device: VirtualPrinter) -> None:
    device.set_fault("slow", 2_000)
    started = time.monotonic()
    assert printer_at(device).print(RECEIPT).state is State.CONFIRMED
    assert time.monotonic() - started > 0.3


def test_a_printer_slower_than_our_patience_is_uncertain_and_prints_anyway(device: VirtualPrinter) -> None:
    printer = printer_at(device, patience_ms=500)
    device.set_fault("slow", 250)
    printed = printer.print(RECEIPT)
    assert (printed.state, printed.words) == (State.UNCERTAIN, "state.print_deadline")
    device.set_fault("slow", 0)
    assert device.wait_for_receipts(1)
    assert len(device.receipts) == 1


def test_a_printer_that_stops_reading_does_not_hold_us_for_ever(device: VirtualPrinter) -> None:
    link = printer_at(device).opener.open()
    device.set_fault("stalled")
    started = time.monotonic()
    with pytest.raises(LinkFault) as caught:
        link.send(b"x" * 20_000_000, 300)  # more than any buffer takes
    link.close()
    assert 0.2 < time.monotonic() - started < 2
    assert 0 < caught.value.sent < 20_000_000


def test_stale_status_before_the_question_is_no_answer(tcp: VirtualPrinter) -> None:
    tcp.set_fault("stale_status")
    assert printer_at(tcp).print(SHORT).state is State.CONFIRMED
    tcp.set_fault("cover_open")
    assert printer_at(tcp).print(SHORT).words == "state.printer_cover_open"


def test_a_one_way_printer_is_sent_to_and_never_believed(tcp: VirtualPrinter) -> None:
    tcp.set_fault("mute")
    printer = open_printer(tcp.address + "?fence=none", 58)
    assert printer.preflight().words == "state.printer_one_way"
    printed = printer.print(SHORT)
    assert (printed.state, printed.words) == (State.SENT, "state.job_sent")
    assert tcp.wait_for_receipts(1)


def test_what_does_not_fit_is_refused_before_anything_is_sent(device: VirtualPrinter) -> None:
    with pytest.raises(PaperFault):
        printer_at(device).print(Paper((Text("x"), QR("7" * 5000), Cut())))
    assert device.engine.bytes_in == 0


@pytest.mark.drawn
def test_a_rare_surname_and_a_printer_without_chinese(device: VirtualPrinter) -> None:
    assert printer_at(device).print(Paper((Text("会员 䶮"), Text("积分"), Cut()))).state is State.CONFIRMED
    assert (device.receipts[0].lines, len(device.receipts[0].pictures)) == (["积分"], 1)
    device.set_fault("no_kanji")
    printer_at(device).print(SHORT)
    assert "测试" not in device.receipts[1].text, "the negative control: export firmware garbles text"
    export = open_printer(device.address + "?text=raster&qr=raster", 58)
    assert export.print(RECEIPT).state is State.CONFIRMED
    assert device.receipts[2].lines == []


def test_a_printer_that_is_a_device_file(tmp_path: Path) -> None:
    spool = tmp_path / "lp0"
    spool.touch()
    assert open_printer(f"file://{spool}?fence=none", 58).print(SHORT).state is State.SENT
    assert spool.read_bytes().startswith(b"\x1b@\x1bt\x00\x1c&")
    two_way = open_printer(f"file://{spool}", 58)
    assert two_way.print(SHORT).state is State.BLOCKED, "a file answers nothing"


def test_the_virtual_printer_behind_its_own_address() -> None:
    printer = open_printer("virtual://printer", 80)
    assert printer.size is SIZES[80]
    assert printer.print(SHORT).state is State.CONFIRMED


@pytest.mark.parametrize(
    ("answers", "ready", "words"),
    [
        ({1: 0x12, 2: 0x12, 4: 0x12}, True, "printer_ready"),
        ({1: 0x1A, 2: 0x32, 4: 0x7E}, False, "printer_paper_out"),
        ({1: 0x1A, 2: 0x16, 4: 0x12}, False, "printer_cover_open"),
        ({1: 0x1A, 2: 0x36, 4: 0x7E}, False, "printer_cover_open"),
        ({1: 0x1A, 2: 0x52, 4: 0x12}, False, "printer_error"),
        ({1: 0x1A, 2: 0x12, 4: 0x12}, False, "printer_offline"),
        ({1: 0x12, 2: 0x12, 4: 0x1E}, True, "printer_low"),
    ],
)
def test_what_the_answers_mean(answers: dict[int, int], ready: bool, words: str) -> None:
    flight = condition(answers)
    assert (flight.ready, flight.words) == (ready, f"state.{words}")


def test_a_storm_of_jobs_and_faults(tcp: VirtualPrinter) -> None:
    """CONFIRMED without a whole receipt: 0. BLOCKED with a byte on paper: 0. Two receipts of one job: 0."""
    seed = 20261121
    dice = random.Random(seed)
    ends: dict[str, State] = {}
    whole: Counter[str] = Counter()
    torn: Counter[str] = Counter()
    faults = ["paper_out", "cover_open", "paper_out_after", "rst_after", "slow", "offline", "mute", "none"]
    for number in range(JOBS):
        name = f"JOB{number:05d}"
        fault = dice.choice(faults)
        value = {"paper_out_after": dice.randint(1, 400), "rst_after": dice.randint(1, 400), "slow": 4_000}
        if fault != "none":
            tcp.set_fault(fault, value.get(fault, 1))
        job = Paper((Text(name), *RECEIPT.rows))
        ends[name] = printer_at(tcp, patience_ms=300, reload_ms=1).print(job).state
        for lifted in FAULTS:
            if tcp.faults.get(lifted):
                tcp.set_fault(lifted, 0)
        printer_at(tcp, patience_ms=10_000).print(SHORT)  # what the fault held back prints before this
        for slips, seen in ((tcp.receipts, whole), (tcp.torn, torn)):
            seen.update(line for slip in slips for line in slip.lines if line.startswith("JOB"))
        tcp.engine.slips.clear()
    for name, state in ends.items():
        assert whole[name] <= 1, f"seed {seed}: {name} printed twice"
        if state is State.CONFIRMED:
            assert whole[name] == 1, f"seed {seed}: {name} was not printed"
        if state is State.FAILED:
            assert whole[name] == 0, f"seed {seed}: {name} was printed"
        if state is State.BLOCKED:
            assert whole[name] + torn[name] == 0, f"seed {seed}: {name} is on paper"
    assert {State.CONFIRMED, State.BLOCKED, State.UNCERTAIN} <= set(ends.values())

"""The printer that does not exist: its protocol, judged by a client that we did not write."""

from __future__ import annotations

import io
import socket
import threading
from collections.abc import Iterator

import pytest
import zxingcpp
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from slips import DIGITS, RECEIPT, SHORT

from hardware.devices import open_printer
from hardware.escpos_bytes import job_bytes
from hardware.layout import lay_out
from hardware.paper import PAPER_58, SIZES, Barcode, Paper, Text
from hardware.raster import draw, preview
from hardware.virtual.engine import FAULTS, Answer, Engine
from hardware.virtual.printer import VirtualPrinter
from hardware.virtual.roll import Slip
from hardware.virtual.tokens import Tokenizer

JOB = job_bytes(lay_out(RECEIPT, PAPER_58), PAPER_58)


@pytest.fixture
def device() -> Iterator[VirtualPrinter]:
    with VirtualPrinter(58) as device:
        yield device


def answers_to(engine: Engine, data: bytes) -> bytes:
    answers = engine.receive(1, data) + engine.step(0)[0]
    return b"".join(answer.data for answer in answers)


def printed_by(*pieces: bytes) -> list[Slip]:
    engine = Engine(PAPER_58)
    for piece in pieces:
        engine.receive(1, piece)
        engine.step(0)
    assert not engine.unknown
    return list(engine.slips)


def test_a_job_prints_the_same_at_every_split() -> None:
    assert b"".join(token.raw for token in Tokenizer().receive(JOB)) == JOB
    whole = printed_by(JOB)
    for cut in range(0, len(JOB), 3):
        assert printed_by(JOB[:cut], JOB[cut:])[0].text == whole[0].text, cut


@given(st.binary(max_size=400))
def test_noise_never_breaks_the_printer(noise: bytes) -> None:
    engine = Engine(PAPER_58)
    engine.receive(1, noise)
    engine.step(0)
    engine.hung_up(1)
    engine.power_cycle()
    assert answers_to(engine, b"\x10\x04\x01") == b"\x12"


@pytest.mark.parametrize(
    ("fault", "status"),
    [
        (None, (0x12, 0x12, 0x12, 0x12)),
        ("paper_out", (0x1A, 0x32, 0x12, 0x7E)),
        ("cover_open", (0x1A, 0x16, 0x12, 0x12)),
        ("offline", (0x1A, 0x12, 0x12, 0x12)),
        ("paper_near_end", (0x12, 0x12, 0x12, 0x1E)),
        ("error", (0x1A, 0x52, 0x1A, 0x12)),
    ],
)
def test_the_truth_table_of_status(fault: str | None, status: tuple[int, ...]) -> None:
    engine = Engine(PAPER_58)
    if fault:
        engine.set_fault(fault, 1)
    assert answers_to(engine, b"".join(b"\x10\x04" + bytes((n,)) for n in (1, 2, 3, 4))) == bytes(status)


def test_the_fence_waits_for_the_paper_and_real_time_questions_do_not() -> None:
    engine = Engine(PAPER_58)
    engine.set_fault("paper_out", 1)
    assert answers_to(engine, b"hello\n\x1dr\x01\x10\x04\x04") == b"\x7e"
    engine.set_fault("paper_out", 0)
    assert engine.step(1)[0] == [Answer(1, b"\x00")]


def test_automatic_status_is_pushed_on_change_and_ended_by_a_reset() -> None:
    engine = Engine(PAPER_58)
    assert answers_to(engine, b"\x1da\x0f") == b"\x10\x00\x00\x00"
    assert engine.set_fault("cover_open", 1) == [Answer(1, b"\x38\x00\x00\x00")]
    engine.set_fault("cover_open", 0)
    answers_to(engine, b"\x1b@")
    assert engine.set_fault("cover_open", 1) == []


def test_epsons_fence_and_name_are_answered() -> None:
    engine = Engine(PAPER_58)
    assert answers_to(engine, b"\x1d(H\x06\x00\x30\x30abcd") == b"\x37\x22abcd\x00"
    assert answers_to(engine, b"\x1dIB").startswith(b"_JIFEN")


def test_what_it_does_not_know_is_kept_for_the_test_to_see() -> None:
    engine = Engine(PAPER_58)
    engine.receive(1, b"\x1b\x7fabc\x07")
    engine.step(0)
    assert list(engine.unknown) == [b"\x1b\x7f", b"\x07"]


def test_a_fault_that_nobody_knows_is_our_mistake() -> None:
    with pytest.raises(AssertionError):
        Engine(PAPER_58).set_fault("gremlins", 1)


def test_a_line_too_long_for_the_paper_goes_on_below() -> None:
    slips = printed_by(b"\x1b@" + "积".encode("gbk") * 20 + b"\n\x1dVB\x00")
    assert slips[0].lines == ["积" * 16, "积" * 4]


@pytest.mark.parametrize("fault", [name for name in FAULTS if name not in ("refuse",)])
def test_every_fault_can_be_lifted(device: VirtualPrinter, fault: str) -> None:
    device.set_fault(fault)
    device.set_fault(fault, 0)
    assert open_printer(device.address, 58).print(SHORT).state == "CONFIRMED"


def test_python_escpos_as_a_client_agrees_on_the_status(device: VirtualPrinter) -> None:
    """Its device classes are not for shops, but they were written by others."""
    from escpos.printer import Network

    host, port = device.address.removeprefix("tcp://").split(":")
    for fault, online, paper in ((None, True, 2), ("paper_near_end", True, 1), ("paper_out", False, 0)):
        if fault:
            device.set_fault(fault)
        client = Network(host, int(port), timeout=2)
        assert (client.is_online(), client.paper_status()) == (online, paper), fault
        client.close()


def test_two_lines_get_their_own_answers(device: VirtualPrinter) -> None:
    host, port = device.address.removeprefix("tcp://").split(":")
    lines = [socket.create_connection((host, int(port)), 2) for _ in range(2)]
    lines[0].sendall(b"\x1dr\x01")
    lines[1].sendall(b"\x10\x04\x01")
    assert [line.recv(8) for line in lines] == [b"\x00", b"\x12"]
    for line in lines:
        line.close()


def test_it_leaves_neither_threads_nor_ports() -> None:
    before = threading.active_count()
    for pty in (False, True):
        with VirtualPrinter(58, pty=pty) as device:
            open_printer(device.address, 58).print(SHORT)
    assert threading.active_count() == before


def decoded(png: bytes) -> set[str]:
    found = zxingcpp.read_barcodes(Image.open(io.BytesIO(png)).convert("L"))
    return {symbol.text for symbol in found}


MEMBER_CODE = "M123456789012345678905"
CARD = Paper(
    (
        Text(
            "会员码",
        ),
        Barcode(MEMBER_CODE),
        *RECEIPT.rows,
    )
)


@pytest.mark.drawn
@pytest.mark.parametrize("mm", [58, 80])
def test_a_preview_is_read_by_a_scanner(mm: int) -> None:
    assert decoded(preview(CARD, SIZES[mm].dots)) == {MEMBER_CODE, DIGITS}


@pytest.mark.drawn
@pytest.mark.parametrize("mm", [58, 80])
@pytest.mark.parametrize("how", ["", "?qr=raster", "?qr=raster&text=raster"])
def test_what_was_printed_is_read_by_a_scanner(mm: int, how: str) -> None:
    with VirtualPrinter(mm) as device:
        assert open_printer(device.address + how, mm).print(CARD).state == "CONFIRMED"
        for png in (device.receipts[0].png(), device.roll_png()):
            assert decoded(png) == {MEMBER_CODE, DIGITS}


@pytest.mark.drawn
@pytest.mark.parametrize("mm", [58, 80])
@pytest.mark.parametrize("how", ["", "?qr=raster&text=raster"])
def test_the_preview_is_what_is_printed_dot_by_dot(mm: int, how: str) -> None:
    size = SIZES[mm]
    drawn = draw(lay_out(RECEIPT, size), size)
    with VirtualPrinter(mm) as device:
        open_printer(device.address + how, mm).print(RECEIPT)
        printed = device.receipts[0].picture().crop((0, 0, size.dots, drawn.height))
    if how:
        assert printed.tobytes() == drawn.tobytes()
    else:  # a printer may choose another mask for its QR; the text is the same
        assert printed.crop((0, 0, size.dots, 350)).tobytes() == drawn.crop((0, 0, size.dots, 350)).tobytes()


def test_a_symbol_wider_than_the_paper_is_clipped_and_unreadable() -> None:
    """The negative control: what the layout refuses would really have been lost."""
    wide = b"\x1b@\x1d(k\x03\x001C\x10\x1d(k" + bytes((len(DIGITS) + 3 & 255, len(DIGITS) + 3 >> 8))
    slips = printed_by(wide + b"1P0" + DIGITS.encode() + b"\x1d(k\x03\x001Q0\x1dVB\x00")
    assert slips[0].symbols == [DIGITS]
    assert decoded(slips[0].png()) == set()

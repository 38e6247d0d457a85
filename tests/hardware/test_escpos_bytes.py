"""A job's bytes: only the renderer commands, Chinese is GBK, and no picture holds a real-time command."""

from __future__ import annotations

import logging
import subprocess
import sys

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image
from slips import DIGITS, PAPERS, RECEIPT, SHORT

from hardware.escpos_bytes import REAL_TIME, job_bytes, safe_block
from hardware.faults import PaperFault
from hardware.layout import lay_out
from hardware.paper import BOLD, PAPER_58, Cut, Paper, Text
from hardware.virtual.tokens import Token, Tokenizer

COMMANDS = {
    "ESC @",
    "ESC t",
    "FS &",
    "ESC 3",
    "ESC a",
    "ESC E",
    "ESC d",
    "FS !",
    "GS !",
    "GS v 0",
    "GS ( k",
    "GS V",
}


def tokens_of(job: bytes) -> list[Token]:
    tokenizer = Tokenizer()
    tokens = tokenizer.receive(job)
    assert tokenizer.receive(b"\n")[-1].name == "LF", "the job ended inside a command"
    return tokens


def job_of(paper: Paper, **how: bool) -> bytes:
    return job_bytes(lay_out(paper, PAPER_58), PAPER_58, **how)


def test_the_bytes_of_a_short_job() -> None:
    assert job_of(Paper((Text("积分 ¥1"), Text("粗", style=BOLD), Cut()))) == (
        b"\x1b@\x1bt\x00\x1c&\x1b3\x1e"
        + "积分 ￥1".encode("gbk")
        + b"\n\x1bE\x01"
        + "粗".encode("gbk")
        + b"\x1bE\x00\n\x1bd\x04\x1dVB\x00"
    )


def test_a_qr_is_drawn_by_the_printer_with_level_m_and_digits() -> None:
    symbol = [token.data for token in tokens_of(job_of(RECEIPT)) if token.name == "GS ( k"]
    assert symbol == [b"1A2\x00", b"1C\x04", b"1E1", b"1P0" + DIGITS.encode(), b"1Q0"]


@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None, max_examples=60)
@given(PAPERS)
@pytest.mark.drawn
def test_only_the_renderer_commands(paper: Paper) -> None:
    """Whatever people wrote, the device sees known commands, texts without control bytes, and no more."""
    for token in tokens_of(job_of(paper)):
        assert token.name in COMMANDS | {"text", "LF"}, token
        if token.name == "text":
            assert min(token.raw) >= 0x20
            assert b"?" not in token.raw or "?" in repr(paper)


@pytest.mark.drawn
@pytest.mark.parametrize("rare", ["䶮", "㐂", "𠮷", "😀", "é́"])
def test_a_line_with_a_rare_character_is_a_picture_and_the_others_are_not(rare: str) -> None:
    names = [token.name for token in tokens_of(job_of(Paper((Text("会员 " + rare), Text("积分")))))]
    assert names.count("GS v 0") == 1
    assert names.count("text") == 1


@pytest.mark.drawn
def test_a_printer_without_chinese_gets_pictures_only() -> None:
    names = {token.name for token in tokens_of(job_of(RECEIPT, gbk_text=False, native_qr=False))}
    assert "text" not in names
    assert "GS ( k" not in names


def with_command_at(width: int, *columns: int) -> Image.Image:
    """A picture in which `10 04` stands at these dots of a row."""
    picture = Image.new("1", (width, 4), 1)
    for column in columns:
        for dot in (3, 13):  # 00010000 00000100
            picture.putpixel((column + dot, 1), 0)
    return picture


def test_a_picture_is_moved_until_no_printer_finds_a_command_in_it() -> None:
    picture = with_command_at(64, 16)
    assert b"\x10\x04" in bytes(byte ^ 0xFF for byte in picture.tobytes()), "the trap is set"
    block = safe_block(picture)
    assert not any(command in block for command in REAL_TIME)
    assert block[8:].count(b"\x08\x02") == 1, "moved by one dot"


def test_a_picture_that_cannot_be_moved_out_of_the_way_is_refused() -> None:
    picture = with_command_at(600, *(72 * place + place for place in range(8)))  # one at each place of a byte
    with pytest.raises(PaperFault) as caught:
        safe_block(picture)
    assert caught.value.remedy == "fault.raster_unsendable"


@settings(deadline=None, max_examples=40)
@given(st.lists(st.text("积分会员钻石金卡0123456789 ", min_size=4, max_size=16), min_size=4, max_size=12))
@pytest.mark.drawn
def test_pictures_of_text_hold_no_command(lines: list[str]) -> None:
    job = job_of(Paper(tuple(Text(line) for line in lines)), gbk_text=False)
    assert not any(command in job for command in REAL_TIME)


IMPORTS = """
import logging, os, sys, tempfile
from pathlib import Path
from hardware.devices import open_printer
assert "escpos" not in sys.modules and "pynput" not in sys.modules and "serial" not in sys.modules
tempfile.tempdir = sys.argv[1]
os.environ["ESCPOS_CAPABILITIES_PICKLE_DIR"] = sys.argv[1]
from hardware.escpos_bytes import job_bytes
assert "escpos" not in sys.modules
job_bytes((), None)
assert "escpos" in sys.modules
print(len(logging.getLogger().handlers), len(list(Path(sys.argv[1]).iterdir())))
"""


def test_the_library_comes_late_and_leaves_nothing_behind(tmp_path: object) -> None:
    ran = subprocess.run(
        [sys.executable, "-c", IMPORTS, str(tmp_path)], capture_output=True, text=True, check=True
    )
    assert ran.stdout.split() == ["0", "0"]


def test_the_library_does_not_take_our_logging_away() -> None:
    handler = logging.NullHandler()
    logging.getLogger().addHandler(handler)
    job_of(SHORT)
    assert handler in logging.getLogger().handlers
    logging.getLogger().removeHandler(handler)

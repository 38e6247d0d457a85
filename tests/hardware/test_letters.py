"""Letters: nothing a person typed can command a printer, and every width is the printer's."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hardware.letters import clean, columns, gbk, wrap


@pytest.mark.parametrize(
    ("written", "printed"),
    [
        ("¥12.00", "￥12.00"),
        ("a\u00a0b", "a b"),
        ("1–2 −3", "1-2 -3"),
        ("“引号”——", "“引号”——"),
        ("积\u200b分\ufeff", "积分"),
        ("\x1bp\x00\x19\xfa钱箱", "p\xfa钱箱"),
        ("line\r\nbreak\ttab", "linebreaktab"),
        ("积\ud83d分", "积分"),
        ("cafe\u0301", "café"),
        ("\u202eevil", "evil"),
        ("\ue000x", "x"),
    ],
)
def test_a_text_is_cleaned(written: str, printed: str) -> None:
    assert clean(written) == printed


@pytest.mark.parametrize(
    ("text", "width"), [("abc", 3), ("积分", 4), ("“”", 4), ("—", 2), ("é", 2), ("①", 2), ("·", 2), ("䶮", 2)]
)
def test_a_width_is_the_number_of_gbk_bytes(text: str, width: int) -> None:
    assert columns(text) == width


def test_unicodes_own_width_would_be_wrong() -> None:
    """The negative control: East Asian Width says 1 where the printer prints 2."""
    wrong = [c for c in "“”—…·°±×①αя" if unicodedata.east_asian_width(c) not in "WF" and columns(c) == 2]
    assert len(wrong) == 11


@given(st.text())
def test_no_byte_below_a_blank_leaves_a_text(text: str) -> None:
    cleaned = clean(text)
    assert clean(cleaned) == cleaned
    encoded = gbk(cleaned)
    if encoded is not None:
        assert all(byte >= 0x20 and byte != 0x7F for byte in encoded)
        assert len(encoded) == columns(cleaned)


def test_no_gbk_character_holds_a_control_byte() -> None:
    for code in range(0x10000):
        encoded = None if 0xD800 <= code < 0xE000 else gbk(clean(chr(code)))
        assert encoded is None or all(byte >= 0x20 for byte in encoded), hex(code)


def test_an_uncleaned_text_would_command_the_printer() -> None:
    """The negative control of the two above."""
    encoded = gbk("\x1bp\x00")
    assert encoded is not None
    assert min(encoded) < 0x20


@given(st.text("ab 积分·é", max_size=120), st.integers(4, 48))
def test_no_wrapped_line_is_wider_than_its_paper_and_nothing_is_lost(text: str, width: int) -> None:
    lines = wrap(text, width)
    assert all(columns(line) <= width for line in lines)
    parting = str.maketrans("", "", " ·")
    assert "".join(lines).translate(parting) == text.translate(parting)


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ("", [""]),
        ("abcd", ["abcd"]),
        ("abcdefghij", ["abcdefgh", "ij"]),
        ("积分积分积", ["积分积分", "积"]),
        ("  一二 · 三四", ["  一二", "  三四"]),
        ("abcd efghij", ["abcd", "efghij"]),
    ],
)
def test_a_line_ends_where_a_reader_expects_it(text: str, lines: list[str]) -> None:
    assert wrap(text, 8) == lines

"""The paper's model and its layout: one layout for printer and picture, nothing wider than the roll."""

from __future__ import annotations

import pytest
import segno
from hypothesis import given
from hypothesis import strategies as st
from slips import DIGITS, PAPERS, RECEIPT

from hardware import code128
from hardware.faults import PaperFault
from hardware.layout import QR_DIGITS, BarLine, QRLine, TextLine, lay_out, qr_modules
from hardware.letters import columns
from hardware.paper import (
    BIG,
    PAPER_58,
    PAPER_80,
    QR,
    Barcode,
    Columns,
    Paper,
    PaperSize,
    Text,
    decode_paper,
    encode_paper,
)


def shown(paper: Paper, size: PaperSize) -> list[str]:
    """A layout as one sees it."""
    lines = []
    for line in lay_out(paper, size):
        if isinstance(line, TextLine):
            text = ""
            for cell in line.cells:
                text += " " * (cell.column - columns(text)) + cell.text
            lines.append(text)
    return lines


def test_the_receipt_on_58_mm() -> None:
    assert shown(RECEIPT, PAPER_58) == [
        "    示例超市 · 员村二横路店",
        "2026-11-21 18:02   收银 02",
        "小票 0417",
        "会员 138****8000            金卡",
        "-" * 32,
        "本次获得                  +24 分",
        "本次使用       -100 分 (￥10.00)",
        "积分            1,304 分",
        "  其中今日 24 分待总部确认",
        "  截至 11-21 02:00",
        "  80 分将于 2026-12-31 过期",
        "-" * 32,
        "   请保留小票，退货时扫描此码",
    ]


def test_the_receipt_on_80_mm_has_its_lines_whole() -> None:
    lines = shown(RECEIPT, PAPER_80)
    assert "2026-11-21 18:02   收银 02   小票 0417" in lines
    assert "  其中今日 24 分待总部确认 · 截至 11-21 02:00" in lines


@given(PAPERS, st.sampled_from([PAPER_58, PAPER_80]))
def test_no_line_is_wider_than_the_paper(paper: Paper, size: PaperSize) -> None:
    for line in lay_out(paper, size):
        if isinstance(line, TextLine):
            assert all(cell.column >= 0 and cell.end <= size.columns for cell in line.cells)
            starts = [cell.column for cell in line.cells]
            assert starts == sorted(starts)


@given(PAPERS)
def test_a_paper_can_be_kept_and_is_the_same_again(paper: Paper) -> None:
    readable = Paper(
        tuple(row for row in paper.rows if "\\ud" not in repr(row))
    )  # no lone surrogates in JSON
    assert decode_paper(encode_paper(readable)) == readable


def test_a_pair_that_does_not_fit_stands_on_two_lines() -> None:
    pair = Paper((Columns("一个非常非常长的商品名称在这里", "¥1,234.50"),))
    assert shown(pair, PAPER_58) == ["一个非常非常长的商品名称在这里", " " * 22 + "￥1,234.50"]


def test_big_letters_take_twice_the_room() -> None:
    assert [columns(line) for line in shown(Paper((Text("积" * 10, style=BIG),)), PAPER_58)] == [16, 4]


@pytest.mark.parametrize("version", range(1, 41))
def test_a_qr_is_as_large_as_its_standard_says(version: int) -> None:
    digits = QR_DIGITS[version - 1]
    for count in (digits, digits + 1) if version < 40 else (digits,):
        drawn = segno.make_qr("7" * count, error="m", boost_error=False)
        assert qr_modules(count) == drawn.symbol_size(border=0)[0]


@pytest.mark.parametrize(("size", "dots"), [(PAPER_58, 4), (PAPER_80, 4)])
def test_a_claim_fits_with_four_dots_a_module(size: PaperSize, dots: int) -> None:
    assert lay_out(Paper((QR(DIGITS),)), size) == (QRLine(DIGITS, dots),)


def test_a_larger_one_gets_three_and_two_are_refused() -> None:
    assert lay_out(Paper((QR("7" * 1500),)), PAPER_58) == (QRLine("7" * 1500, 3),)
    with pytest.raises(PaperFault) as caught:
        lay_out(Paper((QR("7" * 4000),)), PAPER_58)
    assert caught.value.remedy == "fault.symbol_too_wide"


def test_a_qr_of_letters_is_our_mistake() -> None:
    for wrong in ("", "12a", "１２"):
        with pytest.raises(AssertionError):
            QR(wrong)


def test_a_member_code_fits_as_a_barcode_and_what_does_not_is_refused() -> None:
    assert BarLine("M123456789012345678905") in lay_out(Paper((Barcode("M123456789012345678905"),)), PAPER_58)
    with pytest.raises(PaperFault):
        lay_out(Paper((Barcode("ABCDEFGHIJKLMNOPQ"),)), PAPER_58)


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("1234", 5),
        ("123", 6),
        ("12", 4),
        ("AB", 5),
        ("M1234", 7),
        ("12345", 7),
        ("A12345B", 10),
        ("A123456B", 10),
    ],
)
def test_code_set_c_is_used_where_it_is_shorter(text: str, count: int) -> None:
    assert len(code128.symbols(text)) == count


def test_code128_agrees_with_the_textbook() -> None:
    """The usual example, PJJ123C, has the check symbol 54 from start A, which is 103; ours is start B."""
    assert code128.symbols("PJJ123C") == [104, 48, 42, 42, 17, 18, 19, 35, 55, 106]

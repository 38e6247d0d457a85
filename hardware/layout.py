"""Where each text of a paper stands: rows become lines of cells, a cell being (column, text, style).

What always holds: no line is wider than the paper, every text was cleaned, and a symbol that does not fit
is refused here, before a byte exists: one barcode of 466 dots on paper of 384 was clipped by a printer,
and no scanner could read it.
"""

from __future__ import annotations

from dataclasses import dataclass

from hardware import code128
from hardware.faults import PaperFault
from hardware.letters import clean, columns, wrap
from hardware.paper import QR, Align, Barcode, Columns, Cut, Feed, Paper, PaperSize, Row, Rule, Style, Text

# Digits that a QR of version 1 to 40 holds at ECC level M (ISO/IEC 18004, table 7).
QR_DIGITS = (
    *(34, 63, 101, 149, 202, 255, 293, 365, 432, 513, 604, 691, 796, 871, 991, 1082, 1212, 1346, 1500, 1600),
    *(1708, 1872, 2059, 2188, 2395, 2544, 2701, 2857, 3035, 3289, 3486, 3693, 3909, 4134, 4343, 4588, 4775),
    *(5039, 5313, 5596),
)
QR_QUIET = 4
QR_DOTS = (4, 3)  # dots a module, the best first; with 2, hardly any scanner reads worn paper
BAR_DOTS = 2  # the quiet zones are the bare margins: a roll is 8 to 10 mm wider than what it prints


@dataclass(frozen=True, slots=True)
class Cell:
    column: int
    text: str
    style: Style

    @property
    def end(self) -> int:
        return self.column + columns(self.text) * (2 if self.style.big else 1)


@dataclass(frozen=True, slots=True)
class TextLine:
    cells: tuple[Cell, ...]

    @property
    def big(self) -> bool:
        return any(cell.style.big for cell in self.cells)


@dataclass(frozen=True, slots=True)
class QRLine:
    digits: str
    module_dots: int


@dataclass(frozen=True, slots=True)
class BarLine:
    text: str


@dataclass(frozen=True, slots=True)
class FeedLine:
    lines: int


@dataclass(frozen=True, slots=True)
class CutLine:
    pass


Line = TextLine | QRLine | BarLine | FeedLine | CutLine


def lay_out(paper: Paper, size: PaperSize) -> tuple[Line, ...]:
    """The lines of a paper on a roll of this size. Raises PaperFault for a symbol that is too wide."""
    return tuple(line for row in paper.rows for line in _lines(row, size))


def qr_modules(digits: int) -> int:
    """How many modules wide the QR of so many digits is, without its quiet zone."""
    for version, capacity in enumerate(QR_DIGITS, start=1):
        if digits <= capacity:
            return 17 + 4 * version
    raise PaperFault("fault.symbol_too_wide", "more digits than a QR holds", dots=digits, width=QR_DIGITS[-1])


def _lines(row: Row, size: PaperSize) -> list[Line]:
    match row:
        case Text(text, align, style):
            return [_aligned(part, align, style, size) for part in _wrapped(text, style, size)]
        case Columns():
            return _pair(row, size)
        case Rule():
            return [TextLine((Cell(0, "-" * size.columns, Style()),))]
        case QR(digits):
            return [_qr(digits, size)]
        case Barcode(text):
            _refuse_wider(code128.modules(text) * BAR_DOTS, size)
            return [BarLine(text), *_lines(Text(text, Align.CENTRE), size)]
        case Feed(lines):
            return [FeedLine(lines)]
        case Cut():
            return [CutLine()]


def _wrapped(text: str, style: Style, size: PaperSize) -> list[str]:
    return wrap(clean(text), size.columns // (2 if style.big else 1))


def _aligned(text: str, align: Align, style: Style, size: PaperSize) -> TextLine:
    room = size.columns - columns(text) * (2 if style.big else 1)
    column = {Align.LEFT: 0, Align.CENTRE: room // 2, Align.RIGHT: room}[align]
    return TextLine((Cell(column, text, style),))


def _pair(row: Columns, size: PaperSize) -> list[Line]:
    left = Cell(0, clean(row.left), row.left_style)
    right_text = clean(row.right)
    start = size.columns - columns(right_text) * (2 if row.right_style.big else 1)
    if left.end < start:
        return [TextLine((left, Cell(start, right_text, row.right_style)))]
    return [
        *_lines(Text(row.left, Align.LEFT, row.left_style), size),
        *_lines(Text(row.right, Align.RIGHT, row.right_style), size),
    ]


def _qr(digits: str, size: PaperSize) -> QRLine:
    modules = qr_modules(len(digits)) + 2 * QR_QUIET
    for module_dots in QR_DOTS:
        if modules * module_dots <= size.dots:
            return QRLine(digits, module_dots)
    _refuse_wider(modules * QR_DOTS[-1], size)
    raise AssertionError("unreachable: it fits or it is refused")


def _refuse_wider(dots: int, size: PaperSize) -> None:
    if dots > size.dots:
        raise PaperFault(
            "fault.symbol_too_wide", f"{dots} dots on paper of {size.dots}", dots=dots, width=size.dots
        )

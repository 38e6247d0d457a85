"""The model of what is printed: rows, in the order of the paper. It knows no bytes and no dots of a font.

A row is a text, a pair of texts at both edges, a rule, a QR of digits, a barcode, a feed or a cut. The
same model is laid out once (`hardware.layout`) and then becomes bytes for a printer (`escpos_bytes`) or a
picture (`raster`), so a preview, a reprint and the paper cannot disagree. A model can be kept as JSON
(`encode_paper`, `decode_paper`): a reprint prints what was stored, not what would be made today.

What always holds: texts are kept as written and cleaned by the layout; a QR holds ASCII digits only,
because digits alone pass through every keyboard, layout and input method.
"""

from __future__ import annotations

import json
import re
from dataclasses import astuple, dataclass
from enum import StrEnum

ROWS_MAX = 2_000  # 500 lines of a sale, each with room, are less than half


@dataclass(frozen=True, slots=True)
class PaperSize:
    """A roll: its width, and what fits on a line of 12-dot columns at 8 dots a millimetre."""

    mm: int
    columns: int
    dots: int


PAPER_58 = PaperSize(58, 32, 384)
PAPER_80 = PaperSize(80, 48, 576)
SIZES = {58: PAPER_58, 80: PAPER_80}


class Align(StrEnum):
    LEFT = "left"
    CENTRE = "centre"
    RIGHT = "right"


@dataclass(frozen=True, slots=True)
class Style:
    """Big is twice as wide and twice as high."""

    big: bool = False
    bold: bool = False


PLAIN = Style()
BIG = Style(big=True)
BOLD = Style(bold=True)


@dataclass(frozen=True, slots=True)
class Text:
    """A text on one line, or on as many as it needs."""

    text: str
    align: Align = Align.LEFT
    style: Style = PLAIN


@dataclass(frozen=True, slots=True)
class Columns:
    """A text at the left edge and one at the right; on two lines if they do not fit on one."""

    left: str
    right: str
    left_style: Style = PLAIN
    right_style: Style = PLAIN


@dataclass(frozen=True, slots=True)
class Rule:
    """A line across the paper."""


@dataclass(frozen=True, slots=True)
class QR:
    """A QR code of digits, ECC M, in the middle."""

    digits: str

    def __post_init__(self) -> None:
        assert re.fullmatch("[0-9]+", self.digits), "a receipt's QR holds digits only"


@dataclass(frozen=True, slots=True)
class Barcode:
    """A Code 128 of printable ASCII, in the middle, with its text below."""

    text: str

    def __post_init__(self) -> None:
        assert re.fullmatch("[ -~]+", self.text), "a barcode holds printable ASCII"


@dataclass(frozen=True, slots=True)
class Feed:
    lines: int = 1


@dataclass(frozen=True, slots=True)
class Cut:
    """Feed past the knife and cut: the end of one slip."""


Row = Text | Columns | Rule | QR | Barcode | Feed | Cut
KINDS: dict[str, type[Row]] = {
    kind.__name__.lower(): kind for kind in (Text, Columns, Rule, QR, Barcode, Feed, Cut)
}


@dataclass(frozen=True, slots=True)
class Paper:
    """One job for a printer."""

    rows: tuple[Row, ...]

    def __post_init__(self) -> None:
        assert len(self.rows) <= ROWS_MAX, "a receipt has an end"


def encode_paper(paper: Paper) -> str:
    """The model as JSON, to keep beside the operation."""
    rows = [[type(row).__name__.lower(), *astuple(row)] for row in paper.rows]
    return json.dumps({"v": 1, "rows": rows}, ensure_ascii=False, separators=(",", ":"))


def decode_paper(text: str) -> Paper:
    """The model from its JSON, which only we have written."""
    document = json.loads(text)
    assert document["v"] == 1, "a paper of a version we never wrote"
    return Paper(tuple(_row(name, values) for name, *values in document["rows"]))


def _row(name: str, values: list[object]) -> Row:
    kind = KINDS[name]
    if kind is Text:
        text, align, style = values
        return Text(str(text), Align(str(align)), _style(style))
    if kind is Columns:
        left, right, left_style, right_style = values
        return Columns(str(left), str(right), _style(left_style), _style(right_style))
    return kind(*values)  # type: ignore[arg-type]


def _style(value: object) -> Style:
    assert isinstance(value, list)
    return Style(*value)

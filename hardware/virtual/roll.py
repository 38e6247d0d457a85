"""The paper that came out of a printer that does not exist: what is on it, and its picture. Door of PIL.

A slip is what lies between two cuts. What always holds: a slip is complete only if it was cut; what was
printed stays printed, whatever happened to the power or the line; and the picture is drawn from what the
printer understood, not from what the sender meant.
"""

from __future__ import annotations

from dataclasses import dataclass

from PIL import Image, ImageDraw

from hardware.letters import columns
from hardware.paper import Style
from hardware.raster import CELL_DOTS, LINE_DOTS, WHITE, draw_letters, qr_picture, to_dots, to_png

MARGIN_DOTS = 16
GAP_DOTS = 24
FEED_COLOUR, PAPER_COLOUR = 232, 255
PICTURE_SLIPS_MAX = 8


@dataclass(frozen=True, slots=True)
class Run:
    text: str
    style: Style


@dataclass(frozen=True, slots=True)
class Printed:
    """A line of text."""

    runs: tuple[Run, ...]
    align: int

    @property
    def text(self) -> str:
        return "".join(run.text for run in self.runs)

    @property
    def columns(self) -> int:
        return sum(columns(run.text) * (2 if run.style.big else 1) for run in self.runs)


@dataclass(frozen=True, slots=True)
class Dots:
    """A picture, 8 dots a byte, black as 1."""

    width_bytes: int
    height: int
    data: bytes
    align: int


@dataclass(frozen=True, slots=True)
class Symbol:
    """A QR code that the printer drew itself."""

    text: str
    module_dots: int
    align: int


@dataclass(frozen=True, slots=True)
class Fed:
    dots: int


Item = Printed | Dots | Symbol | Fed


@dataclass(frozen=True, slots=True)
class Slip:
    """What came out between two cuts; not `complete` if it was torn off by a reset or a power cut."""

    items: tuple[Item, ...]
    complete: bool
    width_dots: int

    @property
    def lines(self) -> list[str]:
        return [item.text for item in self.items if isinstance(item, Printed)]

    @property
    def text(self) -> str:
        return "\n".join(line.rstrip() for line in self.lines)

    @property
    def pictures(self) -> list[Dots]:
        return [item for item in self.items if isinstance(item, Dots)]

    @property
    def symbols(self) -> list[str]:
        return [item.text for item in self.items if isinstance(item, Symbol)]

    @property
    def empty(self) -> bool:
        return not any(isinstance(item, Printed | Dots | Symbol) for item in self.items)

    def picture(self) -> Image.Image:
        pieces = [_piece(item, self.width_dots) for item in self.items]
        whole = Image.new("1", (self.width_dots, max(1, sum(piece.height for piece in pieces))), WHITE)
        y = 0
        for piece in pieces:
            whole.paste(piece, (0, y))
            y += piece.height
        return whole

    def png(self) -> bytes:
        return to_png(self.picture())


def roll_png(slips: list[Slip], width_dots: int) -> bytes:
    """The roll as it hangs on a wall: the newest slip on top, a dashed line for each cut."""
    shown = slips[-PICTURE_SLIPS_MAX:][::-1]
    pictures = [slip.picture() for slip in shown]
    height = sum(picture.height + GAP_DOTS for picture in pictures) + GAP_DOTS
    whole = Image.new("L", (width_dots + 2 * MARGIN_DOTS, height), PAPER_COLOUR)
    pen = ImageDraw.Draw(whole)
    y = GAP_DOTS // 2
    for slip, picture in zip(shown, pictures, strict=True):
        whole.paste(picture.convert("L"), (MARGIN_DOTS, y))
        y += picture.height + GAP_DOTS // 2
        for x in range(0, whole.width, 12):
            pen.line((x, y, x + (6 if slip.complete else 1), y), fill=128)
        y += GAP_DOTS // 2
    return to_png(whole)


def _piece(item: Item, width: int) -> Image.Image:
    match item:
        case Printed():
            return _text(item, width)
        case Dots(width_bytes, height, data, align):
            inverted = bytes(byte ^ 0xFF for byte in data)
            picture = Image.frombytes("1", (width_bytes * 8, height), inverted)
            return _placed(picture, align, width)
        case Symbol(text, module_dots, align):
            return _placed(qr_picture(text, module_dots), align, width)
        case Fed(dots):
            return Image.new("1", (width, dots), WHITE)


def _text(line: Printed, width: int) -> Image.Image:
    big = any(run.style.big for run in line.runs)
    grey = Image.new("L", (width, LINE_DOTS * (2 if big else 1)), 255)
    room = width - line.columns * CELL_DOTS
    x = (0, room // 2, room)[line.align]
    for run in line.runs:
        top = 0 if run.style.big or not big else LINE_DOTS
        x = draw_letters(grey, x, top, run.text, run.style)
    return to_dots(grey)


def _placed(picture: Image.Image, align: int, width: int) -> Image.Image:
    """What is wider than the paper is clipped, as the paper does."""
    piece = Image.new("1", (width, picture.height), WHITE)
    room = max(0, width - picture.width)
    piece.paste(picture, ((0, room // 2, room)[align], 0))
    return piece

"""Paper as a picture of 1-bit dots: the preview, and what a printer cannot print as text. Door of PIL, segno.

What always holds: a line's picture is as wide as the paper and as high as the line on the printer, and
every character stands in its own 12-dot columns, whatever the font says (Latin letters of most Chinese
fonts are not half as wide as the Chinese ones). The font is the system's; none is shipped. A QR is drawn
at a whole number of dots a module with its quiet zone.
"""

from __future__ import annotations

import io
import shutil
import subprocess
import threading
from functools import lru_cache
from pathlib import Path

import segno
from PIL import Image, ImageDraw, ImageFont

from hardware import code128
from hardware.faults import HardwareFault
from hardware.layout import BAR_DOTS, QR_QUIET, BarLine, CutLine, FeedLine, Line, QRLine, TextLine, lay_out
from hardware.letters import columns_of
from hardware.paper import SIZES, Paper, PaperSize, Style

CELL_DOTS = 12
LETTER_DOTS = 24
LINE_DOTS = 30
BASELINE = 23
BAR_HEIGHT = 64
INK = 112  # how dark an antialiased dot must be to be burnt; lower than half keeps thin strokes whole
BLACK, WHITE = 0, 1
FC_LIST_S = 10

FONTS = (
    ("/usr/share/fonts/opentype/noto/NotoSansCJK-Regular.ttc", 7),  # the face "Noto Sans Mono CJK SC"
    ("/usr/share/fonts/noto-cjk/NotoSansCJK-Regular.ttc", 7),
    ("/usr/share/fonts/google-noto-sans-cjk-fonts/NotoSansCJK-Regular.ttc", 7),
    ("/usr/share/fonts/truetype/wqy/wqy-zenhei.ttc", 1),  # the face "WenQuanYi Zen Hei Mono"
    ("/usr/share/fonts/truetype/wqy/wqy-microhei.ttc", 1),
    ("/usr/share/fonts/truetype/droid/DroidSansFallbackFull.ttf", 0),
    ("C:/Windows/Fonts/simsun.ttc", 0),
    ("C:/Windows/Fonts/msyh.ttc", 0),
    ("/System/Library/Fonts/PingFang.ttc", 0),
)

Picture = Image.Image
_drawing = threading.Lock()  # a FreeType face must not be used by two threads at once


@lru_cache(maxsize=1)
def find_font() -> tuple[Path, int]:
    """The file of a Chinese font and the face in it. Raises HardwareFault `fault.no_font`."""
    for name, face in FONTS:
        if Path(name).is_file():
            return Path(name), face
    if fc_list := shutil.which("fc-list"):
        listed = subprocess.run(
            [fc_list, ":lang=zh-cn", "file"], capture_output=True, text=True, timeout=FC_LIST_S, check=False
        )
        for line in sorted(listed.stdout.splitlines()):
            path = Path(line.strip().rstrip(":"))
            if path.suffix.lower() in (".ttf", ".ttc", ".otf") and path.is_file():
                return path, 0
    raise HardwareFault("fault.no_font", "no Chinese font on this system")


@lru_cache(maxsize=4)
def _font(dots: int) -> ImageFont.FreeTypeFont:
    path, face = find_font()
    return ImageFont.truetype(str(path), dots, index=face)


def draw_letters(target: Image.Image, x: int, y: int, text: str, style: Style) -> int:
    """Draw cleaned text into an "L" picture, `y` being its line's top; the x after it."""
    scale = 2 if style.big else 1
    font = _font(LETTER_DOTS * scale)
    pen = ImageDraw.Draw(target)
    with _drawing:
        for character in text:
            room = columns_of(character) * CELL_DOTS * scale
            inset = max(0, round((room - font.getlength(character)) / 2)) if room else 0
            for shift in range(1 + style.bold):
                pen.text((x + inset + shift, y + BASELINE * scale), character, font=font, fill=0, anchor="ls")
            x += room
    return x


def line_height(line: TextLine) -> int:
    return LINE_DOTS * (2 if line.big else 1)


def to_dots(grey: Image.Image) -> Image.Image:
    """Each dot burnt or not."""
    return grey.point(lambda value: 255 if value > 255 - INK else 0).convert("1", dither=Image.Dither.NONE)


def text_picture(line: TextLine, size: PaperSize) -> Image.Image:
    grey = Image.new("L", (size.dots, line_height(line)), 255)
    for cell in line.cells:
        top = 0 if cell.style.big or not line.big else LINE_DOTS  # plain text stands at a big line's foot
        draw_letters(grey, cell.column * CELL_DOTS, top, cell.text, cell.style)
    return to_dots(grey)


def qr_picture(text: str, module_dots: int) -> Image.Image:
    """A QR with its quiet zone; digits go in numeric mode by themselves."""
    code = segno.make_qr(text, error="m", boost_error=False)
    out = io.BytesIO()
    code.save(out, kind="png", scale=module_dots, border=QR_QUIET)
    return Image.open(io.BytesIO(out.getvalue())).convert("1", dither=Image.Dither.NONE)


def bar_picture(text: str) -> Image.Image:
    drawn = code128.bars(text)
    row = Image.new("1", (len(drawn), 1), WHITE)
    row.putdata([BLACK if black else WHITE for black in drawn])
    return row.resize((len(drawn) * BAR_DOTS, BAR_HEIGHT), Image.Resampling.NEAREST)


def shifted(picture: Image.Image, dots: int) -> Image.Image:
    """The picture moved to the right; what passes the edge is lost, and lines have room there."""
    moved = Image.new("1", picture.size, WHITE)
    moved.paste(picture, (dots, 0))
    return moved


def centred(picture: Image.Image, size: PaperSize) -> Image.Image:
    """The picture in the middle of the paper's width."""
    wide = Image.new("1", (size.dots, picture.height), WHITE)
    wide.paste(picture, ((size.dots - picture.width) // 2, 0))
    return wide


def draw(lines: tuple[Line, ...], size: PaperSize) -> Image.Image:
    """The whole paper, one picture."""
    pieces = [piece for line in lines if (piece := _piece(line, size)) is not None]
    whole = Image.new("1", (size.dots, max(1, sum(piece.height for piece in pieces))), WHITE)
    y = 0
    for piece in pieces:
        whole.paste(piece, (0, y))
        y += piece.height
    return whole


def _piece(line: Line, size: PaperSize) -> Image.Image | None:
    match line:
        case TextLine():
            return text_picture(line, size)
        case QRLine(digits, module_dots):
            return centred(qr_picture(digits, module_dots), size)
        case BarLine(text):
            return centred(bar_picture(text), size)
        case FeedLine(lines):
            return Image.new("1", (size.dots, LINE_DOTS * lines), WHITE)
        case CutLine():
            return None


def to_png(picture: Image.Image) -> bytes:
    out = io.BytesIO()
    picture.save(out, format="PNG", optimize=False)
    return out.getvalue()


def preview(paper: Paper, width_dots: int) -> bytes:
    """The paper as PNG, as it would print on a roll of 384 or 576 dots."""
    size = next(size for size in SIZES.values() if size.dots == width_dots)
    return to_png(draw(lay_out(paper, size), size))

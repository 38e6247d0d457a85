"""Lines of paper as ESC/POS bytes. A door of python-escpos, which builds bytes here and is never the device.

What always holds: a job is one immutable `bytes`, made before anything is sent; the only control bytes in
it are this renderer's; and no picture holds `10 04`, `10 05` or `10 14`, which old printers execute
wherever they appear (`10 05 02` throws the buffer away): such a picture is moved by a dot until it does
not. A line that the printer's font cannot write goes as a picture of the line.

python-escpos is imported at the first job: it costs 350 ms, sets up the root logger and leaves a
directory behind, and the last two are undone here. Its device classes are not used: a silent printer
has "plenty of paper" there, and a timeout is 60 s.
"""

from __future__ import annotations

import logging
import os
import shutil
import threading
from functools import lru_cache
from types import SimpleNamespace
from typing import Any

from hardware import raster
from hardware.escpos_text import INITIALISE, LINE_SPACING, GbkMagic, style_off, style_on
from hardware.faults import PaperFault
from hardware.layout import BarLine, CutLine, FeedLine, Line, QRLine, TextLine
from hardware.letters import gbk
from hardware.paper import PaperSize

REAL_TIME = (b"\x10\x04", b"\x10\x05", b"\x10\x14")
SHIFTS_MAX = 16
PICTURE_HEIGHT_MAX = 960  # python-escpos cuts higher ones into pieces that we would not have looked at
CENTRE, LEFT = b"\x1ba\x01", b"\x1ba\x00"
FEED_TO_KNIFE = 4
PICKLE_DIR = "ESCPOS_CAPABILITIES_PICKLE_DIR"
_importing = threading.Lock()


@lru_cache(maxsize=1)
def _library() -> Any:
    """python-escpos, without what it does to the process that imports it."""
    with _importing:
        root = logging.getLogger()
        before = list(root.handlers)
        chosen = os.environ.pop(PICKLE_DIR, None)  # a pickle in a shared directory is somebody's code
        try:
            from escpos import capabilities, escpos
            from escpos.printer import Dummy
        finally:
            if chosen is not None:
                os.environ[PICKLE_DIR] = chosen
            root.handlers[:] = before
        shutil.rmtree(capabilities.pickle_dir, ignore_errors=True)
        return SimpleNamespace(Dummy=Dummy, ECC_M=escpos.QR_ECLEVEL_M)


def warm() -> None:
    """Import the library now, so that the first receipt of the day does not wait for it."""
    _library()


def job_bytes(
    lines: tuple[Line, ...], size: PaperSize, *, native_qr: bool = True, gbk_text: bool = True
) -> bytes:
    """The job, from the reset to the cut. Raises PaperFault, or HardwareFault `fault.no_font`.

    `native_qr` lets the printer draw QR codes; `gbk_text` false sends every line as a picture, for a
    printer without Chinese.
    """
    printer = _new_printer()
    printer._raw(INITIALISE + LINE_SPACING)
    for line in lines:
        match line:
            case TextLine() if gbk_text and all(gbk(cell.text) is not None for cell in line.cells):
                _text(printer, line)
            case TextLine():
                _picture(printer, raster.text_picture(line, size))
            case QRLine(digits, module_dots) if native_qr:
                printer._raw(CENTRE)
                printer.qr(digits, ec=_library().ECC_M, size=module_dots, native=True)
                printer._raw(LEFT)
            case QRLine(digits, module_dots):
                _picture(printer, raster.centred(raster.qr_picture(digits, module_dots), size))
            case BarLine(text):
                _picture(printer, raster.centred(raster.bar_picture(text), size))
            case FeedLine(count):
                printer._raw(b"\x1bd" + bytes((count,)))
            case CutLine():
                printer._raw(b"\x1bd" + bytes((FEED_TO_KNIFE,)))
                printer.cut(mode="PART", feed=False)
    job: bytes = printer.output
    return job


def _new_printer() -> Any:
    printer = _library().Dummy()
    printer.profile = SimpleNamespace(
        profile_data={}
    )  # our own layout knows the width; it would print to stdout
    printer.magic = GbkMagic(printer._raw)
    return printer


def _text(printer: Any, line: TextLine) -> None:
    column = 0
    for cell in line.cells:
        printer.text(" " * (cell.column - column))
        printer._raw(style_on(cell.style))
        printer.text(cell.text)
        printer._raw(style_off(cell.style))
        column = cell.end
    printer._raw(b"\n")


def _picture(printer: Any, picture: raster.Picture) -> None:
    printer._raw(safe_block(picture))


def safe_block(picture: raster.Picture) -> bytes:
    """The picture as one `GS v 0` block in which no printer finds a real-time command."""
    assert picture.height <= PICTURE_HEIGHT_MAX
    for shift in range(SHIFTS_MAX):
        builder = _new_printer()
        builder.image(
            raster.shifted(picture, shift), impl="bitImageRaster", fragment_height=PICTURE_HEIGHT_MAX
        )
        block: bytes = builder.output
        if not any(command in block for command in REAL_TIME):
            return block
    raise PaperFault("fault.raster_unsendable", "the picture holds real-time commands wherever it stands")

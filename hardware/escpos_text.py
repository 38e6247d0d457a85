"""Chinese for an ESC/POS printer: our encoder in the place of python-escpos' own.

The library sends Chinese without switching the printer's Chinese mode on, and money signs, dashes and
fullwidth punctuation as `?` or as another character. Here a job begins once with `ESC @`, `ESC t 0`,
`FS &`, and every text is GBK. What always holds: only cleaned text comes here, so no byte of it is below
0x20; a text with a character that GBK does not have never comes here at all, its line is a picture.
"""

from __future__ import annotations

from collections.abc import Callable

from hardware.letters import gbk
from hardware.paper import Style

INITIALISE = b"\x1b@\x1bt\x00\x1c&"  # reset, code page 0, Chinese mode on
LINE_SPACING = b"\x1b3\x1e"  # 30 dots, as in the picture
# GS ! scales ASCII everywhere and Chinese on most; FS ! scales Chinese on the clones where it does not.
BIG_ON = b"\x1d!\x11\x1c!\x0c"
BIG_OFF = b"\x1d!\x00\x1c!\x00"
BOLD_ON = b"\x1bE\x01"
BOLD_OFF = b"\x1bE\x00"


class GbkMagic:
    """What python-escpos calls `magic`: it takes text and sends bytes."""

    def __init__(self, send: Callable[[bytes], None]) -> None:
        self._send = send

    def write(self, text: str) -> None:
        encoded = gbk(text)
        assert encoded is not None, "a line with a character outside GBK goes as a picture"
        self._send(encoded)

    def force_encoding(self, _encoding: str) -> None:
        """The library's way to choose a code page; ours is chosen."""


def style_on(style: Style) -> bytes:
    return BIG_ON * style.big + BOLD_ON * style.bold


def style_off(style: Style) -> bytes:
    return BOLD_OFF * style.bold + BIG_OFF * style.big

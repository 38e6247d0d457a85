"""What a text becomes before it may touch paper: the one sanitizer, the columns it takes, its GBK bytes.

What always holds: after `clean` no character of a text can be a command, because control, format, private
and surrogate characters are gone (only the renderer emits control bytes), and the text is NFC; `columns`
of a text is what it takes on the paper. Only the bytes of GBK say how wide a character prints: Unicode's
East Asian Width is wrong for 446 of GBK's 21,887 characters (“ ” — … · ° ± × ①, Greek, Cyrillic, é).
"""

from __future__ import annotations

import unicodedata
from functools import lru_cache

# Characters that shops write and 2-byte printers do not have, or print as another one.
INSTEAD = str.maketrans(
    {
        "\u00a5": "￥",  # half-width ¥ is 4 bytes in GB18030: a 2-byte printer prints "06"
        "\u00a0": " ",
        "\u2009": " ",
        "\u202f": " ",
        "\u3000": "  ",
        "\u2013": "-",
        "\u2212": "-",
        "\u2011": "-",
        "\u2022": "·",
        "\u00b5": "μ",
    }
)
DROPPED = frozenset({"Cc", "Cf", "Co", "Cs", "Zl", "Zp"})
MARKS = frozenset({"Mn", "Me", "Mc"})
PARTING = " ·"


def clean(text: str) -> str:
    """The text without anything that is not writing. Doing it twice changes nothing."""
    kept = "".join(c for c in text if unicodedata.category(c) not in DROPPED)
    return unicodedata.normalize("NFC", kept).translate(INSTEAD)


@lru_cache(maxsize=8_192)
def columns_of(character: str) -> int:
    """How many of a line's columns a cleaned character takes."""
    try:
        return len(character.encode("gbk"))
    except UnicodeEncodeError:
        return 0 if unicodedata.category(character) in MARKS else 2


def columns(text: str) -> int:
    return sum(map(columns_of, text))


def gbk(text: str) -> bytes | None:
    """The bytes of a cleaned text, or None if the printer's font cannot have all of it."""
    try:
        return text.encode("gbk")
    except UnicodeEncodeError:
        return None


def wrap(text: str, width: int) -> list[str]:
    """The text in lines of at most `width` columns, which keep its indent.

    A line ends at a blank if one stands in its second half, and a "·" that parted two phrases goes with
    the blank; else it ends where it is full.
    """
    assert width >= 2, "a Chinese character takes two columns"
    indent = text[: len(text) - len(text.lstrip(" "))][: width // 4]
    text = text[len(indent) :]
    room = width - len(indent)
    lines: list[str] = []
    while columns(text) > room:
        end = _fitting(text, room)
        blank = text.rfind(" ", end // 2, end + 1)
        if blank > 0:
            end = blank
        lines.append(indent + text[:end].rstrip(PARTING))
        text = text[end:].lstrip(PARTING)
    return [*lines, indent + text] if text or not lines else lines


def _fitting(text: str, room: int) -> int:
    used = 0
    for end, character in enumerate(text):
        used += columns_of(character)
        if used > room:
            return end
    return len(text)

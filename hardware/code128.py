"""Code 128: text into bars, with code set C for runs of digits, which halves their width.

Our own, and drawn as a picture, because the printers' native command wants set C as raw bytes 0 to 99:
the digits 1604 would be 10 04, a real-time command, in the middle of a receipt.
"""

from __future__ import annotations

import re

# Widths of bars and spaces of the symbols 0 to 105, six digits each (ISO/IEC 15417, table 1).
_PACKED = (
    "212222222122222221121223121322131222122213122312132212221213221312231212112232122132122231113222"
    "123122123221223211221132221231213212223112312131311222321122321221312212322112322211212123212321"
    "232121111323131123131321112313132113132311211313231113231311112133112331132131113123113321133121"
    "313121211331231131213113213311213131311123311321331121312113312311332111314111221411431111111224"
    "111422121124121421141122141221112214112412122114122411142112142211241211221114413111241112134111"
    "111242121142121241114212124112124211411212421112421211212141214121412121111143111341131141114113"
    "114311411113411311113141114131311141411131211412211214211232"
)
WIDTHS = (*(_PACKED[i : i + 6] for i in range(0, len(_PACKED), 6)), "2331112")
TO_C, TO_B, START_B, START_C, STOP = 99, 100, 104, 105, 106
# Set C pays from 4 digits at an end, from 6 in the middle; an odd run leaves its first digit to set B.
DIGITS = re.compile(r"^\d{4,}|\d{4,}$|\d{6,}|^\d\d$")


def symbols(text: str) -> list[int]:
    """The symbol values: start, data, check, stop. `text` is printable ASCII."""
    values: list[int] = []
    position = 0
    for found in DIGITS.finditer(text):
        start = found.start() + (found.end() - found.start()) % 2
        if position == 0 and found.start() == 0 and start == 1:
            start, end = 0, found.end() - 1  # at the beginning the odd digit goes to the end
        else:
            end = found.end()
        values += _in_b(text[position:start], not values)
        values += [START_C if not values else TO_C]
        values += [int(text[i : i + 2]) for i in range(start, end, 2)]
        position = end
        if position < len(text):
            values.append(TO_B)
    values += _in_b(text[position:], not values)
    check = (values[0] + sum(place * value for place, value in enumerate(values))) % 103
    return [*values, check, STOP]


def _in_b(text: str, first: bool) -> list[int]:
    if not text:
        return []
    return [START_B] * first + [ord(character) - 32 for character in text]


def modules(text: str) -> int:
    """How many modules wide the bars are, without the quiet zones."""
    return 11 * len(symbols(text)) + 2


def bars(text: str) -> list[bool]:
    """Module by module, whether it is black."""
    drawn: list[bool] = []
    for value in symbols(text):
        for i, width in enumerate(WIDTHS[value]):
            drawn += [i % 2 == 0] * int(width)
    return drawn

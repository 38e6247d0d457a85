"""A member's row, recognised at sight: nearly every one that headquarters writes is of an active member with
one code, and so regular that one pattern proves its form and its fields at once.

A region has a million of them. What is not recognised is not wrong: it is read field by field
(``members.read_row``), which says what is wrong with it if anything is. What is recognised, that reading
accepts too, as it accepts what stands for it: a test holds them against each other.
"""

from __future__ import annotations

import re
import unicodedata

_WHOLE = r"(?:0|[1-9][0-9]{0,8})"
_IN_ANY_MONTH = "(?:0[1-9]|1[0-2])(?:0[1-9]|1[0-9]|2[0-8])"
_IN_SOME = "(?:0[13-9]|1[0-2])(?:29|30)|(?:0[13578]|1[02])31"
_DAY = f"(?:0|20[0-9]{{2}}(?:{_IN_ANY_MONTH}|{_IN_SOME}))"
_WORD = r'"[^"\\\x00-\x1f\x7f-\x9f]*"'
_LOT = rf"\[{_WORD},{_WHOLE},{_DAY},{_DAY},{_WORD},{_WORD}\]"
_ROW = re.compile(
    rf'^(\[({_WHOLE}),({_WHOLE}),"active",(?:0|[1-9][0-9]?),{_WHOLE},{_WORD},{_WORD},{_WHOLE},'
    rf"\[(?:{_LOT}(?:,{_LOT})*)?\],\[{_DAY},{_WHOLE}\],\[{_DAY},{_WHOLE}\],\[\],"
    r'\[(?:"([0-9a-f]{16})")?\]\])$',
    re.MULTILINE,
)
"""Narrower than what is allowed, never wider: days of leap years and members beyond a thousand million are
read the other way."""


def recognise(lines: str, count: int) -> list[tuple[str, str, str, str]] | None:
    """(text, member, version, tag of the code or "") of ``count`` rows, a line each; None where one of them
    must be read with care."""
    if not (lines.isascii() or unicodedata.is_normalized("NFC", lines)):
        return None
    found: list[tuple[str, str, str, str]] = _ROW.findall(lines)
    return found if len(found) == count else None

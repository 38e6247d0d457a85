"""What a run has been through: every rare thing that happened is counted by name.

A chain in which nothing rare happened proves nothing, so a long run fails when one of ``RARE`` was seen too
seldom.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

Marks = Counter[str]

RARE = (
    "sale", "sale paid with points", "redeem", "refund", "void", "refund after the points were spent",
    "sale of a code unknown here", "member at two tills at once", "double click", "retry after a kill",
    "refused: not here, offline", "refused: not enough points", "refused: debt",
    "spent from local", "spent from allowance", "spent by authorisation", "grant", "rights returned",
    "rights wanted back", "reservation", "authorisation refused", "authorisation answer lost",
    "authorisation question lost", "authorisation in outage", "intent voided",
    "request lost", "answer lost", "request doubled", "request torn or flipped", "answer torn or flipped",
    "late copy of a batch", "late copy of an authorisation", "headquarters down", "headquarters restarted",
    "outage", "one-way outage", "batch cut anew",
    "kill at a statement", "kill after a statement", "kill before the second file", "kill in the second file",
    "kill before asking", "kill before hearing", "plug pulled", "old database put back",
    "disk full", "commit in doubt", "clock jump of a day", "clock jump of years", "time set right",
    "device replaced", "term closed", "grant after a close", "old device came back",
    "parked", "parked and posted", "return parked", "expired points", "ring visit",
    "transfer", "transfer in outage", "gift", "gift taken", "gift never taken", "take heard before its give",
    "wish lost", "wish late", "wish twice", "given lost", "given late", "given twice", "store network cut",
    "line of one till out", "headquarters put back",
    "PC burnt", "PC stolen", "PC declared lost", "lost PC came to light",
    "dismissed: it waited for what was lost",
    "given to a replaced PC", "killed while it gave", "gift that nobody signed", "refund at a sister till",
)  # fmt: skip


def table(marks: Mapping[str, int], times: int = 0) -> str:
    """All marks, the rare ones first; below ``times`` is shown."""
    lines = [f"{marks.get(name, 0):>9}  {name}{_few(marks, name, times)}" for name in RARE]
    lines += [f"{n:>9}  {name}" for name, n in sorted(marks.items()) if name not in RARE]
    return "\n".join(lines)


def _few(marks: Mapping[str, int], name: str, times: int) -> str:
    return "   too seldom" if marks.get(name, 0) < times else ""


def too_seldom(marks: Mapping[str, int], times: int) -> list[str]:
    """The rare things that were seen less than ``times``."""
    return [name for name in RARE if marks.get(name, 0) < times]

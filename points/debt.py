"""What a member owes: points that were spent honestly and that a return has taken away since.

A draw whose home is no lot is debt. It is borne by the issuer of the lot that was clawed, the oldest
claw-back first, and by headquarters when none is open; what was spent by trust is headquarters' own risk.
A claw-back is open as far as it took points that might be spent: those of its lot, those that took their
place where they were spent, and those that repaid its debt. Whoever did not hear of it yet may have promised
any of them. The next points that come repay the oldest draw first.
"""

from __future__ import annotations

from typing import Any

from points.identifiers import HUB_STORE

DEBT, WRITTEN_OFF = "DEBT", "WRITTEN-OFF"
"""The homes of a draw that no lot could pay, and of one that two people have written off since; both name who
bears it."""


def bearer_of(taken: list[list[Any]], pts: int) -> tuple[str, int]:
    """Who bears a draw that no lot pays, and how much of it: the oldest of the open claw-backs ``taken``
    [[issuer, points]…], which is used up by it, else headquarters."""
    while taken:
        issuer, left = taken[0]
        part = min(pts, left)
        if left == part:
            taken.pop(0)
        else:
            taken[0][1] = left - part
        return issuer, part
    return HUB_STORE, pts

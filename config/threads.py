"""How the threads of one process share its time."""

from __future__ import annotations

import sys

TURN_S = 0.000_5


def share_evenly() -> None:
    """Let no thread wait for another one that computes for longer than half a millisecond.

    Python's own turn is ten times as long, and who comes back from a disk waits for one each time: a sale has
    several syncs, and stood behind an edition of members that was taken beside it.
    """
    sys.setswitchinterval(TURN_S)

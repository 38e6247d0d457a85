"""The window of this till's nights: its own, or the one that headquarters has set."""

from __future__ import annotations

from agent.store import feeds
from agent.till import Till
from config.night_window import NightWindow
from points.wire.hello import Told

TOLD = "night_window"
"""The fact with the window that headquarters has set, as two minutes; there is none where it sets none."""


def hear(till: Till, told: Told) -> None:
    """What a hello says of it. One that tells of no edition at all says nothing of this either."""
    if not told.feeds:
        return
    feeds.tell_fact(till.book, TOLD, None if told.night is None else f"{told.night[0]},{told.night[1]}")


def window(till: Till, own: NightWindow) -> NightWindow:
    """The window that counts."""
    told = feeds.fact(till.book, TOLD)
    return own if told is None else NightWindow(*map(int, told.split(",")))

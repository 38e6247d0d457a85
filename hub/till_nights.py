"""The window of all tills' nights, where headquarters sets one: for a night of maintenance, or a feast day
that ends late.

Each till draws its own minute in it, as in the window of its settings, which counts where none is set.
"""

from __future__ import annotations

import json

from config.night_window import NightWindow
from hub.store.engine import Turn

SETTING = "till-nights"


def window(look: Turn) -> NightWindow | None:
    """What is set; None where every till keeps its own."""
    row = look.one("SELECT value FROM settings WHERE name = ?", (SETTING,))
    return NightWindow(*json.loads(row[0])) if row else None


def choose(turn: Turn, chosen: NightWindow | None) -> None:
    """Tell every till this window from its next contact on; None: its own again."""
    turn.run("DELETE FROM settings WHERE name = ?", (SETTING,), twice=True)
    if chosen is not None:
        told = json.dumps([chosen.from_minute, chosen.until_minute])
        turn.run("INSERT INTO settings (name, value) VALUES (?, ?)", (SETTING, told), twice=True)

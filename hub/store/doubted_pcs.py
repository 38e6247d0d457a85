"""What is thought of a PC that went on after another one of its till which is alive."""

from __future__ import annotations

from hub.store import schema
from hub.store.engine import Turn

ASKED, ACCEPTED, REFUSED = "asked", "accepted", "refused"
SETTING = "second-pc:{}/{}/{}"
PARTED = "parted:{}/{}/{}"
"""The setting with the number of the last token of the lane that a PC went on from, when it did."""
ON = "pc:"
"""Begins the name of what operations of such a PC wait for."""

Place = tuple[str, str, int]
"""Store, till and epoch of a lane."""


def thought(look: Turn, lane: Place) -> str:
    """``asked``, ``accepted`` or ``refused``; nothing for a PC of which nobody was asked."""
    row = look.one("SELECT value FROM settings WHERE name = ?", (SETTING.format(*lane),))
    return "" if row is None else str(row[0])


def keep(turn: Turn, lane: Place, thinks: str) -> None:
    """From now on that is thought."""
    turn.put(schema.settings, [(SETTING.format(*lane), thinks)], on_conflict="replace", twice=True)


def is_trusted(look: Turn, lane: Place) -> bool:
    """Whether what this PC tells is posted, and it is granted anything."""
    return thought(look, lane) in ("", ACCEPTED)


def accepted(look: Turn, store: str) -> int:
    """How many second PCs of a store were accepted."""
    rows = look.run(
        "SELECT name FROM settings WHERE name LIKE ? AND value = ?",
        (SETTING.format(store, "%", "%"), ACCEPTED),
    )
    return sum(name.startswith(SETTING.format(store, "", "")[:-1]) for (name,) in rows)


def part(turn: Turn, lane: Place, token: int) -> None:
    """A PC went on in this lane when the last token of the one before it was that one."""
    turn.put(schema.settings, [(PARTED.format(*lane), str(token))], on_conflict="replace", twice=True)


def parted(look: Turn, lane: Place) -> int | None:
    """That token's number; None for a PC that went on when none was kept."""
    row = look.one("SELECT value FROM settings WHERE name = ?", (PARTED.format(*lane),))
    return None if row is None else int(row[0])


def waits_on(lane: Place) -> str:
    """The name that operations of such a PC wait under."""
    return ON + pc(lane)


def pc(lane: Place) -> str:
    """The PC, as an outcome names it."""
    return "{}/{}/{}".format(*lane)

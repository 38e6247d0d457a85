"""What is thought of a PC that went on after another one of its till which is alive."""

from __future__ import annotations

from collections.abc import Mapping

from hub.store import schema
from hub.store.engine import Turn

ASKED, ACCEPTED, REFUSED = "asked", "accepted", "refused"
SETTING = "second-pc:{}/{}/{}"
PARTED = "parted:{}/{}/{}"
"""The setting with the lanes in whose place a PC went on in this one, each with its last token's number then:
``epoch,number``, parted by blanks."""
SILENT = "silent:{}/{}/{}"
"""The setting of a PC that was granted a lane and has not spoken in it: it may not have heard so."""
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
    return sum(pc[0] == store for pc in every_accepted(look))


def every_accepted(look: Turn) -> list[Place]:
    """The second PCs that were accepted."""
    begins = SETTING.partition("{")[0]
    rows = look.run(
        "SELECT name FROM settings WHERE name >= ? AND name < ? AND value = ?",
        (begins, begins[:-1] + ";", ACCEPTED),
    )
    places = [name.removeprefix(begins).split("/") for (name,) in rows]
    return sorted((store, till, int(epoch)) for store, till, epoch in places)


def part(turn: Turn, lane: Place, tokens: Mapping[int, int]) -> None:
    """A PC is granted this lane, in place of these: their last tokens' numbers."""
    rows = [(PARTED.format(*lane), _told(tokens)), (SILENT.format(*lane), "")]
    turn.put(schema.settings, rows, on_conflict="replace", twice=True)


def part_later(turn: Turn, lane: Place, tokens: Mapping[int, int]) -> None:
    """It has not spoken in it yet."""
    turn.put(schema.settings, [(PARTED.format(*lane), _told(tokens))], on_conflict="replace")


def _told(tokens: Mapping[int, int]) -> str:
    return " ".join(f"{epoch},{number}" for epoch, number in sorted(tokens.items()))


def begin(turn: Turn, lane: Place) -> None:
    """The PC of this lane speaks in it: whoever speaks in its former one from now on is another."""
    if is_silent(
        turn, lane
    ):  # asked first: nearly every hello is of a PC that spoke long ago, and only reads
        turn.run("DELETE FROM settings WHERE name = ?", (SILENT.format(*lane),))


def is_silent(look: Turn, lane: Place) -> bool:
    """Whether the PC of this lane has never spoken in it."""
    return look.one("SELECT 1 FROM settings WHERE name = ?", (SILENT.format(*lane),)) is not None


def parted(look: Turn, store: str, till: str) -> dict[int, dict[int, int]]:
    """The lanes of a till in which PCs went on, the earliest first, each as ``part`` was told."""
    begins = PARTED.format(store, till, "")
    rows = look.run(
        "SELECT name, value FROM settings WHERE name >= ? AND name < ?", (begins, begins[:-1] + "0")
    )
    told = {int(name.removeprefix(begins)): value.split() for name, value in rows}
    return {
        later: {int(epoch): int(number) for epoch, number in (one.split(",") for one in told[later])}
        for later in sorted(told)
    }


def kept(look: Turn, lane: Place) -> int:
    """How many operations are kept of such a PC."""
    row = look.one("SELECT count(*) FROM waiting WHERE on_what = ?", (waits_on(lane),))
    return 0 if row is None else int(row[0])


def waits_on(lane: Place) -> str:
    """The name that operations of such a PC wait under."""
    return ON + pc(lane)


def pc(lane: Place) -> str:
    """The PC, as an outcome names it."""
    return "{}/{}/{}".format(*lane)

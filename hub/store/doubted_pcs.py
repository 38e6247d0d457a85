"""What is thought of a PC that is heard and not believed: one that went on after another one of its till
which is alive, and one that was declared lost and tells something after all."""

from __future__ import annotations

from collections.abc import Mapping

from hub.store import schema
from hub.store.engine import Turn
from points.wire.lane import Lane

ASKED, ACCEPTED, REFUSED = "asked", "accepted", "refused"
SETTING, LATE = "second-pc:", "late-word:"
"""Begin the names of the settings that say what is thought of a second PC, and of a lost one's late word."""
PARTED = "parted:"
"""Begins the name of the setting with the lanes in whose place a PC went on in this one, each with its last
token's number then: ``epoch,number``, parted by blanks."""
SILENT = "silent:"
"""Begins the name of the setting of a PC that was granted a lane and has not spoken in it: it may not have
heard so."""
ON = "pc:"
"""Begins the name of what operations of such a PC wait for."""


def thought(look: Turn, lane: Lane) -> str:
    """``asked``, ``accepted`` or ``refused``; nothing for a PC of which nobody was asked."""
    row = look.one("SELECT value FROM settings WHERE name = ?", (SETTING + pc(lane),))
    return "" if row is None else str(row[0])


def keep(turn: Turn, lane: Lane, thinks: str) -> None:
    """From now on that is thought."""
    turn.put(schema.settings, [(SETTING + pc(lane), thinks)], on_conflict="replace", twice=True)


def thought_late(look: Turn, lane: Lane) -> str:
    """``asked``, ``accepted`` until all that was kept is posted, or ``refused``; nothing when a lost PC of
    this lane has told nothing late that is not posted."""
    row = look.one("SELECT value FROM settings WHERE name = ?", (LATE + pc(lane),))
    return "" if row is None else str(row[0])


def keep_late(turn: Turn, lane: Lane, thinks: str) -> None:
    """From now on that is thought of what it tells late; nothing: it is asked about anew."""
    if thinks:
        turn.put(schema.settings, [(LATE + pc(lane), thinks)], on_conflict="replace", twice=True)
    else:
        turn.run("DELETE FROM settings WHERE name = ?", (LATE + pc(lane),), twice=True)


def is_trusted(look: Turn, lane: Lane) -> bool:
    """Whether what this PC tells is posted, and it is granted anything. One that was accepted is trusted when
    all that was kept of it is booked."""
    thinks = thought(look, lane)
    return not thinks or (thinks == ACCEPTED and not keeps(look, lane))


def accepted(look: Turn, chain: str) -> list[Lane]:
    """The lanes of the second PCs that were accepted."""
    return _thought_so(look, chain, SETTING, ACCEPTED)


def pending(look: Turn, chain: str) -> list[Lane]:
    """The lanes of PCs of which something is kept, though people have decided."""
    told = [(about, thinks) for about in (SETTING, LATE) for thinks in (ACCEPTED, REFUSED)]
    lanes = {lane for about, thinks in told for lane in _thought_so(look, chain, about, thinks)}
    return [lane for lane in sorted(lanes) if decision(look, lane) and keeps(look, lane)]


def decision(look: Turn, lane: Lane) -> str:
    """``accepted`` or ``refused``: what becomes of all that is kept of this PC; nothing before people decide.
    What is thought of a lost one's late word comes first: what is kept of it is that."""
    thinks = thought_late(look, lane) or thought(look, lane)
    return thinks if thinks != ASKED else ""


def _thought_so(look: Turn, chain: str, about: str, thinks: str) -> list[Lane]:
    rows = look.run(
        "SELECT name FROM settings WHERE name >= ? AND name < ? AND value = ?",
        (about, about[:-1] + ";", thinks),
    )
    named = [name.removeprefix(about).split("/") for (name,) in rows]
    return sorted(Lane(chain, store, till, int(epoch)) for store, till, epoch in named)


def part(turn: Turn, lane: Lane, tokens: Mapping[int, int]) -> None:
    """A PC is granted this lane, in place of these: their last tokens' numbers."""
    rows = [(PARTED + pc(lane), _told(tokens)), (SILENT + pc(lane), "")]
    turn.put(schema.settings, rows, on_conflict="replace", twice=True)


def part_later(turn: Turn, lane: Lane, tokens: Mapping[int, int]) -> None:
    """It has not spoken in it yet."""
    turn.put(schema.settings, [(PARTED + pc(lane), _told(tokens))], on_conflict="replace")


def _told(tokens: Mapping[int, int]) -> str:
    return " ".join(f"{epoch},{number}" for epoch, number in sorted(tokens.items()))


def begin(turn: Turn, lane: Lane) -> None:
    """The PC of this lane speaks in it: whoever speaks in its former one from now on is another."""
    if is_silent(
        turn, lane
    ):  # asked first: nearly every hello is of a PC that spoke long ago, and only reads
        turn.run("DELETE FROM settings WHERE name = ?", (SILENT + pc(lane),))


def is_silent(look: Turn, lane: Lane) -> bool:
    """Whether the PC of this lane has never spoken in it."""
    return look.one("SELECT 1 FROM settings WHERE name = ?", (SILENT + pc(lane),)) is not None


def parted(look: Turn, store: str, till: str) -> dict[int, dict[int, int]]:
    """The lanes of a till in which PCs went on, the earliest first, each as ``part`` was told."""
    begins = f"{PARTED}{store}/{till}/"
    rows = look.run(
        "SELECT name, value FROM settings WHERE name >= ? AND name < ?", (begins, begins[:-1] + "0")
    )
    told = {int(name.removeprefix(begins)): value.split() for name, value in rows}
    return {
        later: {int(epoch): int(number) for epoch, number in (one.split(",") for one in told[later])}
        for later in sorted(told)
    }


def keeps(look: Turn, lane: Lane, most: int = 0) -> bool:
    """Whether more than ``most`` operations are kept of such a PC; no more of them are looked at."""
    sql = "SELECT 1 FROM waiting WHERE on_what = ? LIMIT 1 OFFSET ?"
    return look.one(sql, (waits_on(lane), most)) is not None


def kept(look: Turn, lane: Lane) -> int:
    """How many operations are kept of such a PC; all of them are counted."""
    row = look.one("SELECT count(*) FROM waiting WHERE on_what = ?", (waits_on(lane),))
    return 0 if row is None else int(row[0])


def waits_on(lane: Lane) -> str:
    """The name that operations of such a PC wait under."""
    return ON + pc(lane)


def pc(lane: Lane) -> str:
    """The PC, as an outcome names it."""
    return f"{lane.store}/{lane.till}/{lane.epoch}"

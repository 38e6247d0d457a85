"""Until when a till may spend its allowances without being heard; each page that it asks for renews it.

An end of a session returns no right: points come home by the till's own word alone. It tells headquarters
from when on a till surely spends no allowance, if its program and its clock are honest, so that a member
who stands at another counter can be served within a budget (``hub.unlocks``). What was told is kept, and the
latest end counts: a page that was lost may have been heard all the same.
"""

from __future__ import annotations

from hub.office import Office
from hub.store import schema
from hub.store.engine import Turn

TOLD = "spends-until:{}/{}/{}/{}"
GRACE_MS = 2 * 3_600_000
"""How much later than told a session is surely over: a clock may be slow, a page takes its time."""


def renew(turn: Turn, office: Office, store: str, till: str, term: tuple[int, int]) -> int | None:
    """The end of the session of the PC whose page is made: told, and kept. None: it never ends."""
    name, told = TOLD.format(store, till, *term), told_to(turn, store, till, term)
    if not office.session_ms:
        if told is not None:
            turn.run("DELETE FROM settings WHERE name = ?", (name,))
        return None
    until = office.clock() + office.session_ms
    turn.run(
        "INSERT INTO settings (name, value) VALUES (?, ?)"
        " ON CONFLICT (name) DO UPDATE SET value = excluded.value",
        (name, str(max(until, told or 0))),
    )
    return until


def may_last(turn: Turn, office: Office, store: str, till: str, term: tuple[int, int]) -> None:
    """What this till's PC was told last is not known: as long as it may have been told by now."""
    until = office.clock() + office.session_ms
    turn.put(schema.settings, [(TOLD.format(store, till, *term), str(until))], on_conflict="replace")


def told_to(look: Turn, store: str, till: str, term: tuple[int, int]) -> int | None:
    """The latest end that the PC in this (inc, term) was told; None for one whose session never ends."""
    row = look.one("SELECT value FROM settings WHERE name = ?", (TOLD.format(store, till, *term),))
    return None if row is None else int(row[0])


def over(look: Turn, office: Office) -> list[tuple[str, str, tuple[int, int], int]]:
    """Every (store, till, term, end in ms) whose session is over by headquarters' clock."""
    found = []
    prefix = TOLD.partition("{")[0]
    for name, until in look.run("SELECT name, value FROM settings WHERE name LIKE ?", (prefix + "%",)):
        store, till, inc, term = name.removeprefix(prefix).split("/")
        if office.clock() > int(until):
            found.append((store, till, (int(inc), int(term)), int(until)))
    return sorted(found)


def is_surely_over(look: Turn, office: Office, store: str, till: str, term: tuple[int, int]) -> bool:
    """Whether the PC in this term spends no allowance any more, for all that headquarters can know."""
    until = told_to(look, store, till, term)
    return until is not None and office.clock() > until + GRACE_MS

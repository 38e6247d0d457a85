"""What the programs of tills can read, as they say with each hello, and which of them lag behind.

Who is too old for every form that is published is told nothing but where its lanes stand: what it records is
always taken. Who does not know a critical rule earns by the book before and spends nothing. Each is a case
while it lasts, one a till, which closes by itself when a newer program says hello.
"""

from __future__ import annotations

import json

from hub.office import Office
from hub.store import schema
from hub.store.engine import Turn
from points.wire.dialect import Dialect
from points.wire.faults import AgentTooOld
from points.wire.hello import Question
from points.wire.lane import Lane

KEPT = "dialect:"
"""Begins the setting that keeps what a till says; its store and number follow."""
BEHIND, TOO_OLD = "rules-behind", "agent-too-old"

UNSAID = "[1, 1, [], 0]"
"""What stands for a till that has said nothing yet: it reads the first form, and all is well."""

Till = tuple[str, str]


def is_heard(look: Turn, office: Office, lane: Lane, asked: Question) -> bool:
    """Whether nothing of what a till says of its program is new, as nearly always."""
    kept = _value(look, (lane.store, lane.till))
    return _entry(office, asked.dialect) == (UNSAID if kept is None else kept)


def hear(turn: Turn, office: Office, lane: Lane, asked: Question) -> None:
    """Keep what a till says of its program; its case is opened while there is one, and closed after."""
    till, said = (lane.store, lane.till), asked.dialect
    turn.run(
        "INSERT INTO settings (name, value) VALUES (?, ?)"
        " ON CONFLICT (name) DO UPDATE SET value = excluded.value",
        (_name(till), _entry(office, said)),
    )
    case = _case(office, lane, said)
    is_open = False
    for number, *told in turn.run(
        "SELECT id, reason, detail FROM cases WHERE reason IN (?, ?) AND store = ? AND closed_ms IS NULL",
        (BEHIND, TOO_OLD, lane.store),
    ):
        if told == case:
            is_open = True
        elif json.loads(told[1])["till"] == lane.till:
            turn.run("UPDATE cases SET closed_ms = ? WHERE id = ?", (office.clock(), number))
    if case is not None and not is_open:
        turn.put(schema.cases, [(case[0], "", None, lane.store, case[1], office.clock(), None)])


def check(look: Turn, office: Office, lane: Lane) -> None:
    """Raise ``AgentTooOld`` for a till whose program can read nothing that is published."""
    if is_too_old(office, _kept(look, (lane.store, lane.till))):
        raise AgentTooOld(min=office.forms.oldest)


def is_too_old(office: Office, said: Dialect) -> bool:
    """Whether a program knows none of the published forms, being older than all of them."""
    return office.forms.common(said) is None and said.newest < office.forms.oldest


def lagging(look: Turn) -> dict[Till, tuple[str, ...]]:
    """Tills that lack critical rules, and which."""
    found = {}
    for name, value in look.run("SELECT name, value FROM settings WHERE name LIKE ?", (KEPT + "%",)):
        store, _, till = name.removeprefix(KEPT).partition("/")
        lacks = json.loads(value)[2]
        if lacks:
            found[store, till] = tuple(lacks)
    return found


def _kept(look: Turn, till: Till) -> Dialect:
    value = _value(look, till)
    if value is None:
        return Dialect()
    oldest, newest, lacks, *_ = json.loads(value)
    return Dialect(oldest, newest, tuple(lacks))


def _value(look: Turn, till: Till) -> str | None:
    row = look.one("SELECT value FROM settings WHERE name = ?", (_name(till),))
    return None if row is None else str(row[0])


def _entry(office: Office, said: Dialect) -> str:
    """What is kept: what the till says, and whether it was too old for what was published then."""
    told = [said.oldest, said.newest, list(said.lacks), int(is_too_old(office, said))]
    return json.dumps(told, ensure_ascii=False)


def _name(till: Till) -> str:
    return f"{KEPT}{till[0]}/{till[1]}"


def _case(office: Office, lane: Lane, said: Dialect) -> list[str] | None:
    """(reason, detail) of what people should know of it."""
    if is_too_old(office, said):
        return [TOO_OLD, json.dumps({"till": lane.till, "reads": said.newest})]
    if said.lacks:
        detail = {"till": lane.till, "lacks": " ".join(said.lacks)}
        return [BEHIND, json.dumps(detail, ensure_ascii=False)]
    return None

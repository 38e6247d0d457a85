"""A till that does not know a card or a phone asks whose it is: the member is told to it from then on.

Nothing of the member is in the answer but the number. What the till may show comes with its next question, as
everything else does: of its own region, or as a visitor of its store. A code has 66 random bits, a phone few:
so many questions a day are answered to a till that a thief with its key learns nobody's number by trying.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hub import personal, visitors
from hub.office import Office
from hub.store.engine import Turn
from points.codes import CodeKind, recognise
from points.identifiers import op_id
from points.wire import sealing
from points.wire.faults import Malformed, Problem, WireFault
from points.wire.fields import is_hex
from points.wire.lane import Lane

WHO_BYTES = 16
ASKED = "looked-up:"
"""Begins the name of the setting that counts a till's questions: ``day,count``."""
A_DAY_MAX = 500
REST_S = 3_600


def look_up(turn: Turn, office: Office, lane: Lane, asked: Mapping[str, Any]) -> int | None:
    """The member of ``{who}``, the hash of a code, or of ``{id, box}``, a phone that was sealed to
    headquarters in the place of an operation; None when it is nobody's.

    Raises the ``WireFault`` of a question that is none, and says that it is busy when the till has asked too
    often today.
    """
    _count(turn, office, lane)
    if "box" in asked:
        phone = _phone(office, asked)
        m = personal.by_phone(turn, office, phone)
        if m is not None:
            personal.saw(turn, office, m, lane.store, phone, office.clock())
    else:
        if not is_hex(asked.get("who"), WHO_BYTES):
            raise Malformed(why="who")
        row = turn.one("SELECT m FROM identities WHERE alias = ?", (f"code:{asked['who']}",))
        m = None if row is None else int(row[0])
    if m is not None:
        visitors.saw(turn, office, lane.store, [m])
    return m


def _phone(office: Office, asked: Mapping[str, Any]) -> str:
    try:
        box, place = bytes.fromhex(asked["box"]), op_id(asked["id"])
    except (KeyError, TypeError, ValueError) as error:
        raise Malformed(why="box") from error
    phone = sealing.open_pii(office.keys.pii, office.chain, place, box).get("phone", "")
    if recognise(phone).kind is not CodeKind.PHONE:
        raise Malformed(why="phone")
    return phone


def _count(turn: Turn, office: Office, lane: Lane) -> None:
    """One question more of this till today."""
    name, today = f"{ASKED}{lane.store}/{lane.till}", office.today()
    row = turn.one("SELECT value FROM settings WHERE name = ?", (name,))
    day, count = (int(part) for part in row[0].split(",")) if row else (today, 0)
    count = count + 1 if day == today else 1
    if count > A_DAY_MAX:
        raise WireFault(Problem.BUSY, retry_after_s=REST_S)
    turn.run(
        "INSERT INTO settings (name, value) VALUES (?, ?)"
        " ON CONFLICT (name) DO UPDATE SET value = excluded.value",
        (name, f"{today},{count}"),
    )

"""What people at headquarters do about one member on the member's page, and what was done before.

A name and a note stand under each; what costs points takes a second person, in another session. What a
person typed was checked by the desk; here it is only given to whom it concerns.
"""

from __future__ import annotations

import re
from typing import Any

from hub import denials, write_offs
from hub.console.tables import Column, Table
from hub.office import Office
from hub.store.engine import Turn


def act(turn: Turn, office: Office, m: int, told: dict[str, str], by: str, note: str, session: str) -> bool:
    """Do what a form asks for in a ``session``; False when it lacks something, or cannot be done any more."""
    pts = int(told["pts"]) if re.fullmatch("[0-9]{1,12}", told.get("pts", "")) else 0
    match told.get("what"):
        case "deny" if by and note:
            return denials.deny(turn, office, m, by, note)
        case "allow" if by and note:
            return denials.allow(turn, office, m, by, note)
        case "ask_write_off" if by and note:
            return write_offs.ask(turn, office, m, pts, by, session, note)
        case "agree_write_off" if by:
            return write_offs.approve(turn, office, m, by, session)
        case "withdraw_write_off":
            return write_offs.withdraw(turn, m)
    return False


def shown(look: Turn, m: int) -> dict[str, Any]:
    """What the page shows of it."""
    return {
        "denials": _denials(look, m),
        "is_denied": denials.is_denied(look, m),
        "write_off": write_offs.pending(look, m),
    }


def _denials(look: Turn, m: int) -> Table:
    """When trust was denied to a member or given back, by whom and why."""
    rows = [
        [at, "console.trust_denied" if denied else "console.trust_allowed", by, note]
        for at, by, denied, note in denials.said(look, m)
    ]
    columns = [Column("when", "time"), Column("what", "said"), Column("who"), Column("note")]
    return Table("denials", columns, rows)

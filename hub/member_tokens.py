"""A member's token, signed: who the member is, what headquarters knows of the points now, for a day.

It is issued only to a member who may spend; of a number that was joined to another one it names that other.
It is a view and a name, never rights: nothing is set apart for it, and how often it is copied is nobody's
matter. Tills learn the public key from their private page.
"""

from __future__ import annotations

from typing import Any

from hub.office import Office
from hub.store import standings
from hub.store.engine import Turn
from points.members import MemberRow, read_row
from points.wire import member_token
from points.wire.member_token import MemberToken

GOOD_MS = 86_400_000
ALIASES_MAX = 8
"""How many times a number may have been joined to the next."""


def issue(look: Turn, office: Office, m: int) -> tuple[MemberToken, str] | None:
    """A fresh token and its digits; None for who may not spend or was never heard of."""
    row, key, now = _row(look, m), office.keys.token, office.clock()
    if row is None or row.status != "active" or key is None:
        return None
    points = 0 if row.debt else row.balance(office.today())
    told = office.told_version(row.ver)
    token = MemberToken(key.kid, row.m, told, row.tier, points, row.debt, now, now + GOOD_MS)
    return token, member_token.encode(token, office.chain, key)


def key_rows(office: Office) -> list[list[Any]]:
    """The row of a till's page that tells all keys by which tokens are good; none where none are issued."""
    key = office.keys.token
    return [["token", [[key.kid, key.public_raw.hex()]]]] if key else []


def _row(look: Turn, m: int) -> MemberRow | None:
    """The row of a member, through the numbers that were joined to it."""
    for _ in range(ALIASES_MAX):
        kept = standings.load(look, [m])[m].row
        row = None if kept is None else read_row(kept)
        if row is None or row.into is None:
            return row
        m = row.into
    return None

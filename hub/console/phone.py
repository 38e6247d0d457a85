"""The card on a member's phone as headquarters shows it: a QR of the token's digits, points, until when.

It is made anew whenever it is looked at, and kept nowhere.
"""

from __future__ import annotations

from dataclasses import dataclass

import segno

from hub import member_tokens
from hub.office import Office
from hub.store.engine import Turn


@dataclass(frozen=True, slots=True)
class PhoneCard:
    """What a phone shows: ``picture`` is a data URI of the QR, ``digits`` its text."""

    picture: str
    digits: str
    points: int
    until_ms: int


def card(look: Turn, office: Office, m: int) -> PhoneCard | None:
    """The card of a member who may spend; None for any other."""
    issued = member_tokens.issue(look, office, m)
    if issued is None:
        return None
    token, digits = issued
    picture = segno.make_qr(digits, error="m").svg_data_uri(scale=4, border=4)
    return PhoneCard(picture, digits, token.points, token.expires_ms)

"""Lots and draws: where every point lies, and which point paid for what.

A lot is what one operation gave; it holds ``remaining`` until draws take from it. A draw names its
home: a lot, or DEBT when there was none left. P1: ``pts = remaining + expired + draws on it``, where
expired is a function of the day and therefore stored nowhere.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from points.expiry import is_past


class Lot:
    """Points given together. ``issuer`` is the store that owes them; ``sale`` the sale they came with."""

    __slots__ = ("expires_on", "id", "issuer", "kind", "pending_until", "pts", "remaining", "sale")

    def __init__(
        self,
        id: str,
        pts: int,
        expires_on: int,
        issuer: str,
        sale: str | None = None,
        kind: int = 0,
        remaining: int | None = None,
        pending_until: int = 0,
    ) -> None:
        self.id = id
        self.pts = pts
        self.remaining = pts if remaining is None else remaining
        self.expires_on = expires_on
        self.issuer = issuer
        self.sale = sale
        self.kind = kind
        self.pending_until = pending_until

    def spendable(self, today: int) -> bool:
        """Whether a point of it may be spent on ``today``."""
        return self.remaining > 0 and self.pending_until <= today and not is_past(self.expires_on, today)

    @classmethod
    def told(cls, row: Sequence[Any]) -> Lot:
        """A lot as a member row tells it; what stands beyond is ignored."""
        id_, remaining, pending_until, expires_on, kind, issuer, *_ = row
        return cls(id_, remaining, expires_on, issuer, id_.partition(".")[0], kind, remaining, pending_until)

    def row(self) -> list[Any]:
        """As it stands in a member row: ``[lot, remaining, pending_until, expires_on, class, issuer]``."""
        return [self.id, self.remaining, self.pending_until, self.expires_on, self.kind, self.issuer]


class Draw:
    """Some points of one redemption and the lot they came from.

    ``bearer`` is who pays for it while it is homed DEBT: the issuer of the lot that was clawed back.
    """

    __slots__ = ("bearer", "home", "pts")

    def __init__(self, home: str, pts: int, bearer: str = "") -> None:
        self.home = home
        self.pts = pts
        self.bearer = bearer

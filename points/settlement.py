"""Who pays whom for points that are spent elsewhere: the issuer of the lot pays the store of the redemption.

It is read off the draws, never computed by itself: each point spent at another store is a leg between two
accounts; the rule book that it cites says what a point is worth. Points of a store's own lots settle
nothing.
"""

from __future__ import annotations

from points.legs import Leg


def settle(cause: str, issuer: str, store: str, rule: str, pts: int) -> list[Leg]:
    """The leg by which ``issuer`` owes ``store`` the worth of ``pts`` (below 0: no longer does), if any."""
    return [] if issuer == store else [Leg(cause, f"settle:{issuer}", f"settle:{store}", rule, pts)]

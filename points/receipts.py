"""What a paper receipt says, as values: no words, no layout.

One big number (the balance), one small line (what of it still waits for headquarters), what was
earned and used, what expires next. The paper never promises what is not true: ``pending_pts`` are
recorded here and not yet confirmed, and ``as_of_ms`` says how old headquarters' word is.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from points.expiry import expiry_rank
from points.fold import Account


@dataclass(frozen=True, slots=True)
class Receipt:
    """One member receipt. ``kind`` is the operation's; ``claim`` the digits of its QR, "" for none;
    ``origin`` the store and number of another store's sale that came back; ``back_fen`` what goods that
    came back were worth."""

    kind: str
    op_id: str
    store: str
    till: str
    number: str
    st_ms: int
    local_day: int
    lane_position: str
    member: str
    tier: str
    earned: int = 0
    used: int = 0
    used_fen: int = 0
    back_fen: int = 0
    clawed: int = 0
    restored: int = 0
    balance: int = 0
    debt: int = 0
    pending_pts: int = 0
    as_of_ms: int = 0
    expires_pts: int = 0
    expires_on: int = 0
    trimmed: int = 0
    unconfirmed: bool = False
    clock_doubt: bool = False
    member_code: str = ""
    origin: str = ""
    claim: str = ""
    reasons: Sequence[tuple[str, Mapping[str, int | str]]] = ()

    def to_json(self) -> dict[str, Any]:
        """As it is kept in the print queue; what has its default is left out."""
        values = ((name, getattr(self, name), default) for name, default in _DEFAULTS)
        return {name: value for name, value, default in values if value != default}

    @classmethod
    def from_json(cls, raw: Mapping[str, Any]) -> Receipt:
        """As it was kept; fields of a later version are ignored."""
        known = cls.__dataclass_fields__
        return cls(**{key: value for key, value in raw.items() if key in known})


_DEFAULTS = tuple((name, field.default) for name, field in Receipt.__dataclass_fields__.items())


def next_to_expire(account: Account, today: int) -> tuple[int, int]:
    """(points, day) of what expires soonest; (0, 0) when nothing does."""
    lots = [lot for lot in account.in_order(today) if lot.expires_on]
    if not lots:
        return 0, 0
    soonest = min((lot.expires_on for lot in lots), key=expiry_rank)
    return sum(lot.remaining for lot in lots if lot.expires_on == soonest), soonest

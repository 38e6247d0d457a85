"""A member as headquarters tells it to the stores: one row, also the fold's checkpoint.

Row (M1): ``[m, ver, status, tier, tier_pts, name_masked, tail, debt, [[lot, remaining,
pending_until, expires_on, class, issuer]…], [day, earned], [week, earned], perks]``, of an alias ``[m, ver,
"merged", into]``. A reader ignores what stands beyond what it knows; what is missing has its default, but
for the number. A status of a later version is read as frozen: nothing is spent by a rule that is not known.
No full phone, name or birthday is ever in it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from points.amounts import BadAmount, whole
from points.days import BadDay, day
from points.fold import Account
from points.identifiers import MEMBER_MAX
from points.rulebook import RuleBook

ROW_CODES = 12
"""Where a row carries the tags of its member's codes: [first 16 hex of ``who``…]."""
ROW_ENTRIES = ROW_CODES + 1
"""Entries that stores are told; headquarters keeps its own notes behind them."""
STATUSES = ("active", "frozen", "merged", "erased", "new")
_DEFAULTS: tuple[Any, ...] = (0, 0, "active", 0, 0, "", "", 0, [], [0, 0], [0, 0], [])


@dataclass(frozen=True, slots=True)
class MemberRow:
    """One checked row of the feed; ``raw`` is the row as it came."""

    raw: tuple[Any, ...]
    m: int
    ver: int
    status: str
    tier: int
    tier_pts: int
    name_masked: str
    tail: str
    debt: int
    lots: Sequence[Sequence[Any]]
    day: Sequence[int]
    into: int | None = None
    """The number that this one was merged into; its own row then holds nothing."""

    def balance(self, today: int) -> int:
        """Points that headquarters has confirmed, on ``today``."""
        return sum(lot[1] for lot in self.lots if lot[2] <= today and (not lot[3] or lot[3] >= today))


def read_row(raw: Sequence[Any]) -> MemberRow:
    """A row from the wire. Raises ``BadAmount`` when a number or the shape is wrong."""
    try:
        if raw[2:3] == ["merged"]:  # [m, ver, "merged", into]: an alias, whose points lie in another account
            into = whole(raw[3], 0, MEMBER_MAX - 1)
            full = [*raw[:3], *_DEFAULTS[3:]]
        else:
            into, full = None, [*raw, *_DEFAULTS[len(raw) :]]
        if not raw:
            raise BadAmount("a row names its member")
        for lot in full[8]:
            whole(lot[1], 0), _day_or_none(lot[2]), _day_or_none(lot[3])
            if not isinstance(lot[0], str) or not isinstance(lot[5], str):
                raise BadAmount("a lot is named by text")
        return MemberRow(
            tuple(raw),
            whole(full[0], 0, MEMBER_MAX - 1),
            whole(full[1], 0, 2**53),
            full[2] if full[2] in STATUSES else "frozen",
            whole(full[3], 0, 255),
            whole(full[4]),
            str(full[5]),
            str(full[6]),
            whole(full[7], 0),
            full[8],
            (_day_or_none(full[9][0]), whole(full[9][1])),
            into,
        )
    except (TypeError, IndexError, KeyError, BadDay) as error:
        raise BadAmount(f"a member row is misshapen: {error}") from error


def _day_or_none(value: object) -> int:
    """A day of the calendar; 0 is none."""
    return whole(value, 0) and day(value)


def own_row(raw: Sequence[Any]) -> MemberRow:
    """A row that headquarters wrote itself, as it lies in its own database: nothing is checked again."""
    return MemberRow(
        tuple(raw), raw[0], raw[1], raw[2], raw[3], raw[4], raw[5], raw[6], raw[7], raw[8], tuple(raw[9])
    )


def begin(row: MemberRow, books: Mapping[str, RuleBook]) -> Account:
    """An account that continues from what headquarters told; fold own pending facts on top."""
    account = Account(row.m, books)
    account.status = "" if row.status == "new" else row.status  # not enrolled yet, as far as was heard
    account.tier, account.tier_pts = row.tier, row.tier_pts
    account.base_debt = row.debt
    if row.day[0]:
        account.days[row.day[0]] = row.day[1]
    account.begin_with(row.lots)
    return account


def end(account: Account, ver: int, name_masked: str, tail: str) -> list[Any]:
    """The row that tells this account; lots that are used up or long expired are left out."""
    last_day = max(account.days, default=0)
    return [
        account.m,
        ver,
        account.status or "new",
        account.tier,
        account.tier_pts,
        name_masked,
        tail,
        account.debt,
        account.lot_rows(),
        [last_day, account.days.get(last_day, 0)],
        [0, 0],
        [],
    ]

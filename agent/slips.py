"""The slip of paper that an operation is answered with, as values, computed in the same turn.

The balance on it is the fold with the new operation on top: what the member has when the cashier
hands over the paper. It is written into the print queue together with the operation.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from agent.store import feeds
from agent.till import Till
from points.operations import Operation
from points.receipts import Receipt, next_to_expire

Slip = Callable[[Operation, int], Receipt]
"""Makes the receipt of an operation at a position of the log."""


def slip(till: Till, **said: Any) -> Slip:
    """A slip that says ``said`` and, for a member, the balance after the operation."""

    def made(op: Operation, pos: int) -> Receipt:
        today = till.rule().today(op.st)
        values: dict[str, Any] = {
            "kind": op.kind,
            "op_id": op.id,
            "store": till.store,
            "till": till.till,
            "number": str(op.body.get("receipt") or till.lane_position(pos)),
            "st_ms": op.st,
            "local_day": today,
            "lane_position": till.lane_position(pos),
            "member": "",
            "tier": "",
            **said,
        }
        if op.m is not None:
            values |= _member(till, op, today)
        return Receipt(**values)

    return made


def _member(till: Till, op: Operation, today: int) -> dict[str, Any]:
    account = till.shown_with(op)
    row = till.row(op.m or 0)
    tier = till.rule().tiers[min(account.tier, len(till.rule().tiers) - 1)]
    expires_pts, expires_on = next_to_expire(account, today)
    balance = account.balance(today)
    confirmed = row.balance(today) if row else 0
    return {
        "member": row.tail if row else "",
        "tier": tier.name,
        "balance": balance,
        "debt": account.debt,
        "pending_pts": balance - confirmed,
        "as_of_ms": int(feeds.fact(till.book, "members_as_of") or 0),
        "expires_pts": expires_pts,
        "expires_on": expires_on,
    }

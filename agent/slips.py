"""The slip of paper that an operation is answered with, as values, computed in the same turn.

The balance on it is the fold with the new operation on top: what the member has when the cashier
hands over the paper. It is written into the print queue together with the operation.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from agent.till import Till, View
from points.operations import Operation
from points.receipts import Receipt, next_to_expire

Slip = Callable[[Operation, int], Receipt]
"""Makes the receipt of an operation at a position of the log."""


def slip(till: Till, view: View | None = None, **said: Any) -> Slip:
    """A slip that says ``said`` and, for a member, the balance after the operation.

    The operation is folded onto ``view.account``: do not read the view afterwards.
    """

    def made(op: Operation, pos: int) -> Receipt:
        position = till.lane_position(pos)
        values: dict[str, Any] = {
            "kind": op.kind,
            "op_id": op.id,
            "store": till.store,
            "till": till.till,
            "number": str(op.body.get("receipt") or position),
            "st_ms": op.st,
            "local_day": till.rule().today(op.st),
            "lane_position": position,
            "member": "",
            "tier": "",
            "clock_doubt": till.time().suspect,
            **said,
        }
        if view is not None:
            till.fold(view.account, op)
            values |= _member(till, view)
        return Receipt(**values)

    return made


def _member(till: Till, view: View) -> dict[str, Any]:
    account, row, today = view.account, view.row, view.today
    tiers = till.rule().tiers
    expires_pts, expires_on = next_to_expire(account, today)
    balance = account.balance(today)
    return {
        "member": row.tail if row else "",
        "tier": tiers[min(account.tier, len(tiers) - 1)].name,
        "balance": balance,
        "debt": account.debt,
        "pending_pts": balance - (row.balance(today) if row else 0),
        "as_of_ms": view.as_of_ms,
        "expires_pts": expires_pts,
        "expires_on": expires_on,
    }

"""What people or headquarters decided about one member's points, folded like any fact and in the same order.

A decision says a number that was right when it was made. What arrives later may leave less to decide about:
then less happens, and the rest of it is nothing. So the same facts give the same account in any order.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from points.debt import DEBT, WRITTEN_OFF
from points.identifiers import HUB_STORE
from points.legs import OWED, Leg
from points.lots import Lot
from points.operations import Operation

if TYPE_CHECKING:
    from points.fold import Account

WRITE_OFF = "x.writeoff:{}"
"""The account of what was written off, by who bears it."""


def unlock(account: Account, op: Operation) -> None:
    """Points were promised that lay at silent tills: what is lacking of them is headquarters' risk.

    No claw-back that was open is the cause of it, so that stays open. The redemption stands before this, for
    it is referred to.
    """
    left = sum(entry[2] for entry in op.body["unlock"])
    _bear(account, op, op.refs[0], HUB_STORE, left, lambda bearer: bearer != HUB_STORE)


def charge(account: Account, op: Operation) -> None:
    """What a store spent beyond every right is borne by that store, as far as the member owes it still.

    Not only its own draws: what it took, an honest redemption behind it lacked. Those that headquarters bears
    come before those of a claw-back, which stays open then; other trust is headquarters' risk and stays so.
    """
    redeem, left = op.body["spent"], op.body["pts"]
    if redeem not in account.draws:
        return
    store = account.sales[redeem][0].store
    others = [one for one in account.draws if one != redeem and not _is_trusted(account.sales[one][0])]
    for is_moved in (lambda bearer: bearer == HUB_STORE, lambda bearer: bearer not in (HUB_STORE, store)):
        for one in (redeem, *others):
            left = _bear(account, op, one, store, left, is_moved)


def _bear(
    account: Account, op: Operation, redeem: str, store: str, pts: int, is_moved: Callable[[str], bool]
) -> int:
    """Let ``store`` bear up to ``pts`` of a redemption's debt, of the bearers that are moved; gives what is
    left of ``pts``. A claw-back that bore it is open again."""
    draws, i = account.draws.get(redeem, []), 0
    while i < len(draws) and pts:
        draw = draws[i]
        if draw.home == DEBT and is_moved(draw.bearer):
            part, bearer = min(draw.pts, pts), draw.bearer
            pts -= part
            account.rehome(op.id, redeem, i, DEBT, store, part)
            if bearer != HUB_STORE:
                account.taken.insert(0, [bearer, part])
        i += 1
    return pts


def _is_trusted(op: Operation) -> bool:
    return any(act == "trust" for act, _ in op.moves())


def write_off(account: Account, op: Operation) -> None:
    """What is owed is owed no more, the oldest draw first; who bears it is not paid back."""
    left = op.body["pts"]
    for redeem, draws in account.draws.items():
        i = 0
        while i < len(draws) and left:
            draw = draws[i]
            if draw.home == DEBT:
                part, bearer = min(draw.pts, left), draw.bearer
                left -= part
                account.rehome(op.id, redeem, i, WRITTEN_OFF, bearer, part)
                account.legs.append(Leg(op.id, WRITE_OFF.format(bearer), OWED, "", part))
            i += 1


def claimed(account: Account, op: Operation) -> None:
    """A paper of a lost PC stands for its sale, until that is heard of: the sale then stands before this.

    Its points end as those of the day on which it earned.
    """
    sale = op.refs[0]
    if sale in account.seen:
        return
    book = account.books[op.rule]
    account.seen.add(sale)
    expires_on = book.expires_on(book.today(op.body["earned_st"]))
    account.reach(op.body["pts"], book)
    account.give(op, Lot(f"{op.id}.0", op.body["pts"], expires_on, op.body["place"][0], sale))


DECIDED: Mapping[str, Callable[[Account, Operation], None]] = {
    "auth.unlock": unlock,
    "debt.charge": charge,
    "debt.writeoff": write_off,
    "claim.earn": claimed,
}
"""The decisions that the fold takes, by kind."""

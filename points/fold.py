"""One member's account, folded from facts in canonical order.

The fold is the only place that chooses lots. It takes facts one by one and keeps lots, draws, debt,
tier points and day counters; it never asks who delivered a fact or when. The same facts give the
same account on every machine, however they arrived (P6), and the same fact twice changes nothing (P7).

An account is begun empty, or from a member row of headquarters' feed, with the store's own pending
facts folded on top: that is what a screen shows. From a row the older draws are not known, so what
a claw-back takes from spent points is taken from the next lots in order, which gives the same
totals; only headquarters' full fold names each draw.

Within one operation: points used on returned goods come home, then the claw-back, then what is
spent, then what is earned. (Home-coming first, so that a return is not driven into debt by points
which the same return gives back.)
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from points.days import Day, plus_days
from points.debt import DEBT, WRITTEN_OFF, bearer_of
from points.decided import DECIDED, WRITE_OFF
from points.expiry import expiry_rank, is_past
from points.identifiers import HUB_STORE
from points.legs import MEM, OWED, Leg
from points.lots import Draw, Lot
from points.operations import Operation
from points.order import CLOCK_FIX, canonical
from points.returns import Sale
from points.rulebook import RuleBook
from points.settlement import settle


class Account:
    """A member's points. Feed it with ``take`` in canonical order; read its attributes."""

    __slots__ = (
        "_lots", "_told", "base_debt", "books", "days", "draws", "legs", "m", "over_refunded", "returned",
        "sales", "seen", "status", "taken", "tier", "tier_pts",
    )  # fmt: skip

    def __init__(self, m: int, books: Mapping[str, RuleBook]) -> None:
        self.m = m
        self.books = books
        self.status = ""
        self.tier = 0
        self.tier_pts = 0
        self._told: Sequence[Sequence[Any]] = ()
        self._lots: dict[str, Lot] = {}
        self.draws: dict[str, list[Draw]] = {}
        self.sales: dict[str, tuple[Operation, Sale | None]] = {}
        self.days: dict[int, int] = {}
        self.base_debt = 0
        self.taken: list[list[Any]] = []
        self.seen: set[str] = set()
        self.legs: list[Leg] = []
        self.returned: dict[str, tuple[int, int]] = {}
        self.over_refunded: set[str] = set()

    # -- reading ------------------------------------------------------------------------------

    @property
    def lots(self) -> dict[str, Lot]:
        """Every lot by its name, as they were earned; those that a row told are opened when first needed."""
        if self._told:
            told = {lot[0]: Lot.told(lot) for lot in self._told}
            self._lots, self._told = told | self._lots, ()
        return self._lots

    def begin_with(self, lots: Sequence[Sequence[Any]]) -> None:
        """Begin with the lots of a member row."""
        self._told = lots

    def lot_rows(self) -> list[Sequence[Any]]:
        """The lots that still hold something, as a member row tells them."""
        kept = [lot for lot in self._told if lot[1]]
        return kept + [lot.row() for lot in self._lots.values() if lot.remaining]

    @property
    def debt(self) -> int:
        """Points that were spent and no lot pays for; blocks every redemption until repaid (P2)."""
        return self.base_debt + sum(
            draw.pts for draws in self.draws.values() for draw in draws if draw.home == DEBT
        )

    def balance(self, today: int) -> int:
        """Points of active and unexpired lots on ``today``."""
        return sum(lot.remaining for lot in self.lots.values() if lot.spendable(today))

    def near_expiry(self, today: int) -> tuple[int, int]:
        """(points that may be spent on ``today`` and on the days beside it, points of lots that end on one of
        these days): what is sure, and what is not, where it may be the day before or after in truth."""
        first, last = plus_days(Day(today), -1), plus_days(Day(today), 1)
        held = [lot for lot in self.lots.values() if lot.remaining > 0 and lot.pending_until <= first]
        doubtful = sum(lot.remaining for lot in held if lot.expires_on and first <= lot.expires_on <= last)
        sure = sum(lot.remaining for lot in held if not lot.expires_on or lot.expires_on > last)
        return sure, doubtful

    def in_order(self, today: int) -> list[Lot]:
        """Lots that may be drawn on ``today``: soonest expiry first, never last, then as earned."""
        found = [lot for lot in self.lots.values() if lot.spendable(today)]
        if len(found) > 1:
            found.sort(key=lambda lot: expiry_rank(lot.expires_on))
        return found

    def settlement(self) -> dict[tuple[str, str, str], int]:
        """Points by (issuer, redeeming store, rule book), a projection of where draws are homed (P5)."""
        totals: dict[tuple[str, str, str], int] = {}
        for leg in self.legs:
            if leg.debit.startswith("settle:"):
                key = (leg.debit[7:], leg.credit[7:], leg.ref)
                totals[key] = totals.get(key, 0) + leg.pts
        return {key: pts for key, pts in totals.items() if pts}

    # -- taking facts -------------------------------------------------------------------------

    def take(self, op: Operation) -> None:
        """Fold one fact; one that was already taken changes nothing."""
        if op.id in self.seen:
            return
        self.seen.add(op.id)
        step = _STEPS.get(op.kind)
        if step is not None:
            step(self, op)

    def remember(self, op: Operation) -> None:
        """Know an operation that the account's row already counts, so that its return can be folded.

        A sale is remembered whole; a refund of a remembered sale lowers what is still kept of it.
        """
        self.seen.add(op.id)
        if op.kind in ("sale.earn", "redeem.cash"):
            self.sales[op.id] = (op, None)
        elif op.kind in ("sale.refund", "sale.void") and op.refs and op.refs[0] in self.sales:
            sale = self.sale(op.refs[0])
            if sale is not None:
                sale.take_back_as(op.kind, op.body)

    def recall(self, sold: Operation, rest: Sequence[Sequence[int]]) -> None:
        """Know a sale of which ``rest`` [[line, units, fen]…] is left, as who knows all of it says."""
        self.remember(sold)
        sale = self.sale(sold.id)
        assert sale is not None, "only a sale has lines that are left"
        sale.keep_only(rest)

    def sale(self, op_id: str) -> Sale | None:
        """The sale with what is still kept of it; None when unknown or not a sale."""
        known = self.sales.get(op_id)
        if known is None or known[0].kind != "sale.earn":
            return None
        op, sale = known
        if sale is None:
            sale = Sale(op.body, self.books[op.rule])
            self.sales[op_id] = (op, sale)
        return sale

    def _enrol(self, op: Operation) -> None:
        self.status = self.status or "active"

    def _earn(self, op: Operation) -> None:
        book = self.books[op.rule]
        today = book.today(op.st)
        used = sum(tender[2] for tender in op.body["tenders"] if tender[0] == "points")
        sale = Sale(op.body, book)
        self.sales[op.id] = (op, sale)
        if used:
            self._spend(op, used, today, book)
        if sale.granted:
            self.days[op.day] = self.days.get(op.day, 0) + sale.granted
            self.reach(sale.granted, book)
            lot = Lot(f"{op.id}.0", sale.granted, book.expires_on(today), op.store, op.id)
            self.give(op, lot)

    def _redeem(self, op: Operation) -> None:
        book = self.books[op.rule]
        self.sales[op.id] = (op, None)
        self._spend(op, op.body["pts"], book.today(op.st), book)

    def _refund(self, op: Operation) -> None:
        if op.refs[0] not in self.sales:
            return
        sold = self.sales[op.refs[0]][0]
        book = self.books[sold.rule]
        today = self.books[op.rule].today(op.st)
        sale = self.sale(sold.id)
        if sale is None:  # a redemption outside a sale, undone whole and once
            claw, restore = 0, 0 if sold.id in self.returned else sold.body["pts"]
            self.returned[sold.id] = (0, 0)
        else:
            claw, restore = sale.take_back_as(op.kind, op.body)
            if sale.over_refunded:
                self.over_refunded.add(op.id)
        self.returned[op.id] = (claw, restore)
        if restore:
            self._restore(op, sold, restore, today, book)
        if claw:
            if sold.day in self.days:
                self.days[sold.day] -= claw
            self.tier_pts -= claw
            self._claw(op, sold.id, claw, today)

    # -- lots, draws, debt --------------------------------------------------------------------

    def reach(self, pts: int, book: RuleBook) -> None:
        """Tier points only rise by earning; a tier is entered at once and left only at headquarters."""
        self.tier_pts += pts
        self.tier = max(self.tier, book.tier_at(self.tier_pts))

    def give(self, op: Operation, lot: Lot) -> None:
        """Take a new lot in; what is owed is repaid from it."""
        self._lots[lot.id] = lot
        self.legs.append(Leg(op.id, f"x.issue:{lot.issuer}", MEM, lot.id, lot.pts))
        self._repay(op, lot)

    def _spend(self, op: Operation, pts: int, today: int, book: RuleBook) -> None:
        draws = self.draws.setdefault(op.id, [])
        account = f"x.redeem:{op.store}"
        for lot in self.in_order(today):
            part = min(pts, lot.remaining)
            lot.remaining -= part
            draws.append(Draw(lot.id, part))
            self.legs.append(Leg(op.id, MEM, account, lot.id, part))
            self.settle(op.id, lot.issuer, op.store, book.hash, part)
            pts -= part
            if not pts:
                return
        trusted = sum(n for act, n in op.moves() if act == "trust")
        while pts:  # rights that were honest when they were given, points that are gone since
            if trusted:  # a risk that headquarters took
                bearer, part, trusted = HUB_STORE, min(pts, trusted), 0
            else:
                bearer, part = bearer_of(self.taken, pts)
            draws.append(Draw(DEBT, part, bearer))
            self.legs.append(Leg(op.id, OWED, account, "", part))
            self.settle(op.id, bearer, op.store, book.hash, part)
            pts -= part

    def _repay(self, op: Operation, lot: Lot) -> None:
        """What a lot brings pays debt first, the oldest draw first; the bearer moves to its issuer."""
        if self.base_debt and lot.remaining:
            part = min(self.base_debt, lot.remaining)
            self.base_debt -= part
            lot.remaining -= part
        for redeem, draws in self.draws.items():
            i = 0
            while i < len(draws) and lot.remaining:
                if draws[i].home == DEBT:
                    part = min(draws[i].pts, lot.remaining)
                    lot.remaining -= part
                    self.legs.append(Leg(op.id, MEM, OWED, lot.id, part))
                    if draws[i].bearer != HUB_STORE:  # whoever had not heard of it may have promised these
                        self.taken.append([draws[i].bearer, part])
                    self.rehome(op.id, redeem, i, lot.id, lot.issuer, part)
                i += 1

    def rehome(self, cause: str, redeem: str, i: int, home: str, issuer: str, pts: int) -> None:
        """Move ``pts`` of a redemption's i-th draw to another home, which ``issuer`` pays for."""
        draws = self.draws[redeem]
        draw = draws[i]
        spent = self.sales[redeem][0]
        old = draw.bearer or self.lots[draw.home].issuer
        self.settle(cause, old, spent.store, spent.rule, -pts)
        self.settle(cause, issuer, spent.store, spent.rule, pts)
        moved = Draw(home, pts, issuer if home in (DEBT, WRITTEN_OFF) else "")
        if draw.pts == pts:
            draws[i] = moved
        else:
            draw.pts -= pts
            draws.insert(i + 1, moved)

    def _restore(self, op: Operation, sold: Operation, pts: int, today: int, book: RuleBook) -> None:
        """Used points go back to the lots they were drawn from, the last draw first."""
        draws = self.draws.get(sold.id, [])
        account = f"x.redeem:{sold.store}"
        while pts and draws:
            draw = draws[-1]
            part = min(pts, draw.pts)
            pts -= part
            if part == draw.pts:
                draws.pop()
            else:
                draw.pts -= part
            if draw.home in (DEBT, WRITTEN_OFF):
                self.settle(op.id, draw.bearer, sold.store, sold.rule, -part)
                owed = OWED if draw.home == DEBT else WRITE_OFF.format(draw.bearer)
                self.legs.append(Leg(op.id, account, owed, "", part))
                continue
            lot = self.lots[draw.home]
            self.settle(op.id, lot.issuer, sold.store, sold.rule, -part)
            self.legs.append(Leg(op.id, account, MEM, lot.id, part))
            if is_past(lot.expires_on, today):
                lot.pts -= part
                grace = plus_days(book.today(op.st), book.grace_days)
                lot = Lot(self._fresh(op.id), part, grace, lot.issuer, lot.sale)
                self.lots[lot.id] = lot
            else:
                lot.remaining += part
            self._repay(op, lot)
        if pts:  # begun from a row: the draws are older than it
            grace = plus_days(book.today(op.st), book.grace_days)
            lot = Lot(self._fresh(op.id), pts, grace, sold.store)
            self.lots[lot.id] = lot
            self._repay(op, lot)

    def _claw(self, op: Operation, sale: str, pts: int, today: int) -> None:
        """Take from the sale's own lots: unspent, then expired, then spent by re-homing its draws."""
        own = [lot for lot in self.lots.values() if lot.sale == sale]
        for expired in (False, True):
            for lot in own:
                if pts and is_past(lot.expires_on, today) is expired:
                    pts -= self._claw_unspent(op, lot, min(pts, lot.remaining), expired)
        for lot in own:
            for redeem in self.draws:
                pts = self._claw_spent(op, lot, redeem, pts, today)
        for lot in self.in_order(today) if pts else ():
            part = min(pts, lot.remaining)
            lot.remaining -= part
            pts -= part
        self.base_debt += pts

    def _claw_unspent(self, op: Operation, lot: Lot, pts: int, expired: bool) -> int:
        if pts:
            lot.remaining -= pts
            lot.pts -= pts
            if not expired:  # what had expired was in nobody's balance, so no later shortage is its doing
                self.taken.append([lot.issuer, pts])
            self.legs.append(Leg(op.id, MEM, f"x.issue:{lot.issuer}", lot.id, pts))
        return pts

    def _claw_spent(self, op: Operation, lot: Lot, redeem: str, pts: int, today: int) -> int:
        """Re-home draws on ``lot`` to the next lots, or to DEBT; gives what is still to be taken."""
        draws = self.draws[redeem]
        i = len(draws) - 1
        while i >= 0 and pts:
            if draws[i].home == lot.id:
                move = min(draws[i].pts, pts)
                pts -= move
                lot.pts -= move
                while move:
                    move -= self._move_on(op, lot, redeem, i, move, today)
            i -= 1
        return pts

    def _move_on(self, op: Operation, lot: Lot, redeem: str, i: int, pts: int, today: int) -> int:
        heir = next(iter(self.in_order(today)), None)
        part = min(pts, heir.remaining) if heir else pts
        if heir:
            heir.remaining -= part
            self.taken.append([lot.issuer, part])
            self.rehome(op.id, redeem, i, heir.id, heir.issuer, part)
        else:
            self.rehome(op.id, redeem, i, DEBT, lot.issuer, part)
        self.legs.append(Leg(op.id, MEM if heir else OWED, f"x.issue:{lot.issuer}", lot.id, part))
        return part

    def _fresh(self, op_id: str) -> str:
        n = 0
        while f"{op_id}.{n}" in self.lots:
            n += 1
        return f"{op_id}.{n}"

    def settle(self, cause: str, issuer: str, store: str, rule: str, pts: int) -> None:
        """Post that ``issuer`` pays ``store`` for points used there."""
        self.legs += settle(cause, issuer, store, rule, pts)


_STEPS: Mapping[str, Callable[[Account, Operation], None]] = {
    "member.enrol": Account._enrol,
    "sale.earn": Account._earn,
    "redeem.cash": Account._redeem,
    "sale.refund": Account._refund,
    "sale.void": Account._refund,
    **DECIDED,
}

FOLDED = frozenset(_STEPS) | {CLOCK_FIX}
"""The kinds that change what a member has, or when; all others move where it is held, or name somebody."""


def fold(m: int, ops: Iterable[Operation], books: Mapping[str, RuleBook]) -> Account:
    """The whole account of a member from all its facts, in any order and repeated at will."""
    account = Account(m, books)
    for op in canonical(ops):
        account.take(op)
    return account

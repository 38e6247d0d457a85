"""Goods of a sale that this till never saw come back without headquarters, proved by the code on the paper.

The right to refund a sale belongs to the till that made it; with a network headquarters gets it from there
(``agent.reservations``). Where nobody can be asked only the paper is known: what was paid per rate, whose it
was, and by whose key it is signed. So nothing is clawed or given back at this till; the operation says which
part came back, and headquarters takes the points by the sale's own lines. The rule book says how much of
one sale and of one day a till may take back so, and the manager is asked; a silent book allows nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from agent import claims, refund_rights
from agent.funding import No
from agent.recorder import UNMARKED, Draft, Mark, Recorded, record
from agent.slips import slip
from agent.store import refunds, sales
from agent.till import Till
from points.refusals import Refusal
from points.returns import Sale
from points.wire import canonical, claim
from points.wire.claim import Claim
from points.wire.faults import WireFault
from points.wire.lane import Lane

ALONE = frozenset({Refusal.refund_not_told, Refusal.refund_owner_silent, Refusal.refund_elsewhere_offline})
"""Headquarters cannot be asked, or cannot help now."""

Groups = Sequence[Sequence[int]]
"""Parts of a sale as ``[[rate index, fen]…]``."""


@dataclass(frozen=True, slots=True)
class Elsewhere:
    """A proved paper of another till: what it says, whose lane it is, and what may still come back."""

    told: Claim
    lane: Lane
    left: list[tuple[int, int]]

    @property
    def number(self) -> str:
        """How that till printed the sale's place in its lane."""
        return f"{self.lane.till}-{self.told.epoch}-{self.told.seq}"

    @property
    def left_fen(self) -> int:
        """What may still come back, all groups together."""
        return sum(fen for _, fen in self.left)


def returnable(till: Till, digits: str) -> Elsewhere | No:
    """What the code on another till's paper says, and what did not come back here yet."""
    try:
        told = claim.decode(digits)
    except WireFault:
        return No(Refusal.unknown_code, {})
    with till.book.lock:
        lane = claims.signed_by(till, told)
        if lane is None:
            return No(Refusal.receipt_not_proved, {})
        if told.kind is not claim.Kind.EARN:
            return No(Refusal.nothing_to_refund, {})
        if sales.body(till.book, told.op_id) is not None:
            # A sale of this till comes back by its lines; as groups it would come back once more.
            ceded = sales.is_ceded(till.book, told.op_id)
            return No(Refusal.refund_ceded if ceded else Refusal.nothing_to_refund, {})
        if not told.groups:  # more rates than a paper can carry
            return No(Refusal.refund_elsewhere_offline, {})
        left = dict(told.groups)
        for _, body in sales.returns_of(till.book, told.op_id):
            for rate, fen in canonical.decode(body).get("groups", ()):
                left[rate] = max(0, left.get(rate, 0) - fen)
        by_lines = refunds.find(till.book, told.op_id)
        if by_lines is not None:  # headquarters has told once what was left
            sold = canonical.decode(by_lines.body)
            kept = Sale(sold, till.books[sold["rule"]])
            kept.keep_only(by_lines.rest)
            left = {rate: min(fen, kept.kept_of(rate)) for rate, fen in left.items()}
        return Elsewhere(told, lane, sorted(left.items()))


def is_left_alone(told: object) -> bool:
    """Whether headquarters' answer leaves a till to what the rule book allows it by itself."""
    return isinstance(told, No) and told.refusal in ALONE


def allowed(till: Till, digits: str, groups: Groups) -> Elsewhere | No:
    """The paper, if this part of it may come back at this till now."""
    found = returnable(till, digits)
    if isinstance(found, No):
        return found
    if refund_rights.is_given(till, refunds.find(till.book, found.told.op_id)):
        return No(Refusal.refund_by_lines, {})
    left, fen = dict(found.left), sum(group[1] for group in groups)
    if not found.left_fen or not fen:
        return No(Refusal.nothing_to_refund, {})
    if any(part > left.get(rate, 0) for rate, part in groups):
        return No(Refusal.refund_too_much, {"money": found.left_fen})
    rules = till.rule()
    if not rules.elsewhere_sale_fen:
        return No(Refusal.refund_elsewhere_offline, {})
    of_sale = sum(of for _, of in found.told.groups) - found.left_fen
    of_day = sales.back_elsewhere(till.book, till.shift().day)
    most = min(rules.elsewhere_sale_fen - of_sale, rules.elsewhere_day_fen - of_day)
    return found if fen <= most else No(Refusal.refund_elsewhere_limit, {"money": max(0, most)})


def refund(till: Till, digits: str, groups: Groups, by: str, mark: Mark = UNMARKED) -> Recorded | No:
    """Record that a part of another till's sale came back."""
    with till.book.lock:
        shift = till.shift()
        if shift.closed:
            return No(Refusal.day_closed, {})
        found = allowed(till, digits, groups)
        if isinstance(found, No):
            return found
        m = found.told.m or None
        view = till.look(m) if m is not None else None
        body = {"refs": [found.told.op_id], "groups": [list(group) for group in groups]}
        draft = Draft("sale.refund", body, by, m, mark=mark)
        draft.slip = slip(
            till,
            view,
            back_fen=sum(group[1] for group in groups),
            origin=f"{found.lane.store} · {found.number}",
            unconfirmed=m is not None,
        )
        return record(till, draft, till.time(), shift.day)

"""The right to refund a sale, and how it goes to headquarters or to a sister till: one operation, for ever.

Headquarters asks for it in this till's own page, when somebody stands at another counter with the paper; a
sister till of the store asks over the store's own network, by the paper itself. All that came back here
stands before the giving in this till's lane, so who has it knows what is left. From then on this till asks
like every other one. A program that is killed has given or has not, and who asks again is shown the same
gift. A right that came from a sister till can only be ceded to headquarters.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

from agent import claims, goods_back, transfers
from agent.funding import No
from agent.journal.log import EPOCH_STEP
from agent.recorder import Draft, record
from agent.store import device_keys, refunds, sales
from agent.store.refunds import Told
from agent.till import Till
from points.fields import BadOperation
from points.operations import read
from points.returns import Sale
from points.wire import canonical, chain, claim
from points.wire.faults import UnknownKey, WireFault, WrongLane
from points.wire.lane import Lane
from points.wire.sister import Said
from points.wire.transfer import Given

BY = "agent"
SALE_BYTES_MAX, REST_LINES_MAX = 4_000, 60
"""What is told of a sale and its gift fits into one datagram; a longer one goes by way of headquarters."""


class Gift(NamedTuple):
    """A right that was given, with its proof and the sale's bytes."""

    given: Given
    sale: str


def cede(till: Till, sale: str) -> bool:
    """Give the right to refund a sale to headquarters; False when this till has none to give."""
    with till.book.lock:
        if sales.is_ceded(till.book, sale):
            return False
        raw, told = sales.body(till.book, sale), refunds.find(till.book, sale)
        body: dict[str, Any] = {"refs": [sale]}
        if raw is not None:
            sold = canonical.decode(raw)
            if sold["t"] != "sale.earn":
                return False
            m = sold.get("m")
        elif told is not None and told.given is not None:
            m, body["given"] = told.m, told.given
        else:
            return False
        record(till, Draft("refund.cede", body, BY, m), till.time(), till.shift().day)
        return True


def cede_wanted(till: Till, wanted: Iterable[str]) -> int:
    """Give what headquarters' page asks for; how many."""
    return sum(cede(till, sale) for sale in sorted(wanted))


# -- to and from a sister till --------------------------------------------------------------------


def give(till: Till, said: Said) -> Gift | None:
    """Give a sister till's PC the right that it asks for by a paper; None when there is nothing for it.

    The same paper has the same answer for ever. With ``n`` 0 it is only asked whether it was given before.
    """
    try:
        paper = claim.decode(said.paper)
    except WireFault:
        return None
    lane, sale = said.lane, paper.op_id
    to = [lane.store, lane.till, lane.epoch]
    with till.book.lock:
        raw = sales.body(till.book, sale)
        if raw is None or chain.body_digest16(raw).hex() != paper.op_hash:
            return None
        if sales.gift(till.book, sale) is None and said.n and not transfers.is_late(till, said):
            _record_gift(till, said, sale, raw)
        gift = sales.gift(till.book, sale)
        if gift is None or canonical.decode(gift[1])["to"][:3] != to:
            return None
        pos, body = gift
        given = Given.signed(till.identity.lane, pos % EPOCH_STEP, body, till.identity.key)
        return Gift(given, raw.decode())


def _record_gift(till: Till, said: Said, sale: str, raw: bytes) -> None:
    """Unless the sale is not here to be given."""
    if till.rules is None or transfers.is_doubted(till):
        return
    found = goods_back.returnable(till, sale)
    if isinstance(found, No) or found.kind != "sale.earn" or found.m is None or not found.rest:
        return
    told = len(canonical.encode({"sale": raw.decode()}))
    if told > SALE_BYTES_MAX or len(found.rest) > REST_LINES_MAX:
        return
    to = [said.lane.store, said.lane.till, said.lane.epoch]
    body = {"refs": [sale], "to": to, "rest": found.rest}
    draft = Draft("refund.give", body, BY, found.m, also=lambda turn: transfers.remember(turn, said))
    record(till, draft, till.time(), till.shift().day)


def take(till: Till, said: Said) -> bool:
    """Keep the right that a sister till gave; False for none.

    Raises a ``WireFault`` for what that till did not sign, or has not given to this PC.
    """
    given = said.given
    if given is None:
        return False
    own = till.identity.lane
    paper, raw = claim.decode(said.paper), said.sale.encode("utf-8", "replace")
    with till.book.lock:
        record_of = device_keys.find(till.book, given.kid, own.chain)
        if record_of is None:
            raise UnknownKey(kid=given.kid)
        given.check(record_of)
        if claims.signed_by(till, paper) != given.lane or chain.body_digest16(raw).hex() != paper.op_hash:
            raise WrongLane()
        try:
            giving = read(given.content(), own.store, given.lane.till)
            sold = read(canonical.decode(raw), own.store, given.lane.till)
        except BadOperation as error:
            raise WrongLane() from error
        if paper.kind is not claim.Kind.EARN or sold.kind != "sale.earn":
            raise WrongLane()
        if giving.kind != "refund.give" or giving.body["to"][:3] != [own.store, own.till, own.epoch]:
            raise WrongLane()
        if giving.refs != [sold.id] or sold.id != paper.op_id or sold.rule not in till.books:
            raise WrongLane()
        known = refunds.find(till.book, sold.id)
        if known is None or known.given is None:
            rest = [[int(n) for n in line[:3]] for line in giving.body["rest"]]
            told = Told(sold.id, own.store, given.lane.till, sold.m, raw, said.paper, rest, given.told())
            with till.book.turn() as turn:
                refunds.keep(turn, told)
        return True


def heard(till: Till, said: Said) -> bool:
    """The answer to a paper: what was given is kept, then the wish is over; False for nothing."""
    try:
        is_here = take(till, said)
    except WireFault:
        return False
    transfers.answered(till, said.id)
    return is_here


def find(till: Till, sale: str) -> Told | None:
    """A sale that this till was told of; of one whose right was given, with what is left by the gift itself.

    All that this till's own log took back is taken off: the log outlives every loss of the database.
    """
    told = refunds.find(till.book, sale)
    if told is None or told.given is None or sales.is_ceded(till.book, sale):
        return told
    sold = canonical.decode(told.body)
    left = Sale(sold, till.books[sold["rule"]])
    left.keep_only(canonical.decode(told.given[5].encode())["rest"])
    for _, back in sales.returns_of(till.book, sale):
        left.take_back_as("sale.refund", canonical.decode(back))
    return told._replace(rest=left.rest())


def is_given(till: Till, told: Told | None) -> bool:
    """Whether a sister till gave this one the right to refund a sale, and it is still here."""
    return told is not None and told.given is not None and not sales.is_ceded(till.book, told.sale)


def sister_with(till: Till, digits: str) -> Lane | None:
    """The PC of a sister till that printed a paper, if that may give its right; None for nobody to ask."""
    try:
        paper = claim.decode(digits)
    except WireFault:
        return None
    with till.book.lock:
        lane, own = claims.signed_by(till, paper), till.identity.lane
        if lane is None or lane.store != own.store or lane.till == own.till:
            return None
        # What came back here by the paper alone its own till does not know of.
        alone = (b'"groups"' in body for _, body in sales.returns_of(till.book, paper.op_id))
        return None if any(alone) else lane

"""Goods of another till's sale, to the line: by that till's own right, or by headquarters' reservation.

A sister till that sold them is asked for its right first (``agent.refund_rights``), without headquarters;
then they come back as at home. Else headquarters tells the sale as its own till signed it, and what is left
of it, so that the cashier chooses lines and sees what they do to the points. An intent is written down before
lines are asked for, under the id of the refund that it is for; it ends only by that refund or by
``refund.void``: an answer that is lost can strand lines, never give them back twice. Points that go back go
to headquarters, never to local rights.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from agent import claims, refund_rights
from agent.funding import No
from agent.goods_back import Returnable, ReturnLines, ReturnQuote
from agent.recorder import UNMARKED, Draft, Mark, Recorded, next_id, record
from agent.slips import slip
from agent.store import outbox, refunds, sales
from agent.store.refunds import Told
from agent.till import Till
from config.sqlite import Connection
from points import rights
from points.amounts import BadAmount
from points.fields import LINES_MAX, BadOperation, many, return_line
from points.operations import Operation, read
from points.refusals import Refusal
from points.returns import Sale
from points.wire import canonical, chain, claim
from points.wire.faults import WireFault

Ask = Callable[[dict[str, Any]], dict[str, Any] | None]
"""Ask headquarters (``agent.uplink.Uplink.refund``); None when it does not answer."""
Near = Callable[[str], bool]
"""Ask the sister till that printed a paper for its right (``agent.sisters.Sisters.right_to``)."""

TRIES = 2
"""How often lines are asked for while the till that sold gives its right."""
REFUSED = {
    "not_told": Refusal.refund_not_told,
    "owner_silent": Refusal.refund_owner_silent,
    "no_sale": Refusal.nothing_to_refund,
    "own_sale": Refusal.refund_ceded,
    "over": Refusal.refund_owner_silent,
}


def no_headquarters(_asked: dict[str, Any]) -> None:
    """A till that has nobody to ask."""


def no_sisters(_digits: str) -> bool:
    """A till that is alone in its store."""
    return False


def is_elsewhere(till: Till, sale: str) -> bool:
    """Whether the right to refund a sale is not this till's."""
    return sales.is_ceded(till.book, sale) or sales.body(till.book, sale) is None


def look(till: Till, digits: str, ask: Ask, near: Near = no_sisters) -> Returnable | No:
    """The sale on a paper, and what is left of it, as a sister till or headquarters says. Call it without the
    lock: it waits."""
    try:
        paper = claim.decode(digits)
    except WireFault:
        return No(Refusal.unknown_code, {})
    with till.book.lock:
        if claims.signed_by(till, paper) is None:
            return No(Refusal.receipt_not_proved, {})
        if paper.kind is not claim.Kind.EARN or not is_elsewhere(till, paper.op_id):
            return No(Refusal.nothing_to_refund, {})
        is_here = refund_rights.is_given(till, refund_rights.find(till, paper.op_id))
        if not is_here and _has_untold_parts(till, paper.op_id):
            return No(Refusal.refund_not_told, {})
    is_here = is_here or near(digits)
    answer = None if is_here else ask({"claim": digits})
    with till.book.lock:
        held = refund_rights.find(till, paper.op_id)
        told = held if held and refund_rights.is_given(till, held) else _told(till, paper, digits, answer)
        if isinstance(told, No):
            return told
        with till.book.turn() as turn:
            refunds.keep(turn, told)
        op = _sold(told)
        lines = [list(line) for line in op.body["lines"]]
        if not told.rest:
            return No(Refusal.nothing_to_refund, {})
        return Returnable(
            told.sale, op.kind, told.m, str(op.body.get("receipt", "")), op.day, lines, told.rest,
            origin=_origin(told, paper),
        )  # fmt: skip


def _has_untold_parts(till: Till, sale: str) -> bool:
    """Whether parts of it came back here by its paper alone, of which headquarters has not heard."""
    last = outbox.delivered(till.book)
    untold = [canonical.decode(body) for pos, body in sales.returns_of(till.book, sale) if pos > last]
    return any("groups" in body for body in untold)


def _told(till: Till, paper: claim.Claim, digits: str, answer: dict[str, Any] | None) -> Told | No:
    """What was answered, held against the paper; a refusal for everything else."""
    if answer is None:
        return No(Refusal.refund_elsewhere_offline, {})
    lane = claims.signed_by(till, paper)
    text, m, rest = answer.get("sale"), answer.get("m"), answer.get("rest")
    if lane is None or not isinstance(text, str) or (m is not None and type(m) is not int):
        return _refused(answer)
    body = text.encode("utf-8", "replace")
    try:
        many(rest, LINES_MAX, return_line)
        if chain.body_digest16(body).hex() != paper.op_hash:
            return No(Refusal.receipt_not_proved, {})
        op = read(canonical.decode(body), lane.store, lane.till)
    except (WireFault, BadOperation, BadAmount, TypeError, IndexError):
        return No(Refusal.refund_owner_silent, {})
    if op.id != paper.op_id or op.kind != "sale.earn":
        return No(Refusal.receipt_not_proved, {})
    if op.rule not in till.books:
        return No(Refusal.refund_not_told, {})
    assert isinstance(rest, list)
    return Told(op.id, lane.store, lane.till, m, body, digits, [[int(n) for n in line[:3]] for line in rest])


def _refused(answer: dict[str, Any]) -> No:
    why, left = answer.get("refused"), answer.get("left_fen")
    if why == "too_much" and type(left) is int and left > 0:
        return No(Refusal.refund_too_much, {"money": left})
    if why == "too_much":
        return No(Refusal.nothing_to_refund, {})
    return No(REFUSED.get(str(why), Refusal.refund_owner_silent), {})


def _sold(told: Told) -> Operation:
    return Operation(canonical.decode(told.body), told.store, told.till)


def _kept(till: Till, told: Told) -> Sale:
    op = _sold(told)
    sale = Sale(op.body, till.books[op.rule])
    sale.keep_only(told.rest)
    return sale


def _origin(told: Told, paper: claim.Claim) -> str:
    return f"{told.store} · {told.till}-{paper.epoch}-{paper.seq}"


def quote(till: Till, sale: str, lines: ReturnLines) -> ReturnQuote | No:
    """What returning lines of a sale that headquarters told of would claw back and restore."""
    with till.book.lock:
        told = refund_rights.find(till, sale)
        if told is None:
            ceded = sales.is_ceded(till.book, sale)
            return No(Refusal.refund_ceded if ceded else Refusal.refund_elsewhere_offline, {})
        return _quoted(till, told, lines)


def _quoted(till: Till, told: Told, lines: ReturnLines) -> ReturnQuote | No:
    sale = _kept(till, told)
    left = sum(sale.kept_fen)
    if not sale.rest() or not any(line[1] or line[2] for line in lines):
        return No(Refusal.nothing_to_refund, {})
    claw, restore = sale.take_back(lines)
    if sale.over_refunded:
        return No(Refusal.refund_too_much, {"money": left})
    fen = left - sum(sale.kept_fen)
    return ReturnQuote(told.sale, told.m, [list(line) for line in lines], claw, restore, fen)


def refund(
    till: Till, sale: str, lines: ReturnLines, by: str, ask: Ask, mark: Mark = UNMARKED
) -> Recorded | No:
    """Reserve lines and record that they came back. Call it without the lock: it waits for the network."""
    with till.book.lock:
        if till.shift().closed:
            return No(Refusal.day_closed, {})
        told = refund_rights.find(till, sale)
        quoted = quote(till, sale, lines)
        if told is None or isinstance(quoted, No):
            assert isinstance(quoted, No), "a quote is of something that was told"
            return quoted
        if refund_rights.is_given(till, told):
            return _write(till, told, quoted, {"given": told.given}, by, mark)
        op_id = next_id(till, till.time())
        with till.book.turn() as turn:
            refunds.intend(turn, op_id, sale)
        till.asking.add(op_id)
    try:
        answer = _reserve(op_id, told, quoted.lines, ask)
        with till.book.lock:
            done = _record(till, op_id, told, lines, by, mark, answer)
            if isinstance(done, No):
                give_up(till, op_id, sale, by)
            return done
    finally:
        till.asking.discard(op_id)


def _reserve(op_id: str, told: Told, lines: list[list[int]], ask: Ask) -> dict[str, Any] | None:
    answer: dict[str, Any] | None = None
    for _ in range(TRIES):
        answer = ask({"claim": told.digits, "id": op_id, "lines": lines})
        if answer is None or not answer.get("asked"):
            break
    return answer


def _record(
    till: Till,
    op_id: str,
    before: Told,
    lines: ReturnLines,
    by: str,
    mark: Mark,
    answer: dict[str, Any] | None,
) -> Recorded | No:
    """The refund as headquarters' answer lets it be, with the points as of what is left now."""
    if till.shift().closed:  # meanwhile
        return No(Refusal.day_closed, {})
    paper = claim.decode(before.digits)
    told = _told(till, paper, before.digits, answer)
    if isinstance(told, No):
        return told
    if answer is None or answer.get("granted") is not True:
        return _refused(answer or {})
    quoted = _quoted(till, told, lines)
    if isinstance(quoted, No):
        return quoted
    return _write(till, told, quoted, {}, by, mark, op_id)


def _write(
    till: Till, told: Told, quoted: ReturnQuote, more: dict[str, Any], by: str, mark: Mark, op_id: str = ""
) -> Recorded:
    """The refund itself; ``op_id`` is that of its intent, if it has one."""
    body = {
        "refs": [told.sale], "lines": quoted.lines, "claw_pts": quoted.claw_pts,
        "restore_pts": quoted.restore_pts, **more,
    }  # fmt: skip
    op_id = op_id or next_id(till, till.time())
    draft = Draft("sale.refund", body, by, told.m, op_id=op_id, mark=mark)
    view = till.look(told.m) if told.m is not None else None
    if view is not None:
        view.account.recall(_sold(told), told.rest)
        if quoted.claw_pts:
            draft.rights, draft.fund, _ = rights.burn(view.rights, quoted.claw_pts)
    moved = {"clawed": quoted.claw_pts, "restored": quoted.restore_pts} if told.m is not None else {}
    draft.slip = slip(
        till, view, **moved, back_fen=quoted.fen, origin=_origin(told, claim.decode(told.digits))
    )

    left = _kept(till, told)
    left.take_back(quoted.lines)

    def also(turn: Connection) -> None:
        refunds.keep(turn, told._replace(rest=left.rest()))
        refunds.keep_refund(turn, op_id, told.sale, told.rest)
        refunds.end_intent(turn, op_id)

    draft.also = also
    return record(till, draft, till.time(), till.shift().day)


def give_up(till: Till, op_id: str, sale: str, by: str) -> None:
    """End an intent whose refund will not come."""
    with till.book.lock:
        body = {"refs": [op_id], "sale": sale}
        draft = Draft("refund.void", body, by, also=lambda turn: refunds.end_intent(turn, op_id))
        record(till, draft, till.time(), till.shift().day)

"""A sale for a typed phone that nobody knows here: it earns for whoever has that phone, and waits.

The till has no number and asks nobody, so nothing is added to spend and nothing can be spent; the phone
travels sealed, and headquarters finds the member or makes one. Page and paper say 待确认 until then.
"""

from __future__ import annotations

from agent.counter import Lines
from agent.enrolment import seal
from agent.funding import No
from agent.recorder import UNMARKED, Draft, Mark, Recorded, next_id, record
from agent.slips import slip
from agent.store import members
from agent.till import Till
from points import codes
from points.codes import CodeKind
from points.quoting import quote_earn
from points.refusals import Refusal
from points.wire import keys


def known_here(till: Till, phone: str) -> int | None:
    """The member with this phone whom this till can show, and so can sell to."""
    code = codes.recognise(phone)
    if code.kind is not CodeKind.PHONE:
        return None
    with till.book.lock:
        m = members.by_phone(till.book, keys.phone_tag(till.identity.index_key, code.text))
        return m if m is not None and till.look(m) is not None else None


def sell(
    till: Till,
    phone: str,
    lines: Lines,
    by: str,
    paid: str = "cash",
    receipt: str = "",
    mark: Mark = UNMARKED,
) -> Recorded | No:
    """Record the sale. Who asks has looked whether a member is ``known_here``."""
    code = codes.recognise(phone)
    if code.kind is not CodeKind.PHONE:
        return No(Refusal.unknown_code, {})
    with till.book.lock:
        time = till.time()
        shift = till.shift(time)
        if shift.closed:
            return No(Refusal.day_closed, {})
        tenders = [[paid, sum(line[3] for line in lines)]]
        earn = quote_earn(till.rule(), lines, tenders, 0, 0)
        op_id = next_id(till, time)
        sealed, commitment = seal(till, op_id, {"phone": code.text})
        body = {
            "receipt": receipt or till.lane_position(till.log.pos(till.log.seq + 1)),
            "lines": [list(line) for line in lines],
            "tenders": tenders,
            "tier": earn.tier,
            "m_bp": earn.m_bp,
            "day_used": earn.day_used,
            "feed_g": till.pending.g,
            "desired": earn.desired,
            "pts": earn.pts,
            "pii": commitment,
        }
        draft = Draft("sale.earn", body, by, op_id=op_id, sealed=sealed, mark=mark)
        draft.slip = slip(
            till,
            member=code.text[-4:],
            earned=earn.pts,
            trimmed=earn.trimmed,
            unconfirmed=True,
            reasons=[(reason.key, reason.values) for reason in earn.reasons],
        )
        return record(till, draft, time, shift.day)

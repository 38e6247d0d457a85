"""A new member, with or without a network: a number from the till's pool, a code, a sealed phone.

The phone exists in memory only while it is sealed to headquarters' key; the body keeps a commitment
to the sealed box. The box travels apart and is destroyed here once headquarters has it.
"""

from __future__ import annotations

from dataclasses import dataclass

from agent.funding import No
from agent.recorder import UNMARKED, Draft, Mark, Recorded, next_id, record
from agent.slips import slip
from agent.store import members
from agent.till import Till
from points import codes
from points.refusals import Refusal
from points.wire import keys, sealing


@dataclass(frozen=True, slots=True)
class Enrolled:
    """The new member's number and code, and what was recorded."""

    m: int
    code: str
    recorded: Recorded


def enrol(
    till: Till, by: str, phone: str = "", name: str = "", card: str = "", mark: Mark = UNMARKED
) -> Enrolled | No:
    """Enrol a member; ``card`` is a scanned card of this till's stock, else the next code is given.

    Nobody is enrolled with a phone that leads to a member here: one person would have two accounts.
    """
    tag = keys.phone_tag(till.identity.index_key, phone) if phone else ""
    with till.book.lock:
        shift = till.shift()
        if shift.closed:
            return No(Refusal.day_closed, {})
        if tag and members.by_phone(till.book, tag) is not None:
            return No(Refusal.already_member, {})
        pair = _pair(till, card)
        if pair is None:
            return No(Refusal.unknown_code if card else Refusal.busy, {})
        time = till.time()
        op_id = next_id(till, time)
        body: dict[str, str] = {}
        sealed: bytes | None = None
        personal = {key: value for key, value in (("phone", phone), ("name", name)) if value}
        if personal:
            sealed, body["pii"] = seal(till, op_id, personal)
        draft = Draft("member.enrol", body, by, pair[0], op_id=op_id, sealed=sealed, pair=pair, mark=mark)
        draft.phone_tag = tag
        draft.slip = slip(till, member_code=pair[1])
        return Enrolled(pair[0], pair[1], record(till, draft, time, shift.day))


def seal(till: Till, op_id: str, personal: dict[str, str]) -> tuple[bytes, str]:
    """(the box of an operation, sealed to headquarters' key; what the body commits to)."""
    public, chain = till.identity.hub_pii_public, till.identity.lane.chain
    box = sealing.seal_pii(public, chain, op_id, till.chance(16), personal, till.chance(32))
    return box, sealing.pii_commitment(box)


def _pair(till: Till, card: str) -> tuple[int, str] | None:
    if not card:
        return members.next_from_pool(till.book)
    code = codes.recognise(card)
    found = members.pool_pair(till.book, code.text) if code.text else None
    return None if found is None or found[1] else (found[0], code.text)

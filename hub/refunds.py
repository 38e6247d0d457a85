"""Answering a till that has another till's paper: the sale's lines, and lines of it reserved for one refund.

The till shows the paper's code; what is answered is the sale as its own till signed it, with what is left of
it. Asked with an operation's id and lines, they are reserved durably before it is said; the same question has
the same answer. While the right still lies with the till that sold, that till is asked for it, and who waits
is answered as soon as it has come; what no listening till can give is refused, and stands in that till's page
for a while.

    asked   {claim, id?, lines?}
    told    {sale, m, rest, granted?}    the sale's body, its member, what is left [[line, units, fen]…]
            {asked: true}                the right is on its way: ask again
            {refused, left_fen?}         one of REFUSED
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Any, NamedTuple

from hub import refund_rights, restoring
from hub.bells import Agent
from hub.decisions import decide
from hub.intake import key_record
from hub.office import Office
from hub.refund_gifts import PcLane
from hub.store import device_keys
from hub.store.engine import Turn
from points.amounts import BadAmount
from points.fields import LINES_MAX, BadOperation, many, numbered_once, return_line
from points.identifiers import BadName, bucket, op_bucket, op_id
from points.operations import Operation
from points.returns import Sale
from points.wire import claim as claims
from points.wire.claim import Claim
from points.wire.faults import Malformed
from points.wire.lane import Lane

WAIT_MS_MAX = 2_500
"""How long one question is held for the right that another till has."""
NOT_TOLD, OWN_SALE, NO_SALE = "not_told", "own_sale", "no_sale"
SILENT, TOO_MUCH, OVER = "owner_silent", "too_much", "over"
REFUSED = (NOT_TOLD, OWN_SALE, NO_SALE, SILENT, TOO_MUCH, OVER)
"""Headquarters has not heard of the sale; it comes back at this very till; the code is of no sale; its till
is out of reach; more than is left is asked for; this intent is over."""
ASKED: dict[str, Any] = {"asked": True}


@dataclass(frozen=True, slots=True)
class Asked:
    """Who asks for what: the PC and its term, the paper, and the refund and lines if some are to be kept."""

    lane: Lane
    term: tuple[int, int]
    paper: Claim
    intent: str = ""
    lines: tuple[tuple[int, int, int], ...] = ()

    @property
    def agent(self) -> Agent:
        """The till."""
        return self.lane.store, self.lane.till


class Said(NamedTuple):
    """The answer now; ``owner`` is the till that may be asked for its right meanwhile."""

    told: dict[str, Any]
    owner: Agent | None = None


def read(body: dict[str, Any], lane: Lane, term: tuple[int, int]) -> Asked:
    """A question as it came. Raises ``Malformed``, or what the code's own reading raises."""
    digits, intent, lines = body.get("claim"), body.get("id", ""), body.get("lines", [])
    if not isinstance(digits, str):
        raise Malformed(why="claim")
    try:
        if intent != "":
            op_id(intent)
            many(lines, LINES_MAX, return_line, least=1)
            numbered_once(lines)
        elif lines:
            raise BadAmount("lines are reserved for an operation")
        kept = tuple((line[0], line[1], line[2]) for line in lines)
    except (BadAmount, BadName, BadOperation, TypeError, IndexError, KeyError) as error:
        raise Malformed(why="refund") from error
    return Asked(lane, term, claims.decode(digits), intent, kept)


def answer(office: Office, asked: Asked) -> Said:
    """What is said at once. Raises ``UnknownKey`` or ``BadSignature`` for a paper that proves nothing."""
    if asked.intent:
        with office.store.turn() as turn:
            found = _find(turn, office, asked)
            return found if isinstance(found, Said) else _reserve(turn, office, asked, found)
    with office.store.look() as look:
        found = _find(look, office, asked)
        if isinstance(found, Said):
            return found
        if found.holder is None or (found.owner is not None and office.bells.hears([found.owner])):
            return Said(found.told)
    with office.store.turn() as turn:
        refund_rights.want(turn, found.holder, asked.paper.op_id, office.clock())
    return _refused(SILENT)


async def wait(office: Office, asked: Asked) -> dict[str, Any]:
    """Ask the till that has the right, and answer as soon as it has come. No thread waits."""
    loop = asyncio.get_running_loop()
    m = await asyncio.to_thread(_member, office, asked.paper.op_id)
    with office.bells.awaiting(m) as posted:
        said = await asyncio.to_thread(answer, office, asked)  # it may have come in between
        if said.owner is None or not office.bells.ring([said.owner], asked.paper.op_id):
            return said.told
        end_s = loop.time() + WAIT_MS_MAX / 1000
        while said.owner is not None:
            try:
                await asyncio.wait_for(posted.wait(), end_s - loop.time())
            except TimeoutError:
                return ASKED
            posted.clear()
            said = await asyncio.to_thread(answer, office, asked)
        return said.told


def _member(office: Office, sale: str) -> int:
    with office.store.look() as look:
        row = look.one("SELECT m FROM op_seen WHERE op_bucket = ? AND op_id = ?", (op_bucket(sale), sale))
    return int(row[0]) if row is not None and row[0] is not None else 0


@dataclass(frozen=True, slots=True)
class _Found:
    """A sale that headquarters knows, which PC may refund it, and what is left of it for this refund.

    ``holder`` None: headquarters may. ``mine`` are the lines that are kept for it already; ``owner`` is the
    till that may be asked for its right: none when its PC was replaced, for the next one has no right of it.
    """

    holder: PcLane | None
    owner: Agent | None
    left: Sale
    mine: list[list[int]] | None
    told: dict[str, Any]


def _find(look: Turn, office: Office, asked: Asked) -> _Found | Said:
    paper, sale = asked.paper, asked.paper.op_id
    record = key_record(look, office, paper.kid)
    paper.verify(record.public_raw)
    seen = look.one(
        "SELECT store, till, epoch, digest, m, posted FROM op_seen WHERE op_bucket = ? AND op_id = ?",
        (op_bucket(sale), sale),
    )
    if seen is None or not seen[5]:
        return _refused(NOT_TOLD)
    store, till, epoch, digest, m, _ = seen
    found = refund_rights.kept(look, office.books, sale, m)
    if found is None or bytes(digest).hex() != paper.op_hash:
        return _refused(NO_SALE)
    sold, left = found
    lane = (store, till, int(epoch))
    holder = refund_rights.holder(look, sale, lane)
    if holder is not None and device_keys.continues(look, (*asked.agent, asked.lane.epoch), holder):
        return _refused(OWN_SALE)
    others = refund_rights.reserved(look, sale)
    mine = others.pop((asked.intent, asked.agent), None)
    for lines in others.values():
        left.take_back(lines)
    told = {"sale": _signed(look, sold), "m": m, "rest": left.rest()}
    return _Found(holder, _owner(look, holder), left, mine, told)


def _owner(look: Turn, holder: PcLane | None) -> Agent | None:
    """The till to ask for a right; None for headquarters, and for a PC whose place another has taken."""
    if holder is None:
        return None
    at = look.one("SELECT epoch FROM agents WHERE store = ? AND till = ?", holder[:2])
    is_there = at is not None and device_keys.continues(look, (*holder[:2], int(at[0])), holder)
    return holder[:2] if is_there else None


def _reserve(turn: Turn, office: Office, asked: Asked, found: _Found) -> Said:
    sale, left, wanted = asked.paper.op_id, found.left, [list(line) for line in asked.lines]
    if found.mine is not None:
        return Said({**found.told, "granted": True}) if found.mine == wanted else _refused(OVER)
    if refund_rights.is_ended(turn, sale, asked.intent, asked.agent):
        return _refused(OVER)
    if not any(line[1] or line[2] for line in wanted):
        return _refused(TOO_MUCH)
    rest_fen = sum(left.kept_fen)
    left.take_back(wanted)
    if left.over_refunded:
        return Said({"refused": TOO_MUCH, "left_fen": rest_fen})
    if found.told["m"] is not None and restoring.held_back(turn, [found.told["m"]]):
        return _refused(SILENT)
    if found.holder is not None:
        refund_rights.want(turn, found.holder, sale, office.clock())
        return Said({"refused": SILENT}, found.owner)
    body = {
        "m": found.told["m"], "refs": [asked.intent], "sale": sale, "to": list(asked.agent),
        "inc": asked.term[0], "term": asked.term[1], "lines": wanted,
    }  # fmt: skip
    decide(turn, office, [("refund.reserve", body)])
    return Said({**found.told, "granted": True})


def _refused(why: str) -> Said:
    return Said({"refused": why})


def _signed(look: Turn, sold: Operation) -> str:
    """The sale's bytes as its till signed them, so that whoever has the paper can hold them against it."""
    assert sold.m is not None, "what is posted is somebody's"
    at = (bucket(sold.m), sold.m, sold.id)
    row = look.one("SELECT body FROM facts WHERE bucket = ? AND m = ? AND op_id = ?", at)
    assert row is not None, "it was read a moment ago"
    return bytes(row[0]).decode()

"""What tills of one store say to each other over the store's own network: one signed datagram each.

    datagram = "JFS1" | signature[64] | canonical JSON {v, say, id, chain, store, till, epoch, kid, to, m, n,
               inc, term, given}                                                 all keys, always; v 1
               and in v 2 {paper, sale} besides
    message  = "jifen/sister/1" 00 | the JSON's bytes

    ask    who has points of member `m`?  `n` are lacking           to everybody: `to` is empty
    have   `n` of them                                              to who asked
    want   give me `n`, for my term (`inc`, `term`)                 to one till
    given  this (`points.wire.transfer`), or null: I have none      to who wanted
    paper  give me the right to refund the sale on this `paper`;   v 2  to one till
           with `n` 0: if you gave it before
    right  here it is, with the `sale`'s bytes; or null            v 2  to who asked

`id` names the question, 32 hex; an answer carries its question's. Everything may be lost, doubled and late: a
want is answered from the giver's book, so the same one gets the same answer, and what is given twice is
taken once. Nothing here is secret and nothing is a right: rights move by the operations of the two tills.
It refuses to know sockets, addresses and books.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from points.wire import canonical, transfer
from points.wire.faults import EnvelopeVersion, Malformed, Revoked, TooLarge, UnknownKey, WrongLane
from points.wire.fields import Fields
from points.wire.keys import SIGNATURE_BYTES, SigningKey, verify
from points.wire.lane import KeyRecord, Lane
from points.wire.transfer import Given

MAGIC = b"JFS1"
ASK, HAVE, WANT, GIVEN = _POINTS = ("ask", "have", "want", "given")
PAPER, RIGHT = _GOODS = ("paper", "right")
SAYS = {1: _POINTS, 2: _GOODS}
"""What is said in which version: a till that knows only the first hears nothing of the second."""
DATAGRAM_BYTES_MAX = 8192
MEMBER_MAX, AMOUNT_MAX, TERM_MAX = 2**40, 10**12, 2**31

_LABEL = b"jifen/sister/1\0"
_KEYS = frozenset(
    ("v", "say", "id", "chain", "store", "till", "epoch", "kid", "to", "m", "n", "inc", "term", "given")
)
_MORE = {1: _KEYS, 2: _KEYS | {"paper", "sale"}}


@dataclass(frozen=True, slots=True)
class Said:
    """One datagram's content: who says what to whom (`to` "": everybody of the store)."""

    say: str
    id: str
    lane: Lane
    to: str
    m: int
    n: int = 0
    inc: int = 1
    term: int = 1
    given: Given | None = None
    paper: str = ""
    sale: str = ""


def datagram(said: Said, key: SigningKey) -> bytes:
    """The bytes to send. TooLarge if they do not fit into a datagram."""
    lane = said.lane
    goods: dict[str, Any] = {"v": 1}
    if said.say in _GOODS:
        goods = {"v": 2, "paper": said.paper, "sale": said.sale}
    content = canonical.encode(
        goods
        | {
            "say": said.say, "id": said.id, "chain": lane.chain, "store": lane.store,
            "till": lane.till, "epoch": lane.epoch, "kid": key.kid, "to": said.to, "m": said.m, "n": said.n,
            "inc": said.inc, "term": said.term, "given": said.given.told() if said.given else None,
        }
    )  # fmt: skip
    raw = MAGIC + key.sign(_LABEL + content) + content
    if len(raw) > DATAGRAM_BYTES_MAX:
        raise TooLarge(max=DATAGRAM_BYTES_MAX)
    return raw


def open_datagram(raw: bytes, own: Lane, record_of: Callable[[str], KeyRecord | None]) -> Said:
    """What a sister till says to the till of `own`. Raises a WireFault for everything else.

    What is told as given is not checked here: who takes it checks it.
    """
    if len(raw) > DATAGRAM_BYTES_MAX:
        raise TooLarge(max=DATAGRAM_BYTES_MAX)
    head = len(MAGIC) + SIGNATURE_BYTES
    if raw[: len(MAGIC)] != MAGIC:
        raise Malformed(why="magic")
    content = raw[head:]
    fields = Fields(canonical.decode(content, DATAGRAM_BYTES_MAX))
    version: Any = fields.raw.get("v")
    if type(version) is not int or version not in SAYS:
        raise EnvelopeVersion(v=version)
    fields.exactly(_MORE[version])
    lane = Lane(fields.name("chain"), fields.name("store"), fields.name("till"), fields.whole("epoch", 1))
    to, say = fields.raw["to"], fields.raw["say"]
    if (
        (lane.chain, lane.store) != (own.chain, own.store)
        or lane.till == own.till
        or to not in ("", own.till)
    ):
        raise WrongLane()
    if say not in SAYS[version] or (to == "") != (say == ASK):
        raise Malformed(why="say")
    record = record_of(fields.hex("kid", 8))
    if record is None:
        raise UnknownKey(kid=fields.raw["kid"])
    if record.revoked_at_ms is not None:
        raise Revoked()
    if lane not in record.lanes:
        raise WrongLane()
    verify(record.public_raw, raw[len(MAGIC) : head], _LABEL + content)
    told: Any = fields.raw["given"]
    if told is not None and say not in (GIVEN, RIGHT):
        raise Malformed(why="given")
    paper, sale = fields.raw.get("paper", ""), fields.raw.get("sale", "")
    if type(paper) is not str or type(sale) is not str:
        raise Malformed(why="paper")
    return Said(
        say=say,
        id=fields.hex("id", 16),
        lane=lane,
        to=to,
        m=fields.whole("m", 0, MEMBER_MAX - 1),
        n=fields.whole("n", 0, AMOUNT_MAX),
        inc=fields.whole("inc", 1, TERM_MAX),
        term=fields.whole("term", 1, TERM_MAX),
        given=None if told is None else transfer.heard(told, own.chain, own.store),
        paper=paper,
        sale=sale,
    )

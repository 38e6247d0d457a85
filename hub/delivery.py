"""What is new of a batch, as far as it can be read before anything is known of it.

An operation that was found plainly right was heard; every other one is read again here, and what is
wrong with it is said. What drafts cover is not read at all, unless something else in the batch may touch
the same members or operations.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from hub.drafts import Draft
from hub.opening import Opened
from hub.posting import Place, Posts
from hub.reading import Heard
from points.identifiers import bucket, op_bucket
from points.judging import Outcome
from points.operations import KINDS
from points.wire import canonical
from points.wire.faults import WireFault

UNDECODABLE = Outcome("Q", {"reason": "undecodable"})
MISSPELT = Outcome("Q", {"reason": "undecodable", "field": "form"})
DOUBTED, REVOKED = "unapproved-device", "revoked"
OF_A_PC = (DOUBTED, REVOKED)
"""Reasons that keep all that a PC tells, under one name and as one case."""
MEMBERS_OWN = frozenset(
    {"member.enrol", "sale.earn", "redeem.cash", "sale.refund", "sale.void", "rights.return", "auth.void"}
)
"""Kinds that concern no other member than the one they name."""
_FAR_REACHING = {kind for kind, _ in KINDS} - MEMBERS_OWN
_IS_ID = re.compile(r"[0-9a-f]{32}").fullmatch


class Delivered(NamedTuple):
    """One operation as it arrived, the ``n``-th of its arrival, as ``heard`` if it was read already and found
    plainly right."""

    place: Place
    n: int
    body: bytes
    digest: bytes
    heard: Heard | None = None


class Reading(NamedTuple):
    """As far as an operation that was not heard can be read: a body that may be misshapen, or not even that.

    ``id``, ``kind`` and ``m`` are its own where it has such, for keys of the database.
    """

    id: str = ""
    kind: str = ""
    m: int | None = None
    refs: Sequence[str] = ()
    body: Mapping[str, Any] | None = None
    wrong: Outcome | None = None


@dataclass(slots=True)
class Delivery:
    """The operations of an opened batch from ``start`` on, and the drafts that may be written of them."""

    opened: Opened
    start: int = 0
    drafts: Mapping[int, Draft] = field(default_factory=dict)
    answered: Mapping[int, Outcome] | None = None
    """What was answered to its operations, by number, when it was delivered first; None: it never was."""

    doubted: Outcome | None = None
    """What keeps all of it: the PC that told it is not known to belong."""

    def doubt(self, pc: str, *, is_late: bool = False) -> None:
        """Nothing of it is posted until people say that its PC belongs, or believe a lost one's late word."""
        letter, reason = ("Q", REVOKED) if is_late else ("P", DOUBTED)
        self.doubted, self.drafts = Outcome(letter, {"reason": reason, "pc": pc}), {}

    def honour(self, outcomes: Mapping[int, Outcome]) -> None:
        """What was answered before holds: it is not decided again."""
        self.answered = outcomes
        if outcomes:
            self.drafts = {}

    def kept(self, seq: int) -> Outcome | None:
        """What kept an operation from being posted when it was delivered first, and does so now; or that its
        PC is doubted, which takes back nothing that was answered."""
        outcome = self.answered.get(seq) if self.answered else None
        if outcome is not None and outcome.letter in ("D", "Q"):
            return outcome
        was_posted = self.answered is not None and (outcome is None or outcome.letter != "P")
        return None if was_posted else self.doubted

    def may_be_remarked(self, seq: int) -> bool:
        """Whether a remark is told: what was posted without one may rest on what is not known any more."""
        return self.answered is None or seq in self.answered

    @property
    def count(self) -> int:
        """How many operations the whole batch has."""
        return self.opened.batch.header.count

    @property
    def till(self) -> tuple[str, str]:
        """Whose lane it came by."""
        lane = self.opened.batch.header.lane
        return lane.store, lane.till

    @property
    def reached(self) -> Place:
        """Where its last operation stands."""
        header = self.opened.batch.header
        return (*self.till, header.lane.epoch, header.last)

    def give_up(self, ms: Iterable[int | None]) -> None:
        """Send these members' operations the long way."""
        gone = set(ms)
        self.drafts = {m: draft for m, draft in self.drafts.items() if m not in gone}

    def one(self, n: int) -> Delivered:
        """The operation at ``n`` in the batch."""
        opened = self.opened
        lane, first = opened.batch.header.lane, opened.batch.header.first
        place = (lane.store, lane.till, lane.epoch, first + n)
        return Delivered(place, n, opened.batch.bodies[n], opened.digests[n], opened.heard(n))

    def undrafted(self) -> tuple[list[Delivered], list[Heard | Reading]]:
        """The operations that no draft covers, and what they say.

        A draft stands on nothing but its member and its own operations. It is given up when another
        operation of the batch has the id of one of these, refers to one, names the member, or concerns
        members that it does not name.
        """
        for is_first in (True, False, False):
            drafted = {n for draft in self.drafts.values() for n in draft.places}
            rest = [self.one(n) for n in range(self.start, self.count) if n not in drafted]
            readings = [one.heard or read(one.body) for one in rest]
            if not self.drafts:
                break
            if any(reading.kind in _FAR_REACHING for reading in readings):
                self.drafts = {}
                continue
            named = {name for reading in readings for name in (reading.id, *reading.refs)}
            ms = {reading.m for reading in readings}
            clashing = {
                m for m, draft in self.drafts.items() if m in ms or not named.isdisjoint(draft.ids)
            }  # fmt: skip
            if not clashing:
                break
            # Once more for what the first found; whoever chains ids through a batch has it read no oftener.
            self.give_up(clashing if is_first else list(self.drafts))
        return rest, readings

    def add_drafted(self, posts: Posts, first: int) -> None:
        """The drafted operations as they are kept, the facts numbered from ``first``."""
        batch, digests = self.opened.batch, self.opened.digests
        lane, first_seq, bodies = batch.header.lane, batch.header.first, batch.bodies
        store, till, epoch = lane.store, lane.till, lane.epoch
        for m, draft in self.drafts.items():
            shard = bucket(m)
            posts.latest_st = max(posts.latest_st, draft.st)
            for n, op_id, kind in zip(draft.places, draft.ids, draft.kinds, strict=True):
                posts.seen.append(
                    (op_id, op_bucket(op_id), store, till, epoch, first_seq + n, digests[n], m, 1)
                )
                posts.facts.append((shard, m, first + n, op_id, store, till, kind, bodies[n]))


def read(raw: bytes) -> Reading:
    """What a body says that was not found plainly right."""
    try:
        body = canonical.decode(raw)
    except WireFault:
        return Reading(wrong=UNDECODABLE)
    kind = body.get("t")
    wrong = None if canonical.is_canonical(raw, body) else MISSPELT
    return Reading(_name(body), kind if isinstance(kind, str) else "", number(body), _refs(body), body, wrong)


def number(body: Mapping[str, Any]) -> int | None:
    """The member a body names, if it is a number that a member may have."""
    m = body.get("m")
    return m if type(m) is int and 0 <= m < 2**53 else None


def _name(body: Mapping[str, Any]) -> str:
    """The operation's id if it is one, else nothing: no other text comes near a key of the database."""
    op_id = body.get("id")
    return op_id if isinstance(op_id, str) and _IS_ID(op_id) else ""


def _refs(body: Mapping[str, Any]) -> list[str]:
    refs = body.get("refs")
    return [ref for ref in refs if isinstance(ref, str) and _IS_ID(ref)] if isinstance(refs, list) else []

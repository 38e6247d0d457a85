"""Receipt claims that somebody shows: evidence of an operation, before or after its lane brings it.

A claim mints nothing, unless its PC is lost (``hub.lost_claims``). Before its lane arrived it is kept as
shown, outside every balance; when the operation arrives it takes the claim's place. A claim that says
something else than the operation of the same id is an equivocation: two signed histories, and a case for
people.
"""

from __future__ import annotations

from collections.abc import Iterable

from hub.intake import key_record
from hub.lost_claims import AVAILABLE, SHOWN, ask_people
from hub.office import Office
from hub.store import device_keys, losses, schema
from hub.store.engine import Turn
from points.identifiers import op_bucket
from points.wire import claim
from points.wire.faults import Revoked
from points.wire.lane import Lane

CONFIRMED, EQUIVOCATION = "confirmed", "equivocation"


def show(office: Office, digits: str) -> str:
    """``confirmed``, ``shown``, ``equivocation``, or ``available`` for one of a lost PC that counts.

    Raises the fault of a claim that proves nothing.
    """
    told = claim.decode(digits)
    with office.store.turn() as turn:
        record = key_record(turn, office, told.kid)
        told.verify(record.public_raw)
        lane = next(iter(record.lanes))
        state, _ = _state(turn, told)
        known = turn.one(
            "SELECT state, kid, digits FROM claims WHERE op_bucket = ? AND op_id = ?",
            (op_bucket(told.op_id), told.op_id),
        )
        other = claim.decode(known[2]) if known is not None and known[1] != told.kid else None
        if other is not None and not _is_printed_again(turn, office, other, told):
            _ask_people(turn, office, told, lane)  # the first paper stands; two tills never sign one sale
            return EQUIVOCATION
        if state == SHOWN and known is not None and known[0] == AVAILABLE:
            return AVAILABLE
        if not record.vouches_for(told.seq):
            is_lost = losses.is_lost(turn, lane.store, lane.till, lane.epoch)
            if not (is_lost and ask_people(turn, office, told, lane)):
                raise Revoked()
        if state == EQUIVOCATION and (known is None or known[0] != EQUIVOCATION):
            _ask_people(turn, office, told, lane)
        if other is None:
            turn.put(
                schema.claims,
                [(op_bucket(told.op_id), told.op_id, told.kid, state, digits, told.m, office.clock())],
                on_conflict="replace",
                twice=True,
            )
        return state


def _is_printed_again(look: Turn, office: Office, first: claim.Claim, told: claim.Claim) -> bool:
    """Whether two papers of one operation are of one PC, that went on in another lane in between."""
    lanes = []
    for kid in (first.kid, told.kid):
        lane = next(iter(key_record(look, office, kid).lanes))
        lanes.append((lane.store, lane.till, lane.epoch))
    is_one = device_keys.continues(look, *lanes) or device_keys.continues(look, *reversed(lanes))
    return is_one and first.op_hash == told.op_hash


def _ask_people(turn: Turn, office: Office, told: claim.Claim, lane: Lane) -> None:
    """A case of a paper that contradicts another one or its operation; one for each operation."""
    of = (EQUIVOCATION, told.op_id)
    if turn.one("SELECT 1 FROM cases WHERE reason = ? AND op_id = ? AND closed_ms IS NULL", of) is None:
        turn.put(schema.cases, [(*of, told.m or None, lane.store, "{}", office.clock(), None)])


def _state(turn: Turn, told: claim.Claim) -> tuple[str, str]:
    """How a claim stands to what has arrived, and the store of its operation."""
    row = turn.one(
        "SELECT digest, store FROM op_seen WHERE op_bucket = ? AND op_id = ?",
        (op_bucket(told.op_id), told.op_id),
    )
    if row is None:
        return SHOWN, ""
    return CONFIRMED if bytes(row[0]).hex() == told.op_hash else EQUIVOCATION, row[1]


def settle(turn: Turn, office: Office, arrived: Iterable[str]) -> None:
    """Claims whose operation has arrived: confirmed, or a case."""
    if turn.one("SELECT 1 FROM claims WHERE state IN (?, ?) LIMIT 1", (SHOWN, AVAILABLE)) is None:
        return
    ids = [(op_bucket(op_id), op_id) for op_id in arrived]
    for (digits,) in turn.find(schema.claims, ["digits"], ["op_bucket", "op_id"], ids):
        told = claim.decode(digits)
        state, store = _state(turn, told)
        turn.run(
            "UPDATE claims SET state = ? WHERE op_bucket = ? AND op_id = ?",
            (state, op_bucket(told.op_id), told.op_id),
        )
        if state == EQUIVOCATION:
            row = (EQUIVOCATION, told.op_id, told.m or None, store, "{}", office.clock(), None)
            turn.put(schema.cases, [row])

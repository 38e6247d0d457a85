"""A second PC of one till: people decide which of the two belongs.

A till that was put back and one that was copied ask for a lane of their own with the same words, so whoever
asks goes on at once (``hub.succession``). That there are two is known when the PC whose place was taken goes
on speaking: it shows a token that was issued after the other had begun to speak, which no late copy of a
question can, nor a PC that did not hear that it was granted a lane. From then on the PC in the new lane, and
who took its place meanwhile, is heard and not believed: what it tells is kept and not posted, and it is
granted, authorised and numbered nothing, until a person says that it belongs. Turned down, its key counts no
further, what was kept of it is dismissed (``hub.release``), and the PC whose place it had taken becomes the
till again by going on itself. So many second PCs a store as the chain allows are accepted unasked.
"""

from __future__ import annotations

import json
from dataclasses import replace

from hub import admission, continuation, intake, release
from hub.office import Office
from hub.store import device_keys, doubted_pcs, schema
from hub.store.doubted_pcs import ACCEPTED, ASKED, REFUSED
from hub.store.engine import Turn
from points.wire.lane import Lane

REASON = "second-pc"


def hear(turn: Turn, office: Office, lane: Lane, shown: int | None) -> None:
    """Somebody whose place other PCs have taken speaks, and shows the token numbered ``shown``."""
    parted = doubted_pcs.parted(turn, lane.store, lane.till)
    for later, parent in turn.run(
        "SELECT k.epoch, p.epoch FROM keys k JOIN keys p ON p.kid = k.parent"
        " WHERE k.store = ? AND k.till = ? AND k.epoch > ? AND k.revoked_at_ms IS NULL ORDER BY k.epoch",
        (lane.store, lane.till, lane.epoch),
    ):
        then = parted.get(later, {}).get(lane.epoch)
        if then is None and parent != lane.epoch:
            continue
        pc = replace(lane, epoch=later)
        if doubted_pcs.thought(turn, pc):
            continue
        if doubted_pcs.is_silent(turn, pc):  # perhaps itself: the answer that granted the lane was lost
            doubted_pcs.part_later(turn, pc, parted[later] | {lane.epoch: max(then or 0, shown or 0)})
            continue
        is_alive = shown is not None and then is not None and shown > then
        if is_alive and _accepted(turn, lane) >= office.spare_pcs:
            _doubt(turn, office, lane, later)
            continue
        if is_alive:
            doubted_pcs.keep(turn, pc, ACCEPTED)
        _ask_people(turn, office, pc, anew=is_alive)


def _doubt(turn: Turn, office: Office, lane: Lane, later: int) -> None:
    """From now on it is heard and not believed, and so is who has taken its place meanwhile."""
    doubted = {lane.epoch}
    for epoch, tokens in doubted_pcs.parted(turn, lane.store, lane.till).items():
        pc = replace(lane, epoch=epoch)
        if epoch < later or doubted.isdisjoint(tokens) or doubted_pcs.thought(turn, pc):
            continue
        doubted = doubted - {lane.epoch} | {epoch}
        doubted_pcs.keep(turn, pc, ASKED)
        _ask_people(turn, office, pc, anew=True)


def _accepted(look: Turn, lane: Lane) -> int:
    """How many second PCs of this lane's store were accepted."""
    return sum(pc.store == lane.store for pc in doubted_pcs.accepted(look, lane.chain))


def ask(turn: Turn, office: Office, lane: Lane) -> None:
    """A person is asked about the PC in this lane, which nobody believes yet; not of one that was accepted,
    and waits till all of it is booked."""
    if is_asked(turn, lane):
        _ask_people(turn, office, lane, anew=True)


def _ask_people(turn: Turn, office: Office, pc: Lane, *, anew: bool) -> None:
    """A case, once; also when people have closed one that did not know yet that both are alive."""
    went_on_from = device_keys.lineage(turn, *pc.columns)[1]
    detail = json.dumps({"till": pc.till, "epoch": went_on_from, "to": pc.epoch})
    known = "SELECT 1 FROM cases WHERE reason = ? AND store = ? AND detail = ?"
    if turn.one(known + " AND closed_ms IS NULL" * anew, (REASON, pc.store, detail)) is None:
        row = (REASON, "", None, pc.store, detail, office.clock(), None)
        turn.put(schema.cases, [row], twice=True)


def part(turn: Turn, office: Office, old: Lane, later: int, replaced: int) -> None:
    """A PC went on from the lane ``old`` and took the place of the one in the lane ``replaced``, which may
    be another: an old copy of the till knows no later lane. Who comes from a PC that is not believed yet,
    or in its place, is not believed either; who takes the place of one that was turned down takes that of
    the PCs which that one had replaced."""

    def thought(epoch: int) -> str:
        return doubted_pcs.thought(turn, replace(old, epoch=epoch))

    places = {old.epoch, replaced}
    for epoch, tokens in reversed(doubted_pcs.parted(turn, old.store, old.till).items()):
        if epoch in places and thought(epoch) == REFUSED:
            places |= tokens.keys()
    numbers = {epoch: continuation.last_number(turn, replace(old, epoch=epoch)) for epoch in places}
    pc = replace(old, epoch=later)
    doubted_pcs.part(turn, pc, numbers)
    if ASKED in (thought(old.epoch), thought(replaced)):
        doubted_pcs.keep(turn, pc, ASKED)
        _ask_people(turn, office, pc, anew=False)


def is_next_refused(look: Turn, lane: Lane) -> bool:
    """Whether the PC that took the place of this one was turned down: this one is the till, and goes on."""
    current = admission.current(look, lane.store, lane.till)
    return current != lane.epoch and admission.is_free(look, lane, current)


def lane_of(office: Office, store: str, detail: str) -> Lane:
    """The lane of the PC that such a case is of."""
    told = json.loads(detail)
    return Lane(office.chain, store, told["till"], told["to"])


def is_asked(look: Turn, lane: Lane) -> bool:
    """Whether a person is to say of this PC whether it belongs."""
    return doubted_pcs.thought(look, lane) == ASKED


def accept(turn: Turn, office: Office, lane: Lane) -> None:
    """It belongs: what was kept of it is booked from now on (``hub.release``), and it is the till."""
    doubted_pcs.keep(turn, lane, ACCEPTED)
    if not doubted_pcs.keeps(turn, lane):
        release.end(turn, office, lane)


def turn_down(turn: Turn, office: Office, lane: Lane) -> None:
    """It does not: its key vouches for what was posted and no more, and what was kept is dismissed from now
    on (``hub.release``). What it may still spend comes home only when two people declare it lost. It tells
    nothing again after that."""
    intake.keep_twice(turn, *lane.columns)
    doubted_pcs.keep(turn, lane, REFUSED)
    row = turn.one(
        "SELECT coalesce((SELECT min(seq) - 1 FROM waiting w WHERE w.store = k.store AND w.till = k.till"
        " AND w.epoch = k.epoch AND w.on_what = ?), (SELECT max(seq) FROM lanes l WHERE l.store = k.store"
        " AND l.till = k.till AND l.epoch = k.epoch), 0)"
        " FROM keys k WHERE k.store = ? AND k.till = ? AND k.epoch = ?",
        (doubted_pcs.waits_on(lane), *lane.columns),
    )
    assert row is not None, "who is doubted was granted a lane"
    turn.run(
        "UPDATE keys SET revoked_at_ms = ?, max_seq = ? WHERE store = ? AND till = ? AND epoch = ?",
        (office.clock(), row[0], *lane.columns),
        twice=True,
    )

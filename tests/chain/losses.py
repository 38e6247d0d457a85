"""PCs that burn or are stolen, and what headquarters risks by saying so.

A burnt PC is never heard again. A stolen one goes on selling without a network, and may come back. Hours or
days later two people declare it lost: then all that headquarters has set aside for it comes home, and what it
had spent unheard, or still spends, is what may be spent a second time. That and no more is the exposure of
a member, which the laws add to what was earned.
"""

from __future__ import annotations

import json
import random
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from hub import casework, late_word, overdue, release
from hub.store import doubted_pcs
from tests.chain import gifts, laws
from tests.chain.pc import Pc
from tests.chain.plan import HOUR_MS, Item

if TYPE_CHECKING:
    from tests.chain.head_office import HeadOffice
    from tests.chain.world import World


@dataclass
class Losses:
    """What was lost in a chain. ``exposed``: by member, points that may be spent twice because of it."""

    exposed: Counter[int]
    missing: list[Pc] = field(default_factory=list)
    """Burnt or stolen, and not declared lost yet."""
    declared: list[Pc] = field(default_factory=list)
    unheard: set[str] = field(default_factory=set)
    """Operations that headquarters will never hear of."""
    dismissed: set[str] = field(default_factory=set)
    """Operations that waited for those and were dismissed by a person."""
    believed: set[str] = field(default_factory=set)
    disbelieved: set[str] = field(default_factory=set)
    """Operations that a lost PC told late, as people judged them."""

    def heard(self, hub: HeadOffice) -> dict[str, tuple[str, str, bytes]]:
        """What headquarters has heard of lost lanes, by operation: store, till, body; notes the rest."""
        heard: dict[str, tuple[str, str, bytes]] = {}
        for pc in self.declared:
            lane = pc.identity.lane
            heads = hub.rows(
                "SELECT seq FROM lanes WHERE store = ? AND till = ? AND epoch = ?",
                lane.store, lane.till, lane.epoch,
            )  # fmt: skip
            seq = heads[0][0] if heads else 0
            for entry in pc.till.log.walk():
                op_id = json.loads(entry.body)["id"]
                if entry.seq <= seq and op_id not in self.disbelieved:
                    heard[op_id] = (*pc.name, entry.body)
                else:
                    self.unheard.add(op_id)
        return heard

    def explain(self, hub: HeadOffice, place: tuple[str, str, int], reason: str) -> bool:
        """Whether a remark is what a loss brings: what waited for it, and a gift of which only its receiver
        told, paid for by headquarters because all that its giver held had come home."""
        if reason == overdue.MISSING:
            return bool(self.dismissed)
        if reason == late_word.REASON:
            return bool(self.disbelieved)
        rows = hub.rows(
            "SELECT f.body FROM op_seen s JOIN facts f ON f.op_id = s.op_id"
            " WHERE s.store = ? AND s.till = ? AND s.seq = ?", *place,
        )  # fmt: skip
        there = [json.loads(bytes(body)) for (body,) in rows]  # in whichever of the till's lanes
        given = {told["refs"][0] for told in there if told["t"] == "rights.take"}
        is_late = not self.believed.isdisjoint(told["id"] for told in there)
        return reason == "uncovered" and (is_late or not self.unheard.isdisjoint(given))

    def unknown(self, members: Iterable[str]) -> list[str]:
        """Those whose enrolment was lost, and who stand in the book because something was dismissed."""
        enrolled = {m for pc in self.declared for m in _enrolled(pc, self.unheard)}
        return [m for m in members if m in enrolled]


def _enrolled(pc: Pc, among: set[str]) -> list[str]:
    rows = pc.disk.database.execute("SELECT body FROM ops WHERE kind = 'member.enrol'")
    bodies = [json.loads(bytes(body)) for (body,) in rows]
    return [str(body["m"]) for body in bodies if body["id"] in among]


def lose(world: World, item: Item, dice: random.Random) -> None:
    """One of a till's PCs, the present one or one before it, burns or is stolen."""
    there = [
        pc for pc in world.pcs[item.store, item.till] if pc.clock.boots and pc not in world.losses.missing
    ]
    if not there:
        return
    pc = dice.choice(there)
    world.losses.missing.append(pc)
    pc.uplink.is_unplugged = pc.is_missing = True
    pc.is_burnt = dice.random() < 0.6
    world.marks["PC burnt" if pc.is_burnt else "PC stolen"] += 1
    if pc.is_burnt:
        pc.stop()
        pc.disk.open()[1].close()  # what was not committed never was
    world.after(dice.randrange(1, 40) * HOUR_MS, lambda: declare(world, pc))


def declare(world: World, pc: Pc) -> None:
    """Two people say so at headquarters, and another PC takes its place if none has."""
    if pc in world.losses.declared:
        return
    if not world.hub.is_up:
        world.after(HOUR_MS, lambda: declare(world, pc))
        return
    laws.at_any_moment(world, pc)
    world.losses.exposed.update(_out(world, pc))
    world.losses.missing.remove(pc)
    world.losses.declared.append(pc)
    pcs = world.pcs[int(pc.name[0][1:]), int(pc.name[1]) - 1]
    pcs.remove(pc)
    world.hub.declare_lost(pc.identity.lane)
    world.marks["PC declared lost"] += 1
    if not pcs or pc.identity.term > pcs[-1].identity.term:
        pcs.append(world.new_pc(int(pc.name[0][1:]), int(pc.name[1]) - 1))
        world.boot(pcs[-1])
        world.contact(pcs[-1], world.storm.chance)
    if not pc.is_burnt and world.storm.chance.random() < 0.5:
        world.after(world.storm.chance.randrange(1, 30) * HOUR_MS, lambda: _found(world, pc))


def _out(world: World, pc: Pc) -> Counter[int]:
    """What headquarters has set aside for the till of a PC, by member; and what a sister gave it that
    headquarters has not heard of, which comes home as soon as it does."""
    out: Counter[int] = Counter()  # below nothing where a gift is known that its giver has yet to tell of
    for m, pts in world.hub.rows(
        "SELECT m, max(0, granted + taken - allowance_used) * (1 - closed) + max(0, added - local_used)"
        " FROM cells WHERE store = ? AND till = ? UNION ALL"
        " SELECT m, pts FROM reserved WHERE store = ? AND till = ?", *pc.name, *pc.name
    ):  # fmt: skip
        out[m] += pts
    for gift in gifts.given(world, store=pc.name[0]).values():
        if gift.to == pc.name and gift.term == gifts.term_of(pc) and not gift.was_heard:
            out[gift.m] += gift.pts
    return +out


def judge_late(world: World, dice: random.Random) -> bool:
    """People say of what lost PCs have told late whether it happened; whether there was any."""
    cases = world.hub.rows(
        "SELECT id, store, detail FROM cases WHERE reason = ? AND closed_ms IS NULL", late_word.REASON
    )
    for number, store, detail in cases:
        kept = world.hub.rows(
            "SELECT body FROM waiting WHERE on_what = ?",
            doubted_pcs.waits_on(late_word.lane_of(world.hub.office, store, detail)),
        )
        is_believed = dice.random() < 0.6
        with world.hub.store.turn() as turn:
            what = casework.BELIEVE if is_believed else casework.DISBELIEVE
            assert casework.act(turn, world.hub.office, number, 0, what, "李娜", "asked the store")
        told = {json.loads(bytes(body))["id"] for (body,) in kept}
        (world.losses.believed if is_believed else world.losses.disbelieved).update(told)
        world.marks["late word believed" if is_believed else "late word turned down"] += 1
    release.go_on(world.hub.office)
    return bool(cases)


def dismiss(world: World) -> bool:
    """A week later somebody dismisses what waits for what was lost; whether there was any, or anything was
    told late."""
    was_late = judge_late(world, world.storm.chance)
    world.losses.heard(world.hub)
    waits = {
        json.loads(bytes(body))["id"]
        for on_what, body in world.hub.rows("SELECT on_what, body FROM waiting")
        if on_what.removeprefix("op:") in world.losses.unheard
    }
    if waits:
        world.now_ms += overdue.AFTER_MS + HOUR_MS
        world.hub_night()
    for number, op_id in world.hub.rows("SELECT id, op_id FROM cases WHERE closed_ms IS NULL"):
        if op_id in waits:
            with world.hub.store.turn() as turn:
                assert casework.act(turn, world.hub.office, number, 0, casework.DISMISS, "李娜", "burnt")
            world.losses.dismissed.add(op_id)
            world.marks["dismissed: it waited for what was lost"] += 1
    return was_late or bool(waits)


def _found(world: World, pc: Pc) -> None:
    """What was stolen stands in a shop again and speaks; nobody listens."""
    pc.uplink.is_unplugged = False
    world.marks["lost PC came to light"] += 1
    if pc.runs:
        world.contact(pc, world.storm.chance)

"""What a member may still spend, at which tills, and what headquarters keeps for it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from agent.journal.log import EPOCH_STEP
from agent.store import cells
from points.fund import points_moved
from points.holding import ADVANCE, POT
from points.rights import Rights
from tests.chain import gifts
from tests.chain.pc import Pc

if TYPE_CHECKING:
    from tests.chain.world import World


def left(held: Rights) -> tuple[int, int]:
    left_a = 0 if held.closed else sum(granted - used for _, granted, used in held.allowance)
    return sum(left for _, left in held.local), left_a


def unposted(world: World, pc: Pc, only: int) -> list[dict[str, Any]]:
    lane = pc.identity.lane
    at = (lane.store, lane.till, lane.epoch)
    heads = world.hub.rows("SELECT seq FROM lanes WHERE store = ? AND till = ? AND epoch = ?", *at)
    reached = lane.epoch * EPOCH_STEP + (heads[0][0] if heads else 0)
    last = (lane.epoch + 1) * EPOCH_STEP
    where, arguments = ("", ()) if not only else (" AND m = ?", (only,))
    rows = pc.disk.database.execute(
        "SELECT body FROM ops WHERE pos > ? AND pos < ?" + where, (reached, last, *arguments)
    ).fetchall()
    rows += world.hub.rows("SELECT body FROM waiting WHERE store = ? AND till = ? AND epoch = ?", *at)
    bodies = [json.loads(bytes(body)) for (body,) in rows]
    return [body for body in bodies if "fund" in body and (not only or body.get("m") == only)]


def fault(world: World, m: int) -> str:
    """How all tills together may spend more than was seen to be earned and not spent, if they may."""
    sums = world.witness.members.get(m)
    if sums is None or world.witness.is_doubtful(m):
        return ""
    spendable = 0
    for pc in world.every_pc():
        row = pc.disk.database.execute("SELECT cell FROM rights WHERE m = ?", (m,)).fetchone()
        if row is not None:
            spendable += sum(left(cells._rights(row[0])))
    spendable += sum(gift.pts for gift in gifts.given(world, m).values() if gift.is_on_its_way)
    given_up = _given_up(world, m)
    reserved = sum(
        n
        for intent, n in world.hub.rows("SELECT intent, pts FROM reserved WHERE m = ?", m)
        if not intent.startswith((POT, ADVANCE)) and intent not in given_up
    )
    ended = sum(  # what was spent by an authorisation is out of the wallet before its reservation is
        n
        for pc in world.every_pc()
        for body in unposted(world, pc, m)
        for act, n in points_moved(body["fund"])
        if act == "auth"
    )
    if spendable + max(0, reserved - ended) > sums.left + world.losses.exposed[m]:
        return (
            f"all tills together may spend {spendable} points of member {m} and {reserved - ended} are"
            f" reserved, but only {sums.left} were earned and not spent"
        )
    return ""


def _given_up(world: World, m: int) -> set[str]:
    """The intents that tills have ended without spending; a headquarters that was put back may not know."""
    rows = [
        row
        for pc in world.every_pc()
        for row in pc.disk.database.execute("SELECT body FROM ops WHERE kind = 'auth.void' AND m = ?", (m,))
    ]
    return {ref for (body,) in rows for ref in json.loads(bytes(body))["refs"]}

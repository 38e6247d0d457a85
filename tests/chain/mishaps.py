"""What happens to the PCs of a chain: clocks jump, disks fill, old copies come back, devices are replaced."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

from tests.chain import laws
from tests.chain.pc import Pc
from tests.chain.plan import DAY_MS, HOUR_MS, Item

if TYPE_CHECKING:
    from tests.chain.world import World

YEAR_MS = 365 * DAY_MS


def jump(world: World, pc: Pc, dice: random.Random) -> None:
    """A wall clock is suddenly elsewhere; half of the time the PC is switched off and on."""
    far = dice.choice((DAY_MS, -DAY_MS, 3 * DAY_MS, -3 * DAY_MS, 30 * YEAR_MS, -30 * YEAR_MS, 73 * YEAR_MS))
    pc.clock.ahead_ms += far
    world.marks["clock jump of years" if abs(far) > YEAR_MS else "clock jump of a day"] += 1
    if pc.runs and dice.random() < 0.5:
        pc.stop()
        world.boot(pc)


def fill_disk(world: World, pc: Pc, dice: random.Random) -> None:
    """Nothing can be written for some hours."""
    pc.full = True
    if pc.runs:
        pc.arm("full", 0)

    def free() -> None:
        pc.full = False
        pc.disarm()

    world.after(dice.randrange(1, 8) * HOUR_MS, free)


def put_copy_back(world: World, pc: Pc) -> None:
    """Somebody puts an old copy of the database in its place; the second file stays."""
    if pc.runs and not pc.full and pc.disk.copy is not None:
        pc.stop()
        pc.disk.put_copy_back()
        world.witness.forget_papers(*pc.name)
        world.marks["old database put back"] += 1
        world.boot(pc)
        laws.at_any_moment(world, pc)


def copy_headquarters(world: World, item: Item) -> None:
    """Headquarters' database is copied; hours later its disk fails, and the copy is put in its place."""

    def put_back() -> None:
        if world.hub.copy is not None:
            world.hub.put_copy_back()
            world.marks["headquarters put back"] += 1

    world.hub.keep_copy()
    world.after(item.more, put_back)


def cut_line(world: World, pc: Pc, length_ms: int) -> None:
    """This PC alone cannot reach headquarters for some hours; its sister tills hear it."""
    if pc.uplink.is_unplugged:
        return
    pc.uplink.is_unplugged = True
    world.marks["line of one till out"] += 1

    def over() -> None:
        if not pc.is_missing and not pc.is_replaced:
            pc.uplink.is_unplugged = False

    world.after(length_ms, over)


def replace(world: World, item: Item, dice: random.Random) -> None:
    """Another PC takes a till's place while the old one is away, or still sells somewhere."""
    pcs = world.pcs[item.store, item.till]
    if len(pcs) > 2 or not world.hub.is_up:
        return
    old = pcs[-1]
    old.is_replaced = True
    world.witness.forget_papers(*old.name)
    old.uplink.is_unplugged = True
    pcs.append(world.new_pc(item.store, item.till))
    world.marks["device replaced"] += 1
    world.boot(pcs[-1])
    world.contact(pcs[-1], dice)
    if dice.random() < 0.5:
        world.after(dice.randrange(1, 30) * HOUR_MS, lambda: old_device_back(world, old))


def old_device_back(world: World, pc: Pc) -> None:
    """A replaced PC has a network again."""
    pc.uplink.is_unplugged = False
    world.marks["old device came back"] += 1
    if pc.runs:
        world.contact(pc, world.storm.chance)

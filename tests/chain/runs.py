"""Many chains: one after the other, or on several cores, counted together."""

from __future__ import annotations

import multiprocessing
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from tests.chain.laws import Violated
from tests.chain.marks import Marks
from tests.chain.plan import Plan, draw
from tests.chain.world import World


@dataclass(slots=True)
class Ran:
    """What became of one seed. ``law`` is the one that was broken, "" for none."""

    seed: int
    law: str = ""
    fingerprint: str = ""
    store_days: int = 0
    operations: int = 0
    cpu_s: float = 0.0
    marks: Marks = field(default_factory=Marks)


def run(plan: Plan) -> Ran:
    """Play one plan."""
    began = time.process_time()
    world = World(plan)
    ran = Ran(plan.seed, store_days=plan.store_days)
    try:
        ran.fingerprint = world.run()
        ran.operations = world.operations()
    except Violated as violated:
        ran.law = str(violated)
    except Exception as error:  # the product has thrown what nobody may throw
        ran.law = f"the product failed: {error!r}"
    finally:
        ran.marks = world.marks
        world.close()
    ran.cpu_s = time.process_time() - began
    return ran


def small(seed: int) -> Plan:
    """A chain for those in a hurry: few stores, few days, and all of the weather; half have several tills."""
    stores = 2 + seed % 2
    tills = (1,) * stores if seed // 4 % 2 else (3, *(1,) * (stores - 1))
    return draw(seed, stores=stores, days=2, members=(3, 8)[seed // 2 % 2] * stores, tills=tills)


def one(seed: int) -> Ran:
    """Draw and play one seed."""
    return run(draw(seed))


def many(seeds: Iterable[int], jobs: int) -> Iterator[Ran]:
    """Each seed's end, as they come."""
    if jobs <= 1:
        yield from map(one, seeds)
        return
    with multiprocessing.get_context("spawn").Pool(jobs, maxtasksperchild=200) as pool:
        yield from pool.imap_unordered(one, seeds)

"""Many chains: one after the other, or on several cores, counted together."""

from __future__ import annotations

import multiprocessing
import random
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace

from tests.chain.laws import Violated
from tests.chain.marks import Marks
from tests.chain.plan import HOUR_MS, Plan, draw, draw_weather
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
    """A chain for those in a hurry: few stores, few days, and all of the weather.

    Most have several tills; in a fourth PCs are replaced all the time and tills hear each other badly, and
    in half of those PCs are lost too (seeds 6, 14, 22…).
    """
    stores = 2 + seed % 2
    if seed % 4 == 2:
        weather = replace(
            draw_weather(random.Random(f"small/{seed}")), replaced=0.7, outage=0.8, outage_ms=8 * HOUR_MS,
            lan_lose=0.3, lan_late=0.4, lan_double=0.4, lan_outage=0.3, lost=(0.0, 0.5)[seed // 4 % 2],
        )  # fmt: skip
        return draw(seed, weather, stores=2, days=3, members=4, tills=(3, 1), scurries=3)
    tills = (1,) * stores if seed % 4 == 3 else (3, *(1,) * (stores - 1))
    return draw(seed, stores=stores, days=2, members=(3, 8)[seed // 2 % 2] * stores, tills=tills)


def sisters(seed: int) -> Plan:
    """One store of three tills that hear each other, while now and then one of them alone reaches nobody
    else; PCs are replaced, the old ones come back, and goods of one till come back at another."""
    weather = replace(
        draw_weather(random.Random(f"sisters/{seed}")), line_out=0.7,
        replaced=(0.2, 0.6)[seed % 2], outage=0.0, lan_lose=0.1, lan_late=0.3, lan_double=0.4, lan_outage=0.0,
    )  # fmt: skip
    return draw(
        seed, weather, stores=1, days=3, members=2, tills=(3,), scurries=3, elsewhere=True, returns=0.6
    )


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

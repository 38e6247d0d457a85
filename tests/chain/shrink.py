"""A schedule that fails made short: items are left out as long as the chain still breaks a law.

Halves first, then smaller parts, then one by one, as in delta debugging; bounded by a number of tries. What
is left out changes nothing for what stays, because each item has its own chance.
"""

from __future__ import annotations

from tests.chain.laws import Violated
from tests.chain.plan import Plan
from tests.chain.world import World

TRIES_MAX = 150


def law_broken(plan: Plan) -> str | None:
    """The law that a chain breaks, in words; None when it comes to rest."""
    world = World(plan)
    try:
        world.run()
    except Violated as violated:
        return str(violated)
    except Exception as error:  # the product has thrown what nobody may throw
        return f"the product failed: {error!r}"
    finally:
        world.close()
    return None


def shrink(plan: Plan, tries: int = TRIES_MAX) -> tuple[Plan, str]:
    """The shortest schedule that was found to fail, and how it fails."""
    law = law_broken(plan)
    assert law is not None, "only what fails is made short"
    size = len(plan.items) // 2
    while size and tries:
        start = 0
        while start < len(plan.items) and tries:
            tries -= 1
            shorter = plan.without({item.n for item in plan.items[start : start + size]})
            found = law_broken(shorter)
            if found is None:
                start += size
            else:
                plan, law = shorter, found
        size //= 2
    return plan, law

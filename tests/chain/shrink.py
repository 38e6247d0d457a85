"""A schedule that fails made short: items are left out as long as the chain still breaks a law.

Halves first, then smaller parts, then one by one, as in delta debugging; bounded by a number of tries. What
is left out changes nothing for what stays, because each item has its own chance.
"""

from __future__ import annotations

from tests.chain.plan import Plan
from tests.chain.runs import run

TRIES_MAX = 150


def shrink(plan: Plan, tries: int = TRIES_MAX) -> tuple[Plan, str]:
    """The shortest schedule that was found to fail, and how it fails."""
    law = run(plan).law
    assert law, "only what fails is made short"
    size = len(plan.items) // 2
    while size and tries:
        start = 0
        while start < len(plan.items) and tries:
            tries -= 1
            shorter = plan.without({item.n for item in plan.items[start : start + size]})
            found = run(shorter).law
            if found:
                plan, law = shorter, found
            else:
                start += size
        size //= 2
    return plan, law

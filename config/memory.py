"""Memory of a process that takes in batches, or editions of members."""

from __future__ import annotations

import gc

GC_OBJECTS = 200_000


def collect_seldom() -> None:
    """Look for rings of objects seldom.

    A batch makes a hundred thousand objects that die with it and form no rings; looking for rings in
    them took a quarter of the intake's time, and a third of what it takes to learn a region's members.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(GC_OBJECTS, 50, 100)

"""The gate that the storms themselves must pass: each bug of a fixed part of the table is found at once.

The whole table takes some minutes and is a command: ``python -m tests.storms.gate``.
"""

from __future__ import annotations

import pytest

from tests.storms.gate import hunt
from tests.storms.mutants import FAST, KNOWN_HARMLESS, MUTANTS, Surgery

SEEDS_MAX = 12


@pytest.mark.long
@pytest.mark.parametrize("name", FAST)
def test_the_bug_is_found(name: str) -> None:
    assert hunt(name, seeds=SEEDS_MAX).law, f"not found: {name}"


def test_the_table_is_long_enough() -> None:
    assert len(MUTANTS) - len(KNOWN_HARMLESS) >= 50
    assert KNOWN_HARMLESS.keys() <= MUTANTS.keys()
    assert not set(FAST) & KNOWN_HARMLESS.keys()


@pytest.mark.parametrize("name", MUTANTS)
def test_the_bug_can_be_put_in_and_taken_out(name: str) -> None:
    """What it changes is still there to be changed, also when only the command hunts for it."""
    surgery = Surgery()
    try:
        MUTANTS[name](surgery)
        changed = [(place, attribute, place.__dict__[attribute]) for place, attribute, _ in surgery._before]
        assert changed
    finally:
        surgery.undo()
    assert all(place.__dict__[attribute] is not new for place, attribute, new in changed)

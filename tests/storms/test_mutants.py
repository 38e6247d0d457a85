"""The gate that the storms themselves must pass: each bug of a fixed part of the table is found at once.

The whole table takes some minutes and is a command: ``python -m tests.storms.gate``.
"""

from __future__ import annotations

import pytest

from tests.storms.gate import hunt
from tests.storms.mutants import FAST, KNOWN_HARMLESS, MUTANTS

SEEDS_MAX = 12


@pytest.mark.long
@pytest.mark.parametrize("name", FAST)
def test_the_bug_is_found(name: str) -> None:
    assert hunt(name, seeds=SEEDS_MAX).law, f"not found: {name}"


def test_the_table_is_long_enough() -> None:
    assert len(MUTANTS) - len(KNOWN_HARMLESS) >= 50
    assert KNOWN_HARMLESS.keys() <= MUTANTS.keys()
    assert not set(FAST) & KNOWN_HARMLESS.keys()

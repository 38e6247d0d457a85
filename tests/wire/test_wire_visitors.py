"""A part of a store's visitors says which part it is, and has the members of that part alone."""

from __future__ import annotations

from typing import Any

import pytest

from points.wire.faults import Malformed
from points.wire.visitors import OF_A_STORE, PARTS_MAX, ROWS_A_PART, parts_of, read


def test_a_part_is_read() -> None:
    assert read([[1, 4], [5, 1], [9, 1]]) == (1, 4, [[5, 1], [9, 1]])
    assert read([[0, 1]]) == (0, 1, [])
    assert read([[0, 1, "of tomorrow"], [7, 1]]) == (0, 1, [[7, 1]])


@pytest.mark.parametrize(
    "rows",
    [
        [], [[]], [[0]], [["0", "1"]], [[0, True]], [[0, 0]], [[1, 1]], [[-1, 2]], [[0, 3]],
        [[0, 2 * PARTS_MAX]], [[0, 2], [1, 1]], [[0, 1], []], [[0, 1], ["7", 1]], [[0, 1], [True, 1]],
    ],
)  # fmt: skip
def test_one_that_is_none_is_not(rows: list[list[Any]]) -> None:
    with pytest.raises(Malformed):
        read(rows)


def test_parts_are_few_and_grow_with_the_visitors() -> None:
    assert [parts_of(n) for n in (0, 1, ROWS_A_PART, ROWS_A_PART + 1, 10**6)] == [1, 1, 1, 2, PARTS_MAX]
    assert OF_A_STORE == ("phones", "visitors")

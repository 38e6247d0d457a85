"""What a store takes for a row of a member, and what it does not."""

from __future__ import annotations

import pytest

from points.amounts import BadAmount
from points.members import read_row


def test_a_row_names_its_member_and_days_of_the_calendar() -> None:
    lot = ["l", 5, 0, 20261231, 0, "s001"]
    row = [7, 1, "active", 0, 0, "", "", 0, [lot], [20260101, 3]]
    read_one = read_row(row)
    assert (read_one.m, read_one.status, read_one.balance(20261231)) == (7, "active", 5)
    assert read_row([7]).status == "active"
    for wrong in (
        [], [True], ["7"], [*row[:8], [["l", 5, 0, 20261399, 0, "s001"]]],
        [*row[:8], [["l", 5, 20260230, 0, 0, "s001"]]], [*row[:9], [20260000, 3]], [*row[:9], [1, 3]],
    ):  # fmt: skip
        with pytest.raises(BadAmount):
            read_row(wrong)


def test_a_status_of_a_later_version_spends_nothing() -> None:
    for later in ("weird", "", 5, None):
        assert read_row([7, 1, later]).status == "frozen"
    for known_one in ("active", "frozen", "erased", "new"):
        assert read_row([7, 1, known_one]).status == known_one

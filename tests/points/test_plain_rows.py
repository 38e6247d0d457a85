"""A row that is at once seen to be plain is one that the careful reader takes as it is."""

from __future__ import annotations

import copy
import random
from typing import Any

from points.amounts import BadAmount
from points.members import is_plain, read_row

ROW: list[Any] = [
    1030, 7, "active", 1, 1_280, "王*", "1234", 0,
    [["s001-1", 900, 0, 20271231, "std", "s001"], ["s002-4", 380, 20261201, 0, "std", "s002", "more"]],
    [20261119, 20], [20261116, 90], [], ["0123456789abcdef"],
]  # fmt: skip
HOSTILE: list[Any] = [
    None, True, -1, 1.5, 2**31, 2**53, 10**30, "", "x", "20261131", [], [[]], {}, 20261131, 20260229,
    99999999, [20261131, 1], [20261119, -1], [20261119], [["s", 1, 0, 0, "c"]], [["s", -1, 0, 0, "c", "i"]],
    [["s", 1, 20261131, 0, "c", "i"]], [[1, 1, 0, 0, "c", "i"]], [["s", True, 0, 0, "c", "i"]], "frozen",
    "merged",
]  # fmt: skip


def test_what_headquarters_writes_is_plain() -> None:
    assert is_plain(ROW)
    assert is_plain([*ROW, "what a later version adds"])


def test_what_is_plain_is_read_as_it_is() -> None:
    draw = random.Random(11)
    plain = refused = 0
    for _ in range(20_000):
        row = copy.deepcopy(ROW)
        for _ in range(draw.choice((1, 1, 2))):
            place = draw.randrange(len(row))
            if draw.random() < 0.3 and isinstance(row[place], list) and row[place]:
                inner = row[place]
                if isinstance(inner[0], list) and inner[0] and draw.random() < 0.7:
                    inner = inner[0]
                inner[draw.randrange(len(inner))] = copy.deepcopy(draw.choice(HOSTILE))
            else:
                row[place] = copy.deepcopy(draw.choice(HOSTILE))
        if draw.random() < 0.1:
            del row[draw.randrange(len(row)) :]
        if not is_plain(row):
            refused += 1
            continue
        plain += 1
        read = read_row(row)  # raises what is wrong with it
        assert (read.m, read.ver, read.status) == (row[0], row[1], "active")
    assert plain > 1_000
    assert refused > 10_000


def test_the_careful_reader_still_refuses() -> None:
    for place in (0, 1, 3, 7):
        row = copy.deepcopy(ROW)
        row[place] = -1
        assert not is_plain(row)
        try:
            read_row(row)
        except BadAmount:
            continue
        raise AssertionError(place)

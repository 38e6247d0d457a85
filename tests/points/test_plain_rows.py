"""A row that is recognised at sight is one that the careful reader takes as it is."""

from __future__ import annotations

import copy
import json
import random
from typing import Any

import pytest

from points.amounts import BadAmount
from points.members import read_row
from points.plain_rows import recognise
from points.wire import canonical
from points.wire.faults import WireFault

ROW: list[Any] = [
    1030, 7, "active", 1, 1_280, "王*", "1234", 0,
    [["s001-1", 900, 0, 20271231, "std", "s001"], ["s002-4", 380, 20261201, 0, "std", "s002"]],
    [20261119, 20], [20261116, 90], [], ["0123456789abcdef"],
]  # fmt: skip
HOSTILE: list[Any] = [
    None, True, -1, 1.5, 2**31, 2**53, 10**30, "", "x", "20261131", [], [[]], {}, 20261131, 20260229,
    20280229, 99999999, [20261131, 1], [20261119, -1], [20261119], [["s", 1, 0, 0, "c"]],
    [["s", -1, 0, 0, "c", "i"]], [["s", 1, 20261131, 0, "c", "i"]], [[1, 1, 0, 0, "c", "i"]],
    [["s", True, 0, 0, "c", "i"]], "frozen",
    "merged", "e\u0301", "\u00e9", 0, 31, 20260431, 20261231, "a\nb", 'a"b', ["0123456789abcdeg"], ["0123"],
]  # fmt: skip


def line(row: list[Any]) -> str:
    return canonical.write_own(row)


def at_sight(row: list[Any]) -> list[tuple[str, str, str, str]] | None:
    return recognise(line(row), 1)


def test_what_headquarters_writes_is_recognised() -> None:
    assert at_sight(ROW) == [(line(ROW), "1030", "7", "0123456789abcdef")]
    assert at_sight([*ROW[:8], [], *ROW[9:12], []]) == [
        (line([*ROW[:8], [], *ROW[9:12], []]), "1030", "7", "")
    ]
    assert at_sight([*ROW, "what a later version adds"]) is None


def test_what_is_recognised_is_read_as_it_is() -> None:
    draw = random.Random(11)
    plain = refused = 0
    for _ in range(20_000):
        row = copy.deepcopy(ROW)
        for _ in range(draw.choice((1, 1, 2))):
            place = draw.randrange(len(row))
            if draw.random() < 0.5 and isinstance(row[place], list) and row[place]:
                inner = row[place]
                if isinstance(inner[0], list) and inner[0] and draw.random() < 0.7:
                    inner = inner[0]
                inner[draw.randrange(len(inner))] = copy.deepcopy(draw.choice(HOSTILE))
            else:
                row[place] = copy.deepcopy(draw.choice(HOSTILE))
        if draw.random() < 0.1:
            del row[draw.randrange(len(row)) :]
        text = raw(row)
        found = recognise(text, 1)
        if found is None:
            refused += 1
            continue
        plain += 1
        told = canonical.decode_value(text.encode(), 10_000)  # raises what is wrong with how it is written
        assert told == row
        read = read_row(told)  # raises what is wrong with it
        assert (read.m, read.ver, read.status) == (int(found[0][1]), int(found[0][2]), "active")
        assert [found[0][3]] == row[12] or (found[0][3], row[12]) == ("", [])
    assert plain > 1_000
    assert refused > 10_000


def raw(row: list[Any]) -> str:
    """As somebody would write it who does not care what canonical means."""
    return json.dumps(row, ensure_ascii=False, separators=(",", ":"))


@pytest.mark.parametrize(
    "text",
    ["", "[]", "[1030", line(ROW)[:-1], " " + line(ROW), line(ROW) + "\n", line(ROW).replace(",7,", ",07,")],
)
def test_what_is_no_row_is_not_recognised(text: str) -> None:
    assert recognise(text, max(1, text.count("\n") + 1)) is None


@pytest.mark.parametrize("control", ["\x00", "\x0b", "\x1f", "\x7f"])
def test_a_control_character_is_never_recognised(control: str) -> None:
    assert recognise(line(ROW).replace("王", control), 1) is None


def test_a_code_is_the_head_of_a_hash() -> None:
    for tag in ("0123456789abcdeg", "0123456789ABCDEF", "0123456789abcde", "0123456789abcdef0"):
        assert at_sight([*ROW[:12], [tag]]) is None


def test_one_that_is_not_plain_makes_all_be_read_with_care() -> None:
    rows = [ROW, [*ROW[:2], "frozen", *ROW[3:]], ROW]
    assert recognise("\n".join(map(line, rows)), 3) is None
    assert recognise("\n".join(map(line, [ROW, ROW])), 2) is not None


def test_the_careful_reader_still_refuses() -> None:
    for place in (0, 1, 3, 7):
        row = copy.deepcopy(ROW)
        row[place] = -1
        assert at_sight(row) is None
        with pytest.raises(BadAmount):
            read_row(row)


def test_words_that_are_not_in_their_one_form_are_not_recognised() -> None:
    row = copy.deepcopy(ROW)
    row[5] = "e\u0301*"
    assert at_sight(row) is None
    with pytest.raises(WireFault):
        canonical.decode_value(raw(row).encode(), 10_000)

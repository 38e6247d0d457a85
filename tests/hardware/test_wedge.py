"""A scanner that types is told from a person who types.

`JIFEN_WEDGE_STREAMS=10000` runs the long form of the streams.
"""

from __future__ import annotations

import os
import random

import pytest

from hardware.wedge import KEYS_MAX, Tempo, Wedge, code_shape

STREAMS = int(os.environ.get("JIFEN_WEDGE_STREAMS", "1500"))
CODE = "M12345678901234567890" + "5"


def typed(wedge: Wedge, text: str, gaps: list[int], start_ms: int, enter_gap: int) -> tuple[str | None, int]:
    now = start_ms
    for character, gap in zip(text, [0, *gaps], strict=False):
        now += gap
        wedge.key(character, now)
    now += enter_gap
    return wedge.terminator(now), now


@pytest.mark.parametrize("gap", [0, 2, 10, 30, 35])
def test_a_scanner_is_heard(gap: int) -> None:
    assert typed(Wedge(), CODE, [gap] * 21, 1_000, gap)[0] == CODE


@pytest.mark.parametrize(
    ("text", "gap", "enter_gap", "why"),
    [
        (CODE, 36, 36, "mean gap"),
        (CODE, 66, 66, "a person"),
        (CODE, 10, 101, "the terminator came late"),
        ("M12345", 5, 5, "shape"),
        ("13800138000", 5, 5, "a phone is typed by people"),
        ("6901234567892", 5, 5, "so is an EAN"),
        ("hello cashier", 0, 0, "a burst of words"),
        (CODE.lower(), 5, 5, "shape"),
    ],
)
def test_what_lacks_shape_or_tempo_is_a_persons(text: str, gap: int, enter_gap: int, why: str) -> None:
    assert typed(Wedge(), text, [gap] * len(text), 0, enter_gap)[0] is None, why


def test_one_long_gap_spoils_a_scan() -> None:
    gaps = [5] * 21
    gaps[10] = 101
    assert typed(Wedge(), CODE, gaps, 0, 5)[0] is None


def test_without_a_terminator_nothing_leaves() -> None:
    wedge = Wedge()
    for i, character in enumerate(CODE):
        wedge.key(character, i)
    assert typed(wedge, "", [], 5_000, 0)[0] is None


def test_keys_of_a_person_before_the_scan_do_not_spoil_it() -> None:
    wedge = Wedge()
    wedge.key("1", 0)
    wedge.key("2", 70)
    assert typed(wedge, CODE, [8] * 21, 160, 8)[0] == CODE


def test_the_end_of_a_longer_scan_that_stuttered_is_no_code() -> None:
    """A receipt's 460 digits do not fit the ring; their last 20 must not pass for a payment code."""
    wedge, now = Wedge(), 0
    for i in range(460):
        now += 60 if i == 440 else 2
        wedge.key("7", now)
    assert wedge.terminator(now + 2) is None


def test_a_prefix_is_asked_for_and_taken_off() -> None:
    wedge = Wedge(prefix="~")
    assert typed(wedge, "~" + CODE, [5] * 22, 0, 5)[0] == CODE
    assert typed(wedge, CODE, [5] * 21, 9_000, 5)[0] is None


def test_the_caller_may_ask_for_more_than_a_shape() -> None:
    wedge = Wedge(shape=lambda text: code_shape(text) and text.endswith("0"))
    assert typed(wedge, CODE, [5] * 21, 0, 5)[0] is None


def test_no_more_than_the_ring_is_remembered() -> None:
    wedge = Wedge()
    for i in range(500):
        wedge.key("x", i)
    assert len(wedge._keys) == KEYS_MAX
    wedge.other()
    assert len(wedge._keys) == 0
    wedge.key("x", 1_000)
    wedge.key("y", 9_000)
    assert len(wedge._keys) == 1, "a pause forgets the line before it"


HUMAN = [
    "hello",
    "13800138000",
    "88.50",
    "1280",
    "zhang san",
    "6901234567892",
    "F2",
    "M123",
    "110101199003074512",
]
BURST = [
    line for line in HUMAN if not code_shape(line)
]  # an ID number in a burst has a code's shape: see README


def member_code(dice: random.Random) -> str:
    return "M" + "".join(dice.choice("0123456789") for _ in range(21))


def test_streams_of_scanners_and_people() -> None:
    """Nothing a person typed is taken; 999 of 1000 scans are."""
    dice = random.Random(20261121)
    scans = taken = 0
    for stream in range(STREAMS):
        wedge, now = Wedge(), 0
        for _ in range(dice.randint(2, 6)):
            now += dice.randint(150, 3_000)
            if dice.random() < 0.5:
                code = member_code(dice)
                mean = dice.randint(2, 30)
                gaps = [max(0, mean + dice.randint(-2, 2)) for _ in code]
                if dice.random() < 0.1:
                    gaps = [0] * len(code)  # delivered late and in one burst
                if dice.random() < 0.2:  # a person types a little, then pulls the trigger
                    for character in dice.choice(["1", "12", "88.5"]):
                        now += dice.randint(60, 95)
                        wedge.key(character, now)
                    now += dice.randint(60, 400)
                found, now = typed(wedge, code, gaps[1:], now, gaps[-1])
                scans += 1
                taken += found == code
                assert found in (code, None), f"stream {stream}: {found}"
            else:
                burst = dice.random() < 0.2
                line = dice.choice(BURST if burst else HUMAN)
                gaps = [0 if burst else dice.randint(60, 250) for _ in line]
                found, now = typed(wedge, line, gaps[1:], now, gaps[-1])
                assert found is None, f"stream {stream}: a person's {line!r} was taken"
    assert taken >= scans * 999 // 1000, f"{taken} of {scans}"


def test_with_timing_alone_a_persons_burst_would_be_taken() -> None:
    """The negative control: without the shape, the rule above fails."""
    wedge = Wedge(shape=lambda text: True, tempo=Tempo())
    assert typed(wedge, "13800138000", [0] * 11, 0, 0)[0] == "13800138000"

"""What a program says that it can read: heard with every hello, hostile or not."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from wire_vectors import ASKED

from points.wire import canonical, dialect, hello
from points.wire.dialect import Dialect
from points.wire.faults import Malformed
from points.wire.fields import Fields


@pytest.mark.parametrize("told", [Dialect(), Dialect(1, 3), Dialect(2, 2, ("v", "redeem.share", "天气"))])
def test_what_is_said_is_heard(told: Dialect) -> None:
    assert dialect.read(Fields(dialect.tell(told))) == told
    raw = hello.ask(replace(ASKED, dialect=told))
    assert hello.read(raw).dialect == told
    assert ("speaks" in json.loads(raw)["x"]) == (told != Dialect()), "who has nothing to say says nothing"


@pytest.mark.parametrize(
    "speaks",
    [
        [], {}, {"reads": [1, 1]}, {"lacks": []}, {"reads": [1], "lacks": []}, {"reads": [2, 1], "lacks": []},
        {"reads": [0, 1], "lacks": []}, {"reads": [True, 1], "lacks": []}, {"reads": [1, 2**16], "lacks": []},
        {"reads": "11", "lacks": []}, {"reads": [1, 1], "lacks": [""]}, {"reads": [1, 1], "lacks": [1]},
        {"reads": [1, 1], "lacks": ["a\n"]}, {"reads": [1, 1], "lacks": ["x" * 65]},
        {"reads": [1, 1], "lacks": ["x"] * 33},
    ],
)  # fmt: skip
def test_what_is_misshapen_is_refused(speaks: Any) -> None:
    question = json.loads(hello.ask(ASKED))
    question["x"]["speaks"] = speaks
    with pytest.raises(Malformed):
        hello.read(canonical.encode(question))


def test_arrays_may_grow_and_unknown_keys_are_passed_over() -> None:
    told = dialect.read(Fields({"reads": [1, 2, 7], "lacks": ["v"], "new": {"x": 1}}))
    assert told == Dialect(1, 2, ("v",))


@pytest.mark.parametrize(
    ("one", "other", "common"),
    [
        ((1, 1), (1, 1), 1),
        ((1, 2), (1, 1), 1),
        ((1, 2), (2, 3), 2),
        ((1, 1), (2, 3), None),
        ((3, 4), (1, 2), None),
    ],
)
def test_two_programs_speak_the_newest_form_that_both_know(
    one: tuple[int, int], other: tuple[int, int], common: int | None
) -> None:
    assert Dialect(*one).common(Dialect(*other)) == Dialect(*other).common(Dialect(*one)) == common

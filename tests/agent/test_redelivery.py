"""Whatever order a lane is delivered in again, it is delivered whole in the end."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from agent.replay import redelivery


def delivered(seed: int, count: int, steps_max: int) -> int:
    """A lane heard by one who accepts only what comes next; gives how many were accepted."""
    paths = [Path(f"{i:04}") for i in range(count)]
    queue = redelivery.out_of_order(paths, random.Random(seed))
    assert len(queue) == count * redelivery.TIMES
    heard = 0
    for _ in range(steps_max):
        if not queue:
            break
        path = queue.pop(0)
        n = int(path.name)
        if n > heard:
            queue.insert(redelivery.LATER, path)
        elif n == heard:
            heard += 1
    return heard


@pytest.mark.parametrize("seed", range(8))
def test_every_envelope_comes_in_the_end(seed: int) -> None:
    assert delivered(seed, 3_000, 60_000) == 3_000


def test_what_is_put_back_too_near_takes_turns_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(redelivery, "LATER", redelivery.JITTER)
    assert delivered(0, 3_000, 60_000) < 3_000

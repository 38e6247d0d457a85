"""The measuring frame counts rightly: it is given clocks that tick as a test says."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from rounds import Bench, Contender, Work, measure, quantile, report, table


class Clock:
    """A clock that only work moves."""

    def __init__(self) -> None:
        self.now = 0
        self.order: list[str] = []

    def contender(self, name: str, cost: int) -> Contender:
        @contextmanager
        def open_it(folder: Path) -> Iterator[Work]:
            self.order.append(name)
            assert list(folder.iterdir()) == [], "each round has a folder of its own"
            self.now += 1_000_000  # preparing is not measured

            def work(i: int) -> None:
                self.now += cost * (10 if i == 99 else 1)

            yield work

        return Contender(name, open_it)


def benched(*costs: int, operations: int = 1) -> tuple[Clock, dict[str, object], str]:
    clock = Clock()
    bench = Bench("clocks", [clock.contender(f"c{n}", cost) for n, cost in enumerate(costs)], 100, operations)
    scores = measure(bench, 5, wall=lambda: clock.now, cpu=lambda: clock.now // 2)
    done = report(bench, scores)
    return clock, done, table([done])


def test_contenders_take_turns_to_begin() -> None:
    clock, _, _ = benched(1_000, 2_000)
    assert clock.order[:6] == ["c0", "c1", "c1", "c0", "c0", "c1"]


def test_ratios_are_against_the_first_contender() -> None:
    _, done, text = benched(1_000, 3_000)
    contenders = done["contenders"]
    assert isinstance(contenders, list)
    first, second = contenders
    assert first["p50_ns"] == {"median": 1_000, "min": 1_000, "max": 1_000}
    assert second["p50_ratio"]["median"] == 3.0
    assert first["per_second"]["median"] == 100 * 10**9 // 109_000
    assert first["cpu_ns"]["median"] == 109_000 // 2 // 100
    assert "3.00" in text
    assert "1.0 µs" in text


def test_a_call_of_many_operations_is_shared_out() -> None:
    _, done, _ = benched(50_000, operations=50)
    contenders = done["contenders"]
    assert isinstance(contenders, list)
    assert contenders[0]["p50_ns"]["median"] == 1_000


def test_the_slowest_of_a_hundred_is_beyond_the_p99() -> None:
    ordered = list(range(1, 101))
    assert [quantile(ordered, per_cent) for per_cent in (1, 50, 99, 100)] == [1, 50, 99, 100]
    assert quantile([7], 99) == 7

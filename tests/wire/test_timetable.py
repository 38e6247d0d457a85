"""The minute of a store's night: its own, evenly spread, another one each night."""

from __future__ import annotations

from collections import Counter
from hashlib import sha256

from points.wire.timetable import slot

NIGHTS = [20261100 + day for day in range(1, 29)]


def test_it_is_the_rule_of_the_page() -> None:
    for store, night in (("s001", 20261119), ("上海一店", 20270101)):
        head = sha256(f"{store}|{night}".encode()).hexdigest()[:16]
        assert slot(store, night, 240) == int(int(head, 16) / 2**64 * 240)


def test_stores_are_spread_over_the_whole_window() -> None:
    minutes = Counter(slot(f"s{i:05d}", 20261119, 240) for i in range(10_000))
    assert set(minutes) == set(range(240))
    assert max(minutes.values()) < 80, "about forty each"


def test_nobody_is_always_the_last() -> None:
    for i in range(50):
        nights = [slot(f"s{i:05d}", night, 240) for night in NIGHTS]
        assert len(set(nights)) > 20
        assert min(nights) < 60 < 180 < max(nights)

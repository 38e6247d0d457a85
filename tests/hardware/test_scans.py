"""A scan: its id, its repeats, and its silence about what was read."""

from __future__ import annotations

from hardware.page_scanner import PageScanner
from hardware.scans import CROCKFORD, Desk, Health, Scan, ulid


def desk() -> Desk:
    return Desk("page://", wall_ms=lambda: 1_790_000_000_000, random=lambda n: bytes(range(n)))


def test_the_same_text_within_a_moment_is_one_scan() -> None:
    counter = desk()
    assert counter.take("M1", 0) is not None
    assert counter.take("M1", 1_199) is None
    assert counter.take("M1", 2_398) is None, "a held trigger goes on being one scan"
    assert counter.take("M1", 3_598) is not None
    assert (counter.delivered, counter.repeats) == (2, 2)


def test_another_text_is_another_scan_at_once() -> None:
    counter = desk()
    assert [counter.take(text, 0) is not None for text in ("M1", "M2", "M1")] == [True, True, True]


def test_an_id_sorts_by_time_and_is_the_known_one() -> None:
    # The example of the ULID specification: 1469918176385 ms is 01ARYZ6S41.
    assert ulid(1469918176385, bytes(10)) == "01ARYZ6S41" + "0" * 16
    assert ulid(1, b"\xff" * 10) < ulid(2, bytes(10))
    assert set(ulid(2**48 - 1, b"\xa5" * 10)) <= set(CROCKFORD)


def test_what_was_scanned_is_not_shown_by_accident() -> None:
    scan = Scan("01ARYZ6S41", "134567890123456789", "page://", 5)
    assert "134567890123456789" not in f"{scan!r} {scan}"


def test_a_page_hands_over_its_scans() -> None:
    heard: list[Scan] = []
    page = PageScanner("page://")
    assert page.hear("M1") is None, "nobody listens yet"
    assert page.wellbeing().health is Health.CONNECTING
    page.start(heard.append)
    page.hear(" M1\r\n", at_ms=1)
    page.hear("M1", at_ms=2)
    page.hear("  ", at_ms=3)
    assert [scan.text for scan in heard] == ["M1"]
    assert page.counts() == {"scans": 1, "repeats": 1}
    page.stop()
    assert page.hear("M2") is None

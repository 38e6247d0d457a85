"""Headquarters' night: expiry is posted once it is final, and once; lateness mends it; blobs are swept."""

from __future__ import annotations

import json

import pytest
from headquarters import DAY_MS, Headquarters
from pretend_till import PretendTill, points_of

from config.night_window import NightWindow
from hub.night import Night
from hub.verify import verify
from points.members import ROW_ENTRIES

YEAR_MS = 366 * DAY_MS


@pytest.fixture
def night(hq: Headquarters) -> Night:
    return Night(hq.office, NightWindow(0, 240))


def expired(hq: Headquarters) -> int:
    return (
        hq.rows("SELECT coalesce(sum(pts), 0) FROM postings WHERE credit LIKE 'x.expire:%'")[0][0]
        - hq.rows("SELECT coalesce(sum(pts), 0) FROM postings WHERE debit LIKE 'x.expire:%'")[0][0]
    )


def test_expiry_is_final_only_when_every_holder_has_passed_the_day(
    hq: Headquarters, till: PretendTill, night: Night
) -> None:
    m, quiet = till.enrol(), till.enrol()
    till.earn(m, 100)
    till.earn(quiet, 50)
    till.op("rights.return", quiet, fund=[["back_l", 50]])
    till.send()
    assert night.run() == 0, "nothing has expired"
    hq.clock.now_ms += YEAR_MS
    assert night.run() == 50, "the till still holds 100 and has not told of a later day"
    assert expired(hq) == 50
    till.st = hq.clock.now_ms
    other = till.enrol()
    till.earn(other, 1)
    till.send()
    assert night.run() == 100
    assert night.run() == 0, "twice is once"
    assert expired(hq) == 150
    assert verify(hq.office).faults == []


def test_a_clock_that_runs_ahead_passes_no_day(hq: Headquarters, till: PretendTill, night: Night) -> None:
    m = till.enrol()
    till.earn(m, 100)
    till.st += 3 * YEAR_MS
    till.earn(till.enrol(), 1)
    till.send()
    hq.clock.now_ms += YEAR_MS
    assert night.run() == 0


def test_what_comes_late_mends_what_was_posted(
    hq: Headquarters, till: PretendTill, night: Night, other: PretendTill
) -> None:
    m = till.enrol()
    sale = till.earn(m, 100)
    till.op("rights.return", m, fund=[["back_l", 100]])
    till.send()
    other.st = till.st
    other.redeem(m, 30, ["trust", 30])  # before the expiry, and told a year later
    hq.clock.now_ms += YEAR_MS
    assert night.run() == 100
    other.send()
    assert expired(hq) == 70
    assert verify(hq.office).faults == []
    till.st = hq.clock.now_ms
    till.refund(m, sale, 10_000)
    till.send()
    assert verify(hq.office).faults == []
    assert night.run() == 0
    assert points_of(hq, m)[1] in (0, 30)


def test_the_night_is_due_when_its_window_opens_or_was_missed(hq: Headquarters, night: Night) -> None:
    assert night.is_due(), "no night was ever done"
    night.run()
    assert not night.is_due()
    hq.clock.now_ms += DAY_MS // 2 - 1
    assert not night.is_due(), "it is one millisecond to midnight"
    hq.clock.now_ms += 1
    assert night.is_due(), "its window opens"
    night.look()
    assert not night.is_due()
    hq.clock.now_ms += DAY_MS + DAY_MS // 2
    assert night.is_due(), "it is noon, and it was off in the night"
    noon = hq.clock.now_ms
    hq.clock.now_ms += 70 * 365 * DAY_MS
    night.look()
    hq.clock.now_ms = noon
    assert night.is_due(), "the clock was far ahead in one night, and is right again"
    night.look()
    assert not night.is_due()


def test_blobs_are_swept_a_day_after_nobody_names_them(
    hq: Headquarters, till: PretendTill, night: Night
) -> None:
    for n in range(5):
        till.earn(till.enrol(), 10 + n)
        till.send()
        till.members()
        till.page()
    before = hq.rows("SELECT count(*) FROM blobs")[0][0]
    older = till.manifest("members", "main")
    till.earn(till.enrol(), 10)
    till.send()
    night.run()
    assert hq.rows("SELECT count(*) FROM blobs")[0][0] >= before, "marked, and still there"
    for piece in older.chunks:
        assert till.call("GET", f"/v1/blob/{piece.sha}").status == 200
    hq.clock.now_ms += 2 * DAY_MS
    night.run()
    assert hq.rows("SELECT count(*) FROM blobs")[0][0] < before
    assert len(till.members()) == 6
    assert till.page()
    assert hq.shop("s002").till.rules is not None, "a new till finds everything it needs"


def test_scheduler_starts_and_stops(hq: Headquarters, night: Night) -> None:
    night.start()
    night.stop()


def lots(hq: Headquarters, m: int) -> list[str]:
    ((row,),) = hq.rows('SELECT "row" FROM members WHERE m = ?', m)
    return [lot[0].partition(".")[0] for lot in json.loads(row)[8]]


def test_a_lot_whose_expiry_is_posted_leaves_the_row_and_nothing_is_told_of_it(
    hq: Headquarters, till: PretendTill, night: Night
) -> None:
    m = till.enrol()
    old = till.earn(m, 100, add=False)
    till.send()
    hq.clock.now_ms += YEAR_MS
    till.st = hq.clock.now_ms
    fresh = till.earn(m, 7, add=False)
    till.send()
    assert lots(hq, m) == [old["id"], fresh["id"]], "it is not posted yet"
    assert night.run() == 100
    assert lots(hq, m) == [fresh["id"]]
    told = till.members()[m]
    assert [lot[1] for lot in told[8]] == [7]
    assert len(told) == ROW_ENTRIES, "what headquarters notes for itself is not told"
    assert night.run() == 0
    till.earn(m, 5, add=False)
    till.send()
    assert points_of(hq, m) == (12, 0)
    till.redeem(m, 10, ["trust", 10])
    till.send()
    assert points_of(hq, m) == (2, 0)


@pytest.mark.parametrize("back", [3_300, 10_000])
def test_a_refund_after_the_lot_has_left_is_exact(
    hq: Headquarters, till: PretendTill, night: Night, back: int
) -> None:
    """A part of the lot was spent in time, the rest expired: the rest is clawed first."""
    m = till.enrol()
    sale = till.earn(m, 100, add=False)
    till.redeem(m, 40, ["trust", 40])
    till.send()
    hq.clock.now_ms += YEAR_MS
    till.st = hq.clock.now_ms
    till.earn(m, 50, add=False)
    till.send()
    assert night.run() == 60
    till.refund(m, sale, back)
    till.send()
    clawed = 33 if back == 3_300 else 100
    assert expired(hq) == max(0, 60 - clawed), "what is clawed had not expired after all"
    assert points_of(hq, m) == (50 - max(0, clawed - 60), 0)
    assert night.run() == 0
    assert points_of(hq, m) == (50 - max(0, clawed - 60), 0)


def test_a_spend_of_an_earlier_day_still_finds_the_lot_that_left(
    hq: Headquarters, till: PretendTill, other: PretendTill, night: Night
) -> None:
    m = till.enrol()
    old = till.earn(m, 100, add=False)
    till.st += 100 * DAY_MS
    fresh = till.earn(m, 50, add=False)
    hq.clock.now_ms = till.st
    till.send()
    hq.clock.now_ms += YEAR_MS - 100 * DAY_MS
    assert night.run() == 100
    assert lots(hq, m) == [fresh["id"]]
    other.st = till.st + DAY_MS
    other.redeem(m, 30, ["trust", 30])
    other.send()
    assert expired(hq) == 70, "it was spent in its time, from the lot of its time"
    assert points_of(hq, m) == (50, 0)
    assert old["id"] not in lots(hq, m)
    other.st = hq.clock.now_ms
    other.redeem(m, 50, ["trust", 50])
    other.send()
    assert points_of(hq, m) == (0, 0)

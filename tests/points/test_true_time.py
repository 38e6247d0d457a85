"""What time it really was: by headquarters' signed time and the clock that counts sleep, not by the wall."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from points.true_time import BEYOND_BELIEF_MS, Found, Heard, Quality, Told, fixed, true_times

NOON, HOUR, DAY = 1_795_060_800_000, 3_600_000, 86_400_000
YEARS = 73 * 365 * DAY
MONDAY = Heard(NOON, "mon", 5 * HOUR)
EXACT, BETWEEN, BOUND = Quality.EXACT, Quality.INTERPOLATED, Quality.BOUNDED


def told(boot: str, mono: int, wall: int) -> Told:
    return Told(boot, mono, wall)


def times(found: list[Found | None]) -> list[int | None]:
    return [one and one.ms for one in found]


def known(found: list[Found | None]) -> list[tuple[int, Quality] | None]:
    return [one and (one.ms, one.quality) for one in found]


def test_of_one_boot_the_wall_says_nothing() -> None:
    for wall in (NOON + HOUR, NOON + YEARS, 0):
        ops = [told("mon", mono * HOUR, wall + (mono - 6) * HOUR) for mono in (4, 6, 30)]
        cut = told("mon", 31 * HOUR, wall + 25 * HOUR)
        found = true_times(ops, cut, MONDAY)
        assert times(found) == [NOON - HOUR, NOON + HOUR, NOON + 25 * HOUR]
        assert {one.quality for one in found if one} == {EXACT}


def test_a_wall_that_jumped_thirty_years_back_in_between_is_seen_and_changes_nothing() -> None:
    ops = [told("mon", 6 * HOUR, NOON + HOUR), told("mon", 7 * HOUR, NOON + 2 * HOUR - 30 * 365 * DAY)]
    cut = told("mon", 8 * HOUR, NOON + 3 * HOUR - 30 * 365 * DAY)
    assert known(true_times(ops, cut, MONDAY)) == [(NOON + HOUR, BETWEEN), (NOON + 2 * HOUR, EXACT)]
    nearly = [told("mon", 6 * HOUR, NOON + HOUR - 60_001), told("mon", 6 * HOUR, NOON + HOUR - 60_000)]
    steady = told("mon", 8 * HOUR, NOON + 3 * HOUR)
    assert [one.quality for one in true_times(nearly, steady, MONDAY) if one] == [BETWEEN, EXACT]


def test_a_boot_in_which_nobody_was_heard_lies_between() -> None:
    tuesday = Heard(NOON + DAY, "tue", HOUR)
    right = [told("mon", 6 * HOUR, NOON + HOUR), told("night", 1_000, NOON + 9 * HOUR), told("tue", HOUR, 0)]
    cut = told("tue", 2 * HOUR, NOON + DAY + HOUR)
    found = true_times(right, cut, tuesday, [MONDAY])
    assert times(found) == [NOON + HOUR, NOON + 9 * HOUR, NOON + DAY], "by its wall, which can be"
    assert [one.quality for one in found if one] == [BETWEEN, BETWEEN, BETWEEN]
    for wall in (0, NOON + YEARS, NOON + 30 * DAY):
        lost = [right[0], told("night", 1_000, wall), told("night", 1_000 + HOUR, wall + HOUR), right[2]]
        found = true_times(lost, cut, tuesday, [MONDAY])
        middle = NOON + HOUR + (DAY - HOUR - HOUR) // 2
        assert times(found) == [NOON + HOUR, middle, middle + HOUR, NOON + DAY], (
            "in the middle, an hour apart"
        )


def test_what_is_known_from_one_side_is_bounded() -> None:
    ops = [told("a", 1_000, 0), told("a", 1_000 + HOUR, HOUR)]
    cut = told("mon", 6 * HOUR, NOON + HOUR)
    assert known(true_times(ops, cut, MONDAY)) == [(NOON - HOUR, BOUND), (NOON, BOUND)]
    later = told("b", 9, 9)
    monday = told("mon", 5 * HOUR, NOON)
    assert known(true_times([monday, *ops], later, MONDAY))[1:] == [(NOON, BOUND), (NOON + HOUR, BOUND)]
    near = [monday, told("a", 1_000, NOON + 2 * HOUR)]
    assert times(true_times(near, later, MONDAY))[1] == NOON + 2 * HOUR
    assert true_times(ops, cut, None) == [None, None], "of nothing nothing is known"


def test_when_an_earlier_batch_was_cut_bounds_nothing() -> None:
    """A backlog is cut at once: what its second batch holds was recorded before the first one was sent."""
    backlog = [told("a", 1_000, NOON - 40 * HOUR)]
    cut = told("mon", 6 * HOUR, NOON + HOUR)
    first = true_times(backlog, told("b", 9, 9), None, [MONDAY])
    assert first == [None]
    assert known(true_times(backlog, cut, MONDAY, [MONDAY])) == [(NOON, BOUND)], "before Monday, that is all"
    assert fixed(NOON - 40 * HOUR, true_times(backlog, cut, MONDAY, [MONDAY])[0]) is None


def test_where_something_is_only_thought_to_be_bounds_nothing() -> None:
    """Of two boots before the first that was heard nothing is known but that they were before it."""
    ops = [
        told("a", 1_000, NOON - 90 * HOUR),
        told("b", 1_000, NOON - 40 * HOUR),
        told("mon", 5 * HOUR, NOON),
    ]
    found = true_times(ops, told("mon", 6 * HOUR, NOON + HOUR), MONDAY)
    assert [(one.low, one.high) for one in found if one] == [(None, NOON), (None, NOON), (NOON, NOON)]
    assert [fixed(op.wall, one) for op, one in zip(ops, found, strict=True)] == [None] * 3
    assert fixed(NOON + 2 * DAY, found[0]) == NOON


def test_the_first_anchor_of_a_boot_speaks_for_it() -> None:
    drifted = Heard(NOON + DAY + 900, "mon", 5 * HOUR + DAY)
    op, cut = told("mon", 6 * HOUR, NOON + HOUR), told("mon", 6 * HOUR + DAY, NOON + DAY + HOUR)
    assert times(true_times([op], cut, MONDAY)) == times(true_times([op], cut, drifted, [MONDAY]))


def test_a_time_is_moved_only_when_it_cannot_be_true() -> None:
    for off in (0, BEYOND_BELIEF_MS, -BEYOND_BELIEF_MS):
        assert fixed(NOON + off, Found(NOON, EXACT, NOON, NOON)) is None
    for off in (BEYOND_BELIEF_MS + 1, -BEYOND_BELIEF_MS - 1, YEARS, -NOON):
        assert fixed(NOON + off, Found(NOON, EXACT, NOON, NOON)) == NOON
    assert fixed(0, None) is None
    assert fixed(NOON + 30 * DAY, Found(NOON, BOUND, NOON)) is None, "it may be so late"
    assert fixed(0, Found(NOON, BOUND, NOON)) == NOON
    assert fixed(NOON + YEARS, Found(NOON - HOUR, BOUND, None, NOON)) == NOON - HOUR
    assert fixed(NOON + DAY, Found(NOON, BETWEEN, NOON - DAY, NOON + DAY)) is None


WALLS = st.integers(-(2**45), 2**45)


@given(
    st.lists(st.tuples(st.integers(0, 3), st.integers(0, 2 * DAY), WALLS), min_size=1, max_size=12),
    st.lists(st.tuples(st.integers(0, 4), st.integers(0, 2 * DAY), st.integers(0, 3 * DAY)), max_size=3),
    WALLS,
)
def test_times_never_fall_and_of_an_anchored_boot_are_the_anchors(
    ops: list[tuple[int, int, int]], heard: list[tuple[int, int, int]], wall: int
) -> None:
    """W19, for every wall; and what is found of a beginning is not changed by what comes behind it."""
    lane = [told(str(boot), mono, at) for boot, mono, at in sorted(ops, key=lambda op: op[:2])]
    anchors = [Heard(NOON + n, str(boot), mono) for boot, mono, n in sorted(heard)]
    own, earlier = (anchors[-1], anchors[:-1]) if anchors else (None, [])
    cut = told("4", 3 * DAY, wall)
    found = true_times(lane, cut, own, earlier)
    told_times = [one.ms for one in found if one]
    assert told_times == sorted(told_times)
    assert times(found) == times(true_times(lane, cut, own, earlier))
    alone = {one.boot for one in anchors}
    if len(alone) == 1 and {op.boot for op in lane} == alone:
        moved = [Told(op.boot, op.mono, wall) for op in lane]
        assert times(true_times(moved, cut, own, earlier)) == times(found), "the wall is not asked"

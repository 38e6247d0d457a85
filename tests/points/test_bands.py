"""How many points somebody has, coarsely: every balance lies in one band, and a band says a round number."""

from __future__ import annotations

import pytest

from points.bands import BANDS, Range, band, range_of


def test_every_balance_lies_in_its_band_and_in_no_other() -> None:
    for points in (*range(3_000), *(10**n + d for n in range(4, 11) for d in (-1, 0, 1)), 2**40, 2**53):
        least, most = range_of(band(points))
        assert least <= points <= (points if most is None else most)
    ends = [range_of(number) for number in range(BANDS)]
    assert [one.most + 1 for one in ends[:-1] if one.most is not None] == [one.least for one in ends[1:]]


def test_the_numbers_of_bands_never_change() -> None:
    """They lie in stores' files: the ladder only grows at its end."""
    assert [range_of(number) for number in (0, 1, 2, 3, 12, 31, 51)] == [
        Range(0, 0), Range(1, 9), Range(10, 11), Range(12, 14), Range(100, 119), Range(8_000, 9_999),
        Range(800_000, 999_999),
    ]  # fmt: skip
    assert band(-5) == 0
    assert range_of(BANDS - 1).most is None


@pytest.mark.parametrize("number", [-1, BANDS, 255])
def test_what_is_no_band_is_an_error(number: int) -> None:
    with pytest.raises(IndexError):
        range_of(number)

"""Framing: whole codes come out, however their bytes came in."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hardware.framing import CODE_BYTES_MAX, Framer

CODE = st.text("ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789", min_size=1, max_size=40)


def settled() -> Framer:
    """A framer whose line was quiet after opening."""
    framer = Framer(0)
    assert framer.quiet(100) == []
    return framer


@pytest.mark.parametrize("terminator", [b"\r", b"\n", b"\r\n", b"\t"])
def test_every_terminator_ends_a_code(terminator: bytes) -> None:
    assert settled().receive(b"M1" + terminator + b"M2" + terminator, 200) == ["M1", "M2"]


def test_silence_ends_a_code_of_a_reader_without_a_suffix() -> None:
    framer = settled()
    assert framer.receive(b"M1", 200) == []
    assert framer.quiet(249) == []
    assert framer.quiet(250) == ["M1"]
    assert framer.quiet(300) == []


def test_half_a_code_and_the_rest_a_moment_later_are_one() -> None:
    framer = settled()
    assert framer.receive(b"M00", 200) == []
    assert framer.receive(b"01\r", 240) == ["M0001"]


def test_silence_is_noticed_by_the_next_bytes_as_well() -> None:
    framer = settled()
    framer.receive(b"M1", 200)
    assert framer.receive(b"M2\r", 900) == ["M1", "M2"]


def test_nothing_is_believed_until_the_first_terminator_after_opening() -> None:
    framer = Framer(0)
    assert framer.receive(b"67892\rM1\r", 5) == ["M1"]
    framer.opened(1_000)
    assert framer.receive(b"890\r", 1_001) == []


def test_half_a_code_from_before_a_replug_is_forgotten() -> None:
    framer = settled()
    framer.receive(b"M12345", 200)
    framer.opened(210)
    assert framer.receive(b"67\rM2\r", 215) == ["M2"]


def test_the_first_scan_after_a_quiet_opening_is_not_lost() -> None:
    assert Framer(0).receive(b"M1\r", 100) == ["M1"]


def test_a_code_without_end_is_dropped_whole() -> None:
    framer = settled()
    assert framer.receive(b"9" * (CODE_BYTES_MAX + 1), 200) == []
    assert framer.receive(b"9" * 100 + b"\rM1\r", 201) == ["M1"]
    assert framer.overlong == 1
    assert framer.receive(b"8" * CODE_BYTES_MAX + b"\r", 202) == ["8" * CODE_BYTES_MAX]


def test_frames_around_a_code_and_empty_lines_are_not_scans() -> None:
    assert settled().receive(b"\r\n\r\n\x02M1\x03\r \r\n", 200) == ["M1"]


def test_bytes_of_another_charset_are_a_scan_and_no_accident() -> None:
    assert settled().receive(b"\xbb\xfd\xff\r", 200) == ["»ýÿ"]


@given(st.lists(CODE, min_size=1, max_size=4), st.data())
def test_codes_may_be_split_at_any_point(codes: list[str], data: st.DataObject) -> None:
    terminator = data.draw(st.sampled_from([b"\r", b"\n", b"\r\n", b"\t"]))
    stream = b"".join(code.encode() + terminator for code in codes)
    cuts = sorted(data.draw(st.sets(st.integers(0, len(stream)), max_size=8)))
    framer, now, found = settled(), 200, []
    for start, end in zip([0, *cuts], [*cuts, len(stream)], strict=True):
        now += data.draw(st.integers(0, 49))
        found += framer.receive(stream[start:end], now)
    assert found == codes


def test_one_code_split_at_every_point() -> None:
    stream = b"M12345678901234567890\r\n"
    for cut in range(len(stream) + 1):
        framer = settled()
        assert framer.receive(stream[:cut], 200) + framer.receive(stream[cut:], 240) == [stream[:-2].decode()]


@given(st.binary(max_size=300), st.integers(0, 400))
def test_noise_never_breaks_the_framer(noise: bytes, wait_ms: int) -> None:
    framer = Framer(0)
    framer.receive(noise, wait_ms)
    framer.receive(b"\r", wait_ms + 1)
    assert framer.receive(b"M1\r", wait_ms + 2) == ["M1"]

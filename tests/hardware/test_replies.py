"""A printer's answers, told apart by their bits, however they are mixed."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from hardware.replies import Kind, Reply, ReplyReader

STATUS = [Reply(Kind.STATUS, bytes((b,))) for b in (0x12, 0x1A, 0x16, 0x32, 0x7E, 0x72)]
FENCE = [Reply(Kind.FENCE, bytes((b,))) for b in (0x00, 0x03, 0x0C, 0x0F)]
AUTOMATIC = [
    Reply(Kind.AUTOMATIC, bytes(b)) for b in ((0x10, 0, 0, 0), (0x18, 0, 0x0C, 0x0F), (0x34, 8, 3, 0))
]
BLOCK = [Reply(Kind.BLOCK, b"\x37\x22abcd\x00"), Reply(Kind.BLOCK, b"_TM-T88\x00")]
MIXED = st.lists(st.sampled_from(STATUS + FENCE + AUTOMATIC + BLOCK), max_size=12)


@given(MIXED, st.data())
def test_every_mixture_is_told_apart_at_every_split(replies: list[Reply], data: st.DataObject) -> None:
    stream = b"".join(reply.data for reply in replies)
    cut = data.draw(st.integers(0, len(stream)))
    reader = ReplyReader()
    assert reader.receive(stream[:cut]) + reader.receive(stream[cut:]) == replies


def test_flow_control_is_no_answer() -> None:
    assert ReplyReader().receive(b"\x13\x11\x12\x11") == [Reply(Kind.STATUS, b"\x12")]


def test_an_automatic_status_that_was_cut_off_does_not_swallow_the_next_answer() -> None:
    assert ReplyReader().receive(b"\x10\x00\x12") == [Reply(Kind.STATUS, b"\x12")]


@given(st.binary(max_size=500))
def test_noise_never_breaks_the_reader(noise: bytes) -> None:
    reader = ReplyReader()
    reader.receive(noise)
    assert reader.receive(b"\x00" * 100 + b"\x12")[-1].kind is Kind.STATUS

"""Batches of a backlog that are under way at once: heard in order, and never more than the line can bear."""

from __future__ import annotations

import threading

import pytest

from agent.ahead import AT_ONCE_S, Ahead
from agent.uplink import OutOfReach
from points.wire.faults import Gap


class Line:
    """Answers every batch with its name, after ``took_s`` on its own clock; counts who is under way."""

    def __init__(self, took_s: float = 1.0) -> None:
        self.now_s, self.took_s = 0.0, took_s
        self.sent: list[str] = []
        self.go_on = threading.Event()
        self.go_on.set()

    def mono_s(self) -> float:
        return self.now_s

    def send(self, name: str) -> bytes:
        self.sent.append(name)
        assert self.go_on.wait(10)
        self.now_s += self.took_s
        return name.encode()


def asked(ahead: Ahead, line: Line, name: str) -> bytes:
    return ahead.answer(name, lambda: line.send(name))


def test_the_first_goes_alone_and_what_was_sent_ahead_is_sent_once() -> None:
    line = Line()
    ahead = Ahead(4, line.mono_s)
    assert not ahead.has_room
    assert asked(ahead, line, "a") == b"a"
    started = []
    while ahead.has_room:
        name = "bcdefghi"[len(started)]
        ahead.start(name, lambda name=name: line.send(name))  # type: ignore[misc]
        started.append(name)
    assert started == ["b", "c", "d", "e"]
    ahead.start("b", lambda: line.send("b"))
    assert [asked(ahead, line, name) for name in "bcde"] == [b"b", b"c", b"d", b"e"]
    assert sorted(line.sent) == list("abcde")


@pytest.mark.parametrize(("took_s", "has_room"), [(AT_ONCE_S, False), (AT_ONCE_S / 2 - 0.1, True)])
def test_a_line_on_which_one_takes_long_is_given_no_second_one(took_s: float, has_room: bool) -> None:
    line = Line(took_s)
    ahead = Ahead(4, line.mono_s)
    asked(ahead, line, "a")
    assert ahead.has_room is has_room


def test_who_may_not_send_ahead_does_not() -> None:
    for at_once in (0, 1):
        line = Line(0.001)
        ahead = Ahead(at_once, line.mono_s)
        asked(ahead, line, "a")
        assert not ahead.has_room


def test_a_headquarters_that_does_not_wait_is_sent_one_after_the_other() -> None:
    line = Line()
    ahead = Ahead(4, line.mono_s)
    asked(ahead, line, "a")

    def early() -> bytes:
        raise Gap(next=1, head="")

    ahead.start("b", early)
    assert asked(ahead, line, "b") == b"b"
    assert not ahead.has_room


def test_what_became_of_it_is_said_when_it_is_asked_for() -> None:
    line = Line()
    ahead = Ahead(4, line.mono_s)
    asked(ahead, line, "a")

    def cut_off() -> bytes:
        raise OutOfReach("cut off")

    ahead.start("b", cut_off)
    with pytest.raises(OutOfReach):
        asked(ahead, line, "b")
    assert asked(ahead, line, "b") == b"b", "asked again, it is sent again"

"""The till's threads outlive whatever goes wrong in one turn of theirs, and tell nothing scanned."""

from __future__ import annotations

from pathlib import Path

import pytest
from patience import until
from shopfloor import GOODS, counter_of, open_till
from test_outage_nights import night_of

from agent.contact import Contact
from agent.journal.log import EPOCH_STEP
from agent.listening import Listening
from agent.pulse import Pulse
from agent.store import outbox
from hardware.scans import Scan


class Reach:
    """A way that breaks in an unforeseen manner, twice."""

    connected = may_ask = True

    def has_answered(self, _within_s: float) -> bool:
        return False

    def __init__(self) -> None:
        self.asked = 0

    def reaches(self) -> bool:
        self.asked += 1
        if self.asked < 3:
            raise RuntimeError("a mistake of ours")
        return False


def test_the_pulse_beats_on_after_a_mistake_of_ours(tmp_path: Path) -> None:
    night, _ = night_of(open_till(tmp_path), answers=False)
    reach = Reach()
    pulse = Pulse(night, reach, every_s=0.01)
    pulse.start()
    assert until(lambda: reach.asked > 4)
    pulse.stop()


def test_the_night_is_looked_for_again_after_a_mistake_of_ours(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    night, _ = night_of(open_till(tmp_path), answers=True)

    def fail(*_: object) -> None:
        raise RuntimeError("a mistake of ours")

    monkeypatch.setattr(night, "contact", fail)
    night.look()
    assert night.is_due()


def test_a_scan_that_breaks_the_counter_is_not_the_last_and_is_not_logged(
    caplog: pytest.LogCaptureFixture,
) -> None:
    heard: list[str] = []

    def hear(scan: Scan) -> None:
        heard.append(scan.text)
        if len(heard) == 1:
            raise ValueError(scan.text)

    listening = Listening(["page://"], hear)
    listening.start()
    page = listening.page()
    assert page is not None
    page.hear("134567890123456789")
    page.hear("M1")
    assert until(lambda: len(heard) == 2)
    listening.stop()
    assert "ValueError" in caplog.text
    assert "134567890123456789" not in caplog.text


def test_acks_of_an_earlier_epoch_are_no_acks_of_this_one(tmp_path: Path) -> None:
    till = open_till(tmp_path)
    night, line = night_of(till, answers=False)
    counter_of(till).sell(None, GOODS, "c1")
    till.log.lane = type(till.log.lane)("demo", "s001", "01", 2)
    till.log.seq = 0
    with till.book.turn() as turn:
        outbox.keep_envelope(turn, EPOCH_STEP + 1, EPOCH_STEP + 500, "ab", b"x")
        outbox.keep_ack(turn, "ab", b"y")
    assert night.unsent() == 0
    assert not Contact(till, line, rest=lambda _ms: None).run().operations

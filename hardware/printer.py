"""A receipt printer: asked before, sent to once, believed only when it answers the fence.

What always holds: not one byte of a job leaves before the printer has said that it is ready (`DLE EOT`
1, 2 and 4, 300 ms each; silence is unknown and never OK); CONFIRMED means that the printer answered
`GS r 1` after the last byte, which it does when it gets there; a job is sent once, and this module never
sends it again: after its first byte left, only a person who looks at the paper can say what happened.

| state | what is on paper | bytes sent |
|---|---|---|
| BLOCKED | nothing; may be tried again by itself | 0 |
| CONFIRMED | all of it | all |
| SENT | unknown: a one-way printer (`?fence=none`) never answers | all |
| UNCERTAIN | perhaps all of it | all |
| FAILED | certainly not all of it | some |

When paper runs out under a job that was sent, the printer finishes it by itself after a reload; so the
fence is waited for as long as somebody may need to change the paper.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum

from hardware.escpos_bytes import job_bytes, warm
from hardware.faults import LinkFault
from hardware.layout import lay_out
from hardware.paper import Paper, PaperSize
from hardware.printer_link import Link, Opener
from hardware.replies import Kind, ReplyReader

ANSWER_MS = 300
STALE_MS = 10
PATIENCE_MS = 5_000
RELOAD_MS = 60_000
LOOK_MS = 250
SLOWEST_BYTES_PER_S = 900  # 9600 baud
FENCE = b"\x1dr\x01"
ASK = {1: b"\x10\x04\x01", 2: b"\x10\x04\x02", 4: b"\x10\x04\x04"}

Notice = Callable[[str], None]
"""Told how the printer is while a job is under way: a key of the words, such as `state.printer_paper_out`."""


class State(StrEnum):
    CONFIRMED = "CONFIRMED"
    SENT = "SENT"
    UNCERTAIN = "UNCERTAIN"
    FAILED = "FAILED"
    BLOCKED = "BLOCKED"


@dataclass(frozen=True, slots=True)
class Preflight:
    """How the printer is, and the key of the sentence that says so."""

    ready: bool
    words: str
    detail: dict[str, str | int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Printed:
    """The end of one job. `words` says why, or `state.job_confirmed`."""

    state: State
    words: str
    bytes_sent: int = 0
    detail: dict[str, str | int] = field(default_factory=dict)


SILENT = Preflight(False, "state.printer_silent")
ONE_WAY = Preflight(True, "state.printer_one_way")


def condition(answers: dict[int, int]) -> Preflight:
    """What the answers to `DLE EOT` 1, 2 and 4 mean, the thing to do first coming first."""
    if answers[2] & 0x04:
        return Preflight(False, "state.printer_cover_open")
    if answers[4] & 0x60 or answers[2] & 0x20:
        return Preflight(False, "state.printer_paper_out")
    if answers[2] & 0x40:
        return Preflight(False, "state.printer_error")
    if answers[1] & 0x08:
        return Preflight(False, "state.printer_offline")
    if answers[4] & 0x0C:
        return Preflight(True, "state.printer_low")
    return Preflight(True, "state.printer_ready")


class Printer:
    """One printer. Whoever calls it is alone with it: one thread a printer."""

    def __init__(
        self,
        opener: Opener,
        size: PaperSize,
        *,
        one_way: bool = False,
        native_qr: bool = True,
        gbk_text: bool = True,
        patience_ms: int = PATIENCE_MS,
        reload_ms: int = RELOAD_MS,
    ) -> None:
        self.opener, self.size = opener, size
        self._one_way, self._native_qr, self._gbk_text = one_way, native_qr, gbk_text
        self._patience_ms, self._reload_ms = patience_ms, reload_ms

    @property
    def address(self) -> str:
        return self.opener.address

    def preflight(self) -> Preflight:
        """How the printer is, now. Never raises: a printer that cannot be reached is not ready."""
        warm()
        try:
            link = self.opener.open()
        except LinkFault as fault:
            return Preflight(False, "state.printer_unreachable", fault.detail)
        try:
            return self._ask(link)
        finally:
            link.close()

    def print(self, paper: Paper, notice: Notice | None = None) -> Printed:
        """Print it, once. Raises PaperFault or HardwareFault `fault.no_font` before anything is sent."""
        job = job_bytes(
            lay_out(paper, self.size), self.size, native_qr=self._native_qr, gbk_text=self._gbk_text
        )
        return self.send(job, notice or (lambda words: None))

    def send(self, job: bytes, notice: Notice) -> Printed:
        """Send the bytes of a job, once."""
        try:
            link = self.opener.open()
        except LinkFault as fault:
            return Printed(State.BLOCKED, "state.printer_unreachable", 0, fault.detail)
        try:
            flight = self._ask(link)
            if not flight.ready:
                return Printed(State.BLOCKED, flight.words, 0, flight.detail)
            return self._send(link, job, notice)
        finally:
            link.close()

    def _ask(self, link: Link) -> Preflight:
        """The three questions, each answered before the next: a late answer must not pass for another's."""
        if self._one_way:
            return ONE_WAY
        reader = ReplyReader()
        answers: dict[int, int] = {}
        try:
            self._drain(link)
            for number, question in ASK.items():
                link.send(question, ANSWER_MS)
                answer = self._status(link, reader)
                if answer is None:
                    return SILENT
                answers[number] = answer
        except LinkFault as fault:
            return Preflight(False, "state.printer_unreachable", fault.detail)
        return condition(answers)

    def _drain(self, link: Link) -> None:
        """Take what was said before we asked: an old "all well" would answer the first question."""
        until = time.monotonic() + ANSWER_MS / 1000
        while link.hear(STALE_MS) and _left_ms(until) > 0:
            pass

    def _status(self, link: Link, reader: ReplyReader) -> int | None:
        until = time.monotonic() + ANSWER_MS / 1000
        while (left_ms := _left_ms(until)) > 0:
            for reply in reader.receive(link.hear(left_ms)):
                if reply.kind is Kind.STATUS:
                    return reply.data[0]
        return None

    def _send(self, link: Link, job: bytes, notice: Notice) -> Printed:
        whole = job if self._one_way else job + FENCE
        work_ms = self._patience_ms + len(whole) * 1000 // SLOWEST_BYTES_PER_S
        try:
            link.send(whole, work_ms)
        except LinkFault as fault:
            return self._cut_short(fault, job)
        if self._one_way:
            return Printed(State.SENT, "state.job_sent", len(job))
        try:
            found = self._await_fence(link, work_ms, notice)
        except LinkFault as fault:
            return Printed(State.UNCERTAIN, "state.print_link_broken", len(job), fault.detail)
        if found is None:
            return Printed(State.CONFIRMED, "state.job_confirmed", len(job))
        return Printed(State.UNCERTAIN, found, len(job))

    def _cut_short(self, fault: LinkFault, job: bytes) -> Printed:
        if fault.sent == 0:
            return Printed(State.BLOCKED, "state.printer_unreachable", 0, fault.detail)
        if fault.sent < len(job):
            return Printed(State.FAILED, "state.print_link_broken", fault.sent, fault.detail)
        return Printed(State.UNCERTAIN, "state.print_link_broken", len(job), fault.detail)

    def _await_fence(self, link: Link, work_ms: int, notice: Notice) -> str | None:
        """None when the fence was answered, else the key of what is known."""
        reader = ReplyReader()
        until = time.monotonic() + work_ms / 1000
        until_reloaded = until + self._reload_ms / 1000
        known = "state.print_deadline"
        while (left_ms := _left_ms(until)) > 0:
            heard = link.hear(min(left_ms, LOOK_MS))
            for reply in reader.receive(heard):
                if reply.kind is Kind.FENCE:
                    return None
                if reply.kind is Kind.STATUS and reply.data[0] & 0x60:
                    known = "state.printer_paper_out"
                    until = until_reloaded
                    notice(known)
            if not heard:
                link.send(ASK[4], ANSWER_MS)  # real-time: it is answered even by a printer without paper
        return known


def _left_ms(until: float) -> int:
    return int((until - time.monotonic()) * 1000)

"""How the wire says no: one fault, a stable problem type, and what to do next.

A problem type is a contract between programs that will be upgraded in different
years: its name never changes and is never reused, its text is never read by a
machine. A fault carries the facts that the other side needs to react (`detail`)
and a remedy key that a page turns into words.
It refuses to know HTTP statuses (`endpoints`) and what a store does about it
(`uplink`).
"""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum
from typing import Any, ClassVar


class Problem(StrEnum):
    """Every problem type of the first version, in the order of the statuses they travel with."""

    MALFORMED = "malformed"
    BAD_SIGNATURE = "bad-signature"
    UNKNOWN_KEY = "unknown-key"
    CLOCK_SKEW = "clock-skew"
    REVOKED = "revoked"
    FENCED_EPOCH = "fenced-epoch"
    WRONG_LANE = "wrong-lane"
    NOT_FOUND = "not-found"
    GAP = "gap"
    FORK = "fork"
    IN_PROGRESS = "in-progress"
    TICKET_SPENT = "ticket-spent"
    TICKET_EXPIRED = "ticket-expired"
    TOO_LARGE = "too-large"
    ENVELOPE_VERSION = "envelope-version"
    INTEGRITY = "integrity"
    AGENT_TOO_OLD = "agent-too-old"
    BUSY = "busy"
    INTERNAL = "internal"
    UNAVAILABLE = "unavailable"


class WireFault(Exception):
    """Something that travelled, or the answer to it, is not as agreed.

    `problem` is one of `Problem`, or the unknown word of a newer hub; `detail` is plain JSON.
    """

    def __init__(self, problem: str, **detail: Any) -> None:
        super().__init__(problem, detail)
        self.problem = problem
        self.detail: dict[str, Any] = detail

    @property
    def remedy(self) -> str:
        """The key of the sentence that tells a person what to do next."""
        return "fault.wire_" + self.problem.replace("-", "_")

    def __str__(self) -> str:
        facts = ", ".join(f"{key}={value}" for key, value in sorted(self.detail.items()))
        return f"{self.problem} ({facts})" if facts else str(self.problem)


class _Known(WireFault):
    """A fault whose class already says the problem, so that it can be caught by name."""

    type: ClassVar[Problem]
    kinds: ClassVar[dict[str, Callable[[], WireFault]]] = {}

    def __init__(self, **detail: Any) -> None:
        super().__init__(self.type, **detail)

    def __init_subclass__(cls) -> None:
        _Known.kinds[cls.type] = cls


class Malformed(_Known):
    """Not in the agreed form; detail `why` names the place."""

    type = Problem.MALFORMED


class BadSignature(_Known):
    """The bytes were not signed by this key, for this purpose."""

    type = Problem.BAD_SIGNATURE


class UnknownKey(_Known):
    """No key is known under this `kid`."""

    type = Problem.UNKNOWN_KEY


class ClockSkew(_Known):
    """The signed time is more than the window away; `hub_s` is the hub's time in seconds."""

    type = Problem.CLOCK_SKEW


class Revoked(_Known):
    """The key was revoked."""

    type = Problem.REVOKED


class FencedEpoch(_Known):
    """The lane epoch is sealed; another one has been granted."""

    type = Problem.FENCED_EPOCH


class WrongLane(_Known):
    """The key is good, but this lane, chain or shard is not its own."""

    type = Problem.WRONG_LANE


class NotFound(_Known):
    """The hub has nothing under this name."""

    type = Problem.NOT_FOUND


class Gap(_Known):
    """The hub is behind the sender: it wants `next`, and its own head there is `head`."""

    type = Problem.GAP


class Fork(_Known):
    """The same sequence number with another history: `at`, and the hub's hash there, `hub_hash`."""

    type = Problem.FORK


class InProgress(_Known):
    """The same bytes are being judged at this moment."""

    type = Problem.IN_PROGRESS


class TicketSpent(_Known):
    """The opening ticket is unknown, used, or the proof does not fit it."""

    type = Problem.TICKET_SPENT


class TicketExpired(_Known):
    """The opening ticket is past its time."""

    type = Problem.TICKET_EXPIRED


class TooLarge(_Known):
    """Beyond a named limit; `max` says which number."""

    type = Problem.TOO_LARGE


class EnvelopeVersion(_Known):
    """A magic, version or suite that this program does not speak."""

    type = Problem.ENVELOPE_VERSION


class Integrity(_Known):
    """Signed facts and bytes disagree; `what` names the fact (psha, chain, root, outd …)."""

    type = Problem.INTEGRITY


class AgentTooOld(_Known):
    """The hub no longer speaks to this version; `min` says which one it needs."""

    type = Problem.AGENT_TOO_OLD


class Busy(_Known):
    """Back-pressure; `retry_after_s` says how long at least."""

    type = Problem.BUSY


def revive(problem: str, detail: dict[str, Any]) -> WireFault:
    """The fault that the other side meant; an unknown word stays a plain WireFault."""
    kind = _Known.kinds.get(problem)
    fault = kind() if kind is not None else WireFault(problem)
    fault.detail = dict(detail)
    return fault

"""The words of the conversation with headquarters: what may be asked, heard, and done about a "no".

Calls and answers are values. REACTIONS is total: for each call, every problem of
`faults.Problem` has one ending, and an unknown word of a newer hub stops that direction for
tonight. No ending is a loop: what is tried again is counted, and what is counted has a limit
here. Nothing that is refused is ever thrown away; the till keeps selling whatever happens.
It refuses to know order and progress (`uplink`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from points.wire.faults import Problem

TRIES_MAX = 4  # waits in a row for one direction, before it is left for another time
GAPS_MAX = 3  # times a hub may send a lane back in one conversation
PRIVATE_ASKS_MAX = 4
PAUSE_MS_MAX = 900_000
FIRST_PAUSE_MS = 2_000
IN_PROGRESS_MS = 1_000


@dataclass(frozen=True, slots=True)
class SayHello:
    """Say where this till stands and hear what is new: of its lanes alone while it `has_more` to send."""

    has_more: bool = False


@dataclass(frozen=True, slots=True)
class GetManifest:
    """Ask for the newest manifest of a shard."""

    topic: str
    shard: str


@dataclass(frozen=True, slots=True)
class SendBatch:
    """Send the stored envelope that holds `first`; if there is none, cut one up to `last` and store it.

    With `recut` a stored one is not used: verify the chain in the book, then cut anew; that is
    allowed for every batch without an ack.
    """

    epoch: int
    first: int
    last: int
    recut: bool = False


@dataclass(frozen=True, slots=True)
class PutSealed:
    """Send the sealed personal data of one operation."""

    op_id: str


@dataclass(frozen=True, slots=True)
class GetBlob:
    """Fetch one blob that a manifest of this shard names."""

    topic: str
    shard: str
    sha: str


@dataclass(frozen=True, slots=True)
class Pause:
    """Nothing to say before `at_least_ms` have passed; sleep `pause_ms(…)`, then hear `Rested`."""

    at_least_ms: int
    tries: int


Request = SayHello | GetManifest | SendBatch | PutSealed | GetBlob
Call = Request | Pause


@dataclass(frozen=True, slots=True)
class ManifestHeard:
    """A verified manifest, or the one that is held still. `blobs` are the names that are not held yet."""

    topic: str
    shard: str
    g: int
    blobs: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class HelloHeard:
    """A verified answer: `next` per own epoch, and each shard of which all is known that is new.

    `forked` are the own epochs of which the hub holds another history; the driver knows the hashes.
    """

    next: Mapping[int, int] = field(default_factory=dict)
    shards: tuple[ManifestHeard, ...] = ()
    forked: frozenset[int] = frozenset()


@dataclass(frozen=True, slots=True)
class AckHeard:
    """A verified and stored ack that ends at `last`."""

    epoch: int
    last: int


@dataclass(frozen=True, slots=True)
class SealedHeard:
    """The hub holds the sealed data of this operation."""

    op_id: str


@dataclass(frozen=True, slots=True)
class BlobHeard:
    """A blob that hashes to its name is stored. `more` are the ones it names that are not held yet."""

    topic: str
    shard: str
    sha: str
    more: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Refused:
    """The hub said no; also what the agent says of an answer that does not verify (`integrity`)."""

    problem: str
    detail: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Unreachable:
    """No answer: no network, a time-out, a torn connection. It may have been done all the same."""


@dataclass(frozen=True, slots=True)
class Rested:
    """The pause is over."""


Answer = HelloHeard | ManifestHeard | AckHeard | SealedHeard | BlobHeard | Refused | Unreachable | Rested


class Reaction(Enum):
    """What a "no" leads to. Each ends: by a counter, by less work left, or at once."""

    RESEND = "from the number the hub wants"
    RECUT = "verify the own chain, cut anew; smaller if it was too large"
    WAIT = "the same again, after a pause"
    AGAIN = "the same again at once, with the time the hub told"
    REFETCH = "a fresh manifest, then once more"
    SKIP = "leave this lane, blob or shard, raise an alarm, go on with the others"
    STOP = "leave this direction for tonight, raise an alarm; the other one goes on"


_P, _R = Problem, Reaction
_EVERY_CALL: Mapping[Problem, Reaction] = {
    _P.MALFORMED: _R.SKIP,
    _P.BAD_SIGNATURE: _R.STOP,
    _P.UNKNOWN_KEY: _R.STOP,
    _P.CLOCK_SKEW: _R.AGAIN,
    _P.REVOKED: _R.STOP,
    _P.FENCED_EPOCH: _R.SKIP,
    _P.WRONG_LANE: _R.SKIP,
    _P.NOT_FOUND: _R.SKIP,
    _P.GAP: _R.SKIP,
    _P.FORK: _R.SKIP,
    _P.IN_PROGRESS: _R.WAIT,
    _P.TICKET_SPENT: _R.STOP,
    _P.TICKET_EXPIRED: _R.STOP,
    _P.TOO_LARGE: _R.SKIP,
    _P.ENVELOPE_VERSION: _R.STOP,
    _P.INTEGRITY: _R.SKIP,
    _P.AGENT_TOO_OLD: _R.STOP,
    _P.BUSY: _R.WAIT,
    _P.INTERNAL: _R.WAIT,
    _P.UNAVAILABLE: _R.WAIT,
}
REACTIONS: Mapping[type[Request], Mapping[Problem, Reaction]] = {
    SendBatch: {
        **_EVERY_CALL,
        _P.GAP: _R.RESEND,
        _P.TOO_LARGE: _R.RECUT,
        _P.INTEGRITY: _R.RECUT,
    },
    PutSealed: _EVERY_CALL,
    SayHello: _EVERY_CALL,
    GetManifest: _EVERY_CALL,
    GetBlob: {
        **_EVERY_CALL,
        _P.NOT_FOUND: _R.REFETCH,
        _P.INTEGRITY: _R.REFETCH,
    },
}


def reaction_to(call: Request, problem: str) -> Reaction:
    """The ending of this problem for this call; a word nobody has told us stops the direction."""
    return REACTIONS[type(call)].get(Problem(problem), Reaction.STOP) if problem in set(Problem) else _R.STOP


def pause_ms(pause: Pause, random_u32: int) -> int:
    """How long to sleep: full jitter under a doubling roof, and never less than the hub asked for."""
    roof = min(PAUSE_MS_MAX, FIRST_PAUSE_MS << min(pause.tries, 16))
    return max(pause.at_least_ms, (random_u32 * roof) >> 32)

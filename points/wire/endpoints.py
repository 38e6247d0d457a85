"""The table of what a device may ask headquarters, and how a "no" travels.

Paths are contracts: a version stands in front, a feed's generation stands in the path so that
no cache mixes two, and every call may be made twice. A "no" is `application/problem+json`
(RFC 9457) whose `type` is the problem's word; the words and their statuses are one table
here, so that neither side invents one. Every answer that is not 2xx is such a "no".
It refuses to know a web framework.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from points.wire import canonical, envelope, hello, joining, succession
from points.wire.faults import Malformed, Problem, WireFault, revive
from points.wire.fields import U32_MAX, is_hex, is_name, is_shard
from points.wire.lane import Lane
from points.wire.sealing import PII_BLOB_BYTES_MAX

HELLO = "application/vnd.jifen.hello"
BATCH = "application/vnd.jifen.batch"
ACK = "application/vnd.jifen.receipt"
MANIFEST = "application/vnd.jifen.manifest"
BLOB = "application/octet-stream"
JOIN = "application/vnd.jifen.enrolment"
SUCCESSION = "application/vnd.jifen.succession"
DELIVERED = "application/vnd.jifen.delivered"
JSON = "application/json"
PROBLEM = "application/problem+json"
PROBLEM_BYTES_MAX = 64 * 1024
CLAIM_BYTES_MAX = 1024
LOOK_UP_BYTES_MAX = 2 * PII_BLOB_BYTES_MAX + 1024
WAIT = "wait"
"""What ``prefer`` (RFC 7240) says of a batch that was sent before the one in front was answered."""
LIVE = "/health/live"
"""Where anybody may ask whether headquarters answers."""
LIVE_BYTES_MAX, SPREAD_S_MAX = 1024, 900
SHUT = "shut=1"
"""The query of a till that is closing and asks for its own page: it is granted nothing more."""

DELTAS = "deltas=1"
"""The query of a till that asks for a manifest and knows steps; others are told a snapshot of now."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One row: method, path with its places in braces (`:path` may hold a slash), what goes each way."""

    method: str
    template: str
    sends: str | None
    sends_bytes_max: int
    answers: str | None


TABLE: Mapping[str, Endpoint] = {
    "join": Endpoint("POST", "/v1/join", JOIN, joining.JOIN_BYTES_MAX, JOIN),
    "hello": Endpoint("POST", "/v1/hello", JSON, hello.QUESTION_BYTES_MAX, HELLO),
    "batches": Endpoint(
        "POST", "/v1/lanes/{store}/{till}/{epoch}/batches", BATCH, envelope.ENVELOPE_BYTES_MAX, ACK
    ),
    "offered": Endpoint(
        "PUT", "/v1/lanes/{store}/{till}/{epoch}/batches", DELIVERED, succession.DELIVERED_BYTES_MAX, ACK
    ),
    "manifest": Endpoint("GET", "/v1/feed/{topic}/{shard:path}/g{gen}/manifest", None, 0, MANIFEST),
    "blob": Endpoint("GET", "/v1/blob/{sha}", None, 0, BLOB),
    "sealed": Endpoint("PUT", "/v1/sealed/{op_id}", BLOB, PII_BLOB_BYTES_MAX, None),
    "authorisations": Endpoint("POST", "/v1/authorisations", JSON, canonical.BODY_BYTES_MAX, JSON),
    "bell": Endpoint("GET", "/v1/bell", None, 0, JSON),
    "claims": Endpoint("POST", "/v1/claims", JSON, CLAIM_BYTES_MAX, JSON),
    "successions": Endpoint(
        "POST", "/v1/successions", SUCCESSION, succession.SUCCESSION_BYTES_MAX, SUCCESSION
    ),
    "delivered": Endpoint("GET", "/v1/lanes/{store}/{till}/{epoch}/batches/{seq}", None, 0, BLOB),
    "refunds": Endpoint("POST", "/v1/refunds", JSON, canonical.BODY_BYTES_MAX, JSON),
    "look_ups": Endpoint("POST", "/v1/look-ups", JSON, LOOK_UP_BYTES_MAX, JSON),
}

STATUS: Mapping[Problem, int] = {
    Problem.MALFORMED: 400,
    Problem.BAD_SIGNATURE: 401,
    Problem.UNKNOWN_KEY: 401,
    Problem.CLOCK_SKEW: 401,
    Problem.REVOKED: 403,
    Problem.FENCED_EPOCH: 403,
    Problem.WRONG_LANE: 403,
    Problem.NOT_FOUND: 404,
    Problem.GAP: 409,
    Problem.FORK: 409,
    Problem.IN_PROGRESS: 409,
    Problem.TICKET_SPENT: 409,
    Problem.TICKET_EXPIRED: 410,
    Problem.TOO_LARGE: 413,
    Problem.ENVELOPE_VERSION: 415,
    Problem.INTEGRITY: 422,
    Problem.AGENT_TOO_OLD: 426,
    Problem.BUSY: 429,
    Problem.INTERNAL: 500,
    Problem.UNAVAILABLE: 503,
}

# What a status means when no problem document came with it: a proxy answered, or something broke.
_MEANT: Mapping[int, Problem] = {
    404: Problem.NOT_FOUND,
    413: Problem.TOO_LARGE,
    429: Problem.BUSY,
    500: Problem.INTERNAL,
    502: Problem.UNAVAILABLE,
    503: Problem.UNAVAILABLE,
    504: Problem.UNAVAILABLE,
}


def join() -> str:
    return "/v1/join"


def spread_ms(answer: bytes) -> int:
    """Over how long a headquarters that answers again asks to spread; 0 for one that does not say."""
    try:
        told = canonical.decode(answer, LIVE_BYTES_MAX).get("spread_s")
    except WireFault:
        return 0
    return told * 1000 if type(told) is int and 0 < told <= SPREAD_S_MAX else 0


def hello_to() -> str:
    """Where a till says where it stands."""
    return "/v1/hello"


def batches(lane: Lane) -> str:
    """Where the batches of a lane go; the chain is told by the key."""
    return f"/v1/lanes/{lane.store}/{lane.till}/{lane.epoch}/batches"


def successions() -> str:
    """Where a till whose lane forked asks for a lane of its own."""
    return "/v1/successions"


def delivered(lane: Lane, seq: int) -> str:
    """The envelope of this lane that holds an operation, as it was delivered, with its ack."""
    return f"{batches(lane)}/{seq}"


def manifest_of(topic: str, shard: str, gen: int) -> str:
    """The newest manifest of one shard in one generation."""
    if not (is_name(topic) and is_shard(shard)) or not 1 <= gen <= U32_MAX:
        raise Malformed(why="feed")
    return f"/v1/feed/{topic}/{shard}/g{gen}/manifest"


def blob(sha: str) -> str:
    """One immutable blob, by its name."""
    if not is_hex(sha, 32):
        raise Malformed(why="blob")
    return f"/v1/blob/{sha}"


def sealed(op_id: str) -> str:
    """Where the personal data of one operation is put, once."""
    if not is_hex(op_id, 16):
        raise Malformed(why="operation")
    return f"/v1/sealed/{op_id}"


def authorisations() -> str:
    return "/v1/authorisations"


def bell() -> str:
    """A question that headquarters holds open until it wants rights back: `{recall: [m…], sales: [id…]}`."""
    return "/v1/bell"


def claims() -> str:
    """Where a paper's signed claim is shown."""
    return "/v1/claims"


def refunds() -> str:
    """Where a sale of another till is asked for by its paper, and lines of it are reserved for a refund."""
    return "/v1/refunds"


def look_ups() -> str:
    """Where a till asks whose a code or a phone is that it does not know."""
    return "/v1/look-ups"


def status_of(problem: str) -> int:
    """The status a problem travels with; a word that is not in the table is our own failure."""
    return STATUS.get(Problem(problem), 500) if problem in set(Problem) else 500


def problem_body(fault: WireFault) -> bytes:
    """The problem document of a fault: `type`, `status`, and the detail under its own key."""
    return canonical.encode(
        {"type": str(fault.problem), "status": status_of(fault.problem), "detail": fault.detail}
    )


def read_problem(status: int, body: bytes, retry_after: str | None = None) -> WireFault:
    """The fault that an answer means, also when a proxy gave it. Never raises.

    A `Retry-After` in seconds becomes `retry_after_s`; a date is not read, since no clock is.
    """
    fault = _read_problem_body(body) or WireFault(_MEANT.get(status, f"status-{status}"))
    if fault.problem in set(Problem) and not isinstance(fault.problem, Problem):
        fault.problem = Problem(fault.problem)
    if retry_after is not None and retry_after.isascii() and retry_after.isdigit():
        fault.detail.setdefault("retry_after_s", min(int(retry_after[:10]), 86_400))
    return fault


def _read_problem_body(body: bytes) -> WireFault | None:
    try:
        told: dict[str, Any] = canonical.decode(body, PROBLEM_BYTES_MAX)
    except WireFault:
        return None
    problem, detail = told.get("type"), told.get("detail", {})
    if not isinstance(problem, str) or type(detail) is not dict:
        return None
    return revive(problem, detail)

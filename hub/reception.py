"""A batch at the door: taken in, judged and answered, with everything that waited for it, in one transaction.

Besides the operations' own postings a batch may bring the operation of a claim that was shown, the
operation of a sealed box that lay ready, or a code that headquarters can name. All of it is done
before the answer is given, so an answer that was lost loses nothing.
"""

from __future__ import annotations

from functools import partial

from hub import claims, clock_fixes, intake, personal, recalls, resolution, visitors
from hub.bells import Agent
from hub.custody import RESOLVE
from hub.intake import Honoured
from hub.judgement import Judgement
from hub.office import Office
from hub.store.engine import Collision, Turn
from hub.store.sharing import NotDone
from points.wire import envelope
from points.wire.envelope import Batch
from points.wire.faults import InProgress, WrongLane
from points.wire.lane import Lane

TRIES_MAX = 3


def take_sealed(office: Office, op_id: str, blob: bytes) -> None:
    """Keep a sealed box durably; then open it if its operation is posted, or name the member by it."""
    with office.store.turn() as turn:
        personal.keep_box(turn, op_id, blob)
        personal.open_boxes(turn, office, [op_id])
        resolution.resolve_waiting(turn, office, [RESOLVE + op_id])


def settle(turn: Turn, office: Office, done: Judgement, batch: Batch | None = None) -> None:
    """What operations bring besides their own postings: claims that waited, boxes, members by their codes,
    times of a ``batch`` that cannot be true."""
    clock_fixes.settle(turn, office, done.arrived, batch)
    if any(name.startswith(RESOLVE) for name in done.awaited):
        resolution.resolve_waiting(turn, office, done.awaited)
    claims.settle(turn, office, done.arrived)
    personal.open_boxes(turn, office, done.arrived)


def receive(
    office: Office,
    raw: bytes,
    lane: Lane | None = None,
    sender: str | None = None,
    answered: bytes | None = None,
) -> bytes:
    """The signed receipt of an envelope. Raises the ``WireFault`` that the store shall hear.

    ``lane`` is where it was sent to, ``sender`` the kid that signed the request; both must be the
    envelope's own when they are given. ``answered`` is what headquarters answered to it before it was put
    back, which holds.
    """
    header, kid = envelope.peek(raw)
    honoured = None if answered is None else Honoured.read(office, header, raw, answered)
    if lane is not None and header.lane != lane:
        raise WrongLane()
    if sender is not None and sender != kid:
        raise WrongLane(kid=kid)
    with office.store.look() as look:
        record = intake.key_record(look, office, kid)
    # Only the current book travels to the process that opens; what cites an older one takes the long way.
    rules = office.rules()
    opened = office.open_envelope(raw, record, {rules.hash: rules}, office.today())

    def take(turn: Turn, *, hopeful: bool) -> tuple[bytes, set[int], list[tuple[Agent, int]]]:
        vouched = intake.key_record(turn, office, kid)  # it may have been revoked meanwhile
        answer, done = intake.post_batch(
            turn, office, opened, raw, vouched, hopeful=hopeful, honoured=honoured
        )
        settle(turn, office, done, opened.batch)
        visitors.saw(turn, office, header.lane.store, done.touched)
        rung = recalls.call_overdrawn(turn, office, done.overdrawn) if done.overdrawn else []
        return answer, done.touched, rung

    for attempt in range(TRIES_MAX):
        try:
            answer, touched, rung = office.shared.do(partial(take, hopeful=attempt == 0))
        except (Collision, NotDone):
            continue
        office.bells.posted(touched)
        for agent, m in rung:
            office.bells.ring([agent], m)
        return answer
    raise InProgress()

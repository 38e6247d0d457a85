"""A till whose lane forked goes on in a lane of its own: it was put back from an old copy, or copied.

It is found at the first contact. This till makes a fresh key, asks with the old one and the new one where
the common history ends, and moves what it recorded behind that to the front of the lane that it is granted:
nothing is lost, and nothing is told twice. The new identity is one file, written whole: before it the till
is who it was, after it the book is moved, at once or at the next start. What the old lane could spend stays
there. What headquarters has of the old lane and this book lacks is fetched then, as from a backup.
"""

from __future__ import annotations

import logging
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from agent import provisioning
from agent.identity import VERSION
from agent.journal.log import EPOCH_STEP
from agent.remedies import remedy_of
from agent.store import outbox, volume
from agent.till import Till
from agent.uplink import OutOfReach, Uplink
from config import sqlite
from config.faults import Fault
from points import operations
from points.fields import BadOperation
from points.operations import Operation
from points.wire import ack, canonical, endpoints, envelope, succession
from points.wire.faults import Integrity, Problem, WireFault
from points.wire.keys import RAW_BYTES, SigningKey
from points.wire.lane import KeyRecord, Lane
from points.wire.succession import NONCE_BYTES, POINTS_MAX, Point

log = logging.getLogger(__name__)


@contextmanager
def _in_words() -> Iterator[None]:
    """What a disk refuses is a Fault that says what to do."""
    try:
        yield
    except (OSError, sqlite.DatabaseError) as error:
        words, detail = remedy_of(error)
        raise Fault(words, f"the till could not go on in another lane: {error}", **detail) from error


@_in_words()
def go_on(till: Till, uplink: Uplink) -> bool:
    """Go on in a lane of its own; whether it does now.

    Not while a cashier is being authorised, a receipt is on its way to the printer, or something of an
    earlier lane is still to be fetched, and not when headquarters does not grant it: then it is asked again
    at the next contact. Raises a Fault when a disk takes nothing.
    """
    if till.asking or volume.is_printing(till.book) or volume.unheard(till.book) is not None:
        return False
    folder, own = till.log.mirror.path.parent, till.identity
    new = SigningKey.from_raw(
        provisioning.kept(folder / _key_name(own.key), lambda: secrets.token_bytes(RAW_BYTES))
    )
    request = provisioning.kept(
        folder / _request_name(own.key),
        lambda: succession.ask(
            own.lane, own.key, new, _points(till), till.chance(NONCE_BYTES), till.inst, VERSION,
            till.clock.now().wall_ms,
        ),
    )  # fmt: skip
    try:
        raw = uplink.call("POST", endpoints.successions(), request, endpoints.SUCCESSION)
        succession.open_grant(raw, request, new.public_raw, own.lane, own.hub_receipt_public)
    except (OutOfReach, WireFault) as error:
        log.warning("headquarters grants no lane to go on in: %s", error)
        if isinstance(error, WireFault) and error.problem == Problem.WRONG_LANE:
            _forget(folder, own.key)  # the key was granted to another request: a fresh one next time
        return False
    with till.book.lock:
        if till.asking or volume.is_printing(till.book):
            return False
        till.go_on(provisioning.succeed(folder, own, _key_name(own.key), raw))
        uplink.key = till.identity.key
        log.warning("the lane forked; %d operations go on in another", till.log.seq)
        till.recall()
        till.gather()
        till.log.reconcile()
    return True


def _forget(folder: Path, old: SigningKey) -> None:
    for name in (_request_name(old), _key_name(old)):
        (folder / name).unlink(missing_ok=True)


def _request_name(old: SigningKey) -> str:
    return f"after-{old.kid}.request"


def _key_name(old: SigningKey) -> str:
    return f"after-{old.kid}.key"


def _points(till: Till) -> list[Point]:
    """Places of the lane from the last one that was acknowledged to its end, evenly spread."""
    with till.book.lock:
        last, first = till.log.seq, max(0, outbox.delivered(till.book) - till.log.pos(0))
        step = max(1, -(-(last - first) // (POINTS_MAX - 2)))
        places = sorted({*range(max(1, first), last + 1, step), *((last,) if last else ())})
        return [(seq, till.log.hash_before(till.log.pos(seq + 1))) for seq in places]


@_in_words()
def fetch(till: Till, uplink: Uplink) -> None:
    """Get what headquarters has of the old lane and this book lacks, envelope by envelope, each with its ack.

    What cannot be had now is fetched at the next contact. Raises a Fault when the disk takes nothing.
    """
    if volume.unheard(till.book) is None:
        return
    try:
        while (told := volume.unheard(till.book)) is not None:
            _take(till, told, uplink)
    except (OutOfReach, WireFault) as error:
        if isinstance(error, WireFault) and error.problem == Problem.NOT_FOUND:
            volume.give_up(till.book)
        log.warning("what headquarters has of the old lane was not fetched: %s", error)
    finally:  # once: every envelope that came makes it longer
        with till.book.lock:
            till.gather()


def _take(till: Till, told: volume.Unheard, uplink: Uplink) -> None:
    own = till.identity
    lane = Lane(own.lane.chain, own.lane.store, own.lane.till, told.epoch)
    raw = uplink.call("GET", endpoints.delivered(lane, told.first))
    sent, answered = succession.unpack_delivered(raw)
    batch = envelope.open_batch(sent, KeyRecord(own.former_public, frozenset({lane})))
    header, heard = batch.header, ack.open_ack(answered, own.hub_receipt_public)
    heard.check_answers(header, batch.batch_id)
    if not header.first <= told.first <= header.last:
        raise Integrity(what="place")
    ops = [_understood(body, lane) for body in batch.bodies]
    base = told.epoch * EPOCH_STEP
    with till.book.lock, till.book.turn() as turn:
        for seq, op, body, link in zip(
            range(header.first, header.last + 1), ops, batch.bodies, batch.hashes, strict=True
        ):
            if op is not None and volume.put(turn, base + seq, op, body, link):
                till.index(turn, op, base + seq)
        outbox.keep_delivered(turn, base + header.first, base + header.last, batch.batch_id, sent, answered)
        outbox.keep_outcomes(turn, [(base + seq, code, why, 0) for seq, code, why in heard.outcomes])
        volume.heard_up_to(turn, told, header.last)


def _understood(body: bytes, lane: Lane) -> Operation | None:
    """The operation; None for what is none to this program, whatever another one with this key has sent."""
    try:
        raw = canonical.decode(body)
        return operations.read(raw, lane.store, lane.till) if operations.known(raw) else None
    except (WireFault, BadOperation):
        return None

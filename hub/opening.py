"""A batch opened and read as far as its own bytes allow: verified, each operation asked for its form.

Needs no database and remembers nothing, so it can be done before the turn begins, and in a process of
its own while another batch is written: half of an intake's work happens here. What could not be read
plainly is only marked; the judgement asks it again and says why.
"""

from __future__ import annotations

import logging
import multiprocessing
import os
import signal
import threading
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass

from points.operations import BadOperation, known, read
from points.wire import canonical, chain, envelope
from points.wire.envelope import Batch
from points.wire.faults import WireFault
from points.wire.lane import KeyRecord, Lane

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Opened:
    """A verified batch. ``digests`` are of the bodies; ``plain`` says which of them are canonical, of a
    known kind and well-formed."""

    batch: Batch
    digests: tuple[bytes, ...]
    plain: tuple[bool, ...]


def open_envelope(raw: bytes, record: KeyRecord) -> Opened:
    """Verify and read an envelope. Raises what ``envelope.open_batch`` raises."""
    batch = envelope.open_batch(raw, record)
    lane = batch.header.lane
    return Opened(
        batch,
        tuple(map(chain.body_digest16, batch.bodies)),
        tuple(_is_plain(body, lane) for body in batch.bodies),
    )


def _is_plain(raw: bytes, lane: Lane) -> bool:
    try:
        body = canonical.decode(raw)
        if not canonical.is_canonical(raw, body) or not known(body):
            return False
        read(body, lane.store, lane.till)
    except (WireFault, BadOperation, TypeError):
        return False
    return True


def _try(raw: bytes, record: KeyRecord) -> Opened | None:
    """None for what cannot be opened: whoever asked opens it again and hears why."""
    try:
        return open_envelope(raw, record)
    except WireFault:
        return None


def _live_with_headquarters() -> None:
    """In the process that opens: Ctrl-C is headquarters' to answer, and its end is this process' end.

    A pool's process waits for work on a pipe that it holds both ends of, so it outlived a headquarters
    that was killed, and one was left behind by every such kill.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_headquarters, name="parent", daemon=True).start()


def _end_with_headquarters() -> None:
    headquarters = multiprocessing.parent_process()
    assert headquarters is not None, "somebody has begun this process"
    headquarters.join()
    os._exit(1)


class Openers:
    """Processes that open envelopes; one that dies costs nothing but its speed. None outlives this one."""

    def __init__(self, count: int) -> None:
        # Not a fork: this process has threads and open databases.
        self._pool = ProcessPoolExecutor(
            count, multiprocessing.get_context("spawn"), initializer=_live_with_headquarters
        )

    def open_envelope(self, raw: bytes, record: KeyRecord) -> Opened:
        """``open_envelope`` in another process. Raises the same."""
        try:
            opened = self._pool.submit(_try, raw, record).result()
        except (BrokenProcessPool, RuntimeError):
            log.exception("the processes that open envelopes are gone; they are opened here")
            opened = None
        return open_envelope(raw, record) if opened is None else opened

    def close(self) -> None:
        """End the processes."""
        self._pool.shutdown(cancel_futures=True)

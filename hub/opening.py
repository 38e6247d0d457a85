"""A batch opened and read as far as its own bytes allow: verified, each operation asked for its form.

It remembers nothing, so it can be done before the turn begins, and in a process of its own while another
batch is written: more than half of an intake's work happens here. That process looks the members up too,
and drafts what the batch's plain operations would write. What could not be read
plainly is only marked; the judgement asks it again and says why.

Between the two processes only values travel, written by `marshal`: it is the quickest, and they are the
same program.
"""

from __future__ import annotations

import logging
import marshal
import multiprocessing
import os
import signal
import threading
from collections.abc import Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from typing import Any

from config.memory import collect_seldom
from hub.drafts import NONE, Draft, Drafts, draft
from hub.reading import Heard, hear
from hub.store.engine import Store
from hub.store.standings import Rows
from points.rulebook import RuleBook
from points.wire import chain, envelope
from points.wire.batch_header import Header
from points.wire.envelope import Batch
from points.wire.faults import WireFault
from points.wire.lane import KeyRecord

log = logging.getLogger(__name__)

IN_A_DRAFT = ()
"""Values of an operation that is drafted: it is read again should the draft not be written after all."""


@dataclass(frozen=True, slots=True)
class Opened:
    """A verified batch, the digests of its bodies, and the values of operations that are plainly right."""

    batch: Batch
    digests: Sequence[bytes]
    values: Sequence[Sequence[Any] | None]
    books: Mapping[str, RuleBook]
    drafts: Drafts = NONE

    def heard(self, place: int) -> Heard | None:
        """The operation at ``place`` in the batch, from 0, if it is plainly right."""
        values, body = self.values[place], self.batch.bodies[place]
        if values == IN_A_DRAFT:
            return hear(body, self.batch.header.lane, self.books)
        return None if values is None else Heard(values, body)


def open_envelope(raw: bytes, record: KeyRecord, books: Mapping[str, RuleBook], today: int = 0) -> Opened:
    """Verify and read an envelope. Raises what ``envelope.open_batch`` raises.

    ``today`` is of no use here; another process needs it for its drafts.
    """
    batch = envelope.open_batch(raw, record)
    return Opened(
        batch,
        list(map(chain.body_digest16, batch.bodies)),
        [None if op is None else op.values() for op in _heard(batch, books)],
        books,
    )


def _heard(batch: Batch, books: Mapping[str, RuleBook]) -> list[Heard | None]:
    return [hear(body, batch.header.lane, books) for body in batch.bodies]


_store: Store | None = None
"""In a process that opens: headquarters' database, to draft by."""


def _try(raw: bytes, record: KeyRecord, books: Mapping[str, RuleBook], today: int) -> bytes | None:
    """None for what cannot be opened: whoever asked opens it again and hears why."""
    try:
        batch = envelope.open_batch(raw, record)
    except WireFault:
        return None
    heard = _heard(batch, books)
    try:
        assert _store is not None, "the process was begun with a database"
        with _store.look() as look:
            drafts = draft(look, heard, books, today)
        return _packed(batch, heard, drafts)
    except Exception:  # the turn does without
        log.exception("an envelope was opened without drafts")
        return _packed(batch, heard, NONE)


def _packed(batch: Batch, heard: Sequence[Heard | None], drafts: Drafts) -> bytes:
    """What another process found, as ``_unpacked`` reads it."""
    drafted = {place for one in drafts.by_member.values() for place in one.places}
    values = [
        IN_A_DRAFT if place in drafted else None if op is None else op.values()
        for place, op in enumerate(heard)
    ]
    members = []
    for m, (*about, rows, remarks) in drafts.by_member.items():
        said = {op_id: tuple(outcome) for op_id, outcome in remarks.items()}
        members.append((m, *about, tuple(rows), said))
    return marshal.dumps(
        (
            (batch.batch_id, batch.kid, batch.bodies, batch.hashes),
            list(map(chain.body_digest16, batch.bodies)),
            values,
            (drafts.as_of, drafts.today, members),
        )
    )


def _unpacked(packed: bytes, header: Header, books: Mapping[str, RuleBook]) -> Opened:
    batch, digests, values, (as_of, today, members) = marshal.loads(packed)
    drafts = {
        m: Draft(places, ids, kinds, st, Rows(*rows), remarks)
        for m, places, ids, kinds, st, rows, remarks in members
    }
    return Opened(Batch(header, *batch), digests, values, books, Drafts(as_of, today, drafts))


def _live_with_headquarters(url: str) -> None:
    """In the process that opens: Ctrl-C is headquarters' to answer, and its end is this process' end.

    A pool's process waits for work on a pipe that it holds both ends of, so it outlived a headquarters
    that was killed, and one was left behind by every such kill.
    """
    global _store
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    collect_seldom()
    _store = Store(url, writes=False)
    threading.Thread(target=_end_with_headquarters, name="parent", daemon=True).start()


def _end_with_headquarters() -> None:
    headquarters = multiprocessing.parent_process()
    assert headquarters is not None, "somebody has begun this process"
    headquarters.join()
    os._exit(1)


class Openers:
    """Processes that open envelopes, and draft by the database at ``url``; one that dies costs nothing but
    its speed. None outlives this one.
    """

    def __init__(self, count: int, url: str) -> None:
        self._count, self._url = count, url
        self._change = threading.Lock()
        self._pool = self._begin()

    def _begin(self) -> ProcessPoolExecutor:
        # Not a fork: this process has threads and open databases.
        return ProcessPoolExecutor(
            self._count,
            multiprocessing.get_context("spawn"),
            initializer=_live_with_headquarters,
            initargs=(self._url,),
        )

    def open_envelope(
        self, raw: bytes, record: KeyRecord, books: Mapping[str, RuleBook], today: int
    ) -> Opened:
        """``open_envelope`` in another process, with drafts. Raises the same."""
        pool = self._pool
        try:
            packed = pool.submit(_try, raw, record, books, today).result()
        except BrokenProcessPool:
            log.warning("a process that opens envelopes has died; this one is opened here")
            self._replace(pool)
            packed = None
        if packed is None:
            return open_envelope(raw, record, books)
        return _unpacked(packed, envelope.peek(raw)[0], books)

    def _replace(self, broken: ProcessPoolExecutor) -> None:
        """New processes for those that died, once, however many were waiting for them."""
        with self._change:
            if self._pool is broken:
                self._pool = self._begin()
        broken.shutdown(wait=False)

    def close(self) -> None:
        """End the processes."""
        self._pool.shutdown(cancel_futures=True)

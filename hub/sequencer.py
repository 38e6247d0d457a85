"""The log's sequencer: every ack gets one place, in the order of arrival, and heads are signed over them.

An intake writes nothing for it: what has no place yet is what arrived after the last leaf. One sequencer of
all processes works (what an edition is about to count it numbers itself), by a lease in the database that
says until when and carries a number (the fence) which rises with every new holder; who lost it meanwhile
finds another number inside its own transaction and leaves everything as it is. Leaves and subtrees are one
transaction, the head is signed after that is durable: what stops between the two is signed over next time,
and a head never speaks of a leaf that could be lost. A restored headquarters goes on from the leaves that it
has, and signs over them as another log.
"""

from __future__ import annotations

import json
import logging
import threading

from hub.office import Office
from hub.store import log as tables
from hub.store.engine import Collision, Turn
from points.wire import checkpoint, tree
from points.wire.checkpoint import Checkpoint

log = logging.getLogger(__name__)

LEASE = "log-lease"
LEASE_MS = 15_000
LOOK_EVERY_S = 2


class Sequencer:
    """One of possibly many; ``step`` may be called from any thread, ``start`` does it every two seconds."""

    def __init__(self, office: Office) -> None:
        self.office = office
        self._me = office.process
        self._one = threading.Lock()
        self._ended = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Work until ``stop``."""
        self._thread = threading.Thread(target=self._run, name="sequencer", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End after the step that is being done."""
        self._ended.set()
        if self._thread is not None:
            self._thread.join()

    def _run(self) -> None:
        while not self._ended.is_set():
            try:
                self.step()
            except Exception:
                log.exception("the log waits and will be tried again")
            self._ended.wait(LOOK_EVERY_S)

    def step(self) -> int:
        """Number all that waits and sign over it; gives how many leaves are new, 0 while another does it."""
        with self._one:
            if not self._has_work():
                return 0
            fence = self.hold()
            if fence is None:
                return 0
            done = 0
            while (new := self.number(fence)) > 0:
                done += new
            self.sign(fence)
            return done

    def _has_work(self) -> bool:
        with self.office.store.look() as look:
            newest, size = tables.newest(look, self.office.inc), tables.size(look)
            return bool(tables.waiting(look, 1)) or size > (newest[0] if newest else 0)

    def hold(self) -> int | None:
        """Take the lease or go on holding it; its number, or None while another one holds it."""
        now = self.office.clock()
        with self.office.store.turn() as turn:
            holder, fence, until_ms = _lease(turn)
            # A clock that was far ahead must not keep everybody out for ever.
            if holder != self._me and now < until_ms <= now + LEASE_MS:
                return None
            fence += holder != self._me
            turn.run(
                "INSERT INTO settings (name, value) VALUES (?, ?)"
                " ON CONFLICT (name) DO UPDATE SET value = excluded.value",
                (LEASE, json.dumps([self._me, fence, now + LEASE_MS])),
            )
        return fence

    def number(self, fence: int) -> int:
        """Give the next of what waits their places; how many. Nothing is done for a fence that is over."""
        try:
            with self.office.store.turn() as turn:
                if _lease(turn)[:2] != (self._me, fence):
                    return 0
                return tables.append_waiting(turn)
        except Collision:  # the place is the key: another one was quicker
            return 0

    def sign(self, fence: int) -> bytes | None:
        """Sign the head over all leaves that are durable, and keep it for ever; None if there is one."""
        office = self.office
        if office.keys.log is None:
            return None
        with office.store.turn() as turn:
            newest, size = tables.newest(turn, office.inc), tables.size(turn)
            if _lease(turn)[:2] != (self._me, fence) or size <= (newest[0] if newest else 0):
                return None
            root = tree.root(tables.reader(turn), size)
            head = Checkpoint(checkpoint.origin_of(office.chain, office.inc), size, root)
            note = checkpoint.sign(head, office.keys.log)
            turn.put(tables.heads, [(office.inc, size, note, office.clock())])
        return note


def _lease(turn: Turn) -> tuple[str, int, int]:
    """(holder, fence, until when in ms)"""
    row = turn.one("SELECT value FROM settings WHERE name = ?", (LEASE,))
    if row is None:
        return "", 0, 0
    holder, fence, until_ms = json.loads(row[0])
    return holder, fence, until_ms

"""Several pieces of work in one transaction: who waits for the pen has their work done by whoever holds it.

A commit waits for the disk, however much is in it; under load one wait serves all that queued meanwhile.
Nobody is answered before the commit is on the disk, and nobody's failure is another's: a store's fault
that is found before anything is written is only answered; after any other failure the transaction may be
spoilt, so nothing of it is kept and each piece is done by itself.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from typing import Any, TypeVar, cast

from hub.store.engine import Store, Turn
from points.wire.faults import WireFault

TOGETHER_MAX = 4
"""A few: while these are done, the next are opened."""

T = TypeVar("T")


class NotDone(Exception):
    """Whoever was to do the work was interrupted; ask again."""


class _Piece:
    """Work that waits, and what came of it."""

    __slots__ = ("error", "is_done", "result", "work")

    def __init__(self, work: Callable[[Turn], Any]) -> None:
        self.work = work
        self.is_done = False
        self.result: Any = None
        self.error: Exception | None = NotDone()

    def try_in(self, turn: Turn) -> bool:
        """Do the work; False when its failure has spoilt the transaction."""
        turn.has_written = False
        try:
            self.result, self.error = self.work(turn), None
        except Exception as error:
            self.error = error
        # PostgreSQL ends a transaction in which a mere reading failed, and says so to nobody who commits it.
        return self.error is None or (isinstance(self.error, WireFault) and not turn.has_written)


class _Spoilt(Exception):
    """A piece failed, and perhaps not by itself."""


class SharedTurns:
    """Transactions of one ``Store`` that may be shared."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._waiting: deque[_Piece] = deque()
        self._next = threading.Lock()

    def do(self, work: Callable[[Turn], T]) -> T:
        """What ``work`` returns, committed, perhaps together with others' work. Raises what it raises."""
        mine = _Piece(work)
        self._waiting.append(mine)
        with self._next:
            while not mine.is_done:  # a lock knows no order, and takes only so many at once
                self._do_waiting()
        if mine.error is not None:
            raise mine.error
        return cast(T, mine.result)

    def _do_waiting(self) -> None:
        """Do the first of what waits, in the order it came."""
        pieces = [self._waiting.popleft() for _ in range(min(TOGETHER_MAX, len(self._waiting)))]
        try:
            if not (len(pieces) > 1 and self._do_together(pieces)):
                for piece in pieces:
                    self._do_alone(piece)
        except BaseException:
            for piece in pieces:
                piece.error = NotDone()
            raise
        finally:
            for piece in pieces:
                piece.is_done = True

    def _do_together(self, pieces: list[_Piece]) -> bool:
        try:
            with self._store.turn() as turn:
                for piece in pieces:
                    if not piece.try_in(turn):
                        raise _Spoilt
        except Exception:  # whatever it was, each will meet it again, or not, by itself
            return False
        return True

    def _do_alone(self, piece: _Piece) -> None:
        try:
            with self._store.turn() as turn:
                piece.result = piece.work(turn)
            piece.error = None
        except Exception as error:
            piece.error = error

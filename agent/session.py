"""How long this till may spend what headquarters set aside for it without being heard: its session.

Each page of headquarters renews it, when it says an end at all. Past that end the allowance is nobody's to
spend here: it can only go home. What this till gave itself stays, for it exists nowhere else. The end is
sticky: a clock put back, a restart or an old page open nothing, only a page that was made when headquarters
had heard all that was recorded up to then. The time is that of the last witness, carried on by the clock that
counts sleep: a PC that believes in another century closes nothing for longer than until its next contact.

Safety reads no clock (R10 holds whatever it says): this bounds what headquarters risks when it serves a
member whose points lie at a silent till.
"""

from __future__ import annotations

from agent.journal.clock import Reading, Witness, store_time
from agent.journal.database import Book
from agent.store import feeds
from config.sqlite import Connection

UNTIL, OVER = "session_until", "session_over"
"""The facts that keep the end, and the last operation that headquarters must have heard first."""
NOT_YET = 2**62
"""That number while the allowance has not been sent home: no page was ever made that late."""


def session_ms(moment: Reading, last_st_ms: int, witness: Witness | None) -> int:
    """The time that ends a session: what the last witness says now, or store time where it says nothing.

    Not store time itself: that one never falls, so a PC that was once far ahead would end every session.
    """
    if witness is not None and witness.boot == moment.boot:
        return witness.hub_ms + max(0, moment.mono_ms - witness.mono_ms)
    return store_time(moment, last_st_ms, witness).st_ms


class Session:
    """The session of one till. ``until_ms`` None never ends; whoever reads and then writes holds the lock."""

    def __init__(self, book: Book) -> None:
        self.book = book
        self.until_ms: int | None = None
        self.over_at: int | None = None
        self._is_kept = False

    def recall(self) -> None:
        """Read what was kept."""
        until, over = feeds.fact(self.book, UNTIL), feeds.fact(self.book, OVER)
        self.until_ms = int(until) if until else None
        self.over_at = int(over) if over else None
        self._is_kept = self.over_at is not None

    def is_over(self, now_ms: int) -> bool:
        """Whether it is over; once it was seen to be, it stays so."""
        if self.over_at is None:
            if self.until_ms is None or now_ms <= self.until_ms:
                return False
            self.over_at = NOT_YET
        if not self._is_kept:
            self._keep()
        return True

    def _keep(self) -> None:
        with self.book.lock:
            if self.book.connection.in_transaction:  # a turn does not nest; the next look writes it down
                return
            with self.book.turn() as turn:
                feeds.keep_fact(turn, OVER, str(self.over_at))
            self._is_kept = True

    def drained(self, seq: int) -> None:
        """What was left of the allowance is on its way home, recorded up to ``seq``."""
        self.over_at, self._is_kept = seq, False
        self._keep()

    def hear(self, turn: Connection, until_ms: int | None, heard: int) -> None:
        """A newer page, made when headquarters had heard up to ``heard``. ``recall`` it after the turn."""
        if self.over_at is not None and heard < self.over_at:
            feeds.keep_fact(turn, OVER, str(self.over_at))
            return
        feeds.drop_fact(turn, OVER)
        if until_ms is None:
            feeds.drop_fact(turn, UNTIL)
        else:
            feeds.keep_fact(turn, UNTIL, str(until_ms))

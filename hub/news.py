"""Something that every till should hear of soon: new rules, a barred member, a key that counts no more.

Who serves looks every few seconds whether any of it is another than before, whoever has written it, and rings
all tills that are listening, with the time over which they shall come. It is a hint: who does not hear it
finds the same at the next contact.
"""

from __future__ import annotations

import logging
import threading

from hub.office import Office
from hub.store.engine import Turn

log = logging.getLogger(__name__)

LOOK_EVERY_S = 5.0
TILLS_A_SECOND = 11
"""How many may come because of it."""
SPREAD_S_MAX = 900


def latest(look: Turn) -> tuple[int, ...]:
    """What changes when there is news."""
    row = look.one(
        "SELECT (SELECT coalesce(sum(ver), 0) FROM manifests WHERE topic = 'rules'),"
        " (SELECT count(*) FROM denied),"
        " (SELECT count(revoked_at_ms) FROM keys)"
    )
    return tuple(int(one) for one in row or ())


class News:
    """The watch of one process that serves. ``look`` may be called from any thread."""

    def __init__(self, office: Office) -> None:
        self.office = office
        with office.store.look() as look:
            self._known = latest(look)
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, name="news", daemon=True)

    def start(self) -> None:
        """Look until ``stop``."""
        self._thread.start()

    def stop(self) -> None:
        """No more looks."""
        self._ended.set()
        if self._thread.is_alive():
            self._thread.join()

    def look(self) -> int:
        """Ring if there is news; gives how many tills are listening then."""
        with self.office.store.look() as look:
            now = latest(look)
        if now == self._known:
            return 0
        self._known = now
        listeners = self.office.bells.listeners()
        spread_s = min(SPREAD_S_MAX, len(listeners) // TILLS_A_SECOND)
        return self.office.bells.tell(listeners, spread_s)

    def _run(self) -> None:
        while not self._ended.wait(LOOK_EVERY_S):
            try:
                self.look()
            except Exception:
                log.exception("nobody is told of news, and it is looked for again")

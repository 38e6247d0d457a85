"""From scanners to pages: one queue, one thread that asks the counter what a scan means.

Every scanner puts its scans into the queue and goes on reading; the meaning is found here, one after
the other, so that what a page is told has an order. A scan that nobody answers is not kept. Nothing
scanned is logged: it may be somebody's payment code.
"""

from __future__ import annotations

import logging
import queue
import threading
from collections.abc import Callable, Sequence

from config.faults import Fault, whereabouts
from hardware.devices import open_scanner
from hardware.page_scanner import PageScanner
from hardware.scans import Scan, Scanner, Wellbeing
from points import codes
from points.codes import CodeKind

log = logging.getLogger(__name__)

WAITING_MAX = 64
HARMLESS = frozenset({CodeKind.UNKNOWN})

Hear = Callable[[Scan], None]
"""Told of every scan, one at a time."""


def is_a_code(text: str) -> bool:
    """Whether typed keys can be a scan: anything that a counter knows the meaning of."""
    return codes.recognise(text).kind not in HARMLESS


class Listening:
    """The scanners of one till. ``hear`` may be exchanged, as when a test scan is waited for; then
    ``expected`` is the printed text that typed keys may be although no counter knows a meaning of it."""

    def __init__(self, addresses: Sequence[str], hear: Hear) -> None:
        self.scanners: list[Scanner] = [
            open_scanner(address, shape=lambda text: text == self.expected or is_a_code(text))
            for address in addresses
        ]
        self.hear = hear
        self.expected = ""
        self.dropped = 0
        self._queue: queue.Queue[Scan | None] = queue.Queue(WAITING_MAX)
        self._thread = threading.Thread(target=self._run, name="listening", daemon=True)

    def start(self) -> None:
        """Open the scanners; one that is not there yet is tried again by itself."""
        self._thread.start()
        for scanner in self.scanners:
            scanner.start(self._put)

    def stop(self) -> None:
        """Close the scanners and end the thread."""
        for scanner in self.scanners:
            scanner.stop()
        self._queue.put(None)
        if self._thread.is_alive():
            self._thread.join(timeout=2)

    def page(self) -> PageScanner | None:
        """The scanner whose texts a page hands over, if one is set."""
        return next((scanner for scanner in self.scanners if isinstance(scanner, PageScanner)), None)

    def wellbeing(self) -> list[tuple[str, Wellbeing]]:
        """(address, how it is) of every scanner."""
        return [(scanner.address, scanner.wellbeing()) for scanner in self.scanners]

    def _put(self, scan: Scan) -> None:
        try:
            self._queue.put_nowait(scan)
        except queue.Full:
            self.dropped += 1  # nobody answers any more; the member scans again

    def _run(self) -> None:
        while (scan := self._queue.get()) is not None:
            try:
                self.hear(scan)
            except Fault as fault:
                log.warning("a scan could not be answered: %s", fault.remedy)
            except Exception as error:
                log.error("a scan could not be answered: %s", whereabouts(error))

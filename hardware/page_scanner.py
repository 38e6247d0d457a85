"""Scans that the cashier's page captured, or a program made: `page://` and `virtual://scanner`.

There is no device and no thread here: whoever has a text hands it over. The same desk as for every other
scanner drops repeats and gives ids.
"""

from __future__ import annotations

from hardware.scans import WELL, Desk, Health, Scan, Sink, Wellbeing, monotonic_ms


class PageScanner:
    """A scanner whose texts are handed over with `hear`."""

    def __init__(self, address: str) -> None:
        self.address = address
        self._desk = Desk(address)
        self._sink: Sink | None = None

    def start(self, sink: Sink) -> None:
        self._sink = sink

    def stop(self, timeout_s: float = 2.0) -> None:
        self._sink = None

    def hear(self, text: str, at_ms: int | None = None) -> Scan | None:
        """Deliver a text; None if it was a repeat, or nobody listens."""
        sink = self._sink
        text = text.strip()
        if sink is None or not text:
            return None
        scan = self._desk.take(text, monotonic_ms() if at_ms is None else at_ms)
        if scan is not None:
            sink(scan)
        return scan

    def wellbeing(self) -> Wellbeing:
        if self._sink is None:
            return Wellbeing(Health.CONNECTING, "state.scanner_connecting")
        return WELL

    def counts(self) -> dict[str, int]:
        return {"scans": self._desk.delivered, "repeats": self._desk.repeats}

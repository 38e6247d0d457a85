"""A scanner that types into the desktop: `keyboard://`, through pynput's global hook. The door of pynput.

The last choice among scanners, and off unless a store asks for it: a global hook hears everything a person
types. What always holds: it never suppresses a key, never logs, remembers at most 64 keys (`hardware.wedge`)
and lets out only what looks like a scan. pynput is imported when it starts, because without a display the
import itself fails; then this scanner is unavailable and says why, and the agent goes on.

A hook dies silently when X goes away: the thread here looks after it and hooks again. Under Wayland there
is nothing to hook; a Windows service never sees a key. Use a serial scanner or the page there.
"""

from __future__ import annotations

from typing import Any

from hardware.addresses import Address
from hardware.scans import WELL, Desk, Health, ScannerThread, Sink, Wellbeing, monotonic_ms
from hardware.stream_scanner import BACKOFF_FIRST_S, BACKOFF_MAX_S
from hardware.wedge import Shape, Tempo, Wedge, code_shape

LINE_FEED_KEYSYM = 65_290  # what a wedge under X sends for LF; pynput has no name for it
WATCH_S = 0.2


class KeyboardScanner:
    """Scans among the keys of the whole desktop."""

    def __init__(self, address: Address, shape: Shape = code_shape) -> None:
        self.address = address.text
        tempo = Tempo(mean_gap_ms_max=address.number("max_gap_ms"))
        self._wedge = Wedge(shape, address.word("prefix"), tempo)
        self._desk = Desk(address.text)
        self._thread = ScannerThread(self.address, self._watch)
        self._wellbeing = Wellbeing(Health.CONNECTING, "state.scanner_connecting")
        self._hooked = 0

    def start(self, sink: Sink) -> None:
        self._thread.start(sink)

    def stop(self, timeout_s: float = 2.0) -> None:
        self._thread.stop(timeout_s)

    def wellbeing(self) -> Wellbeing:
        return self._wellbeing

    def counts(self) -> dict[str, int]:
        return {"scans": self._desk.delivered, "repeats": self._desk.repeats, "hooked": self._hooked}

    def _watch(self, sink: Sink) -> None:
        """Hook the keyboard, and again whenever the hook has died."""
        wait_s = BACKOFF_FIRST_S
        while not self._thread.stopping.is_set():
            listener = self._hook(sink)
            if listener is not None:
                wait_s = BACKOFF_FIRST_S
                while listener.is_alive() and not self._thread.stopping.wait(WATCH_S):
                    pass
                listener.stop()
                if not self._thread.stopping.is_set():
                    self._wellbeing = _unavailable("the hook ended")
            self._thread.stopping.wait(wait_s)
            wait_s = min(wait_s * 2, BACKOFF_MAX_S)

    def _hook(self, sink: Sink) -> Any:
        try:
            from pynput import keyboard
        except Exception as error:  # without a display pynput's import fails in several ways
            self._wellbeing = _unavailable(type(error).__name__)
            return None

        def on_press(key: Any) -> None:
            try:
                self._press(key, keyboard.Key, sink)
            except Exception:  # one that leaves a callback kills the hook, and might tell what was typed
                self._wedge.other()

        listener = keyboard.Listener(on_press=on_press, suppress=False)
        try:
            listener.start()
            listener.wait()
        except Exception as error:
            self._wellbeing = _unavailable(type(error).__name__)
            return None
        self._hooked += 1
        self._wellbeing = WELL
        return listener

    def _press(self, key: Any, names: Any, sink: Sink) -> None:
        now = monotonic_ms()
        if key in (names.enter, names.tab) or getattr(key, "vk", None) == LINE_FEED_KEYSYM:
            text = self._wedge.terminator(now)
            scan = self._desk.take(text, now) if text is not None else None
            if scan is not None:
                sink(scan)
        elif key in (names.shift, names.shift_l, names.shift_r, names.caps_lock):
            return  # a capital letter arrives as a capital letter; its shift is a key of its own before it
        elif (character := getattr(key, "char", None)) is not None and character.isprintable():
            self._wedge.key(character, now)
        else:
            self._wedge.other()


def _unavailable(reason: str) -> Wellbeing:
    return Wellbeing(Health.UNAVAILABLE, "fault.keyboard_unavailable", {"reason": reason})

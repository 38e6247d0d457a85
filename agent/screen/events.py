"""What pages are told without asking: one stream to each, from any thread of the agent.

A page that does not keep up is dropped; it connects again by itself and is told the whole state anew,
so nothing rests on an event having arrived. Events carry words already, in no language: the page asks
its own.
"""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import AsyncIterator, Callable
from typing import Any

WAITING_MAX = 64
LOOK_EVERY_S = 0.5
BEAT_EVERY = 20

Answer = dict[str, Any]
Speak = Callable[[str], Answer]
"""Makes an event's content in a language."""


class Listener:
    """One page's stream."""

    def __init__(self, language: str) -> None:
        self.language = language
        self.loop = asyncio.get_running_loop()
        self.queue: asyncio.Queue[tuple[str, Speak] | None] = asyncio.Queue(WAITING_MAX)

    def put(self, item: tuple[str, Speak] | None) -> None:
        """Called in the loop's own thread."""
        if self.queue.full():
            while not self.queue.empty():
                self.queue.get_nowait()
            item = None
        self.queue.put_nowait(item)


class Events:
    """All open streams of one till."""

    def __init__(self, state: Speak) -> None:
        self._state = state
        self._listeners: set[Listener] = set()
        self._lock = threading.Lock()
        self._closed = False

    def tell(self, kind: str, speak: Speak) -> None:
        """Tell every page, from any thread."""
        self._send((kind, speak))

    def close(self) -> None:
        """End every stream."""
        self._closed = True
        self._send(None)

    def _send(self, item: tuple[str, Speak] | None) -> None:
        with self._lock:
            listeners = list(self._listeners)
        for listener in listeners:
            try:
                listener.loop.call_soon_threadsafe(listener.put, item)
            except RuntimeError:
                self._listeners.discard(listener)  # its loop has ended

    @property
    def count(self) -> int:
        """How many pages are open."""
        return len(self._listeners)

    async def stream(self, language: str) -> AsyncIterator[bytes]:
        """The state at once and whenever it changes, and what happens in between."""
        listener = Listener(language)
        with self._lock:
            self._listeners.add(listener)
        try:
            shown: Answer = {}
            quiet = 0
            yield b"retry: 500\n\n"
            while not self._closed:
                state = await asyncio.to_thread(self._state, language)
                if state != shown:
                    shown, quiet = state, 0
                    yield _event("state", state)
                try:
                    item = await asyncio.wait_for(listener.queue.get(), LOOK_EVERY_S)
                except TimeoutError:
                    quiet += 1
                    if quiet % BEAT_EVERY == 0:
                        yield b": still here\n\n"  # a line that is read by nobody finds a dead connection
                    continue
                if item is None:
                    return
                kind, speak = item
                yield _event(kind, await asyncio.to_thread(speak, language))
        finally:
            with self._lock:
                self._listeners.discard(listener)


def _event(kind: str, content: Answer) -> bytes:
    return f"event: {kind}\ndata: {json.dumps(content, ensure_ascii=False)}\n\n".encode()

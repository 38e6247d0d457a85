"""Who is listening, so that a till can be asked for rights at once.

A till holds one question open. Rung for a member it answers the question, gives back what it holds of
that member and delivers it; whoever waits for those points is told when they have come home. A bell that
nobody hears costs time and never points: nothing here is durable, and nothing is decided by it. Rights
that are wanted back stand in the till's own page all the same.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager

Agent = tuple[str, str]

PAUSE_S = 3.0
"""A till that asked so lately is about to ask again: it is rung all the same."""
WAITS_MAX = 16
"""Threads that may wait for points at once; the others are needed to take in what they wait for."""
RUNG_MAX = 1_000
"""Members that one till is rung for at once; the rest it finds in its page."""


class _Listener:
    """One open question."""

    def __init__(self) -> None:
        self.loop = asyncio.get_running_loop()
        self.answered: asyncio.Future[None] = self.loop.create_future()

    def answer(self) -> None:
        """Let the question be answered; from any thread, twice is once."""
        self.loop.call_soon_threadsafe(self._answer)

    def _answer(self) -> None:
        if not self.answered.done():
            self.answered.set_result(None)


class Bells:
    """The open questions of all tills, and who waits for a member's points. Safe from any thread."""

    def __init__(self, mono_s: Callable[[], float] = time.monotonic) -> None:
        self._mono_s = mono_s
        self._lock = threading.Lock()
        self._listening: dict[Agent, _Listener] = {}
        self._asked_s: dict[Agent, float] = {}
        self._rung: dict[Agent, set[int]] = {}
        self._awaited: dict[int, list[threading.Event]] = {}
        self.waits = threading.BoundedSemaphore(WAITS_MAX)
        self._is_closed = False

    async def listen(self, agent: Agent, hold_s: float) -> list[int] | None:
        """The members that ``agent`` is rung for, at once or within ``hold_s``; none when nobody rang.

        None when nothing more is to be waited for: the program ends, or the till has asked again.
        """
        mine = _Listener()
        with self._lock:
            older = self._listening.get(agent)
            self._listening[agent] = mine
            is_due = bool(self._rung.get(agent)) or self._is_closed
        if older is not None:
            older.answer()
        if not is_due:
            await asyncio.wait([mine.answered], timeout=hold_s)
        with self._lock:
            if self._listening.get(agent) is not mine:
                return None
            del self._listening[agent]
            self._asked_s[agent] = self._mono_s()
            rung = sorted(self._rung.pop(agent, ()))
            return None if self._is_closed and not rung else rung

    def ring(self, agents: Iterable[Agent], m: int) -> int:
        """Ask tills for what they hold of a member; gives how many are listening."""
        heard: list[_Listener | None] = []
        with self._lock:
            for agent in agents:
                listener = self._listening.get(agent)
                if listener is None and self._mono_s() - self._asked_s.get(agent, -PAUSE_S) >= PAUSE_S:
                    continue
                rung = self._rung.setdefault(agent, set())
                if len(rung) < RUNG_MAX:
                    rung.add(m)
                heard.append(listener)
        for listener in heard:
            if listener is not None:
                listener.answer()
        return len(heard)

    @contextmanager
    def awaiting(self, m: int) -> Iterator[threading.Event]:
        """An event that is set whenever something of a member was posted."""
        event = threading.Event()
        with self._lock:
            self._awaited.setdefault(m, []).append(event)
        try:
            yield event
        finally:
            with self._lock:
                self._awaited[m].remove(event)
                if not self._awaited[m]:
                    del self._awaited[m]

    def awaited(self) -> set[int]:
        """Members whose points somebody waits for; what comes home now is not given away again."""
        with self._lock:
            return set(self._awaited)

    def posted(self, ms: Iterable[int]) -> None:
        """Something of these members was posted, durably."""
        if not self._awaited:
            return
        with self._lock:
            events = [event for m in ms for event in self._awaited.get(m, ())]
        for event in events:
            event.set()

    def listeners(self) -> list[Agent]:
        """The tills that can be rung now."""
        with self._lock:
            return sorted(self._listening)

    def close(self) -> None:
        """Answer every open question; no later one is held."""
        with self._lock:
            self._is_closed = True
            open_now = list(self._listening.values())
        for listener in open_now:
            listener.answer()

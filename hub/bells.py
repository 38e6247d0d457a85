"""Who is listening, so that a till can be asked for rights at once.

A till holds one question open. Rung for a member it answers the question, gives back what it holds of
that member and delivers it; rung for a sale it looks into its page, which says what is asked of it. Whoever
waits is told when it has come. A bell that nobody hears costs time and never points: nothing here is durable,
and nothing is decided by it. Rights that are wanted back stand in the till's own page all the same.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

Agent = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Spread:
    """There is news; whoever hears it comes within so many seconds, each in a time of its own."""

    seconds: int


Rung = int | str | Spread
"""What a till is rung for: a member by number, a sale by its operation's id, or news."""

PAUSE_S = 3.0
"""A till that asked so lately is about to ask again: it is rung all the same."""
LISTENERS_MAX = 20_000
"""Questions that are held open at once; each is a connection."""
RUNG_MAX = 1_000
"""Members and sales that one till is rung for at once; the rest it finds in its page."""


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


class _Waiting:
    """Somebody who waits for a member's points."""

    def __init__(self) -> None:
        self.loop = asyncio.get_running_loop()
        self.event = asyncio.Event()


class Bells:
    """The open questions of all tills, and who waits for a member's points. Safe from any thread."""

    def __init__(self, mono_s: Callable[[], float] = time.monotonic) -> None:
        self._mono_s = mono_s
        self._lock = threading.Lock()
        self._listening: dict[Agent, _Listener] = {}
        self._asked_s: dict[Agent, float] = {}
        self._rung: dict[Agent, set[Rung]] = {}
        self._awaited: dict[int, list[_Waiting]] = {}
        self._is_closed = False

    async def listen(self, agent: Agent, hold_s: float) -> list[Rung] | None:
        """What ``agent`` is rung for, at once or within ``hold_s``; nothing when nobody rang.

        None when nothing more is to be waited for: the program ends, or the till has asked again.
        """
        mine = _Listener()
        with self._lock:
            older = self._listening.get(agent)
            self._listening[agent] = mine
            is_due = bool(self._rung.get(agent)) or self._is_closed
        if older is not None:
            older.answer()
        try:
            if not is_due:
                await asyncio.wait([mine.answered], timeout=hold_s)
        finally:  # also when the till has gone meanwhile
            with self._lock:
                is_latest = self._listening.get(agent) is mine
                if is_latest:
                    del self._listening[agent]
        if not is_latest:
            return None
        with self._lock:
            self._asked_s[agent] = self._mono_s()
            rung = sorted(self._rung.pop(agent, ()), key=str)
            return None if self._is_closed and not rung else rung

    def hears(self, agents: Iterable[Agent]) -> bool:
        """Whether any of these tills can be rung now."""
        with self._lock:
            return any(self._is_near(agent) for agent in agents)

    def _is_near(self, agent: Agent) -> bool:
        return agent in self._listening or self._mono_s() - self._asked_s.get(agent, -PAUSE_S) < PAUSE_S

    def ring(self, agents: Iterable[Agent], what: Rung) -> int:
        """Ask tills for what they hold of a member, or for the right to refund a sale; gives how many are
        listening."""
        heard: list[_Listener | None] = []
        with self._lock:
            for agent in agents:
                if not self._is_near(agent):
                    continue
                rung = self._rung.setdefault(agent, set())
                if len(rung) < RUNG_MAX:
                    rung.add(what)
                heard.append(self._listening.get(agent))
        for listener in heard:
            if listener is not None:
                listener.answer()
        return len(heard)

    def tell(self, agents: Iterable[Agent], spread_s: int) -> int:
        """Tell tills that there is news; gives how many are listening."""
        return self.ring(agents, Spread(spread_s))

    @contextmanager
    def awaiting(self, m: int) -> Iterator[asyncio.Event]:
        """An event that is set whenever something of a member was posted. For a coroutine."""
        waiting = _Waiting()
        with self._lock:
            self._awaited.setdefault(m, []).append(waiting)
        try:
            yield waiting.event
        finally:
            with self._lock:
                self._awaited[m].remove(waiting)
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
            told = [waiting for m in ms for waiting in self._awaited.get(m, ())]
        for waiting in told:
            waiting.loop.call_soon_threadsafe(waiting.event.set)

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

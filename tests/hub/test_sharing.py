"""Several pieces of work in one transaction: one commit for what queued, nobody's failure is another's."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from hub.store import schema
from hub.store.engine import Collision, Store, Turn
from hub.store.sharing import NotDone, SharedTurns, _Piece
from points.wire.faults import Gap


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    made = Store(f"sqlite:///{tmp_path}/hub.sqlite")
    schema.metadata.create_all(made.engine)
    yield made
    made.close()


def writes(name: str) -> Callable[[Turn], int]:
    def work(turn: Turn) -> int:
        turn.put(schema.settings, [(name, "1")])
        return len(turn.run("SELECT name FROM settings"))

    return work


def kept(store: Store) -> list[str]:
    with store.look() as look:
        return [name for (name,) in look.run("SELECT name FROM settings ORDER BY name")]


class Queue:
    """Works that have queued while another held the pen, told apart by what came of them."""

    def __init__(self, store: Store, *works: Callable[[Turn], Any]) -> None:
        self.turns, self.came = SharedTurns(store), [None] * len(works)
        self.commits = 0
        plain = store.turn

        def counted() -> Any:
            self.commits += 1
            return plain()

        store.turn = counted  # type: ignore[method-assign]
        held, release = threading.Event(), threading.Event()

        def first(turn: Turn) -> None:
            held.set()
            release.wait(10)

        threads = [threading.Thread(target=self.turns.do, args=(first,))]
        threads[0].start()
        held.wait(10)
        for n, work in enumerate(works):
            threads.append(threading.Thread(target=self._ask, args=(n, work)))
            threads[-1].start()
            while len(self.turns._waiting) <= n:
                pass
        release.set()
        for thread in threads:
            thread.join(10)

    def _ask(self, n: int, work: Callable[[Turn], Any]) -> None:
        try:
            self.came[n] = self.turns.do(work)
        except Exception as error:
            self.came[n] = error  # type: ignore[call-overload]


def test_what_queued_is_committed_together_in_its_order(store: Store) -> None:
    queue = Queue(store, writes("a"), writes("b"), writes("c"))
    assert queue.came == [1, 2, 3]
    assert kept(store) == ["a", "b", "c"]
    assert queue.commits == 2, "one for who held the pen, one for the three"


def test_who_is_refused_before_writing_harms_nobody(store: Store) -> None:
    def refused(turn: Turn) -> None:
        turn.run("SELECT 1")
        raise Gap(next=1, head="")

    queue = Queue(store, writes("a"), refused, writes("c"))
    assert [queue.came[0], queue.came[2]] == [1, 2]
    assert isinstance(queue.came[1], Gap)
    assert kept(store) == ["a", "c"]
    assert queue.commits == 2


def test_who_fails_after_writing_takes_nothing_of_it_along(store: Store) -> None:
    def fails(turn: Turn) -> None:
        turn.put(schema.settings, [("half", "1")])
        raise ZeroDivisionError

    queue = Queue(store, writes("a"), fails, writes("c"))
    assert [queue.came[0], queue.came[2]] == [1, 2]
    assert isinstance(queue.came[1], ZeroDivisionError)
    assert kept(store) == ["a", "c"]


def test_a_reading_that_fails_spoils_the_transaction(store: Store) -> None:
    """PostgreSQL ends the transaction then: what was written before in it would be answered and lost."""

    def fails(turn: Turn) -> None:
        turn.run("SELECT 1")
        raise RuntimeError("cancelled by the server")

    queue = Queue(store, writes("a"), fails, writes("c"))
    assert [queue.came[0], queue.came[2]] == [1, 2]
    assert isinstance(queue.came[1], RuntimeError)
    assert queue.commits == 5, "who held the pen, all together in vain, and each by itself"


def test_many_wait_and_everybody_is_served(store: Store) -> None:
    turns = SharedTurns(store)
    wrong: list[Exception] = []

    def ask(n: int) -> None:
        try:
            for i in range(10):
                turns.do(writes(f"{n:02}/{i}"))
        except Exception as error:
            wrong.append(error)

    threads = [threading.Thread(target=ask, args=(n,)) for n in range(24)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert not wrong
    assert len(kept(store)) == 240


def test_who_was_interrupted_told_nobody_that_it_is_done(store: Store) -> None:
    turns = SharedTurns(store)
    other = _Piece(writes("a"))
    turns._waiting.append(other)

    def interrupted(turn: Turn) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        turns.do(interrupted)
    assert isinstance(other.error, NotDone)
    assert kept(store) == []


def test_who_collides_hears_of_it_and_only_he(store: Store) -> None:
    queue = Queue(store, writes("a"), writes("a"), writes("b"))
    assert [queue.came[0], queue.came[2]] == [1, 2]
    assert isinstance(queue.came[1], Collision)
    assert kept(store) == ["a", "b"]

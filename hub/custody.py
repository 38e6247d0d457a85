"""What is kept and not posted: what it waits for, by name, and whose it is."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable

from hub.delivery import OF_A_PC, Delivered
from hub.posting import Place
from hub.store import doubted_pcs, schema
from hub.store.engine import KEYS_A_STATEMENT, Turn
from points.judging import Outcome
from points.wire import chain

RESOLVE = "resolve:"
"""Begins the name of what an operation waits for whose member headquarters must name."""
NAMELESS = ("equivocation", "bad-field", "undecodable", *OF_A_PC)
"""Reasons for which an operation does not even take possession of its id."""
WAITING_FEW = 100
PLACE = ("store", "till", "epoch", "seq")


def name_of(outcome: Outcome, op_id: str) -> str:
    """The name of what an operation in custody waits for; a reason when it waits for people."""
    if outcome.detail.get("reason") in OF_A_PC:
        return doubted_pcs.ON + str(outcome.detail["pc"])
    if outcome.detail.get("reason") != "missing-dependency":
        return str(outcome.detail.get("reason"))
    if "member" in outcome.detail:
        return RESOLVE + op_id
    return next(f"{what}:{on}" for what, on in outcome.detail.items() if what != "reason")


def waiting_on(turn: Turn, unlocked: Iterable[str], count: int) -> list[Delivered]:
    """What waited for these, numbered behind ``count`` others."""
    some = turn.run("SELECT on_what FROM waiting LIMIT ?", (WAITING_FEW,))
    if len(some) < WAITING_FEW:  # nearly nothing waits, ever: one question instead of one for each name
        unlocked = {name for (name,) in some}.intersection(unlocked)
    rows = turn.find(
        schema.waiting,
        ["store", "till", "epoch", "seq", "body"],
        ["on_what"],
        [(name,) for name in sorted(unlocked)],
    )
    return [
        Delivered((store, till, epoch, seq), n, bytes(body), chain.body_digest16(bytes(body)))
        for n, (store, till, epoch, seq, body) in enumerate(sorted(rows), count)
    ]


def members(
    turn: Turn, lanes: Iterable[tuple[str, str]], ms: Collection[int], judged: Collection[Place]
) -> set[tuple[str, str, int]]:
    """(store, till, member) of what waits at these tills besides what is being ``judged``: of each of ``ms``
    of whom anything does, and of somebody if it is of anybody at all. A PC that is doubted holds up nothing
    of the one that is not.

    However much waits, no more of it is looked at than these are.
    """
    behind = set()
    for store, till in lanes:
        if not _first_waiting(turn, store, till, 1):  # nearly always
            continue
        own = [place for place in judged if place[:2] == (store, till)]
        besides = Counter(m for (m,) in turn.find(schema.waiting, ["m"], PLACE, own) if m is not None)
        first = Counter(_first_waiting(turn, store, till, besides.total() + 1))
        behind |= {(store, till, m) for m in first - besides}
        if first.total() > besides.total():  # there are more
            behind |= {
                (store, till, m)
                for m in waiting_of(turn, store, till, ms)
                if m not in besides or _more_wait(turn, store, till, m, besides[m])
            }
    return behind


def _first_waiting(turn: Turn, store: str, till: str, most: int) -> list[int]:
    """The members of the first operations that wait at a till, in the order of their numbers."""
    rows = turn.run(
        f"SELECT m FROM waiting WHERE store = ? AND till = ? AND m IS NOT NULL AND {schema.NOT_DOUBTED}"
        " ORDER BY m LIMIT ?",
        (store, till, most),
    )
    return [m for (m,) in rows]


def waiting_of(turn: Turn, store: str, till: str, ms: Collection[int]) -> set[int]:
    """Of which of these members anything waits at a till; what is kept of a PC that is doubted does not."""
    found: set[int] = set()
    some = sorted(ms)
    if not some or not _first_waiting(turn, store, till, 1):
        return set()
    for start in range(0, len(some), KEYS_A_STATEMENT):
        part = some[start : start + KEYS_A_STATEMENT]
        values = ", ".join(["(CAST(? AS bigint))"] * len(part))
        rows = turn.run(
            f"WITH w(m) AS (VALUES {values}) SELECT m FROM w WHERE EXISTS (SELECT 1 FROM waiting t"
            f" WHERE t.store = ? AND t.till = ? AND t.m = w.m AND {schema.NOT_DOUBTED})",
            (*part, store, till),
        )
        found.update(m for (m,) in rows)
    return found


def _more_wait(turn: Turn, store: str, till: str, m: int, than: int) -> bool:
    """Whether more of a member's operations wait at a till than so many."""
    sql = f"SELECT 1 FROM waiting WHERE store = ? AND till = ? AND m = ? AND {schema.NOT_DOUBTED} LIMIT ?"
    return len(turn.run(sql, (store, till, m, than + 1))) > than

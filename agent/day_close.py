"""The end of a business day: every right goes home, so that nothing is stranded on a PC that is off.

While headquarters is out of reach they stay: nobody else could use them before this till is heard again, and
tomorrow morning the line may still be cut. They go home with the first contact, if the day is still closed.

A closed day takes no more operations; the next local day opens itself, or the manager opens another
shift. Giving rights back is an operation like any other, and doing it twice gives nothing the
second time.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from agent.recorder import Draft, record_all
from agent.store import cells, sales
from agent.till import Shift, Till
from points import rights
from points.rights import Fund, Rights

GiveBack = Callable[[Rights], tuple[Rights, Fund]]


@dataclass(frozen=True, slots=True)
class DayClosed:
    """What the day was: operations by kind, points of rights given back, and points that stay meanwhile."""

    day: int
    totals: dict[str, int]
    given_back: int
    kept: int = 0


def give_back(till: Till, by: str, only: set[int] | None = None, how: GiveBack | None = None) -> int:
    """Give rights back, of all members or of ``only`` those; gives the points that went home.

    All of them go home together: the till of a thousand members commits once. ``how`` says which rights; all.
    """
    with till.book.lock:
        drafts, gone = [], 0
        for m, held in cells.every(till.book):
            if only is not None and m not in only:
                continue
            after, fund = (how or rights.give_back)(held)
            if fund:
                drafts.append(Draft("rights.return", {}, by, m, fund, after))
                gone += sum(entry[1] for entry in fund)
        if drafts:
            record_all(till, drafts, till.time(), till.shift().day)
        return gone


def end_session(till: Till) -> int:
    """What a till may not spend any more, because it was silent for too long, goes home; gives the points.

    Before anything else is said: what headquarters sets aside next, it sets aside knowing all of this.
    """
    with till.book.lock:
        if till.rules is None or not till.is_silent_too_long:
            return 0
        gone = give_back(till, "agent", how=rights.give_back_allowance)
        till.session.drained(till.log.seq)
        return gone


def close_day(till: Till, by: str, *, reaches: bool = True) -> DayClosed:
    """Return all rights if headquarters ``reaches`` this till, then close the open business day."""
    with till.book.lock:
        shift = till.shift()
        today = till.rule().today(till.time().st_ms)
        gone = give_back(till, by) if reaches else 0
        kept = sum(sum(held.left(today)) for _, held in cells.every(till.book))
        till.keep_shift(Shift(shift.day, closed=True))
        return DayClosed(shift.day, sales.day_totals(till.book, shift.day), gone, kept)


def open_day(till: Till) -> Shift:
    """Open a shift for today, also when today was closed before."""
    with till.book.lock:
        shift = Shift(till.rule().today(till.time().st_ms), closed=False)
        till.keep_shift(shift)
        return shift

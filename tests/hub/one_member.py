"""One member of the pretend market whose visits are written by hand: three tills of a store, one of another.

Nothing is played without a look at the books: no point is spent that no right covered, and in the end
headquarters knows of every till what that till holds.
"""

from __future__ import annotations

from hub.policy import POLICIES
from hub.rehearsal import workload
from hub.rehearsal.history import DAY_MS, HOUR_MS, ONLINE, Visit
from hub.rehearsal.market import Member
from hub.rehearsal.outcome import Outcome
from hub.rehearsal.overnight import OVERNIGHT
from hub.rehearsal.trusting import NO_TRUST, Terms, Trusted
from hub.rehearsal.weather import NEVER_MS, Line, Till

FIRST_DAY, DAYS = workload.FIRST_DAY, 12
A, B = ("s001", "01"), ("s002", "01")
SISTER, THIRD = ("s001", "02"), ("s001", "03")
CLOSED = NEVER_MS


def at(day: int, hour: int, minute: int = 0) -> int:
    return (FIRST_DAY + day) * DAY_MS + hour * HOUR_MS + minute * 60_000


def visit(day: int, hour: int, agent: tuple[str, str], earned: int = 0, wish: int = 0) -> Visit:
    return Visit(at(day, hour), "m1", *agent, earned, wish)


def in_channel(day: int, hour: int, wish: int) -> Visit:
    return Visit(at(day, hour), "m1", ONLINE, "00", 0, wish)


HABIT = [visit(0, 10, A, 100), visit(1, 10, A, 100)]
"""200 points, and one till that the member visits."""


def played(
    visits: list[Visit],
    policy: str = "visits",
    *,
    has_recall: bool = True,
    cut: tuple[int, int] = (CLOSED, CLOSED),
    pulled: int = DAYS,
    has_lan: bool = True,
    overnight: str = "all-home",
    trust: Terms = NO_TRUST,
) -> Outcome:
    """One member's visits; the line of A's store is cut once, and A's plug is pulled on one day."""
    plug = bytes(day == pulled for day in range(DAYS))
    line = Line([cut])
    tills = {A: Till(0, line, FIRST_DAY, plug), B: Till(1, Line(), FIRST_DAY, bytes(DAYS))}
    tills |= {SISTER: Till(2, line, FIRST_DAY, bytes(DAYS)), THIRD: Till(3, line, FIRST_DAY, bytes(DAYS))}
    outcome = Outcome(policy, has_recall, 1, FIRST_DAY, DAYS, len(tills), has_lan, overnight, Trusted(trust))
    member = Member(POLICIES[policy], tills, outcome, OVERNIGHT[overnight])
    member.play(visits)
    assert outcome.overspent == 0, f"{outcome.overspent} points were overspent"
    assert_books_agree(member)
    return outcome


def assert_books_agree(member: Member) -> None:
    """Everything is delivered: headquarters has the balance, and of every till what that till holds."""
    books = member.books
    assert not books.unsent
    assert books.balance == member.owned
    assert {agent: books.out(agent) for agent in books.standing.cells} == {
        agent: books.left(agent) for agent in books.standing.cells
    }
    assert books.held == sum(books.left(agent) for agent in books.rights)


def ended(outcome: Outcome, where: str) -> tuple[int, int]:
    return outcome.asked(where), outcome.denied(where)


CUT_AT_NOON = (at(2, 11), at(2, 20))
CUT_AT_NIGHT = (at(2, 2), at(2, 20))


def drawn(seed: int, members: int = 150) -> list[list[Visit]]:
    one_by_one = workload.drawn(5, members, 60, 2, seed)
    return [workload.with_online(visits, 25, seed) for visits in one_by_one if visits]


def seen(outcome: Outcome) -> tuple[object, ...]:
    return outcome.wished, outcome.refused, outcome.recalls, outcome.why_offline, outcome.exposure()


def quiet(_done: int, _whole: int) -> None:
    pass

"""A member whose points lie at a silent till is served elsewhere, and never for more than was budgeted."""

from __future__ import annotations

import random

import pytest
from headquarters import Headquarters
from pretend_till import PretendTill, points_of
from test_exposure import browser
from test_rights_over_http import intent

from agent import transfers
from config.night_window import NightWindow
from hub import sessions, unlocks
from hub.night import Night
from hub.office import Unlock
from hub.verify import state, verify
from points.fields import BadOperation
from points.operations import read
from points.wire.sister import WANT, Said

HOUR_MS = 3_600_000
SURELY_MS = 24 * HOUR_MS + sessions.GRACE_MS + 1
ELSEWHERE = {"refused": "held_elsewhere"}


def granted(till: PretendTill, pts: int) -> int:
    """A member whose points all lie at this till as its allowance."""
    m = till.enrol()
    for n, part in enumerate((pts - pts // 2, pts // 2)):
        till.st = max(till.st, till.hq.clock.now_ms + n)
        till.earn(m, part)
        till.op("rights.return", m, fund=[["back_l", part]])
    till.send()
    assert [row[3] for row in till.page("r") if row[2] == m] == [pts]
    return m


@pytest.fixture
def silent(hq: Headquarters, till: PretendTill, other: PretendTill) -> int:
    """A member with 300 points at a till that has been silent past its session; there is a budget for 200."""
    hq.office.session_ms = 24 * HOUR_MS
    hq.office.unlock = Unlock(200, 200, 200)
    m = granted(till, 300)
    hq.clock.now_ms += SURELY_MS
    return m


def out(hq: Headquarters) -> int:
    with hq.office.store.look() as look:
        return sum(one.pts for one in unlocks.outstanding(look, hq.office))


def sound(hq: Headquarters) -> None:
    assert verify(hq.office).faults == []


def test_within_the_budget_a_member_is_served_and_headquarters_sees_the_risk(
    hq: Headquarters, silent: int, other: PretendTill
) -> None:
    asked = intent(other)
    assert other.authorise(asked, silent, 120) == {"granted": 120}
    assert other.authorise(asked, silent, 120) == {"granted": 120}, "the answer was lost"
    assert out(hq) == 120
    other.redeem(silent, 120, ["auth", 120], id=asked)
    assert other.send() == {}
    assert (points_of(hq, silent), out(hq)) == ((180, 0), 120)
    assert state(hq.office)["unlocked"] == [[silent, "s001", "01", 120]]
    sound(hq)


def test_what_comes_home_repays_it(
    hq: Headquarters, silent: int, till: PretendTill, other: PretendTill
) -> None:
    asked = intent(other)
    other.authorise(asked, silent, 120)
    other.redeem(silent, 120, ["auth", 120], id=asked)
    other.send()
    till.op("rights.return", silent, fund=[["back_a", 100]])
    till.send()
    assert out(hq) == 20
    till.op("rights.return", silent, fund=[["back_a", 200]])
    till.send()
    assert (points_of(hq, silent), out(hq)) == ((180, 0), 0)
    sound(hq)
    assert other.authorise(intent(other), silent, 180) == {"granted": 180}, "headquarters holds them"
    assert out(hq) == 0


def test_what_turns_out_spent_is_debt_that_headquarters_bears(
    hq: Headquarters, silent: int, till: PretendTill, other: PretendTill
) -> None:
    asked = intent(other)
    other.authorise(asked, silent, 120)
    other.redeem(silent, 120, ["auth", 120], id=asked)
    other.send()
    till.redeem(silent, 300, ["allowance", 300])
    assert till.send() == {}, "it had the right, nobody blames the till"
    assert (points_of(hq, silent), out(hq)) == ((0, 120), 120)
    owed = hq.rows("SELECT sum(pts) FROM postings WHERE debit = 'settle:hq'")
    assert owed == [(120,)]
    sound(hq)
    other.earn(silent, 150, add=False, fund=[["add", 30]])
    other.send()
    assert (points_of(hq, silent), out(hq)) == ((30, 0), 0), "and the next points repay it"
    sound(hq)


def test_a_claw_back_that_is_open_does_not_pay_for_it(
    hq: Headquarters, silent: int, till: PretendTill, other: PretendTill
) -> None:
    """The franchise's sale was clawed, and its points were nobody's; the unlock is headquarters' own risk."""
    other.st = hq.clock.now_ms
    sale = other.earn(silent, 50, add=False)
    other.refund(silent, sale, 5_000)
    other.send()
    asked = intent(other)
    assert other.authorise(asked, silent, 100) == {"granted": 100}
    other.redeem(silent, 100, ["auth", 100], id=asked)
    other.send()
    till.redeem(silent, 300, ["allowance", 300])
    till.send()
    assert points_of(hq, silent) == (0, 100)
    net = dict(hq.rows("SELECT debit, sum(pts) FROM postings WHERE debit LIKE 'settle:%' GROUP BY debit"))
    assert net.get("settle:hq") == 100
    sound(hq)


@pytest.mark.parametrize(
    ("budget", "asked", "is_granted"),
    [
        (Unlock(), 1, False),
        (Unlock(200, 200, 0), 1, False),
        (Unlock(99, 200, 200), 100, False),
        (Unlock(200, 99, 200), 100, False),
        (Unlock(200, 200, 99), 100, False),
        (Unlock(100, 100, 100), 100, True),
        (Unlock(400, 400, 400), 301, False),  # the member has no more
    ],
)
def test_each_budget_holds_by_itself(
    hq: Headquarters, silent: int, other: PretendTill, budget: Unlock, asked: int, is_granted: bool
) -> None:
    hq.office.unlock = budget
    said = other.authorise(intent(other), silent, asked)
    assert ("granted" in said) is is_granted
    assert out(hq) == (asked if is_granted else 0)


def test_a_budget_is_for_all_members_together(
    hq: Headquarters, till: PretendTill, other: PretendTill
) -> None:
    hq.office.session_ms = 24 * HOUR_MS
    hq.office.unlock = Unlock(100, 1_000, 150)
    one, two = granted(till, 300), granted(till, 300)
    hq.clock.now_ms += SURELY_MS
    assert other.authorise(intent(other), one, 100) == {"granted": 100}
    assert other.authorise(intent(other), one, 1) == ELSEWHERE
    assert other.authorise(intent(other), two, 51) == ELSEWHERE
    hq.office.unlock = Unlock(100, 120, 1_000)
    assert other.authorise(intent(other), two, 21) == ELSEWHERE
    assert other.authorise(intent(other), two, 20) == {"granted": 20}


@pytest.mark.parametrize("early_ms", [1, sessions.GRACE_MS, SURELY_MS])
def test_before_the_session_is_surely_over_nothing_is_promised(
    hq: Headquarters, silent: int, other: PretendTill, early_ms: int
) -> None:
    hq.clock.now_ms -= early_ms
    assert other.authorise(intent(other), silent, 1) == ELSEWHERE


def test_a_till_that_is_heard_again_is_not_silent(
    hq: Headquarters, silent: int, till: PretendTill, other: PretendTill
) -> None:
    till.page()
    assert other.authorise(intent(other), silent, 1) == ELSEWHERE


def test_points_that_a_till_gave_itself_are_not_promised(
    hq: Headquarters, till: PretendTill, other: PretendTill
) -> None:
    """A session that is over does not stop them there."""
    hq.office.session_ms, hq.office.unlock = 24 * HOUR_MS, Unlock(200, 200, 200)
    m = till.enrol()
    till.earn(m, 100)
    till.send()
    till.page()
    hq.clock.now_ms += SURELY_MS
    assert other.authorise(intent(other), m, 10) == ELSEWHERE
    m = granted(till, 50)
    till.earn(m, 100)
    till.send()
    till.page()
    hq.clock.now_ms += SURELY_MS
    assert other.authorise(intent(other), m, 51) == ELSEWHERE
    assert other.authorise(intent(other), m, 50) == {"granted": 50}, "but what is allowance"


def test_what_a_return_has_taken_is_not_promised_again(
    hq: Headquarters, till: PretendTill, other: PretendTill
) -> None:
    hq.office.session_ms, hq.office.unlock = 24 * HOUR_MS, Unlock(400, 400, 400)
    m = till.enrol()
    for _ in range(2):
        sale = till.earn(m, 150)
        till.op("rights.return", m, fund=[["back_l", 150]])
    till.send()
    till.page()
    till.refund(m, sale, 5_000)
    till.send()
    hq.clock.now_ms += SURELY_MS
    third = PretendTill(hq, "s003")
    other.earn(m, 100)
    other.send()
    assert points_of(hq, m) == (350, 0), "300 of them lie at a silent till, 50 too many, and 100 at another"
    assert third.authorise(intent(third), m, 251) == ELSEWHERE
    assert third.authorise(intent(third), m, 250) == {"granted": 250}
    third.close()


def test_a_void_takes_the_risk_back(hq: Headquarters, silent: int, other: PretendTill) -> None:
    asked = intent(other)
    other.authorise(asked, silent, 120)
    other.op("auth.void", silent, refs=[asked])
    other.send()
    assert out(hq) == 0
    assert points_of(hq, silent) == (300, 0)
    sound(hq)


def test_nothing_is_granted_while_more_is_promised_than_there_is(
    hq: Headquarters, silent: int, till: PretendTill, other: PretendTill
) -> None:
    asked = intent(other)
    other.authorise(asked, silent, 100)
    assert [row[5] for row in till.page("r")] == [1]
    other.redeem(silent, 100, ["auth", 100], id=asked)
    other.send()
    (row,) = till.page("r")
    assert (row[3], row[5]) == (300, 1), "its right is as it was, and it is called home"
    till.op("rights.return", silent, fund=[["back_a", 300]])
    till.send()
    till.page("r")
    assert [row[3] for row in till.page("r")] == [300 + 200], "G is what it was and 200 more: 200 to spend"
    sound(hq)


def test_only_headquarters_may_promise(hq: Headquarters, silent: int, other: PretendTill) -> None:
    other.op(
        "auth.unlock", silent, refs=[intent(other)], to=["s002", "01"], inc=1, term=1, n=10,
        unlock=[["s001", "01", 10]],
    )  # fmt: skip
    assert [code for code, _ in other.send().values()] == ["Q"]
    assert out(hq) == 0


def test_a_promise_of_more_than_is_reserved_is_misshapen() -> None:
    body = {
        "id": "ab" * 16, "t": "auth.unlock", "tv": 1, "day": 20261119, "st": 1, "boot": "0" * 16, "mono": 0,
        "by": "hq", "rule": "0" * 64, "m": 1, "refs": ["cd" * 16], "to": ["s002", "01"], "inc": 1, "term": 1,
        "n": 10, "unlock": [["s001", "01", 10]],
    }  # fmt: skip
    assert read(body, "hq", "w1").kind == "auth.unlock"
    for bad in ([["s001", "01", 11]], [], [["s001", "01", 0]], [["S", "01", 1]], "x"):
        with pytest.raises(BadOperation):
            read(body | {"unlock": bad}, "hq", "w1")


@pytest.mark.parametrize("seed", range(6))
def test_all_that_it_can_ever_cost_is_the_budget(hq: Headquarters, seed: int) -> None:
    """Tills fall silent, spend what they have all the same, come back or give back, in any order."""
    dice = random.Random(seed)
    budget = Unlock(dice.choice((40, 150)), dice.choice((60, 200)), dice.choice((100, 250)))
    hq.office.session_ms, hq.office.unlock = 6 * HOUR_MS, budget
    tills = [PretendTill(hq, f"s00{n}") for n in range(1, 4)]
    ms = [granted(one, 100 + 60 * n) for n, one in enumerate(tills)] + [granted(tills[0], 90)]
    left = {
        (n, row[2]): row[3] for n, one in enumerate(tills) for row in one.page("r")
    }  # what each till may spend, whatever its session says: no honest program would
    unlocked = 0
    for _ in range(60):
        hq.clock.now_ms += dice.randrange(1, 5) * HOUR_MS
        n, m = dice.randrange(3), dice.choice(ms)
        till = tills[n]
        till.st = max(till.st, hq.clock.now_ms)
        match dice.randrange(5):
            case 0 if left.get((n, m)):
                pts = dice.randrange(1, left[n, m] + 1)
                left[n, m] -= pts
                till.redeem(m, pts, ["allowance", pts])
            case 1 if left.get((n, m)):
                pts = dice.randrange(1, left[n, m] + 1)
                left[n, m] -= pts
                till.op("rights.return", m, fund=[["back_a", pts]])
            case 2 if till.sent < len(till.bodies):
                till.send()
            case 3:
                pts, asked = dice.randrange(1, 120), intent(till)
                if till.authorise(asked, m, pts) == {"granted": pts}:
                    if dice.random() < 0.2:
                        till.op("auth.void", m, refs=[asked])
                    else:
                        till.redeem(m, pts, ["auth", pts], id=asked)
            case 4 if dice.random() < 0.3:
                till.earn(m, 10)
                till.op("rights.return", m, fund=[["back_l", 10]])
        assert out(hq) <= budget.chain
        unlocked = max(unlocked, out(hq))
    for till in tills:
        if till.sent < len(till.bodies):
            assert {code for code, _ in till.send().values()} <= {"J"}
    owed = sum(points_of(hq, m)[1] for m in ms)
    assert owed <= budget.chain, "every shortage was budgeted before"
    assert all(points_of(hq, m)[1] <= budget.member for m in ms)
    assert hq.rows("SELECT reason FROM cases") == []
    bearers = dict(hq.rows("SELECT debit, sum(pts) FROM postings WHERE debit LIKE 'settle:%' GROUP BY debit"))
    assert bearers.get("settle:hq", 0) == owed
    assert unlocked > 0, "nothing was tried"
    sound(hq)
    for till in tills:
        till.close()


def test_nothing_is_promised_while_a_sister_till_may_have_been_given_it(hq: Headquarters) -> None:
    hq.office.session_ms, hq.office.unlock = 24 * HOUR_MS, Unlock(300, 300, 300)
    one, two, m = hq.sisters()
    away = PretendTill(hq, "s002")
    hq.clock.now_ms += 11 * HOUR_MS
    two.sync()
    want = transfers.wish(two.till, "01", m, 300)
    said = Said(WANT, want.id, two.till.identity.lane, "01", m, 300, want.inc, want.term)
    given = transfers.give(one.till, said)
    assert given is not None
    assert transfers.take(two.till, given) == 300
    hq.clock.now_ms += 14 * HOUR_MS + sessions.GRACE_MS + 1
    assert (one.till.is_silent_too_long, two.till.is_silent_too_long, two.here(m)) == (True, False, 300)
    away.st = hq.clock.now_ms
    assert away.authorise(intent(away), m, 300) == {"refused": "held_elsewhere"}
    away.close()


def test_headquarters_sees_who_is_silent_and_what_was_promised(
    hq: Headquarters, silent: int, other: PretendTill
) -> None:
    asked = intent(other)
    other.authorise(asked, silent, 120)
    other.redeem(silent, 120, ["auth", 120], id=asked)
    other.send()
    with browser(hq) as somebody:
        quiet = somebody.get("/console/exposure?csv=silent").text.splitlines()[1:]
        assert [(row.split(",")[:2], row.split(",")[-1]) for row in quiet] == [(["s001", "01"], "300")]
        rows = somebody.get("/console/exposure?csv=unlocked").text.splitlines()[1:]
        assert [row.split(",")[:4] + row.split(",")[5:] for row in rows] == [
            [str(silent), "120", "s001", "01", "hq"]
        ]
        bounds = somebody.get("/console/exposure?csv=bounds").text.splitlines()
        assert bounds[-1].split(",")[1] == "200", "the most that it can cost"
        Night(hq.office, NightWindow(0, 240)).run()
        (owed,) = somebody.get("/console/exposure?csv=owed").text.splitlines()[1:]
        assert owed.split(",")[:4] == [str(silent), "0", "120", "hq"], "and who bears it"
        assert "总部按风险额度先给" in somebody.get(f"/console/members/{silent}").text

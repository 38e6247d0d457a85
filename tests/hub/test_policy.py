"""Who may spend offline, by table; and that headquarters grants by the policy it was given."""

from __future__ import annotations

from decimal import ROUND_HALF_EVEN, Decimal

import pytest
from headquarters import Headquarters
from pretend_till import PretendTill

from config.settings import GRANT_POLICIES
from hub.policy import POLICIES, VISIT_DAYS, WEIGHTS, Agent, Purchase, by_visits, nobody
from points.days import Day, plus_days

TODAY = Day(20260401)
A, B, C = ("s001", "01"), ("s002", "01"), ("s002", "02")


def ago(days: int, agent: Agent) -> Purchase:
    return plus_days(TODAY, -days), agent


OLD_HABIT = [*[ago(80, A)] * 3, ago(5, B), ago(3, B)]
"""Three visits long ago at one till, two of late at another: a flat count and the half-life disagree."""

VISITS = [
    ("nobody came", [], None),
    ("once is no habit", [ago(0, A)], None),
    ("twice at one till", [ago(9, A), ago(1, A)], A),
    ("twice, at two tills: the later one", [ago(9, A), ago(1, B)], B),
    ("a visit that is too old does not count", [ago(91, A), ago(90, A)], None),
    ("the ninetieth day still counts", [ago(90, A), ago(90, A)], A),
    ("the larger rate", [ago(3, A), ago(2, A), ago(1, B)], A),
    ("a visit of thirty days ago counts half", [*[ago(30, A)] * 3, *[ago(0, B)] * 2], B),
    ("and no less than half", [*[ago(30, A)] * 5, *[ago(0, B)] * 2], A),
    ("long ago and often, of late and less", OLD_HABIT, B),
    ("a tie goes to the latest visit", [ago(30, A), ago(30, A), ago(0, B)], B),
    ("a tie of one day goes to the name", [ago(4, C), ago(4, B)], C),
    ("tills are counted, not stores", [ago(1, B), ago(1, C), ago(2, A), ago(2, A)], A),
    ("a clock that is ahead counts as today", [ago(-3, A), ago(0, B), ago(0, B)], B),
]


@pytest.mark.parametrize(("purchases", "till"), [row[1:] for row in VISITS], ids=[row[0] for row in VISITS])
def test_the_till_of_the_largest_visit_rate(purchases: list[Purchase], till: Agent | None) -> None:
    assert by_visits(purchases, TODAY) == till
    assert by_visits(purchases[::-1], TODAY) == till, "in whatever order they became known"


def flat_count(purchases: list[Purchase]) -> Agent:
    tills = [agent for _, agent in purchases]
    return max(tills, key=tills.count)


def test_the_half_life_is_seen_to_matter() -> None:
    """Negative control: a policy that only counted would name another till."""
    assert flat_count(OLD_HABIT) == A
    assert by_visits(OLD_HABIT, TODAY) == B


@pytest.mark.parametrize(
    ("purchases", "till"),
    [
        ([], None),
        ([ago(1, A)], None),
        ([ago(5, A), ago(4, A), ago(1, B)], B),
        ([ago(1, B), ago(5, A), ago(4, A)], B),
        ([ago(1, B), ago(1, C)], C),
        ([ago(91, A), ago(1, B)], None),
    ],
)
def test_the_till_of_the_last_visit(purchases: list[Purchase], till: Agent | None) -> None:
    assert POLICIES["latest"](purchases, TODAY) == till


def test_nobody_is_nobody() -> None:
    assert nobody([ago(1, A)] * 50, TODAY) is None


def test_every_policy_can_be_chosen_and_every_choice_is_a_policy() -> None:
    assert set(GRANT_POLICIES) == set(POLICIES)


def test_the_weights_are_the_half_life() -> None:
    assert len(WEIGHTS) == VISIT_DAYS + 1
    for days, weight in enumerate(WEIGHTS):
        exact = Decimal(10_000) * Decimal(2) ** (Decimal(-days) / 30)
        assert weight == int(exact.quantize(Decimal(1), ROUND_HALF_EVEN))


def test_headquarters_grants_by_the_policy_it_was_given(hq: Headquarters, till: PretendTill) -> None:
    m = till.enrol()
    for _ in range(2):
        till.earn(m, 100)
        till.op("rights.return", m, fund=[["back_l", 100]])
    till.send()
    hq.office.policy = nobody
    assert till.page("r") == []
    till.earn(m, 1)  # a till looks again at members that changed
    till.send()
    hq.office.policy = POLICIES["visits"]
    assert [row[3] for row in till.page("r")] == [200]

"""What a budget of risk approves without a line, what became of it, and that it costs no more than stated."""

from __future__ import annotations

from pathlib import Path
from random import Random

import pytest
from one_member import (
    CUT_AT_NIGHT,
    CUT_AT_NOON,
    DAYS,
    FIRST_DAY,
    HABIT,
    A,
    B,
    at,
    drawn,
    ended,
    in_channel,
    played,
    quiet,
    seen,
    visit,
)

from hub.rehearsal import command, weather
from hub.rehearsal.history import DAY_MS, Visit
from hub.rehearsal.market import Member
from hub.rehearsal.outcome import OFFLINE
from hub.rehearsal.trusting import Terms
from hub.rehearsal.weather import NEVER_MS, Line, Till
from points.trust import Budget

MUCH = Budget(500, 500, 1_000)
AT_HOME_IN_B = [visit(0, 10, B, 100), visit(1, 10, B, 100)]
"""200 points, and a till that is not A, whose line is cut."""
STRANGER = [*AT_HOME_IN_B, visit(2, 12, A, 0, 150)]
SERVED = [visit(0, 9, A, 10), visit(0, 10, B, 100), visit(1, 10, B, 100), visit(2, 12, A, 0, 150)]

WISHES = [
    ("nobody is trusted", STRANGER, Terms(), 1),
    ("who was never here", STRANGER, Terms(MUCH), 1),
    ("who shows a token", STRANGER, Terms(MUCH, has_tokens=True), 0),
    ("who was here before", SERVED, Terms(MUCH), 0),
    ("above one operation", SERVED, Terms(Budget(149, 500, 500)), 1),
    ("up to one operation", SERVED, Terms(Budget(150, 500, 500)), 0),
    ("above one day", [*SERVED[:3], visit(2, 12, A, 0, 100), visit(2, 13, A, 0, 60)],
     Terms(Budget(500, 159, 500)), 1),
    ("on two days", [*SERVED[:3], visit(2, 12, A, 0, 100), visit(3, 12, A, 0, 60)],
     Terms(Budget(500, 100, 500)), 0),
    ("above the till's", [*SERVED[:3], visit(2, 12, A, 0, 100), visit(3, 12, A, 0, 60)],
     Terms(Budget(500, 500, 159)), 1),
]  # fmt: skip


@pytest.mark.parametrize(("visits", "trust", "refused"), [row[1:] for row in WISHES],
                         ids=[row[0] for row in WISHES])  # fmt: skip
def test_whom_a_counter_without_a_line_trusts(visits: list[Visit], trust: Terms, refused: int) -> None:
    outcome = played(visits, cut=(at(2, 11), at(4, 12)), trust=trust)
    assert outcome.denied(OFFLINE) == refused
    assert outcome.trusted.largest_till <= trust.budget.whole
    assert (outcome.trusted.overspent, outcome.trusted.in_the_end) == (0, 0)


def test_a_till_knows_what_headquarters_had_told_it_and_a_token_what_it_knows_now() -> None:
    fresh = [*SERVED[:3], visit(2, 11, B, 50), visit(2, 12, A, 0, 230)]
    for tokens, refused in ((False, 1), (True, 0)):
        outcome = played(fresh, cut=CUT_AT_NIGHT, trust=Terms(MUCH, has_tokens=tokens))
        assert ended(outcome, OFFLINE) == (1, refused), tokens


def test_a_wish_beyond_what_the_till_knows_is_not_trusted_whatever_it_holds() -> None:
    """50 of 250 were earned behind another cut line; 200 lie here, fetched in the morning."""
    here = [*HABIT, visit(2, 11, B, 50), visit(2, 12, A, 0, 250)]
    outcome = played(here, cut=CUT_AT_NOON, trust=Terms(MUCH))
    assert ended(outcome, OFFLINE) == (1, 1)
    outcome = played(here, cut=CUT_AT_NOON, trust=Terms(MUCH, has_tokens=True))
    assert ended(outcome, OFFLINE) == (1, 0)


def test_a_budget_is_refilled_when_headquarters_has_heard() -> None:
    twice = [*SERVED[:3], visit(2, 12, A, 0, 100), visit(6, 12, A, 0, 100)]
    assert played(twice, cut=(at(2, 11), at(7, 12)), trust=Terms(Budget(100, 100, 100))).denied(OFFLINE) == 1
    heard = played(twice, cut=(at(2, 11), at(3, 12)), trust=Terms(Budget(100, 100, 100)))
    assert (heard.denied(OFFLINE), heard.trusted.count) == (0, 1), "the second one has a line"


def test_what_was_trusted_is_at_hand_or_lies_elsewhere() -> None:
    """B fetches everything in the morning; on a day when its PC is off all is at headquarters."""
    told = played(STRANGER, cut=CUT_AT_NOON, trust=Terms(MUCH, has_tokens=True)).trusted
    assert (told.pts, told.at_hand, told.elsewhere, told.owed) == (150, 0, 150, 0)
    told = played(STRANGER, "nobody", cut=CUT_AT_NOON, trust=Terms(MUCH, has_tokens=True)).trusted
    assert (told.pts, told.at_hand, told.elsewhere, told.owed) == (150, 150, 0, 0)


def test_what_is_spent_once_more_where_it_lies_is_owed_and_no_more_than_the_budget() -> None:
    for policy in ("visits", "nobody"):  # it lies with the till of B, or with headquarters
        told = played(
            STRANGER, policy, cut=CUT_AT_NOON, trust=Terms(MUCH, has_tokens=True, twice=100)
        ).trusted
        assert (told.again, told.overspent, told.owed, told.in_the_end) == (150, 100, 100, 100)
    repaid = [*STRANGER, visit(4, 12, B, 300)]
    told = played(repaid, cut=CUT_AT_NOON, trust=Terms(MUCH, has_tokens=True, twice=100)).trusted
    assert (told.overspent, told.in_the_end) == (100, 0)


@pytest.mark.parametrize("twice", [0, 100])
@pytest.mark.parametrize("tokens", [False, True])
def test_a_drawn_chain_never_loses_more_than_its_budgets(
    monkeypatch: pytest.MonkeyPatch, tokens: bool, twice: int
) -> None:
    monkeypatch.setattr(weather, "OUTAGE_EVERY_DAYS", 2)
    budget = Budget(400, 400, 600)
    trust = Terms(budget, has_tokens=tokens, twice=twice)
    outcome = command.play(drawn(1, 300), "visits", 1, quiet, trust=trust)
    told = outcome.trusted
    assert outcome.overspent == 0
    assert told.largest_till <= budget.whole
    assert told.most <= budget.whole * outcome.till_count
    assert told.at_hand + told.elsewhere + told.owed == told.pts
    assert told.pts > 0 or not tokens
    assert told.in_the_end <= told.overspent <= told.again
    assert (told.again > 0) is (twice > 0 and told.pts > 0)


def test_without_a_budget_tokens_change_nothing() -> None:
    plain = command.play(drawn(1), "visits", 1, quiet)
    shown = command.play(drawn(1), "visits", 1, quiet, trust=Terms(has_tokens=True))
    assert seen(plain) == seen(shown)
    assert (shown.trusted.count, shown.trusted.overspent) == (0, 0)


@pytest.mark.parametrize("twice", [0, 100])
def test_days_that_are_left_out_would_have_changed_nothing(
    monkeypatch: pytest.MonkeyPatch, twice: int
) -> None:
    monkeypatch.setattr(weather, "OUTAGE_EVERY_DAYS", 2)
    trust = Terms(Budget(400, 400, 600), has_tokens=True, twice=twice)
    shortened = command.play(drawn(3, 300), "visits", 3, quiet, trust=trust)
    monkeypatch.setattr(Member, "_skip_to", lambda _self, _ms: None)
    whole = command.play(drawn(3, 300), "visits", 3, quiet, trust=trust)
    assert (seen(whole), whole.trusted) == (seen(shortened), shortened.trusted)
    assert shortened.trusted.count > 2


def test_the_last_contact_is_the_one_before_the_next() -> None:
    """A till's contacts found by going forward are found again by looking back from any moment."""
    chance = Random(7)
    cuts = [
        (at(2, 9, 5), at(2, 9, 25)),
        (at(3, 20), at(4, 12)),
        (at(6, 3), at(6, 9, 30)),
        (at(7, 12), at(9, 10)),
    ]
    till = Till(0, Line(cuts), FIRST_DAY, bytes(DAYS), offset_ms=123_456)
    known, ms = [0], FIRST_DAY * DAY_MS - 1
    while (ms := till.next_contact(ms)) < NEVER_MS:
        known.append(ms)
    for _ in range(2_000):
        moment = at(0, 0) + chance.randrange(DAYS * DAY_MS)
        assert till.last_contact(moment) == max(one for one in known if one <= moment)


def test_channel_and_counters_with_a_line_are_never_trusted() -> None:
    visits = [*HABIT, in_channel(2, 12, 300), visit(3, 12, B, 0, 300)]
    outcome = played(visits, trust=Terms(MUCH, has_tokens=True))
    assert (outcome.not_owned, outcome.trusted.count) == (2, 0)
    held = played([*HABIT, in_channel(2, 12, 150)], cut=CUT_AT_NOON, trust=Terms(MUCH, has_tokens=True))
    assert held.trusted.count == 0


def test_the_command_tells_what_was_trusted(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["rehearse", "--stores", "4", "--members", "60", "--days", "30", "--out", str(tmp_path)]
    chosen = ["--policy", "visits", "--recall", "with", "--trust", "100,100,300", "--trust", "0,0,0"]
    assert command.main([*words, *chosen, "--tokens", "--twice", "50"]) == 0
    text = capsys.readouterr().out
    assert "| visits | 有 yes | 1 | – | cut-keeps | 100,100,300 出示 token 重花 twice 50 % |" in text
    assert "approved inside the budget ≥ 85 %" in text
    for wrong in (
        ["--tokens"],
        ["--twice", "5"],
        ["--trust", "1,2"],
        ["--trust", "1,2,x"],
        ["--trust", "1,2,-3"],
    ):
        with pytest.raises(SystemExit):
            command.main([*words, *wrong])
    assert command.main([*words, "--policy", "visits", "--recall", "with"]) == 0
    assert "信任 trusted" not in capsys.readouterr().out

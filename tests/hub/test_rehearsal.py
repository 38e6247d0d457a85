"""A policy is rehearsed by the rules that run: nothing is spent twice in the pretend market, and what can be
spent without a line, or in headquarters' own channel, depends on who was granted, on recall and on plugs.
"""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree
from collections.abc import Sequence
from pathlib import Path
from random import Random

import pytest
from headquarters import Headquarters
from one_member import (
    CUT_AT_NIGHT,
    CUT_AT_NOON,
    DAYS,
    FIRST_DAY,
    HABIT,
    SISTER,
    THIRD,
    A,
    B,
    assert_books_agree,
    at,
    drawn,
    ended,
    in_channel,
    played,
    quiet,
    seen,
    visit,
)
from pretend_till import PretendTill

from agent.replay import generator
from agent.replay import visits as replayed
from hub.policy import POLICIES
from hub.rehearsal import books, command, own_visits, workload
from hub.rehearsal.history import DAY_MS, HOUR_MS, BadHistory, Visit, read, write
from hub.rehearsal.market import Member
from hub.rehearsal.outcome import AWAY, CHANNEL, COUNTER, OFFLINE, SHORT, UNFETCHED, UNNAMED
from hub.rehearsal.report import per_cent, share
from hub.rehearsal.weather import Line
from points.rights import Rights, give, give_back, hear_grant

FIVE, SIX = ([*HABIT, visit(2, 12, A, 5), visit(2, 13, A, 0, wish)] for wish in (5, 6))
"""Five points earned in the morning of a day, and so many wished an hour later."""

OFFLINE_WISHES = [
    ("what was fetched in the morning", "visits", [*HABIT, visit(2, 12, A, 0, 200)], CUT_AT_NOON, None),
    ("cut before anything was fetched", "visits", [*HABIT, visit(2, 12, A, 0, 1)], CUT_AT_NIGHT, UNFETCHED),
    ("what was earned here today", "visits", FIVE, CUT_AT_NIGHT, None),
    ("and no more than that", "visits", SIX, CUT_AT_NIGHT, SHORT),
    ("at a till that is not named", "visits", [
        visit(0, 10, B, 100), visit(1, 10, B, 100), visit(2, 12, A, 0, 10)
    ], CUT_AT_NOON, AWAY),
    ("nobody is granted anything", "nobody", [*HABIT, visit(2, 12, A, 0, 1)], CUT_AT_NOON, UNNAMED),
    ("but has what was earned here", "nobody", FIVE, CUT_AT_NOON, None),
]  # fmt: skip


@pytest.mark.parametrize(
    ("policy", "visits", "cut", "why"),
    [row[1:] for row in OFFLINE_WISHES],
    ids=[row[0] for row in OFFLINE_WISHES],
)
def test_a_counter_without_a_line_spends_its_own_rights(
    policy: str, visits: list[Visit], cut: tuple[int, int], why: str | None
) -> None:
    outcome = played(visits, policy, cut=cut)
    assert ended(outcome, OFFLINE) == (1, int(why is not None))
    assert dict(outcome.why_offline) == ({why: 1} if why else {})


AT_SISTER = [*HABIT, visit(2, 12, SISTER, 0, 150)]
"""Home is at one till, and the wish at a sister till of the same store."""


def test_a_sister_till_gives_what_is_lacking_without_a_line() -> None:
    outcome = played(AT_SISTER, cut=CUT_AT_NOON)
    assert (ended(outcome, OFFLINE), outcome.given) == ((1, 0), 1)


def test_with_their_own_network_cut_too_sister_tills_are_alone() -> None:
    outcome = played(AT_SISTER, cut=CUT_AT_NOON, has_lan=False)
    assert (ended(outcome, OFFLINE), outcome.given) == ((1, 1), 0)
    assert dict(outcome.why_offline) == {AWAY: 1}
    outcome = played(AT_SISTER, has_lan=False)
    assert (ended(outcome, COUNTER), outcome.given) == ((1, 0), 1), "it is cut with the line, and not before"


def test_sister_tills_give_only_what_they_have_and_only_what_is_lacking() -> None:
    earned = [*HABIT, visit(2, 12, SISTER, 30), visit(2, 13, THIRD, 7)]
    for wish, refused, given in ((7, 0, 0), (37, 0, 1), (207, 0, 1), (208, 0, 2), (237, 0, 2), (238, 0, 0)):
        outcome = played([*earned, visit(2, 14, THIRD, 0, wish)], cut=CUT_AT_NOON)
        assert (outcome.denied(OFFLINE), outcome.given) == (refused, given), wish
    assert outcome.not_owned == 1


def test_what_was_earned_at_a_sister_till_and_not_told_yet_is_given_too() -> None:
    outcome = played([*HABIT, visit(2, 12, SISTER, 30), visit(2, 13, A, 0, 230)], cut=CUT_AT_NOON)
    assert (ended(outcome, OFFLINE), outcome.given) == ((1, 0), 1)
    outcome = played([*HABIT, visit(2, 12, SISTER, 30), visit(2, 13, A, 0, 30)], cut=CUT_AT_NIGHT)
    assert (ended(outcome, OFFLINE), outcome.given) == ((1, 0), 1)


def test_another_store_is_no_sister() -> None:
    visits = [visit(0, 10, B, 100), visit(1, 10, B, 100), visit(2, 12, SISTER, 0, 10)]
    outcome = played(visits, cut=CUT_AT_NOON)
    assert (dict(outcome.why_offline), outcome.given) == ({AWAY: 1}, 0)


def test_a_sister_till_is_asked_before_headquarters() -> None:
    outcome = played(AT_SISTER)
    assert (ended(outcome, COUNTER), outcome.given, outcome.recalls) == ((1, 0), 1, 0)


def test_a_sister_till_that_gives_and_keeps_is_seen_as_overspent(monkeypatch: pytest.MonkeyPatch) -> None:
    """Negative control: a till that tells of a giving and keeps what it gave."""
    monkeypatch.setattr(books, "give", lambda rights, pts, today: (rights, *give(rights, pts, today)[1:]))
    both = [*AT_SISTER, visit(2, 13, B, 100), visit(2, 14, A, 0, 150)]
    with pytest.raises(AssertionError, match="overspent"):
        played(both, cut=CUT_AT_NOON)


def test_recall_brings_home_what_lies_at_another_till() -> None:
    away = [*HABIT, visit(2, 12, B, 0, 50), in_channel(3, 12, 50)]
    outcome = played(away)
    assert (ended(outcome, COUNTER), ended(outcome, CHANNEL)) == ((1, 0), (1, 0))
    assert (outcome.recalls, outcome.came_home) == (2, 2)
    outcome = played(away, has_recall=False)
    assert (ended(outcome, COUNTER), ended(outcome, CHANNEL)) == ((1, 1), (1, 1))


def test_a_till_whose_line_is_cut_cannot_be_recalled() -> None:
    outcome = played([*HABIT, visit(2, 12, B, 0, 50)], cut=CUT_AT_NOON)
    assert (outcome.denied(COUNTER), outcome.recalls, outcome.came_home) == (1, 1, 0)


def test_a_closed_day_leaves_nothing_behind_and_a_pulled_plug_everything() -> None:
    late = [*HABIT, in_channel(2, 23, 50), visit(3, 9, A, 0, 10), in_channel(3, 23, 50)]
    assert ended(played(late), CHANNEL) == (2, 0)
    outcome = played(late, pulled=2)
    assert ended(outcome, CHANNEL) == (2, 1)
    assert outcome.refused[CHANNEL][23] == 1
    cut = played([*HABIT, visit(3, 9, A, 0, 10)], pulled=2, cut=(at(2, 22), at(3, 12)))
    assert ended(cut, OFFLINE) == (1, 0), "what stayed there may be spent there, line or no line"


def test_a_line_that_comes_back_with_the_closing_delivers_in_order() -> None:
    played([*HABIT, visit(2, 12, A, 10)], cut=(at(2, 11), at(2, 22)))


def test_exposure_is_what_is_out_at_a_full_hour() -> None:
    out = played([*HABIT, visit(9, 10, A)]).exposure()
    assert (out.most, out.largest_till) == (200, 200)
    assert out.mean[8] == out.mean[23] == 0
    assert out.mean[12] == (100 + 200 * (DAYS - 1)) // DAYS, "granted on each morning from the second on"


def test_a_member_who_moved_is_granted_where_they_are_now() -> None:
    moved = [*HABIT, *(visit(day, 10, B, 10) for day in (4, 5, 6)), visit(8, 12, A, 0, 10)]
    outcome = played(moved, cut=(at(8, 11), at(8, 20)))
    assert dict(outcome.why_offline) == {AWAY: 1}


@pytest.mark.parametrize("policy", POLICIES)
def test_a_seed_is_a_rehearsal_and_nothing_is_spent_twice(policy: str) -> None:
    first = command.play(drawn(1), policy, 1, quiet)
    assert seen(first) == seen(command.play(drawn(1), policy, 1, quiet))
    assert seen(first) != seen(command.play(drawn(2), policy, 2, quiet))
    assert first.overspent == 0
    assert first.asked(COUNTER) > 20
    assert first.asked(CHANNEL) > 5


def test_recall_is_what_the_online_channel_lives_on() -> None:
    with_it = command.play(drawn(1), "visits", 1, quiet)
    without = command.play(drawn(1), "visits", 1, quiet, has_recall=False)
    assert with_it.denied(CHANNEL) * 4 < without.denied(CHANNEL)
    assert with_it.denied(COUNTER) * 4 < without.denied(COUNTER)


def test_rights_that_are_given_back_and_kept_are_seen_as_overspent(monkeypatch: pytest.MonkeyPatch) -> None:
    """Negative control: a till that tells of a return and keeps what it gave back."""
    monkeypatch.setattr(books, "give_back", lambda rights: (rights, give_back(rights)[1]))
    with pytest.raises(AssertionError, match="overspent"):
        played([*HABIT, visit(2, 12, B, 0, 150), visit(2, 13, A, 0, 50)])


def test_a_grant_of_what_is_not_there_is_seen_as_overspent(monkeypatch: pytest.MonkeyPatch) -> None:
    """Negative control: a till that hears of twice its grant."""

    def doubled(rights: Rights, inc: int, term: int, g: int, _sched: object) -> Rights:
        return hear_grant(rights, inc, term, 2 * g, [[0, 2 * g]])

    monkeypatch.setattr(books, "hear_grant", doubled)
    assert command.play(drawn(1), "visits", 1, quiet).overspent > 0


@pytest.mark.parametrize("has_lan", [True, False])
def test_sister_tills_of_a_drawn_chain_spend_nothing_twice(
    monkeypatch: pytest.MonkeyPatch, has_lan: bool
) -> None:
    ended_well = []

    class Checked(Member):
        def play(self, visits: Sequence[Visit]) -> None:
            super().play(visits)
            assert_books_agree(self)
            ended_well.append(self)

    monkeypatch.setattr(command, "Member", Checked)
    history = drawn(1)
    outcome = command.play(history, "visits", 1, quiet, has_lan=has_lan)
    assert (outcome.overspent, len(ended_well)) == (0, len(history))
    assert outcome.given > 10


def test_visits_go_where_the_workload_says() -> None:
    visits = [one for member in workload.drawn(1_000, 600, 120, 3, 1) for one in member]
    homes: dict[str, list[str]] = {}
    for one in visits:
        homes.setdefault(one.member, []).append(one.store)
    at_home = sum(max(map(stores.count, set(stores))) for stores in homes.values() if len(stores) > 5)
    counted = sum(len(stores) for stores in homes.values() if len(stores) > 5)
    assert 70 <= 100 * at_home // counted <= 76
    assert {one.till for one in visits} == {"01", "02", "03"}
    assert all(9 <= one.ms % DAY_MS // HOUR_MS < 22 for one in visits)
    one_till = [one for member in workload.drawn(1_000, 600, 120, 1, 1) for one in member]
    assert [one[:3] + one[4:] for one in visits] == [one[:3] + one[4:] for one in one_till]


def test_a_line_is_cut_for_about_twelve_hours_of_a_thousand() -> None:
    lines = [Line.drawn(Random(seed), FIRST_DAY, 120) for seed in range(1_000)]
    cut_ms = sum(stop - start for line in lines for start, stop in line.cuts)
    assert 110 <= 10_000 * cut_ms // (1_000 * 120 * DAY_MS) <= 125


# -- histories -----------------------------------------------------------------------------------


def test_a_history_is_read_as_it_was_written(tmp_path: Path) -> None:
    visits = [visit for member in drawn(1, 5) for visit in member]
    assert write(tmp_path / "h.csv", visits[::-1]) == len(visits)
    assert read(tmp_path / "h.csv") == sorted(visits)


@pytest.mark.parametrize(
    "line",
    ["1,m,s1,01,0", "1,m,s1,01,0,0,0", "x,m,s1,01,0,0", "1,,s1,01,0,0", "1,m,S 1,01,0,0", "1,m,s1,01,-1,0",
     "1,m,s1,01,0,1.5", "9999999999999999,m,s1,01,0,0"],
)  # fmt: skip
def test_what_is_no_visit_is_told_with_its_line(tmp_path: Path, line: str) -> None:
    path = tmp_path / "h.csv"
    path.write_text(f"ms,member,store,till,earned,wish\n1,m,s1,01,0,0\n{line}\n", "utf-8")
    with pytest.raises(BadHistory, match="line 3"):
        read(path)
    path.write_text(line + "\n", "utf-8")
    with pytest.raises(BadHistory, match="line 1"):
        read(path)


def test_headquarters_writes_its_own_history(hq: Headquarters, till: PretendTill) -> None:
    m = till.enrol()
    till.earn(m, 100)
    till.redeem(m, 40)
    till.send()
    bought, spent = sorted(own_visits.visits(hq.office))
    assert bought[1:] == (str(m), till.lane.store, till.lane.till, 100, 0)
    assert spent[1:] == (str(m), till.lane.store, till.lane.till, 0, 40)
    assert bought.ms % DAY_MS // HOUR_MS == 12, "noon on the shop's wall"


def test_purchases_are_written_in_the_form_that_is_read(tmp_path: Path) -> None:
    baskets = generator.baskets(seed=1, households=30, stores=3)
    path = tmp_path / "h.csv"
    assert replayed.write(path, baskets, [[0, -300]]) == len(baskets)
    visits = read(path)
    assert len(visits) == len(baskets)
    assert visits[0].ms == baskets[0].at_ms - 300 * 60_000
    assert any(one.wish for one in visits)
    history = command.by_member(visits, 0, 1)
    outcome = command.play(history, "visits", 1, quiet, tills=0)
    assert (outcome.overspent, outcome.not_owned) == (0, 0)


def test_the_command_writes_tables_and_a_picture(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "out"
    words = ["rehearse", "--stores", "4", "--members", "30", "--days", "20", "--out", str(out)]
    assert command.main([*words, "--tills", "1", "--tills", "3"]) == 0
    text = capsys.readouterr().out
    assert text in (out / "rehearsal.md").read_text("utf-8")
    for name in POLICIES:
        assert f"| {name} | 有 yes | 1 | – | cut-keeps |" in text
        assert f"| {name} | 有 yes | 3 | 有 yes | cut-keeps |" in text
    picture = (out / "rehearsal.svg").read_text("utf-8")
    ElementTree.fromstring(picture)
    assert all(name in picture for name in POLICIES)
    chosen = ["--policy", "visits", "--recall", "with", "--lan", "both", "--tills", "2"]
    assert command.main([*words, *chosen, "--overnight", "cut-keeps", "--overnight", "stay"]) == 0
    text = capsys.readouterr().out
    for lan in ("有 yes", "无 no"):
        for night in ("cut-keeps", "stay"):
            assert f"| visits | 有 yes | 2 | {lan} | {night} |" in text
    assert command.main(["rehearse", "--history", str(tmp_path / "none.csv")]) == 2


def test_shares_are_whole_hundredths() -> None:
    assert [per_cent(share(*one)) for one in ((1, 3), (0, 7), (7, 7), (1, 200), (0, 0))] == [
        "33.33 %", "0.00 %", "100.00 %", "0.50 %", "0.00 %"
    ]  # fmt: skip

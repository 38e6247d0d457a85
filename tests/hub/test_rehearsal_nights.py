"""What lies at a till overnight may be spent there in the morning, and is refused to the channel at night."""

from __future__ import annotations

import pytest
from one_member import HABIT, A, at, drawn, ended, in_channel, played, quiet, seen, visit

from hub.rehearsal import command
from hub.rehearsal.history import Visit
from hub.rehearsal.market import Member
from hub.rehearsal.outcome import CHANNEL, OFFLINE
from hub.rehearsal.overnight import OVERNIGHT

ONCE_ONLINE = [*HABIT, in_channel(1, 12, 10), visit(2, 12, A), visit(4, 10, A, 0, 150)]
"""Somebody who has spent online wishes on the fourth morning."""
CUT_OVER_NIGHT, CUT_IN_THE_NIGHT = (at(3, 21, 30), at(4, 12)), (at(4, 2), at(4, 12))

NIGHTS = [
    # overnight, wishes, cut, refused without a line
    ("all-home", ONCE_ONLINE, CUT_OVER_NIGHT, 1),
    ("cut-keeps", ONCE_ONLINE, CUT_OVER_NIGHT, 0),
    ("cut-keeps", ONCE_ONLINE, CUT_IN_THE_NIGHT, 1),
    ("hour-before", ONCE_ONLINE, CUT_OVER_NIGHT, 1),
    ("never-online", ONCE_ONLINE, CUT_IN_THE_NIGHT, 1),
    ("never-online", [*HABIT, visit(4, 10, A, 0, 150)], CUT_IN_THE_NIGHT, 0),
    ("never-online-only", ONCE_ONLINE, (at(4, 9, 30), at(4, 12)), 1),
    ("hour-before", ONCE_ONLINE, (at(4, 9, 30), at(4, 12)), 0),
    ("half", [*HABIT, visit(4, 10, A, 0, 100)], CUT_IN_THE_NIGHT, 0),
    ("half", [*HABIT, visit(4, 10, A, 0, 101)], CUT_IN_THE_NIGHT, 1),
    ("absent", ONCE_ONLINE, CUT_IN_THE_NIGHT, 0),
    ("absent", [*HABIT, visit(3, 12, A), visit(4, 10, A, 0, 1)], CUT_IN_THE_NIGHT, 1),
    ("stay", ONCE_ONLINE, CUT_IN_THE_NIGHT, 0),
]  # fmt: skip


@pytest.mark.parametrize(("overnight", "visits", "cut", "refused"), NIGHTS)
def test_what_lies_at_a_till_overnight_may_be_spent_there_in_the_morning(
    overnight: str, visits: list[Visit], cut: tuple[int, int], refused: int
) -> None:
    assert ended(played(visits, cut=cut, overnight=overnight), OFFLINE) == (1, refused)


@pytest.mark.parametrize(
    ("overnight", "refused"),
    [("all-home", 0), ("hour-before", 0), ("half", 1), ("never-online", 1), ("absent", 0), ("stay", 1)],
)
def test_what_lies_at_a_till_overnight_is_refused_to_the_channel(overnight: str, refused: int) -> None:
    late = [*HABIT, visit(2, 12, A), in_channel(2, 23, 150)]
    assert ended(played(late, overnight=overnight), CHANNEL) == (1, refused)


def test_what_went_home_an_hour_before_is_not_behind_a_pulled_plug() -> None:
    late = [*HABIT, visit(2, 12, A), in_channel(2, 23, 150)]
    assert ended(played(late, pulled=2), CHANNEL) == (1, 1)
    assert ended(played(late, pulled=2, overnight="cut-keeps"), CHANNEL) == (1, 1)
    assert ended(played(late, pulled=2, overnight="hour-before"), CHANNEL) == (1, 0)


@pytest.mark.parametrize("overnight", OVERNIGHT)
def test_days_that_are_left_out_would_have_changed_nothing(
    monkeypatch: pytest.MonkeyPatch, overnight: str
) -> None:
    shortened = command.play(drawn(3), "visits", 3, quiet, overnight=overnight)
    monkeypatch.setattr(Member, "_skip_to", lambda _self, _ms: None)
    assert seen(command.play(drawn(3), "visits", 3, quiet, overnight=overnight)) == seen(shortened)
    assert shortened.overspent == 0

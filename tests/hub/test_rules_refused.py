"""Rules that a till's program is too old for: it says so, sells by the old ones and hears everything else."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from headquarters import RULES, Headquarters, Shop
from test_hello import enrolled

from agent import edition
from config.faults import Fault
from hub import publishing
from points import rulebook
from points.wire import canonical


def test_the_old_rules_stay_in_force_and_members_and_rights_are_heard_of(
    hq: Headquarters, home: Shop, away: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    home.sync()
    away.sync()
    old = away.till.rule().hash

    def read(_blob: bytes, _known: object) -> None:
        raise rulebook.BadRuleBook("a word of next year")

    too_old = SimpleNamespace(
        read_told=read, BadRuleBook=rulebook.BadRuleBook, NotUnderstood=rulebook.NotUnderstood
    )
    with hq.office.store.turn() as turn:
        publishing.publish_rules(turn, hq.office, canonical.encode({**RULES, "name": "next year's"}))
    m = enrolled(home)
    home.sync()
    monkeypatch.setattr(edition, "rulebook", too_old)
    for _ in range(2):
        with pytest.raises(Fault) as refused:
            away.sync()
        assert refused.value.remedy == "fault.bad_rules"
        card = away.counter.card(m)
        assert card is not None
        assert card.points == 100, "members are heard of"
    assert away.till.rule().hash == old
    monkeypatch.setattr(edition, "rulebook", rulebook)
    away.sync()
    assert away.till.rule().name == "next year's", "as soon as the program is new"

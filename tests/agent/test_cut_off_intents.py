"""An authorisation whose act failed is given up at the next contact, and never one that is being asked."""

from __future__ import annotations

from pathlib import Path

import pytest
from shopfloor import counter_of, open_till, tell_member
from test_outage_nights import night_of

from agent import counter as counters
from agent import intents
from agent.counter import Counter
from agent.recorder import Recorded
from agent.store import cells
from agent.till import Till

M = 1030
GOODS = [[1, "food", 1, 12_500]]


@pytest.fixture
def till(tmp_path: Path) -> Till:
    till = open_till(tmp_path)
    tell_member(till, M, 500)
    return till


@pytest.mark.parametrize("act", ["sell", "redeem"])
def test_an_act_that_failed_leaves_an_intent_that_the_next_contact_ends(
    till: Till, monkeypatch: pytest.MonkeyPatch, act: str
) -> None:
    counter = counter_of(till, "granted")

    def fail(*_: object) -> None:
        raise RuntimeError("a mistake of ours")

    with monkeypatch.context() as broken:
        broken.setattr(counters, "record", fail)
        with pytest.raises(RuntimeError):
            counter.sell(M, GOODS, "c1", points_used=50) if act == "sell" else counter.redeem(M, 50, "c1")
    assert len(cells.intents(till.book)) == 1
    night, _ = night_of(till, answers=False)
    night.contact()
    assert cells.intents(till.book) == []
    assert till.log.seq == 1, "one auth.void"
    night.contact()
    assert till.log.seq == 1


def test_a_question_that_breaks_leaves_nothing_live(till: Till) -> None:
    def ask(_op: str, _m: int, _pts: int) -> str:
        raise RuntimeError("a mistake of ours")

    with pytest.raises(RuntimeError):
        Counter(till, ask).redeem(M, 50, "c1")
    assert intents.end_cut_off(till, "agent") == 1


def test_an_intent_that_is_being_asked_is_left_alone(till: Till) -> None:
    voided: list[int] = []

    def ask(_op: str, _m: int, _pts: int) -> str:
        voided.append(intents.end_cut_off(till, "agent"))
        return "granted"

    done = Counter(till, ask).redeem(M, 50, "c1")
    assert isinstance(done, Recorded)
    assert done.op.fund == [["auth", 50]]
    assert (voided, till.log.seq, till.asking) == ([0], 1, set())

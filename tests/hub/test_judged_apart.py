"""An operation that cannot be posted goes into custody alone, whatever it stands among."""

from __future__ import annotations

from typing import Any

import pytest
from headquarters import Headquarters
from pretend_till import PretendTill, points_of

from hub import changes, judgement
from hub.verify import verify


@pytest.mark.parametrize("bad", [{10}, {11}, {10, 11}, {12}, {10, 12, 14}])
def test_an_operation_that_cannot_be_posted_spoils_none_of_its_own_member(
    hq: Headquarters, till: PretendTill, monkeypatch: pytest.MonkeyPatch, bad: set[int]
) -> None:
    m = till.enrol()
    till.earn(m, 100)
    till.send()
    right: Any = judgement.post

    def fails(standing: Any, ops: Any, *rest: Any, **how: Any) -> Any:
        done = right(standing, ops, *rest, **how)
        if any(op.body.get("pts") in bad for op in ops):
            raise ZeroDivisionError("made by the test, when all was moved")
        return done

    monkeypatch.setattr(judgement, "post", fails)
    monkeypatch.setattr(changes, "post_plain", lambda *_: None)
    for pts in (10, 11, 12, 13, 14):
        till.redeem(m, pts, ["local", pts])
    assert till.send() == {
        n: ("Q", {"reason": "policy", "field": "internal"})
        for n, pts in enumerate((10, 11, 12, 13, 14), 3)
        if pts in bad
    }
    assert points_of(hq, m) == (100 - sum({10, 11, 12, 13, 14} - bad), 0)
    monkeypatch.undo()
    assert verify(hq.office).faults == []


def test_what_gives_away_does_not_pass_what_could_not_be_posted_before_it(
    hq: Headquarters, till: PretendTill, monkeypatch: pytest.MonkeyPatch
) -> None:
    m = till.enrol()
    till.send()
    right: Any = judgement.post

    def fails(standing: Any, ops: Any, *rest: Any, **how: Any) -> Any:
        if any(op.kind == "sale.earn" for op in ops):
            raise ZeroDivisionError("made by the test")
        return right(standing, ops, *rest, **how)

    monkeypatch.setattr(judgement, "post", fails)
    monkeypatch.setattr(changes, "post_plain", lambda *_: None)
    till.earn(m, 100)
    till.op("rights.return", m, fund=[["back_l", 100]])
    assert [letter for letter, _ in till.send().values()] == ["Q", "Q"]
    monkeypatch.undo()
    assert verify(hq.office).faults == []

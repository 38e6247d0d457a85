"""What is reserved of sales is proved, and the same in whatever order the lanes are heard again."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path

import pytest
from headquarters import Headquarters, headquarters
from pretend_till import PretendTill
from test_refunds_given import back, give
from test_refunds_over_http import WHOLE, ask, burnt, give_back, intent, sold

from hub.registry import copy_registry
from hub.verify import state, verify

TAMPERED = {
    "a reservation is opened again": "UPDATE refund_reserved SET ended = 0",
    "lines are changed": "UPDATE refund_reserved SET lines = '[[1, 1, 1]]'",
    "a reservation is forgotten": "DELETE FROM refund_reserved",
    "one is made up": "INSERT INTO refund_reserved"
    " (op_bucket, sale, intent, store, till, inc, term, lines, ended)"
    " VALUES (0, 'x', 'y', 's001', '01', 1, 1, '[]', 0)",
    "a right is taken back": "DELETE FROM ceded",
    "a gift is forgotten": "DELETE FROM refund_given",
    "a gift is another till's": "UPDATE refund_given SET till = '03'",
    "a gift is made up": "INSERT INTO refund_given (op_bucket, sale, op_id, store, till, epoch)"
    " VALUES (0, 'x', 'y', 's001', '02', 1)",
}


@pytest.mark.parametrize("how", TAMPERED)
def test_headquarters_proves_who_may_refund(tmp_path: Path, how: str) -> None:
    with headquarters(tmp_path) as hq:
        till, sister, other = PretendTill(hq), PretendTill(hq, "s001", "02"), PretendTill(hq, "s002")
        m = till.enrol()
        sale, claim = sold(till, m)
        till.op("refund.cede", m, refs=[sale["id"]])
        give(till, m, sold(till, m)[0], sister)
        till.send()
        op_id = intent(other)
        assert ask(other, claim, op_id, WHOLE)["granted"]
        give_back(other, m, sale, op_id, WHOLE)
        other.send()
        assert verify(hq.office).faults == []
        with hq.office.store.turn() as turn:
            turn.run(TAMPERED[how])
        assert verify(hq.office).faults
        for one in (till, sister, other):
            one.close()


def story(hq: Headquarters, dice: random.Random) -> None:
    """Sales of two tills that come back at four, some at home, some at a sister that was given the right,
    some by reservation, some given up."""
    tills = [PretendTill(hq, "s001"), PretendTill(hq, "s002"), PretendTill(hq, "s003")]
    sister = PretendTill(hq, "s001", "02")
    ms = [till.enrol() for till in tills]
    for till in tills:
        till.send()
    papers = [(tills[n % 2], m, *sold(tills[n % 2], m)) for n, m in enumerate(ms * 3)]
    for of, m, sale, _ in papers:
        if dice.random() < 0.4:
            give_back(of, m, sale, intent(of), [[1, 1, 4_000]])
        if of is tills[0] and dice.random() < 0.5:
            gift = give(of, m, sale, sister)
            if dice.random() < 0.7:
                back(sister, m, sale, gift, 2)
            if dice.random() < 0.5:
                sister.op("refund.cede", m, refs=[sale["id"]], given=gift)
        elif dice.random() < 0.8:
            of.op("refund.cede", m, refs=[sale["id"]])
    for till in (tills[0], sister, tills[1]):
        assert till.send() == {}
    sister.close()
    granted = 0
    for of, m, sale, claim in papers * 2:
        at, op_id = dice.choice(tills), intent(of)
        at.st = max(at.st, of.st) + 1_000
        lines = dice.choice([[[1, 1, 4_000]], [[2, 1, 4_000]], [[1, 2, 8_000]]])
        told = ask(at, claim, op_id, lines)
        granted += told.get("granted", False)
        match dice.randrange(4):
            case 0:
                at.op("refund.void", refs=[op_id], sale=sale["id"])
            case 1:
                pass
            case _ if told.get("granted"):
                give_back(at, m, sale, op_id, lines)
    assert granted
    left, claim = sold(tills[0], ms[0])
    tills[0].op("refund.cede", ms[0], refs=[left["id"]])
    tills[0].send()
    assert ask(tills[0], claim, intent(tills[0]), [[1, 1, 4_000]])["granted"], (
        "and nothing more is heard of it"
    )
    assert ask(tills[1], claim, intent(tills[1]), [[2, 1, 4_000]])["granted"]
    tills[2].op("rights.close", inc=1, term=1)
    for till in tills:
        if len(till.bodies) > till.sent:
            assert {letter for letter, _ in till.send().values()} <= {"J"}
        till.close()
    burnt(hq, "s002")


@pytest.fixture
def first(tmp_path: Path) -> Iterator[Headquarters]:
    with headquarters(tmp_path / "first") as made:
        yield made


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_heard_again_in_any_order_the_same_lines_are_reserved(
    first: Headquarters, tmp_path: Path, seed: int
) -> None:
    story(first, random.Random(seed))
    assert verify(first.office).faults == []
    wanted = state(first.office)
    assert wanted["refunds_given"]
    assert {row[-1] for row in wanted["refunds"]} == {0, 1}, "some are open, some are over"
    assert first.rows("SELECT reason FROM cases") == [], "nothing came back beyond a sale"
    raws = [bytes(raw) for (raw,) in first.rows("SELECT envelope FROM batches ORDER BY arrived")]
    for delivery in range(3):
        dice = random.Random(f"{seed}/{delivery}")
        with headquarters(tmp_path / f"again{delivery}") as again:
            again.office.keys = first.office.keys
            copy_registry(first.office.store, again.office)
            queue = raws * 2
            dice.shuffle(queue)
            again.hear(queue)
            assert verify(again.office).faults == []
            told = state(again.office)
            for part in (
                "ceded",
                "refunds_given",
                "refunds",
                "waiting",
                "members",
                "cells",
                "accounts",
                "operations",
            ):
                assert told[part] == wanted[part], part

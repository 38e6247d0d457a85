"""Everything delivered three times, shuffled between lanes, into an empty headquarters: the same state."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from headquarters import DAY_MS, Headquarters, headquarters
from pretend_till import PretendTill

from hub import reception
from hub.registry import copy_registry
from hub.verify import state, verify
from points import codes
from points.wire import ack
from points.wire.faults import Gap


@pytest.fixture
def hq(tmp_path: Path) -> Iterator[Headquarters]:
    with headquarters(tmp_path / "first") as made:
        yield made


def story(hq: Headquarters, dice: random.Random) -> None:
    """Two tills, members of both: sales, some by code alone, spending, returns, grants, authorisations."""
    tills = [PretendTill(hq, "s001"), PretendTill(hq, "s002")]
    codes_of = {m: code for till in tills for m, code in till.pool}
    ms = [till.enrol() for till in tills for _ in range(3)]
    for till in tills:
        till.send()
    sales: list[tuple[PretendTill, dict[str, Any], int]] = []
    for day in range(4):
        for till in tills:
            till.st = max(till.st, hq.clock.now_ms)
        for _ in range(12):
            till, m = dice.choice(tills), dice.choice(ms)
            till.st += dice.randrange(60_000)
            match dice.randrange(5):
                case 0 | 1:
                    pts = dice.randrange(1, 200)
                    sales.append((till, till.earn(m, pts), pts))
                case 2:
                    till.redeem(m, 7, ["local", 7])
                case 3 if sales:
                    of, sale, pts = sales.pop(dice.randrange(len(sales)))
                    dice.choice([of, till]).refund(sale["m"], sale, pts * dice.randrange(1, 101))
                case 4 if dice.randrange(2):
                    till.earn(None, dice.randrange(1, 50), who=codes.who(codes_of[m]))
                case _:
                    till.op("rights.return", m, fund=[["back_l", 1]])
        for till in dice.sample(tills, 2):
            if len(till.bodies) > till.sent:
                till.send()
        asked = tills[day % 2]
        asked.authorise(f"{day:032x}", dice.choice(ms), 5)
        for till in tills:
            till.page()
        hq.clock.now_ms += DAY_MS
    for till in tills:
        if len(till.bodies) > till.sent:
            till.send()
        till.page()
        till.close()


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_three_shuffled_deliveries_give_the_same_state(hq: Headquarters, tmp_path: Path, seed: int) -> None:
    story(hq, random.Random(seed))
    assert verify(hq.office).faults == []
    wanted = state(hq.office)
    assert wanted["operations"] > 50
    assert wanted["settlement"]
    raws = [bytes(raw) for (raw,) in hq.rows("SELECT envelope FROM batches ORDER BY arrived")]
    acks = {bytes(ack) for (ack,) in hq.rows("SELECT ack FROM batches")}
    for delivery in range(3):
        dice = random.Random(f"{seed}/{delivery}")
        with headquarters(tmp_path / f"again{delivery}") as again:
            again.office.keys = hq.office.keys
            copy_registry(hq.office.store, again.office)
            queue = raws * 3
            dice.shuffle(queue)
            gaps = 0
            while queue:
                raw = queue.pop(0)
                try:
                    reception.receive(again.office, raw)
                except Gap:
                    gaps += 1
                    queue.append(raw)
            assert gaps, "the shuffle was no shuffle"
            assert verify(again.office).faults == []
            told = state(again.office)
            for part in ("waiting", "members", "cells", "reserved", "settlement", "accounts", "operations"):
                assert told[part] == wanted[part], part
            for raw in raws:
                assert reception.receive(hq.office, raw) in acks
    assert state(hq.office) == wanted


def test_a_batch_that_was_cut_shorter_hears_of_its_own_operations_only(
    hq: Headquarters,
) -> None:
    """Its till has lost what it knew of the longer one; the outcomes of that one's end are not its own."""
    till = PretendTill(hq, "s001")
    m = till.enrol()
    till.earn(m, 10)
    till.earn(None, 10, who="ab" * 16)
    whole, shorter = till.cut(1, 3), till.cut(1, 2)
    assert len(ack.open_ack(reception.receive(hq.office, whole), till.grant.keys.receipt).outcomes) == 1
    assert ack.open_ack(reception.receive(hq.office, shorter), till.grant.keys.receipt).outcomes == ()
    till.close()

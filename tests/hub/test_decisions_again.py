"""Promises, write-offs and lost papers are facts: whoever hears them in any order has the same books."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path

import pytest
from headquarters import Headquarters, headquarters
from pretend_till import PretendTill, points_of
from test_lost_claims import declared
from test_rights_over_http import intent
from test_unlocks import HOUR_MS, SURELY_MS, granted
from test_write_offs import owing, written_off

from hub.office import Unlock
from hub.registry import copy_registry
from hub.verify import state, verify


@pytest.fixture
def hq(tmp_path: Path) -> Iterator[Headquarters]:
    with headquarters(tmp_path / "first") as made:
        yield made


def story(hq: Headquarters) -> None:
    """A promise that turned out spent, written off in part, one that stands, a debt, a burnt PC's paper."""
    hq.office.session_ms, hq.office.unlock = 24 * HOUR_MS, Unlock(200, 400, 400)
    silent, other, burnt = (PretendTill(hq, f"s00{n}") for n in (1, 2, 3))
    spent, stands = granted(silent, 300), granted(silent, 200)
    debtor = owing(other)
    newcomer = burnt.enrol()
    burnt.send()
    other.show(burnt.claim_of(burnt.earn(newcomer, 70), len(burnt.bodies)))
    hq.clock.now_ms += SURELY_MS
    for m, pts in ((spent, 120), (stands, 50)):
        asked = intent(other)
        assert other.authorise(asked, m, pts) == {"granted": pts}
        other.redeem(m, pts, ["auth", pts], id=asked)
        other.send()
    silent.redeem(spent, 300, ["allowance", 300])
    silent.send()
    written_off(hq, spent, 80)
    written_off(hq, debtor, 100)
    declared(hq, "s003")
    for till in (silent, other, burnt):
        till.close()
    assert [points_of(hq, m) for m in (spent, stands, debtor, newcomer)] == [
        (0, 40), (150, 0), (0, 0), (70, 0),
    ]  # fmt: skip


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_shuffled_and_twice_they_give_the_same_state(hq: Headquarters, tmp_path: Path, seed: int) -> None:
    story(hq)
    assert verify(hq.office).faults == []
    wanted = state(hq.office)
    assert [row[3] for row in wanted["unlocked"]] == [40, 50]
    queue = [bytes(raw) for (raw,) in hq.rows("SELECT envelope FROM batches")] * 2
    random.Random(seed).shuffle(queue)
    with headquarters(tmp_path / "again") as again:
        again.office.keys = hq.office.keys
        again.clock.now_ms = hq.clock.now_ms
        copy_registry(hq.office.store, again.office)
        again.hear(queue)
        assert verify(again.office).faults == []
        told = state(again.office)
        parts = (
            "members",
            "cells",
            "reserved",
            "unlocked",
            "settlement",
            "accounts",
            "waiting",
            "operations",
        )
        assert {part: told[part] for part in parts} == {part: wanted[part] for part in parts}

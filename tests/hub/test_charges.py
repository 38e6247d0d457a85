"""What a store spent beyond every right is charged to it by a person, and is the same in whatever order."""

from __future__ import annotations

import random
import re
from pathlib import Path
from typing import Any

import httpx
import pytest
from headquarters import Headquarters, headquarters
from pretend_till import PretendTill, points_of
from test_casework import act
from test_unlocks import HOUR_MS, sound
from test_write_offs import nets

from hub import casework
from hub.office import Trust
from hub.registry import copy_registry
from hub.verify import state
from points.fields import BadOperation
from points.operations import read


def spent_twice(till: PretendTill, other: PretendTill) -> int:
    """100 points of ``other``; 50 are spent at ``till`` without a right, and then all of them at home."""
    m = other.enrol()
    other.earn(m, 100)
    other.send()
    till.st = other.st + HOUR_MS
    till.redeem(m, 50, ["allowance", 50])
    assert till.send() == {1: ("J", {"reason": "uncovered", "pts": 50})}
    other.st = till.st + HOUR_MS
    other.redeem(m, 100, ["local", 100])
    assert other.send() == {}
    return m


def test_what_nobody_had_a_right_to_is_charged_to_the_store_that_spent_it(
    hq: Headquarters, till: PretendTill, other: PretendTill, desk: httpx.Client
) -> None:
    m = spent_twice(till, other)
    assert points_of(hq, m) == (0, 50)
    before = nets(hq, "settle")
    assert before["settle:hq"] == -50, "nobody is named yet, so headquarters bears it"
    page = desk.get("/console/cases/1").text
    assert "记给该店承担" in page
    form = dict(re.findall(r'name="(word|before)" value="([0-9a-f]+)"', page))
    told = {**form, "by": "陈静", "note": "没有额度也没有授权", "what": "charge"}
    for _ in range(2):
        assert desk.post("/console/cases/1", data=told).status_code == 200
    assert len(hq.rows("SELECT 1 FROM case_acts")) == 1, "the same form twice is one act"
    assert points_of(hq, m) == (0, 50), "the member owes what they owed"
    assert nets(hq, "settle") == {}, "100 points of s002: half of them paid for s001, which owes them to s002"
    sound(hq)
    other.st = hq.clock.now_ms + HOUR_MS
    other.earn(m, 50, add=False)
    other.send()
    assert points_of(hq, m) == (0, 0)
    assert nets(hq, "settle") == {"settle:s002": -50, "settle:s001": 50}, "repaid by points of s002"
    sound(hq)


def test_a_claw_back_that_had_to_bear_it_is_open_again(
    hq: Headquarters, till: PretendTill, other: PretendTill, desk: httpx.Client
) -> None:
    m = other.enrol()
    sale = other.earn(m, 40)
    other.refund(m, sale, 4_000)
    other.send()
    till.st = other.st + HOUR_MS
    till.redeem(m, 40, ["allowance", 40])
    till.send()
    assert nets(hq, "settle") == {"settle:s002": -40, "settle:s001": 40}
    assert act(desk, "charge").status_code == 200
    assert nets(hq, "settle") == {}
    assert points_of(hq, m) == (0, 40)
    sound(hq)
    third = PretendTill(hq, "s003")
    third.st = till.st + HOUR_MS
    third.redeem(m, 30, ["allowance", 30])
    third.send()
    third.close()
    assert nets(hq, "settle") == {"settle:s002": -30, "settle:s003": 30}, "not headquarters"


def test_what_another_store_spent_by_trust_within_its_budget_stays_headquarters_risk(
    hq: Headquarters, till: PretendTill, other: PretendTill, desk: httpx.Client
) -> None:
    hq.office.trust = Trust(100, 100, 100)
    other.page()
    m = till.enrol()
    till.earn(m, 20, add=False)
    till.redeem(m, 40, ["allowance", 40])
    till.send()
    other.st = till.st + HOUR_MS
    other.redeem(m, 30, ["trust", 30])
    assert other.send() == {}
    assert nets(hq, "settle") == {"settle:hq": -50, "settle:s001": 20, "settle:s002": 30}
    assert act(desk, "charge").status_code == 200
    assert nets(hq, "settle") == {"settle:hq": -30, "settle:s002": 30}
    sound(hq)


def test_what_is_in_custody_or_only_noted_is_charged_to_nobody(
    hq: Headquarters, till: PretendTill, desk: httpx.Client
) -> None:
    m = till.enrol()
    till.op("redeem.cash", m, pts=5, fen=-1, fund=[["local", 5]])
    till.send()
    assert "记给该店承担" not in desk.get("/console/cases/1").text
    act(desk, "charge")
    assert hq.rows("SELECT 1 FROM case_acts") == []


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_shuffled_and_twice_it_gives_the_same_state(tmp_path: Path, seed: int) -> None:
    with headquarters(tmp_path / "first") as hq, headquarters(tmp_path / "again") as again:
        till, other = PretendTill(hq), PretendTill(hq, "s002")
        spent_twice(till, other)
        with hq.office.store.turn() as turn:
            assert casework.act(turn, hq.office, 1, 0, casework.CHARGE, "陈静", "没有额度")
        for one in (till, other):
            one.close()
        queue = [bytes(raw) for (raw,) in hq.rows("SELECT envelope FROM batches")] * 2
        random.Random(seed).shuffle(queue)
        again.office.keys, again.clock.now_ms = hq.office.keys, hq.clock.now_ms
        copy_registry(hq.office.store, again.office)
        again.hear(queue)
        sound(again)
        wanted, told = state(hq.office), state(again.office)
        for part in ("members", "cells", "settlement", "accounts", "operations"):
            assert told[part] == wanted[part]


BODY: dict[str, Any] = {
    "id": "ab" * 16, "t": "debt.charge", "tv": 1, "day": 20261119, "st": 1, "boot": "0" * 16, "mono": 0,
    "by": "hq", "rule": "0" * 64, "m": 1, "refs": ["cd" * 16], "spent": "ef" * 16, "pts": 5, "note": "x",
    "decided_by": "陈静",
}  # fmt: skip


def test_a_charge_names_what_was_spent_how_much_and_who_decided() -> None:
    assert read(BODY, "hq", "w1").kind == "debt.charge"
    for bad in ({"pts": 0}, {"note": 5}, {"refs": []}, {"spent": "x"}, {"decided_by": None}):
        with pytest.raises(BadOperation):
            read(BODY | bad, "hq", "w1")


def test_a_till_charges_nobody(hq: Headquarters, till: PretendTill, other: PretendTill) -> None:
    m = spent_twice(till, other)
    known = till.op("auth.void", m, refs=["ab" * 16])["id"]
    till.op("debt.charge", m, refs=[known], spent=known, pts=50, note="x", decided_by="y")
    assert [code for code, _ in till.send().values()] == ["Q"]
    assert nets(hq, "settle")["settle:hq"] == -50

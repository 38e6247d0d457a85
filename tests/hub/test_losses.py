"""A burnt PC: two people say so, its points come home, and what turns up later costs no member anything."""

from __future__ import annotations

from pathlib import Path

import pytest
from headquarters import DAY_MS, RULES, Headquarters, headquarters
from pretend_till import PretendTill, points_of
from test_rights_over_http import enrolled, intent

from agent import provisioning
from agent.recorder import Recorded
from agent.uplink import join
from hub import losses, publishing
from hub.registry import copy_registry
from hub.store.losses import every
from hub.verify import state, verify
from points import rulebook
from points.fields import BadOperation
from points.operations import read
from points.wire import canonical


def declared(hq: Headquarters, store: str = "s001", till: str = "01", epoch: int = 1) -> None:
    """Two people, two sessions."""
    with hq.office.store.turn() as turn:
        assert losses.ask(turn, hq.office, store, till, "李娜", "session-a", "火灾，照片 7 张", epoch)
    with hq.office.store.turn() as turn:
        assert losses.approve(turn, hq.office, store, till, epoch, "王强", "session-b")


def rights_out(hq: Headquarters, store: str) -> int:
    with hq.office.store.look() as look:
        return losses.held_at(look, store, "01")


def burnt(hq: Headquarters, till: PretendTill) -> int:
    """A member with 400 points: 300 by allowance and 60 local at the till, 40 reserved for it."""
    m = till.enrol()
    for n in range(2):
        till.st = max(till.st, hq.clock.now_ms + n)
        till.earn(m, 170)
        till.op("rights.return", m, fund=[["back_l", 170]])
    till.send()
    assert [row[3] for row in till.page("r")] == [340]
    till.op("rights.return", m, fund=[["back_a", 40]])
    till.send()
    assert till.authorise(intent(till), m, 40) == {"granted": 40}
    till.earn(m, 60)
    till.send()
    assert rights_out(hq, "s001") == 400
    return m


def test_two_people_bring_home_what_a_burnt_pc_held(
    hq: Headquarters, till: PretendTill, other: PretendTill
) -> None:
    m = burnt(hq, till)
    assert other.authorise(intent(other), m, 360) == {"refused": "held_elsewhere"}
    declared(hq)
    assert rights_out(hq, "s001") == 0
    assert points_of(hq, m) == (400, 0)
    assert other.authorise(intent(other), m, 400) == {"granted": 400}
    assert not verify(hq.office).faults
    with hq.office.store.look() as look:
        (loss,) = every(look)
    assert (loss.pts, loss.seq, loss.approved_by) == (400, len(till.bodies), "王强")


def test_one_person_alone_can_do_nothing(hq: Headquarters, till: PretendTill) -> None:
    burnt(hq, till)
    with hq.office.store.turn() as turn:
        assert losses.ask(turn, hq.office, "s001", "01", "李娜", "session-a", "火灾")
        assert not losses.approve(turn, hq.office, "s001", "01", 1, "李娜", "session-b"), "the same person"
        assert not losses.approve(turn, hq.office, "s001", "01", 1, "王强", "session-a"), "the same browser"
        assert not losses.approve(turn, hq.office, "s001", "01", 2, "王强", "session-b"), "another PC"
        assert losses.withdraw(turn, hq.office, "s001", "01", 1)
        assert not losses.withdraw(turn, hq.office, "s001", "01", 1), "it is not asked any more"
        assert not losses.approve(turn, hq.office, "s001", "01", 1, "王强", "session-b"), "not asked any more"
        assert not losses.ask(turn, hq.office, "hq", "w1", "李娜", "session-a", "headquarters is no till")
        assert not losses.ask(turn, hq.office, "s777", "01", "李娜", "session-a", "nobody")
    assert rights_out(hq, "s001") == 400


def test_a_fact_of_one_person_is_none() -> None:
    body = {
        "id": "ab" * 16, "t": "agent.lost", "tv": 1, "day": 20261119, "st": 1, "boot": "0" * 16, "mono": 0,
        "by": "hq", "rule": "0" * 64, "agent": ["s001", "01"], "inc": 1, "term": 1, "epoch": 1, "seq": 1,
        "evidence": "火灾", "asked_by": "李娜", "approved_by": "王强",
    }  # fmt: skip
    assert read(body, "hq", "w1").kind == "agent.lost"
    with pytest.raises(BadOperation, match="two people"):
        read(body | {"approved_by": "李娜"}, "hq", "w1")


def test_what_is_posted_of_it_later_brings_no_rights_back_to_the_dead(
    hq: Headquarters, till: PretendTill
) -> None:
    blob = canonical.encode({**RULES, "name": "newer"})
    m = burnt(hq, till)
    till.rules = rulebook.read(blob).hash  # headquarters has not published it yet
    till.earn(m, 70)
    till.redeem(m, 60, ["local", 60])
    assert [code for code, _ in till.send().values()] == ["P", "P"]
    declared(hq)
    with hq.office.store.turn() as turn:
        publishing.publish_rules(turn, hq.office, blob)
    assert points_of(hq, m) == (410, 0), "what happened counts for the member"
    assert rights_out(hq, "s001") == 0
    assert [reason for (reason,) in hq.rows("SELECT reason FROM cases")] == ["uncovered"]
    assert not verify(hq.office).faults


def test_its_key_counts_for_nothing_new(hq: Headquarters, till: PretendTill) -> None:
    m = burnt(hq, till)
    declared(hq)
    till.redeem(m, 300, ["allowance", 300])
    assert [code for code, _ in till.send().values()] == ["Q"]
    assert till.call("GET", "/v1/bell").fault.problem == "revoked"
    assert points_of(hq, m) == (400, 0)


def test_a_till_cannot_declare_another_one_lost(
    hq: Headquarters, till: PretendTill, other: PretendTill
) -> None:
    burnt(hq, till)
    other.op(
        "agent.lost", None, agent=["s001", "01"], inc=1, term=1, epoch=1, seq=1, evidence="x",
        asked_by="a", approved_by="b",
    )  # fmt: skip
    assert [code for code, _ in other.send().values()] == ["Q"]
    assert rights_out(hq, "s001") == 400


def test_what_waited_of_its_lane_is_posted_and_its_shortage_is_a_case(
    hq: Headquarters, till: PretendTill, other: PretendTill
) -> None:
    m = burnt(hq, till)
    sale = other.earn(m, 50)  # not heard of yet
    till.refund(m, sale, 0)
    till.redeem(m, 300, ["allowance", 300])
    assert [code for code, _ in till.send().values()] == ["P"], "the refund waits for the other till's sale"
    declared(hq)
    assert points_of(hq, m) == (100, 0), "the redemption was heard before the PC burnt"
    assert other.authorise(intent(other), m, 100) == {"granted": 100}
    other.send()
    assert hq.rows("SELECT count(*) FROM waiting") == [(0,)], "the refund found its sale"
    assert not verify(hq.office).faults
    assert rights_out(hq, "s001") == 0, "nothing of a lost till is held there again"


def test_the_next_pc_of_that_counter_begins_a_new_term(hq: Headquarters, till: PretendTill) -> None:
    m = burnt(hq, till)
    declared(hq)
    again = PretendTill(hq, "s001", seed=2)
    assert (again.lane.epoch, again.term) == (2, 3)
    assert [row[3] for row in again.page("r")] == [400], "nothing stands in its way"
    again.redeem(m, 400, ["allowance", 400])
    again.earn(m, 10)
    assert again.send() == {}
    assert points_of(hq, m) == (10, 0)
    assert rights_out(hq, "s001") == 10
    with hq.office.store.turn() as turn:
        assert not losses.approve(turn, hq.office, "s001", "01", 1, "赵敏", "session-c"), "once is enough"
    hq.clock.now_ms += DAY_MS
    assert not verify(hq.office).faults
    again.close()


def test_a_pc_that_was_replaced_already_is_lost_without_its_next_one(
    hq: Headquarters, till: PretendTill
) -> None:
    m = burnt(hq, till)
    again = PretendTill(hq, "s001", seed=2)
    again.earn(m, 25)
    again.op("rights.return", m, fund=[["back_l", 5]])
    again.send()
    assert again.authorise(intent(again), m, 5) == {"granted": 5}
    assert rights_out(hq, "s001") == 400 + 25
    assert again.page("r") == [], "the old PC may still spend what it holds"
    declared(hq, epoch=1)
    assert rights_out(hq, "s001") == 25, "20 local and 5 reserved are the next PC's"
    assert hq.rows("SELECT pts FROM losses") == [(400,)]
    again.redeem(m, 20, ["local", 20])
    assert again.send() == {}
    assert [row[3] for row in again.page("r")] == [400]
    again.redeem(m, 400, ["allowance", 400])
    assert again.send() == {}
    assert points_of(hq, m) == (5, 0)
    assert not verify(hq.office).faults
    again.close()


def test_when_the_next_pc_is_lost_the_first_one_keeps_what_it_holds(
    hq: Headquarters, till: PretendTill, other: PretendTill
) -> None:
    m = burnt(hq, till)
    stolen = PretendTill(hq, "s001", seed=2)
    stolen.earn(m, 25)
    stolen.send()
    declared(hq, epoch=2)
    assert rights_out(hq, "s001") == 400, "the first PC may have spent all of it"
    assert other.authorise(intent(other), m, 26) == {"refused": "held_elsewhere"}
    till.redeem(m, 300, ["allowance", 300])
    till.redeem(m, 10, ["local", 10])
    till.op("rights.return", m, fund=[["back_l", 50]])
    assert till.send() == {}, "all of it was its right"
    assert rights_out(hq, "s001") == 40, "what is reserved for it"
    assert not verify(hq.office).faults
    stolen.close()


def test_what_the_first_pc_earns_after_that_is_its_own(hq: Headquarters) -> None:
    """A PC that was replaced begins another term, which is not the one that its successor was lost in."""
    first = hq.shop("s001")
    m = enrolled(first)
    first.sync()
    folder = first.folder.parent / "second"
    second = hq.open(folder, provisioning.join(folder / "keys", hq.ticket("s001"), join))
    second.sync()
    first.sync()
    declared(hq, epoch=2)
    assert isinstance(first.counter.sell(m, [[1, "all", 1, 5_000]], "c1"), Recorded)
    first.sync()
    assert first.here(m) == rights_out(hq, "s001") == 50, "headquarters knows that they may be spent there"
    assert isinstance(first.counter.redeem(m, 50, "c1"), Recorded)
    first.sync()
    assert hq.rows("SELECT reason FROM cases") == []
    assert not verify(hq.office).faults


def test_the_fact_says_who_and_why(hq: Headquarters, till: PretendTill) -> None:
    burnt(hq, till)
    declared(hq)
    ((raw,),) = hq.rows("SELECT body FROM facts WHERE kind = 'agent.lost'")
    body = canonical.decode(bytes(raw))
    assert (body["asked_by"], body["approved_by"]) == ("李娜", "王强")
    assert body["evidence"] == "火灾，照片 7 张"


@pytest.mark.parametrize("hq_first", [True, False])
def test_a_loss_that_is_heard_again_waits_for_the_lane_it_counts_to(
    hq: Headquarters, till: PretendTill, other: PretendTill, tmp_path: Path, hq_first: bool
) -> None:
    m = burnt(hq, till)
    declared(hq)
    assert other.authorise(intent(other), m, 400) == {"granted": 400}
    wanted = state(hq.office)
    assert wanted["lost"] == [["s001", "01", 1, len(till.bodies)]]
    rows = hq.rows("SELECT store, envelope FROM batches ORDER BY arrived")
    with headquarters(tmp_path / "again") as again:
        again.office.keys = hq.office.keys
        copy_registry(hq.office.store, again.office)
        again.hear([bytes(raw) for _, raw in sorted(rows, key=lambda row: (row[0] == "hq") is not hq_first)])
        assert verify(again.office).faults == []
        told = state(again.office)
        for part in ("lost", "waiting", "members", "cells", "reserved", "accounts", "operations"):
            assert told[part] == wanted[part], part

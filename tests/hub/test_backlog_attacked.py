"""Several batches under way, and whatever may happen to one of them meanwhile happens."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from forks import close, heard, sold
from headquarters import Headquarters, Shop
from test_backlog import OPS, Crossroad, Road, backlog, posted, short_batches
from two_pcs import decided, kept, parted

from agent import enrolment, stick
from agent.ahead import AT_ONCE
from agent.contact import Contact
from agent.store import outbox
from agent.uplink import OutOfReach, Uplink
from hub import intake, lane_queue
from hub import stick as office_stick
from hub.verify import verify
from points.wire.faults import Problem, WireFault

__all__ = ["short_batches"]


def is_whole(hq: Headquarters, shop: Shop) -> None:
    """All that a till has recorded is posted once, acknowledged, and told in a row without a hole."""
    recorded = [op_id for (op_id,) in shop.till.book.rows("SELECT op_id FROM ops")]
    assert set(recorded) <= heard(hq).keys()
    assert posted(hq) == len(recorded)
    assert shop.night.unsent() == 0
    ((till_head,),) = hq.rows("SELECT seq FROM lanes WHERE store = 's001'")
    assert till_head == len(recorded)
    assert not verify(hq.office).faults


@pytest.mark.parametrize("problem", [Problem.TOO_LARGE, Problem.INTEGRITY])
@pytest.mark.parametrize("is_heard", [False, True])
def test_one_that_is_cut_anew_while_the_next_are_under_way(
    hq: Headquarters, home: Shop, monkeypatch: pytest.MonkeyPatch, problem: Problem, is_heard: bool
) -> None:
    """Its answer says that it must be cut anew, though headquarters may have it and what follows."""

    class Refuses(Road):
        left = 2

        def carry(self, first: int, send: Any) -> bytes:
            if first == 2 * OPS + 1 and self.left:
                self.left -= 1
                if is_heard:
                    send()
                raise WireFault(problem)
            return super().carry(first, send)

    monkeypatch.setattr(lane_queue, "WAIT_S", 1.0)
    backlog(home)
    road = Refuses(monkeypatch)
    Contact(home.till, home.uplink, rest=lambda _ms: None).run()
    assert road.left == 0
    home.sync()
    is_whole(hq, home)


def test_a_till_that_starts_again_with_all_of_them_on_their_way(
    hq: Headquarters, home: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Headquarters has them and the till has no answer; it sells on, and says the same again."""

    class Unanswered(Crossroad):
        def carry(self, first: int, send: Any) -> bytes:
            answer = super().carry(first, send)
            if first > OPS:
                raise OutOfReach("cut off")
            return answer

    backlog(home)
    with monkeypatch.context() as gone:
        Unanswered(gone)
        Contact(home.till, home.uplink, rest=lambda _ms: None).run()
    assert posted(hq) > outbox.delivered(home.till.book) % 2**32
    folder = home.folder
    close(home)
    again = hq.open(folder)
    ((m,),) = hq.rows("SELECT m FROM members")
    sold(again, m, 3)
    again.uplink.at_once = AT_ONCE
    again.sync()
    is_whole(hq, again)


@pytest.mark.parametrize("at", [1, 3, 6])
def test_a_stick_with_the_same_batches_is_read_in_between(
    hq: Headquarters, home: Shop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, at: int
) -> None:
    backlog(home)
    folder = tmp_path / "stick"
    folder.mkdir()
    path = stick.write(home.till, folder).path
    backs: list[bytes | None] = []

    class Carried(Road):
        def carry(self, first: int, send: Any) -> bytes:
            if first == at * OPS + 1 and not backs:
                backs.append(office_stick.take(hq.office, path.read_bytes()).back)
            return super().carry(first, send)

    Carried(monkeypatch)
    home.sync()
    is_whole(hq, home)
    assert backs[0] is not None
    before = outbox.delivered(home.till.book)
    stick.read(home.till, home.uplink, backs[0])
    assert outbox.delivered(home.till.book) == before
    home.sync()
    is_whole(hq, home)


def test_a_box_that_comes_long_after_its_batch(
    hq: Headquarters, home: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The batches fly; what is typed of a person waits at the till, and is opened when it comes."""
    made = backlog(home, 3)
    new = enrolment.enrol(home.till, "c1", phone="13912345678", name="张三")
    assert isinstance(new, enrolment.Enrolled)
    made += sold(home, new.m, 3 * OPS)
    call = Uplink.call

    def unboxed(uplink: Uplink, method: str, target: str, *rest: Any) -> bytes:
        if target.startswith("/v1/sealed/"):
            raise WireFault(Problem.BUSY, retry_after_s=1)
        return call(uplink, method, target, *rest)

    with monkeypatch.context() as cut:
        cut.setattr(Uplink, "call", unboxed)
        for _ in range(2):
            Contact(home.till, home.uplink, rest=lambda _ms: None).run()
    assert home.night.unsent() == 0
    assert len(outbox.sealed(home.till.book)) == 1
    named = "SELECT tail FROM personal WHERE m = ?"
    assert hq.rows(named, new.m) == []
    home.sync()
    assert outbox.sealed(home.till.book) == []
    assert hq.rows(named, new.m) == [("5678",)]
    is_whole(hq, home)
    assert set(made) <= heard(hq).keys()


def test_a_pc_that_nobody_believes_sends_ahead_no_more_than_is_kept_of_it(
    hq: Headquarters, home: Shop, tmp_path: Path, asks: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    twin, m = parted(hq, home, tmp_path)
    twin.sync()
    monkeypatch.setattr(intake, "DOUBTED_MAX", 3 * OPS)
    twin.uplink.at_once = AT_ONCE
    made = sold(twin, m, 8 * OPS)
    road = Crossroad(monkeypatch)
    done = Contact(twin.till, twin.uplink, rest=lambda _ms: None).run()
    assert not done.settled
    assert 3 * OPS < kept(hq) <= 4 * OPS
    assert len(road.first) <= 3 * AT_ONCE, "it does not knock at a closed door without end"
    decided(hq, "accept_pc")
    for _ in range(3):
        hq.reopen()
        Contact(twin.till, twin.uplink, rest=lambda _ms: None).run()
    assert set(made) <= heard(hq).keys()

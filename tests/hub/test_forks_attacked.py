"""What was found by attacking the way on after a fork: each accident once, on real bytes."""

from __future__ import annotations

import secrets
import shutil
from pathlib import Path
from typing import Any

import pytest
from forks import LINES, close, copied, enrolled, heard, points_of, put_back, sold
from headquarters import DAY_MS, Headquarters, Shop
from test_sisters import met
from test_trust import away

from agent import claims as paper_claims
from agent import day_close, goods_back
from agent import succession as going_on
from agent.desk import Desk, Done
from agent.goods_back import Returnable
from agent.printing import Printing
from agent.recorder import Recorded
from agent.store import prints, sales, volume
from config.faults import Fault
from config.words import load_words
from hub import claims, private_page, reception, succession
from hub.office import Trust
from points.wire import canonical, envelope
from points.wire.batch_header import Moment
from points.wire.faults import Problem, WireFault
from points.wire.keys import SigningKey
from points.wire.succession import ask, open_grant


def earned(hq: Headquarters, home: Shop) -> int:
    """A member with 300 points that a till gave itself, and headquarters has heard of."""
    home.sync()
    m = enrolled(home)
    for _ in range(3):
        sold(home, m)
        hq.clock.now_ms += DAY_MS
    home.sync()
    return m


def goes_home(home: Shop) -> None:
    """Every right goes to headquarters: the till is about to be switched off."""
    day_close.give_back(home.till, "agent")
    home.till.leaving_until_mono_ms = 10**15
    home.sync()
    home.till.leaving_until_mono_ms = 0


def test_a_lane_that_its_till_is_about_to_leave_is_granted_nothing(
    hq: Headquarters, home: Shop, tmp_path: Path
) -> None:
    """It was, in the contact that found the fork: what headquarters had lay where nobody could spend it."""
    m = earned(hq, home)
    copy = copied(home, tmp_path / "copy")
    goes_home(home)
    back = put_back(hq, home, copy)
    sold(back, m)
    back.sync()
    assert back.till.identity.lane.epoch == 2
    assert back.here(m) == 300
    assert hq.rows("SELECT term, granted - allowance_used FROM cells WHERE m = ?", m) == [(3, 300)]


def test_who_has_forked_and_cannot_go_on_yet_takes_no_right_that_is_the_others_too(
    hq: Headquarters, home: Shop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A receipt on its way to the printer was enough: both had the same 300 points, and spent them."""
    m = earned(hq, home)
    goes_home(home)
    copy = copied(home, tmp_path / "copy")
    sold(home, m)
    home.sync()
    assert home.here(m) == 400
    twin = hq.open(copy)
    sold(twin, m)
    pool = twin.till.facts()["pool"]
    monkeypatch.setattr(volume, "is_printing", lambda _book: True)
    done = twin.night.contact(rest=lambda _ms: None)
    assert [alarm.problem for alarm in done.alarms] == ["fork"]
    assert twin.here(m) == 100, "what it gave itself"
    assert twin.till.facts()["pool"] == pool
    assert twin.till.as_of_ms == home.till.as_of_ms, "it hears of members all the same"
    monkeypatch.undo()
    assert twin.sync().settled
    assert (twin.here(m), home.here(m)) == (0, 400)


@pytest.mark.parametrize(
    "lacks", [{}, {"t": "sale.earn", "tv": 1}, {"t": "sale.earn", "tv": 9}, {"t": "sale.refund", "tv": 1}]
)
def test_what_another_program_has_sent_with_its_key_is_fetched_and_keeps_it_from_nothing(
    hq: Headquarters, home: Shop, tmp_path: Path, lacks: dict[str, Any]
) -> None:
    """Headquarters has it in custody; a till that was put back could not read it and never spoke again."""
    home.sync()
    m = enrolled(home)
    home.sync()
    copy = copied(home, tmp_path / "copy")
    (sale,) = sold(home, m)
    home.sync()
    log, body = home.till.log, canonical.decode(home.till.log.between(home.till.log.pos(2), 2**40)[0].body)
    strange = canonical.encode(
        {**{k: body[k] for k in ("by", "boot", "mono", "day", "st", "rule")}, "id": "0" * 32, **lacks}
    )
    moment = Moment(1, "00112233aabbccdd", 1, "0" * 32, "thief/1", 1, None)
    own = home.till.identity
    reception.receive(hq.office, envelope.cut(own.lane, log.seq + 1, log.head, [strange], own.key, moment))
    back = put_back(hq, home, copy)
    told = sold(back, m)
    assert back.sync().settled
    assert told[0] in heard(hq)
    assert sales.entry(back.till.book, sale) is not None
    assert volume.unheard(back.till.book) is None
    close(back)
    assert hq.open(back.folder).till.look(m) is not None


def test_a_second_file_that_takes_nothing_is_given_the_whole_lane_before_the_next_sale(
    hq: Headquarters, home: Shop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It was given the next sale alone: a database that was lost then could not be healed from it."""

    def full(_raw: bytes) -> None:
        raise Fault("fault.mirror", "no room")

    home.sync()
    m = enrolled(home)
    home.sync()
    copy = copied(home, tmp_path / "copy")
    sold(home, m)
    home.sync()
    back = put_back(hq, home, copy)
    told = sold(back, m, 2)
    with monkeypatch.context() as broken:
        broken.setattr(back.till.log.mirror, "append", full)
        with pytest.raises(Fault):
            back.night.contact(rest=lambda _ms: None)
        assert back.till.identity.lane.epoch == 2
        with pytest.raises(Fault):
            sold(back, m)
    told += sold(back, m)
    assert [one.seq for one in back.till.log.mirror.read() if one.epoch == 2] == [1, 2, 3]
    close(back)
    for path in (back.folder / "data").glob("agent.sqlite*"):
        path.unlink()
    again = hq.open(back.folder)
    assert again.sync().settled
    assert {*told} <= heard(hq).keys()


def test_a_number_that_the_point_of_sale_gave_may_be_that_of_a_later_sale(
    hq: Headquarters, home: Shop, tmp_path: Path
) -> None:
    """One number twice, and the book could not be moved; after the next start the till did not open."""
    home.sync()
    m = enrolled(home)
    home.sync()
    copy = copied(home, tmp_path / "copy")
    sold(home, m)
    home.sync()
    back = put_back(hq, home, copy)
    number = back.till.lane_position(back.till.log.pos(back.till.log.seq + 2))
    first = back.counter.sell(m, LINES, "c1", receipt=number)
    assert isinstance(first, Recorded)
    (second,) = sold(back, m)
    assert back.sync().settled
    assert {first.op.id, second} <= heard(hq).keys()


def test_a_key_folder_that_is_older_than_the_book_stops_the_till_before_a_sale(
    hq: Headquarters, home: Shop, tmp_path: Path
) -> None:
    """It sold in its old lane and never spoke again; what it had recorded in the new one was told nobody."""
    home.sync()
    m = enrolled(home)
    home.sync()
    copy = copied(home, tmp_path / "copy")
    sold(home, m)
    home.sync()
    back = put_back(hq, home, copy)
    told = sold(back, m)
    back.sync()
    told += sold(back, m)
    close(back)
    newer = shutil.move(back.folder / "keys", tmp_path / "newer")
    shutil.copytree(copy / "keys", back.folder / "keys")
    with pytest.raises(Fault) as fault:
        hq.open(back.folder)
    assert fault.value.remedy == "fault.keys_older"
    assert fault.value.detail == {"epoch": 2}
    shutil.rmtree(back.folder / "keys")
    shutil.move(newer, back.folder / "keys")
    assert hq.open(back.folder).sync().settled
    assert {*told} <= heard(hq).keys()


def test_a_disk_that_is_put_back_every_morning_goes_on_every_day(
    hq: Headquarters, home: Shop, tmp_path: Path
) -> None:
    """After eight mornings it was refused for ever, and told nobody what it sold."""
    home.sync()
    m = enrolled(home)
    home.sync()
    copy = copied(home, tmp_path / "copy")
    for _ in range(succession.A_DAY_MAX + 1):
        sold(home, m)
        home.sync()
        home = put_back(hq, home, copy)
        sold(home, m)
        assert home.sync().settled
        hq.clock.now_ms += DAY_MS


def test_a_thief_with_a_key_is_granted_a_few_lanes_a_day(hq: Headquarters, home: Shop) -> None:
    """Each by the key of the one before, which the bound on one key's successors did not see."""

    def asked() -> bytes:
        return ask(lane, key, new, [], secrets.token_bytes(16), "0" * 32, "thief/1", 1)

    own = home.till.identity
    lane, key = own.lane, own.key
    for _ in range(succession.A_DAY_MAX):
        new = SigningKey.from_raw(secrets.token_bytes(32))
        last = (lane, key.kid, asked())
        told = succession.grant(hq.office, *last)
        lane, key = open_grant(told, last[2], new.public_raw, lane, own.hub_receipt_public).lane, new
    new = SigningKey.from_raw(secrets.token_bytes(32))
    with pytest.raises(WireFault) as refused:
        succession.grant(hq.office, lane, key.kid, asked())
    assert refused.value.problem == Problem.BUSY
    assert succession.grant(hq.office, *last) == told, "asked again it is answered all the same"


def test_a_paper_printed_again_after_a_fork_contradicts_nothing(
    hq: Headquarters, home: Shop, tmp_path: Path
) -> None:
    """The till signs by another key then, which was taken for a second till's: a security case."""
    home.sync()
    m = enrolled(home)
    home.sync()
    copy = copied(home, tmp_path / "copy")
    sold(home, m)
    home.sync()
    back = put_back(hq, home, copy)
    (sale,) = sold(back, m)
    first = paper_claims.digits(back.till, sale)
    assert claims.show(hq.office, first) == "shown"
    back.sync()
    again = paper_claims.digits(back.till, sale)
    assert again != first
    for paper in (again, first, again):
        assert claims.show(hq.office, paper) == "confirmed"
    assert hq.rows("SELECT digits FROM claims") == [(first,)]
    assert [reason for (reason,) in hq.rows("SELECT reason FROM cases")] == ["forked"]


@pytest.mark.parametrize("printed", [False, True])
def test_a_receipt_that_waits_for_eyes_is_answered_for_by_the_number_it_had(
    hq: Headquarters, home: Shop, tmp_path: Path, printed: bool
) -> None:
    """The cashier said that nothing was printed, and no copy came."""
    home.sync()
    m = enrolled(home)
    home.sync()
    copy = copied(home, tmp_path / "copy")
    sold(home, m)
    home.sync()
    back = put_back(hq, home, copy)
    sold(back, m)
    job = prints.latest(back.till.book)
    assert job is not None
    with back.till.book.turn() as turn:
        prints.mark(turn, job.id, "UNCERTAIN", "print_interrupted")
    printing = Printing(back.till, None, load_words("zh"))
    assert [look.job for look in printing.looks()] == [job.id]
    assert back.sync().settled
    assert printing.paper(job.id) is not None
    number = printing.resolve(job.id, printed)
    latest = prints.latest(back.till.book)
    assert latest is not None
    assert (latest.id, latest.copy) == (number, 0 if printed else 1)
    assert latest.state == ("CONFIRMED" if printed else "QUEUED")
    assert printing.looks() == ()
    assert printing.resolve(job.id, printed=False) == job.id, "it was answered for"
    assert prints.latest(back.till.book) == latest


def test_goods_come_back_at_a_sister_till_by_a_gift_of_before_the_fork(
    hq: Headquarters, tmp_path: Path
) -> None:
    """The gift was signed in the lane that the sale was moved out of, and counted for nothing."""
    one, other = hq.shop("s001", "01"), hq.shop("s001", "02")
    m = enrolled(one)
    one.sync()
    other.sync()
    copy = copied(one, tmp_path / "copy")
    sold(one, m)
    one.sync()
    back = put_back(hq, one, copy)
    back.uplink.connected = other.uplink.connected = False
    done = back.counter.sell(m, LINES, "c1")
    assert isinstance(done, Recorded)
    paper = paper_claims.digits(back.till, done.op.id)
    with met(back, other) as (_, way):
        at = Desk(other.counter, other.uplink.refund, way.right_to)
        assert isinstance(at.find_elsewhere(paper, reaches=False), Returnable)
        assert isinstance(at.refund("a1", "c2", done.op.id, [[1, 1, 10_000]]), Done)
    back.uplink.connected = other.uplink.connected = True
    assert back.sync().settled
    assert heard(hq)[done.op.id][2] == 2
    other.sync()
    assert [reason for (reason,) in hq.rows("SELECT reason FROM cases")] == ["forked"]
    assert points_of(hq, m) == 100


def test_what_is_fetched_is_gathered_once(
    hq: Headquarters, home: Shop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Once for each envelope, which is work by the square of an outage, with the counter waiting."""
    home.sync()
    m = enrolled(home)
    home.sync()
    copy = copied(home, tmp_path / "copy")
    for _ in range(5):
        sold(home, m)
        home.sync()
    back = put_back(hq, home, copy)
    with monkeypatch.context() as broken:
        broken.setattr(going_on, "fetch", lambda *_: None)
        back.sync()
    gather, times = back.till.gather, list[int]()
    monkeypatch.setattr(back.till, "gather", lambda: times.append(1) or gather())
    going_on.fetch(back.till, back.uplink)
    assert volume.unheard(back.till.book) is None
    assert len(times) == 1
    view = back.till.look(m)
    assert view is not None
    assert view.account.balance(view.today) == 500
    going_on.fetch(back.till, back.uplink)
    assert len(times) == 1, "nothing came"


def test_a_till_hears_of_its_own_lane_however_many_came_after_it(
    hq: Headquarters, home: Shop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A copy of long ago that had lost its token was told of the latest lanes only, and stayed."""
    monkeypatch.setattr(private_page, "LANES_TOLD_MAX", 1)
    home.sync()
    m = enrolled(home)
    home.sync()
    (home.folder / "keys" / "mirror.token").unlink()
    copy = copied(home, tmp_path / "copy")
    sold(home, m)
    home.sync()
    home = put_back(hq, home, copy)
    sold(home, m)
    assert home.sync().settled
    home = put_back(hq, home, copy)
    assert home.sync().settled
    assert home.till.identity.lane.epoch == 3
    assert home.till.has_own_term


def test_what_was_budgeted_is_not_budgeted_again_for_the_lane_after(hq: Headquarters, tmp_path: Path) -> None:
    """A till counts what it ever spent by trust, headquarters by lane: all of the old lane was free again."""
    other, m = away(hq, Trust(20, 20, 40))
    for _ in range(5):
        assert isinstance(other.counter.redeem(m, 20, "c2"), Recorded)
        other.uplink.connected = True
        other.sync()
        other.uplink.connected = False
        hq.clock.now_ms += DAY_MS
    copy = copied(other, tmp_path / "copy")
    other.uplink.connected = True
    other.counter.sell(None, LINES, "c2")
    other.sync()
    back = put_back(hq, other, copy)
    back.sync()
    assert back.till.identity.lane.epoch == 2
    back.uplink.connected = False
    (sale,) = sold(back, m)
    assert isinstance(goods_back.refund(back.till, sale, [[1, 1, 10_000]], "c2"), Recorded), "it serves her"
    used = 0
    for _ in range(4):
        used += 20 * isinstance(back.counter.redeem(m, 20, "c2"), Recorded)
        hq.clock.now_ms += DAY_MS
    assert used == 40
    back.uplink.connected = True
    back.sync()
    assert [reason for (reason,) in hq.rows("SELECT reason FROM cases")] == ["forked"]

"""A till that was put back from an old copy, or copied, loses nothing and doubles nothing: over real HTTP."""

from __future__ import annotations

from pathlib import Path

from forks import LINES, copied, enrolled, heard, points_of, put_back, sold
from headquarters import Headquarters, Shop

from agent import goods_back, provisioning
from agent.recorder import Recorded
from agent.store import outbox, prints, sales, volume
from agent.uplink import join
from hub import refund_rights
from hub.verify import verify


def test_a_till_that_was_put_back_and_sold_on_tells_everything_once(
    hq: Headquarters, home: Shop, tmp_path: Path
) -> None:
    home.sync()
    m = enrolled(home)
    before = sold(home, m, 2)
    home.sync()
    unsent = sold(home, m)
    copy = copied(home, tmp_path / "copy")
    lost = sold(home, m, 3)
    home.sync()
    back = put_back(hq, home, copy)
    after = sold(back, m, 2)
    done = back.sync()
    assert done.settled
    posted = heard(hq)
    assert {posted[op_id][2] for op_id in (*before, *unsent, *lost)} == {1}
    assert {posted[op_id][2] for op_id in after} == {2}
    assert points_of(hq, m) == 8 * 100
    assert back.till.identity.lane.epoch == 2
    assert [op_id for op_id in lost if sales.entry(back.till.book, op_id) is None] == [], "fetched"
    assert volume.unheard(back.till.book) is None
    view = back.till.look(m)
    assert view is not None
    assert view.account.balance(view.today) == 800
    assert list(back.till.log.walk())
    assert back.sync().settled
    assert not verify(hq.office).faults


def test_a_till_that_was_put_back_and_did_nothing_goes_on_where_it_was(
    hq: Headquarters, home: Shop, tmp_path: Path
) -> None:
    home.sync()
    m = enrolled(home)
    copy = copied(home, tmp_path / "copy")
    lost = sold(home, m, 3)
    home.sync()
    back = put_back(hq, home, copy)
    assert back.sync().settled
    assert back.till.log.seq == 0
    assert back.till.identity.lane.epoch == 2
    assert all(sales.entry(back.till.book, op_id) for op_id in lost)
    after = sold(back, m)
    assert back.sync().settled
    assert heard(hq)[after[0]][2:] == (2, 1)
    assert points_of(hq, m) == 400


def test_two_that_were_one_both_tell_what_they_sold(hq: Headquarters, home: Shop, tmp_path: Path) -> None:
    home.sync()
    m = enrolled(home)
    sold(home, m)
    home.sync()
    copy = copied(home, tmp_path / "copy")
    twin = hq.open(copy)
    mine, its = sold(home, m, 3), sold(twin, m, 2)
    home.sync()
    assert twin.sync().settled
    assert {*mine, *its} <= heard(hq).keys()
    assert points_of(hq, m) == 600
    assert (home.till.identity.lane.epoch, twin.till.identity.lane.epoch) == (1, 2)
    assert home.till.identity.key.kid != twin.till.identity.key.kid
    home.sync()
    reasons = [reason for (reason,) in hq.rows("SELECT reason FROM cases ORDER BY id")]
    assert reasons == ["forked", "second-pc"]
    for shop in (home, twin, home):
        more = sold(shop, m)
        shop.sync()
        assert more[0] in heard(hq)
    assert not verify(hq.office).faults


def test_what_it_could_spend_stays_with_the_old_lane(hq: Headquarters, home: Shop, tmp_path: Path) -> None:
    """Two tills with the same rights would spend them twice; a till put back may have spent them before."""
    home.sync()
    m = enrolled(home)
    sold(home, m)
    home.sync()
    assert home.here(m) > 0
    copy = copied(home, tmp_path / "copy")
    sold(home, m)
    home.sync()
    twin = hq.open(copy)
    twin.sync()
    assert twin.here(m) == 0
    assert home.here(m) > 0
    spent = home.counter.redeem(m, 100, "c1")
    home.sync()
    assert not verify(hq.office).faults
    assert spent


def test_it_gives_no_number_that_the_other_may_give(hq: Headquarters, home: Shop, tmp_path: Path) -> None:
    home.sync()
    enrolled(home)
    home.sync()
    copy = copied(home, tmp_path / "copy")
    enrolled(home)
    home.sync()
    twin = hq.open(copy)
    twin.sync()
    numbers = [enrolled(shop) for shop in (home, twin, home, twin)]
    assert len(set(numbers)) == 4
    home.sync()
    twin.sync()
    assert hq.rows("SELECT count(*) FROM op_seen WHERE posted = 0") == [(0,)]


def test_what_was_said_of_others_operations_is_not_said_of_its_own(
    hq: Headquarters, home: Shop, tmp_path: Path
) -> None:
    home.sync()
    m = enrolled(home)
    home.sync()
    copy = copied(home, tmp_path / "copy")
    sold(home, m)
    home.sync()
    back = put_back(hq, home, copy)
    place = back.till.log.pos(back.till.log.seq + 1)
    sold(back, m)
    with back.till.book.turn() as turn:
        outbox.keep_outcomes(turn, [(place, "P", {"reason": "unknown-type"}, 0)])
    back.sync()
    assert outbox.outcomes(back.till.book) == []
    view = back.till.look(m)
    assert view is not None
    assert view.account.balance(view.today) == 200


def test_a_receipt_and_an_act_go_along(hq: Headquarters, home: Shop, tmp_path: Path) -> None:
    """The number on the paper finds the sale that was printed with it, and its receipt can be had again."""
    home.sync()
    m = enrolled(home)
    home.sync()
    copy = copied(home, tmp_path / "copy")
    sold(home, m)
    home.sync()
    back = put_back(hq, home, copy)
    (own,) = sold(back, m)
    number = back.till.lane_position(back.till.log.pos(back.till.log.seq))
    back.sync()
    assert goods_back.find(back.till, number) == own
    found = sales.entry(back.till.book, own)
    assert found is not None
    receipt = prints.of(back.till.book, found[0] * prints.COPIES_MAX)
    assert receipt is not None
    assert receipt.receipt["number"] == number
    assert isinstance(goods_back.refund(back.till, own, [[1, 1, 10_000]], "c1"), Recorded)
    back.sync()
    assert points_of(hq, m) == 100


def test_it_keeps_its_right_to_refund_what_it_sold_before(
    hq: Headquarters, home: Shop, tmp_path: Path
) -> None:
    home.sync()
    m = enrolled(home)
    (sale,) = sold(home, m)
    home.sync()
    copy = copied(home, tmp_path / "copy")
    sold(home, m)
    home.sync()
    back = put_back(hq, home, copy)
    back.sync()
    with hq.office.store.turn() as turn:
        refund_rights.want(turn, ("s001", "01", 1), sale, hq.clock.now_ms)
    assert back.sync().settled
    assert back.sync().settled
    assert hq.rows("SELECT sale FROM ceded") == [(sale,)]
    assert hq.rows("SELECT count(*) FROM op_seen WHERE posted = 0") == [(0,)]


def test_of_a_hundred_and_eighty_operations_a_till_put_back_tells_them_all(
    hq: Headquarters, home: Shop, tmp_path: Path
) -> None:
    """Thirty were hidden or dropped where others were asked the same: the copy is of the hundredth."""
    home.sync()
    m = enrolled(home)
    told = sold(home, m, 99)
    home.sync()
    copy = copied(home, tmp_path / "copy")
    told += sold(home, m, 50)
    home.sync()
    back = put_back(hq, home, copy)
    told += sold(back, m, 30)
    assert back.sync().settled
    assert {*told} <= heard(hq).keys()
    assert hq.rows("SELECT count(*) FROM facts WHERE kind IN ('member.enrol', 'sale.earn')") == [(180,)]
    assert points_of(hq, m) == 179 * 100


def test_of_two_hundred_operations_two_that_were_one_tell_them_all(
    hq: Headquarters, home: Shop, tmp_path: Path
) -> None:
    home.sync()
    m = enrolled(home)
    told = sold(home, m, 99)
    home.sync()
    twin = hq.open(copied(home, tmp_path / "copy"))
    for _ in range(5):
        told += sold(home, m, 10) + sold(twin, m, 10)
        home.sync()
        assert twin.sync().settled, "found at its first contact, and an own lane from then on"
    assert {*told} <= heard(hq).keys()
    assert points_of(hq, m) == 199 * 100


def test_one_number_of_the_point_of_sale_on_both_sides_of_a_fork(
    hq: Headquarters, home: Shop, tmp_path: Path
) -> None:
    home.sync()
    m = enrolled(home)
    home.sync()
    copy = copied(home, tmp_path / "copy")
    lost = home.counter.sell(m, LINES, "c1", receipt="POS-1")
    home.sync()
    back = put_back(hq, home, copy)
    own = back.counter.sell(m, LINES, "c1", receipt="POS-1")
    assert isinstance(lost, Recorded)
    assert isinstance(own, Recorded)
    assert back.sync().settled
    assert {lost.op.id, own.op.id} <= heard(hq).keys()
    assert volume.unheard(back.till.book) is None
    assert goods_back.find(back.till, "POS-1") == own.op.id


def test_a_till_that_is_put_back_again_and_again_is_still_the_till(
    hq: Headquarters, home: Shop, tmp_path: Path
) -> None:
    home.sync()
    m = enrolled(home)
    home.sync()
    copy = copied(home, tmp_path / "copy")
    for epoch in (2, 3, 4):
        sold(home, m)
        home.sync()
        home = put_back(hq, home, copy)
        sold(home, m)
        assert home.sync().settled
        assert home.till.identity.lane.epoch == epoch
        assert home.till.has_own_term
        assert home.till.facts()["pool"] > 0
    assert points_of(hq, m) == 600


def test_a_till_whose_place_was_taken_by_a_ticket_stays_replaced(
    hq: Headquarters, home: Shop, tmp_path: Path
) -> None:
    home.sync()
    m = enrolled(home)
    home.sync()
    copy = copied(home, tmp_path / "copy")
    sold(home, m)
    home.sync()
    (old,) = (shop for shop in hq.shops)
    folder = tmp_path / "new"
    new = hq.open(folder, provisioning.join(folder / "keys", hq.ticket("s001"), join))
    back = put_back(hq, old, copy)
    told = sold(back, m)
    assert back.sync().settled
    assert told[0] in heard(hq)
    assert not back.till.has_own_term
    new.sync()
    assert new.till.has_own_term
    assert (new.till.identity.lane.epoch, back.till.identity.lane.epoch) == (2, 3)

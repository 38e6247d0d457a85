"""The counter's acts on a real disk: earn, redeem, refund, void, enrol, close, and what is refused."""

from __future__ import annotations

from pathlib import Path

import pytest
from shopfloor import GOODS, HandClock, counter_of, grant, open_till, tell_member

from agent import day_close, enrolment, goods_back
from agent.counter import Counter, Found
from agent.funding import No
from agent.papers import paper_of
from agent.recorder import Recorded
from agent.store import cells, feeds, prints
from agent.till import Till
from config.words import load_words
from points.refusals import Refusal

M = 1030


@pytest.fixture
def till(tmp_path: Path) -> Till:
    return open_till(tmp_path / "t")


@pytest.fixture
def counter(till: Till) -> Counter:
    return counter_of(till)


def done(result: Recorded | No) -> Recorded:
    assert isinstance(result, Recorded), result
    return result


def no(result: object) -> Refusal:
    assert isinstance(result, No), result
    return result.refusal


def test_points_earned_here_are_shown_and_spendable_here_at_once(till: Till, counter: Counter) -> None:
    tell_member(till, M, 0)
    sold = done(counter.sell(M, GOODS, "c1"))
    assert sold.op.body["pts"] == 12
    card = counter.card(M)
    assert card is not None
    assert (card.points, card.here, card.pending_pts) == (12, 12, 12)
    paid = done(counter.redeem(M, 10, "c1"))
    assert paid.op.fund == [["local", 10]]
    assert paid.receipt is not None
    assert (paid.receipt.balance, paid.receipt.used_fen) == (2, 100)


def test_points_that_lie_elsewhere_are_refused_in_words_while_offline(till: Till, counter: Counter) -> None:
    tell_member(till, M, 500)
    refused = counter.redeem(M, 100, "c1")
    assert no(refused) is Refusal.not_here_offline
    assert till.log.seq == 1  # the intent ended by auth.void
    assert cells.intents(till.book) == []


def test_an_allowance_is_spent_after_local_points_and_never_twice(till: Till, counter: Counter) -> None:
    tell_member(till, M, 500)
    grant(till, M, 300)
    done(counter.sell(M, GOODS, "c1"))
    spent = done(counter.redeem(M, 100, "c1"))
    assert spent.op.fund == [["local", 12], ["allowance", 88]]
    grant(till, M, 300)  # the same grant, heard again
    assert no(counter.redeem(M, 220, "c1")) is Refusal.not_here_offline
    assert done(counter.redeem(M, 210, "c1")).op.fund == [["allowance", 210]]


def test_headquarters_is_asked_for_what_this_till_lacks(till: Till) -> None:
    tell_member(till, M, 500)
    spent = done(counter_of(till, "granted").redeem(M, 100, "c1"))
    assert spent.op.fund == [["auth", 100]]
    assert cells.intents(till.book) == []


def test_debt_blocks_spending_until_it_is_repaid(till: Till, counter: Counter) -> None:
    tell_member(till, M, 0, debt=5)
    sold = done(counter.sell(M, GOODS, "c1"))
    assert sold.op.fund == [["add", 7]]
    card = counter.card(M)
    assert card is not None
    assert (card.debt, card.points, card.here) == (0, 7, 7)


def test_points_pay_a_part_of_a_sale_and_do_not_earn_on_that_part(till: Till, counter: Counter) -> None:
    tell_member(till, M, 500)
    grant(till, M, 500)
    sold = done(counter.sell(M, GOODS, "c1", points_used=500))
    assert sold.op.body["tenders"] == [["cash", 7500], ["points", 5000, 500]]
    assert sold.op.body["pts"] == 7


def test_a_refund_takes_back_exactly_and_only_what_was_sold(till: Till, counter: Counter) -> None:
    tell_member(till, M, 0)
    sale = done(counter.sell(M, GOODS, "c1")).op
    told = goods_back.quote(till, sale.id, [[2, 1, 4500]])
    assert not isinstance(told, No)
    assert (told.claw_pts, told.restore_pts) == (4, 0)
    back = done(goods_back.refund(till, sale.id, [[2, 1, 4500]], "c1"))
    assert back.op.fund == [["burn_l", 4]]
    assert no(goods_back.refund(till, sale.id, [[2, 1, 4500]], "c1")) is Refusal.refund_too_much
    done(goods_back.refund(till, sale.id, [[1, 2, 8000]], "c1"))
    assert no(goods_back.refund(till, sale.id, [[1, 1, 1]], "c1")) is Refusal.nothing_to_refund
    card = counter.card(M)
    assert card is not None
    assert (card.points, card.here, card.debt) == (0, 0, 0)


def test_a_void_undoes_a_sale_of_today_and_no_other(till: Till, counter: Counter) -> None:
    tell_member(till, M, 0)
    sale = done(counter.sell(M, GOODS, "c1")).op
    done(goods_back.void(till, sale.id, "c1"))
    assert no(goods_back.void(till, sale.id, "c1")) is Refusal.nothing_to_refund
    older = done(counter.sell(M, GOODS, "c1")).op
    assert isinstance(till.clock, HandClock)
    till.clock.now_ms += 86_400_000
    assert no(goods_back.void(till, older.id, "c1")) is Refusal.not_todays_sale


def test_a_redemption_that_was_a_mistake_is_undone_once(till: Till, counter: Counter) -> None:
    tell_member(till, M, 500)
    grant(till, M, 500)
    spent = done(counter.redeem(M, 100, "c1")).op
    done(goods_back.void(till, spent.id, "c1"))
    card = counter.card(M)
    assert card is not None
    assert (card.points, card.here) == (500, 400)  # what came home is headquarters' to give again
    assert no(goods_back.void(till, spent.id, "c1")) is Refusal.nothing_to_refund


def test_a_member_enrols_offline_from_the_pool_and_earns_at_once(till: Till, counter: Counter) -> None:
    new = enrolment.enrol(till, "c1", phone="13812348000", name="王小明")
    assert isinstance(new, enrolment.Enrolled)
    assert b"13812348000" not in till.book.row("SELECT body FROM ops")[0]  # type: ignore[index]
    found = counter.scan(new.code)
    assert isinstance(found, Found)
    assert found.card is not None
    assert found.card.m == new.m
    by_phone = counter.scan("13812348000")
    assert isinstance(by_phone, Found)
    done(counter.sell(new.m, GOODS, "c1"))
    other = enrolment.enrol(till, "c1")
    assert isinstance(other, enrolment.Enrolled)
    assert other.m != new.m


def test_a_payment_code_is_never_taken_for_a_member(counter: Counter) -> None:
    assert no(counter.scan("134567890123456789")) is Refusal.payment_code
    assert no(counter.scan("6222021234567890128")) is Refusal.payment_code
    assert no(counter.scan("4111 1111 1111 1111")) is Refusal.bank_card


def test_closing_the_day_sends_every_right_home_and_stops_the_day(till: Till, counter: Counter) -> None:
    tell_member(till, M, 500)
    grant(till, M, 300)
    done(counter.sell(M, GOODS, "c1"))
    closed = day_close.close_day(till, "c1")
    assert closed.given_back == 312
    assert no(counter.sell(M, GOODS, "c1")) is Refusal.day_closed
    assert day_close.give_back(till, "c1") == 0
    assert isinstance(till.clock, HandClock)
    till.clock.now_ms += 86_400_000
    done(counter.sell(M, GOODS, "c1"))


def test_the_day_cap_counts_what_this_counter_knows(till: Till, counter: Counter) -> None:
    tell_member(till, M, 0)
    first = done(counter.sell(M, [[1, "food", 1, 90_000]], "c1"))
    second = done(counter.sell(M, [[1, "food", 1, 90_000]], "c1"))
    assert (first.op.body["pts"], second.op.body["pts"], second.op.body["desired"]) == (90, 10, 90)
    assert second.receipt is not None
    assert second.receipt.trimmed == 80


def test_every_receipt_is_queued_with_its_operation(till: Till, counter: Counter) -> None:
    tell_member(till, M, 0)
    sold = done(counter.sell(M, GOODS, "c1"))
    job = prints.next_open(till.book)
    assert job is not None
    assert (job.pos, job.state) == (sold.entry.pos, "QUEUED")


def test_after_a_restart_everything_is_as_it_was(tmp_path: Path) -> None:
    till = open_till(tmp_path / "t")
    counter = counter_of(till)
    tell_member(till, M, 500)
    grant(till, M, 300)
    done(counter.sell(M, GOODS, "c1"))
    done(counter.redeem(M, 100, "c1"))
    before = counter.card(M)
    till.book.close()
    again = open_till(tmp_path / "t")
    assert counter_of(again).card(M) == before
    assert again.log.seq == 2
    assert len(list(again.log.walk())) == 2


def test_what_only_the_second_file_knows_is_put_back(tmp_path: Path) -> None:
    till = open_till(tmp_path / "t")
    counter = counter_of(till)
    tell_member(till, M, 500)
    grant(till, M, 300)
    copy = tmp_path / "old.sqlite"
    till.book.connection.execute(f"VACUUM INTO '{copy}'")
    done(counter.sell(M, GOODS, "c1"))
    done(counter.redeem(M, 100, "c1"))
    before = counter.card(M)
    till.book.close()
    for end in ("", "-wal", "-shm"):
        (tmp_path / "t" / f"agent.sqlite{end}").unlink(missing_ok=True)
    copy.rename(tmp_path / "t" / "agent.sqlite")
    again = open_till(tmp_path / "t")
    assert again.log.seq == 2
    assert counter_of(again).card(M) == before


def test_the_book_cannot_be_changed_or_torn(till: Till, counter: Counter) -> None:
    tell_member(till, M, 0)
    done(counter.sell(M, GOODS, "c1"))
    for sql in ("UPDATE ops SET kind = 'x'", "DELETE FROM ops"):
        with pytest.raises(Exception, match="the book is never"), till.book.turn() as turn:
            turn.execute(sql)


def test_the_quote_on_the_screen_is_recorded_unchanged_only_while_nothing_changed(
    till: Till, counter: Counter
) -> None:
    tell_member(till, M, 0)
    quote = counter.quote(M, GOODS)
    assert not isinstance(quote, No)
    assert done(counter.sell(M, GOODS, "c1")).op.body["pts"] == quote.earn.pts == 12
    counter.quote(M, [[1, "food", 1, 90_000]])
    tell_member(till, M, 12, ver=2)  # another edition came: the day's counter starts anew with it
    till.gather()
    counter.quote(M, [[1, "food", 1, 90_000]])
    done(counter.sell(M, [[1, "food", 1, 5_000]], "c1"))  # another sale than the one on the screen
    last = done(counter.sell(M, [[1, "food", 1, 90_000]], "c1")).op.body
    assert last["day_used"] == 17
    assert last["feed_g"] == 0
    with till.book.turn() as turn:
        feeds.keep_edition(turn, "members", till.identity.region, 3, 41, b"")
    till.gather()
    assert done(counter.sell(M, [[1, "food", 1, 5_000]], "c1")).op.body["feed_g"] == 41
    assert last["pts"] == 83


def test_a_day_that_the_manager_opened_ends_in_the_next_morning(till: Till, counter: Counter) -> None:
    day_close.close_day(till, "c1")
    day_close.open_day(till)
    clock = till.clock
    assert isinstance(clock, HandClock)
    days = []
    for hours in (0, 13, 4, 2, 24):  # noon, one at night, five, seven, and the day after
        clock.now_ms += hours * 3_600_000
        days.append(till.shift().day)
    assert days == [20261119, 20261119, 20261119, 20261120, 20261121]


def test_a_receipt_of_a_doubtful_clock_says_so(till: Till, counter: Counter) -> None:
    clock = till.clock
    assert isinstance(clock, HandClock)
    tell_member(till, M, 0)
    till.heard_hub(clock.now_ms)
    right = done(counter.sell(M, GOODS, "c1"))
    clock.now_ms, clock.boot = clock.now_ms + 73 * 365 * 86_400_000, "f" * 16
    wrong = done(counter.sell(M, GOODS, "c1"))
    assert right.receipt is not None
    assert wrong.receipt is not None
    assert (right.receipt.clock_doubt, wrong.receipt.clock_doubt) == (False, True)
    for language, words in (("zh", "待确认"), ("en", "to be confirmed")):
        paper = paper_of(wrong.receipt, load_words(language), till.rule(), chain="a", store="b")
        assert any(words in getattr(row, "text", "") for row in paper.rows)


def test_a_code_that_was_given_out_stands_here_as_itself_until_its_paper_was_printed(
    till: Till, counter: Counter
) -> None:
    new = enrolment.enrol(till, "c1")
    assert isinstance(new, enrolment.Enrolled)

    def kept() -> int:
        rows = [*till.book.rows("SELECT code FROM pool"), *till.book.rows("SELECT receipt FROM prints")]
        return sum(new.code in text for (text,) in rows)

    assert kept() == 1, "on its receipt, which waits to be printed"
    with till.book.turn() as turn:
        prints.forget_codes(turn)
    assert kept() == 1, "it was not printed yet"
    with till.book.turn() as turn:
        turn.execute("UPDATE prints SET state = 'CONFIRMED'")
        prints.forget_codes(turn)
    assert kept() == 0
    assert counter.scan(new.code).card is not None  # type: ignore[union-attr]

"""A member's token over real HTTP: a name where no row is, a view, a witness of time, and never a right."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest
from headquarters import DAY_MS, Headquarters, Shop, headquarters
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pretend_till import points_of
from shown_tokens import GOODS, card, cut, elsewhere, mend, phone, refused
from test_bells import at_home, spent

from agent import goods_back
from agent.counter import No
from agent.journal.clock import Reading
from agent.recorder import Recorded
from agent.screen import said
from agent.store import cells, feeds, sales
from config.words import load_words
from hub import member_tokens
from hub.office import Trust
from hub.verify import verify
from points.refusals import Refusal
from points.wire import canonical, envelope, member_token
from points.wire.keys import SigningKey


def test_a_member_whom_the_till_never_heard_of_is_known_by_the_token_and_earns(hq: Headquarters) -> None:
    away, _, m = elsewhere(hq)
    assert refused(away.counter.sell(m, GOODS, "c2")) is Refusal.unknown_member
    told = card(away.counter.scan(phone(hq, m)))
    assert (told.m, told.points, told.here, told.is_shown) == (m, 400, 0, True)
    sold = away.counter.sell(m, GOODS, "c2")
    assert isinstance(sold, Recorded)
    assert (sold.op.m, sold.op.fund) == (m, [["add", 100]])
    assert sold.receipt is not None
    assert (sold.receipt.balance, sold.receipt.pending_pts) == (500, 100)
    assert card(away.counter.scan(phone(hq, m))).points == 500
    mend(away)
    assert points_of(hq, m) == (500, 0)
    assert hq.rows("SELECT count(*) FROM cases") == [(0,)]
    assert not verify(hq.office).faults
    told = card(away.counter.scan(phone(hq, m)))
    assert (told.points, told.is_shown) == (500, False), "the feed is as new"


def test_a_newer_token_is_shown_and_an_older_one_never_replaces_it(hq: Headquarters) -> None:
    hq.office.trust = Trust(50, 50, 100)
    home, other, m = at_home(hq)
    for shop in (other, home, other):
        shop.sync()
    old, before = phone(hq, m), points_of(hq, m)[0]
    cut(other)
    hq.clock.now_ms += 60_000
    assert isinstance(home.counter.sell(m, GOODS, "c1"), Recorded)
    home.sync()
    new = phone(hq, m)
    assert card(other.counter.scan(old)).points == before
    told = card(other.counter.scan(new))
    assert (told.points, told.is_shown, told.as_of_ms) == (before + 100, True, hq.clock.now_ms)
    told = card(other.counter.scan(old))
    assert (told.points, told.is_shown) == (before + 100, True), "an older one"
    mend(other)
    assert isinstance(home.counter.sell(m, GOODS, "c1"), Recorded)
    mend(home, other)
    told = card(other.counter.scan(new))
    assert (told.points, told.is_shown) == (before + 200, False), "the feed is newer"
    assert told.trusted == 0, "and nobody is trusted for what is older than it"
    told = card(other.counter.scan(phone(hq, m)))
    assert (told.points, told.is_shown, told.trusted) == (before + 200, False, 50)


def test_own_work_that_the_token_does_not_count_is_added_and_what_it_counts_is_not(hq: Headquarters) -> None:
    away, home, m = elsewhere(hq)
    card(away.counter.scan(phone(hq, m)))
    assert isinstance(away.counter.sell(m, GOODS, "c2"), Recorded)
    hq.clock.now_ms += 3_600_000
    assert isinstance(home.counter.sell(m, GOODS, "c1"), Recorded)
    home.sync()
    assert card(away.counter.scan(phone(hq, m))).points == 600, "100 here and not told, 100 there"
    away.uplink.connected = True
    with pytest.MonkeyPatch.context() as patch:  # the line falls between the ack and the edition
        patch.setattr("agent.contact.Contact._take", lambda _self, _ready: 0)
        away.sync()
    cut(away)
    hq.clock.now_ms += 1
    assert card(away.counter.scan(phone(hq, m))).points == 600, "counted there by now, and not twice"


def test_an_expired_a_foreign_and_a_damaged_one_are_refused_in_words(hq: Headquarters) -> None:
    away, _, m = elsewhere(hq)
    digits = phone(hq, m)
    hq.clock.now_ms += member_tokens.GOOD_MS - 1
    card(away.counter.scan(digits))
    hq.clock.now_ms += 1
    assert refused(away.counter.scan(digits)) is Refusal.token_expired
    assert refused(away.counter.sell(m, GOODS, "c2")) is Refusal.unknown_member, "out of date is forgotten"
    assert (
        refused(away.counter.scan(digits[:-1] + str((int(digits[-1]) + 1) % 10))) is Refusal.token_not_proved
    )
    other = SigningKey.from_raw(b"o" * 32)
    token = dataclasses.replace(member_token.decode(phone(hq, m)), kid=other.kid, signature=b"")
    foreign = member_token.encode(token, "demo", other)
    assert refused(away.counter.scan(foreign)) is Refusal.token_not_proved
    assert away.till.log.seq == 0


def test_a_token_raises_store_time_and_never_lowers_it(hq: Headquarters) -> None:
    away, _, m = elsewhere(hq)
    slow = hq.clock.now_ms
    digits = phone(hq, m, issued_ms=slow + 3_600_000, expires_ms=slow + 7_200_000)
    assert away.till.time().st_ms == slow
    card(away.counter.scan(digits))
    assert away.till.time().st_ms == slow + 3_600_000
    hq.clock.now_ms += 1_000_000
    raised = away.till.time().st_ms
    assert raised == slow + 4_600_000, "and goes on from there"
    card(away.counter.scan(digits))
    card(away.counter.scan(phone(hq, m, issued_ms=slow + 4_000_000, expires_ms=slow + 9_000_000)))
    assert away.till.time().st_ms == raised, "an old one lowers nothing"
    again = hq.open(away.folder, away.till.identity)
    assert again.till.time().st_ms == raised, "a restart forgets nothing of it"
    forged = phone(hq, m, issued_ms=raised + 50 * DAY_MS, expires_ms=raised + 51 * DAY_MS)
    other = "11" if forged.endswith("00") else "00"
    assert refused(away.counter.scan(forged[:-2] + other)) is Refusal.token_not_proved
    assert away.till.time().st_ms == raised
    assert isinstance(away.counter.sell(m, GOODS, "c2"), Recorded)
    mend(away)
    anchors = [
        envelope.peek(raw)[0].moment.anchor for (raw,) in away.till.book.rows("SELECT bytes FROM envelopes")
    ]
    assert anchors == [None], "what is that time or later is no clock that headquarters may reckon by"


def test_a_photograph_at_many_counters_costs_at_most_their_budgets(hq: Headquarters) -> None:
    photographed(hq, Trust(100, 150, 300), [100, 50, 10], cost=3 * 150)


def test_a_photograph_at_many_counters_costs_nothing_without_a_budget(hq: Headquarters) -> None:
    photographed(hq, Trust(), [100, 10], cost=0)


def photographed(hq: Headquarters, budget: Trust, wishes: list[int], cost: int) -> None:
    """One token at three tills of two stores at once, all out of reach; home spends what it was granted."""
    hq.office.trust = budget
    home, other, m = at_home(hq)
    shops = [other, hq.shop("s002", "02"), hq.shop("s003")]
    for shop in (home, *shops, home):
        shop.sync()
    held = home.here(m)
    digits = phone(hq, m)
    cut(home, *shops)
    assert isinstance(home.counter.redeem(m, held, "c1"), Recorded)
    used = 0
    for shop in shops:
        before = cells.read(shop.till.book, m)
        card(shop.counter.scan(digits))
        assert cells.read(shop.till.book, m) == before
        assert shop.here(m) == 0
        for wish in wishes:
            done = shop.counter.redeem(m, wish, "c2")
            if isinstance(done, Recorded):
                assert spent(done) == {"trust": wish}
                used += wish
    assert used == cost <= sum(min(budget.member_day, budget.till) for _ in shops)
    mend(home, *shops)
    assert points_of(hq, m) == (0, cost), "what was shown is the bound that headquarters had stated"
    assert not verify(hq.office).faults


def test_trust_by_a_token_is_for_who_shows_it_now_and_has_enough(hq: Headquarters) -> None:
    hq.office.trust = Trust(500, 500, 1_000)
    away, _, m = elsewhere(hq)
    with away.till.book.turn() as turn:
        feeds.keep_fact(turn, "trust", "500,500,1000")
    told = card(away.counter.scan(phone(hq, m)))
    assert (told.here, told.trusted) == (0, 400)
    assert refused(away.counter.redeem(m, 401, "c2")) is Refusal.not_enough_points
    assert spent(away.counter.redeem(m, 300, "c2")) == {"trust": 300}
    hq.clock.now_ms += 1
    assert card(away.counter.scan(phone(hq, m))).points == 100, "what was spent here is counted"
    assert refused(away.counter.redeem(m, 101, "c2")) is Refusal.not_enough_points
    hq.clock.now_ms += 16 * 60_000
    assert refused(away.counter.redeem(m, 100, "c2")) is Refusal.not_here_offline, "who showed it has gone"
    assert card(away.counter.scan(phone(hq, m))).trusted == 100
    owes = phone(hq, m, row=99, debt=5, points=0)
    card(away.counter.scan(owes))
    assert refused(away.counter.redeem(m, 10, "c2")) is Refusal.debt


TELLINGS = st.lists(
    st.tuples(
        st.integers(1, 5), st.integers(0, 10**6), st.integers(0, 3), st.integers(-DAY_MS, DAY_MS),
        st.integers(1, 2 * DAY_MS), st.integers(0, 3_600_000),
    ), min_size=1, max_size=12,
)  # fmt: skip


def test_no_sequence_of_tokens_makes_a_right_or_an_operation_or_turns_time_back(hq: Headquarters) -> None:
    away, _, m = elsewhere(hq)
    assert cells.whole(away.till.book) == []

    @settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
    @given(TELLINGS)
    def told(tellings: list[tuple[int, ...]]) -> None:
        last_ms = away.till.time().st_ms
        for row, points, debt, at_ms, life_ms, later_ms in tellings:
            hq.clock.now_ms += later_ms
            issued = hq.clock.now_ms + at_ms
            heard = away.counter.scan(
                phone(hq, m, row=row, points=points, debt=debt, issued_ms=issued, expires_ms=issued + life_ms)
            )
            now_ms = away.till.time().st_ms
            assert now_ms >= max(last_ms, issued)
            last_ms = now_ms
            if isinstance(heard, No):
                assert heard.refusal is Refusal.token_expired
                assert now_ms >= issued + life_ms
            else:
                assert (card(heard).here, card(heard).trusted) == (0, 0)
                assert away.till.tokens[m].expires_ms > now_ms
            assert isinstance(away.counter.redeem(m, 1, "c2"), No)

    told()
    kinds = {canonical.decode(body)["t"] for _, body in sales.since(away.till.book, 0)}
    assert kinds <= {"auth.void"}, "at most what was asked of headquarters and not answered"
    assert cells.whole(away.till.book) == []


def test_the_page_says_who_told_the_points_and_what_may_be_used(hq: Headquarters) -> None:
    away, _, m = elsewhere(hq)
    told = card(away.counter.scan(phone(hq, m)))
    for language, words in (("zh", "会员出示 · 截至 11-19 12:00"), ("en", "Shown by the member")):
        assert words in said.card(told, away.till, load_words(language), online=False)["shown"]
    shown = said.card(told, away.till, load_words("zh"), online=False)
    assert (shown["usable"], shown["less_here"]) == (0, True)
    trusted = said.card(dataclasses.replace(told, trusted=150), away.till, load_words("zh"), online=False)
    assert (trusted["usable"], trusted["here"]) == (150, 150)
    assert "过期" in said.no(No(Refusal.token_expired, {}), load_words("zh"))["say"]


def test_an_old_wall_clock_is_not_believed_beyond_a_token(hq: Headquarters) -> None:
    """After a boot with a clock that is years ahead, the token is the last witness."""
    away, _, m = elsewhere(hq)
    now = hq.clock.now_ms

    class Ahead:
        def now(self) -> Reading:
            return Reading(now + 400 * DAY_MS, 5, "another boot")

    away.till.clock = Ahead()
    assert away.till.time().suspect
    card(away.counter.scan(phone(hq, m, issued_ms=now + 3 * DAY_MS, expires_ms=now + 4 * DAY_MS)))
    time = away.till.time()
    assert (time.st_ms, time.suspect) == (now + 3 * DAY_MS, True)


def half_heard(shop: Shop) -> None:
    """A contact of which nothing is taken: what was recorded is delivered, and no edition is known."""
    mend(shop)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("agent.contact.Contact._take", lambda _self, _ready: 0)
        shop.sync()
    cut(shop)


def test_what_a_token_counts_is_still_of_its_day(tmp_path: Path) -> None:
    with headquarters(tmp_path, {"day_cap_pts": 100}) as hq:
        away, _, m = elsewhere(hq, 50)
        card(away.counter.scan(phone(hq, m)))
        for earned in (100, 0, 0):
            done = away.counter.sell(m, GOODS, "c2")
            assert isinstance(done, Recorded)
            assert done.op.body["pts"] == earned, "a hundred a day, and no more"
            half_heard(away)
            hq.clock.now_ms += 1000
            card(away.counter.scan(phone(hq, m)))
        mend(away)
        away.sync()
        assert hq.rows("SELECT reason FROM cases") == []


def test_a_return_after_a_token_knows_the_one_before_it(tmp_path: Path) -> None:
    with headquarters(tmp_path, {"min_order_fen": 5000}) as hq:
        away, _, m = elsewhere(hq, 400)
        card(away.counter.scan(phone(hq, m)))
        sold = away.counter.sell(m, [[1, "food", 1, 6000], [2, "food", 1, 3000]], "c2")
        assert isinstance(sold, Recorded)
        assert isinstance(goods_back.refund(away.till, sold.op.id, [[1, 1, 6000]], "c2"), Recorded)
        half_heard(away)
        hq.clock.now_ms += 1000
        card(away.counter.scan(phone(hq, m)))
        last = goods_back.refund(away.till, sold.op.id, [[2, 1, 3000]], "c2")
        assert isinstance(last, Recorded)
        assert (last.receipt.clawed, last.receipt.balance) == (0, 400)

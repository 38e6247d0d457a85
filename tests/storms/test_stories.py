"""What happened to other chains, played here: each story ends at rest, with every law asked.

The cards copied for many tills, limits that were good again every night, refunds of one sale at two tills, a
PC in another century: whoever is cheated here is never the chain.
"""

from __future__ import annotations

import dataclasses
import random
from collections.abc import Iterator

import pytest

from agent import claims, goods_back
from agent.funding import No
from tests.chain.mishaps import YEAR_MS
from tests.chain.pc import Pc, talk
from tests.chain.plan import DAY_MS, HOUR_MS, calm, draw
from tests.chain.world import World

GOODS = [[1, "all", 1, 100_000]]
CARD = 0


class Story:
    """A chain in calm weather whose items are told by hand."""

    def __init__(self, tills: tuple[int, ...]) -> None:
        plan = draw(1, calm(), stores=len(tills), tills=tills, days=1, members=2)
        self.world = World(plan.without({item.n for item in plan.items}))
        self.acts = 0
        self.world.now_ms += 10 * HOUR_MS
        for pc in self.every():
            pc.boot()
            talk(pc, whole_night=False)

    def every(self) -> list[Pc]:
        return self.world.every_pc()

    def at(self, store: int, till: int = 0) -> Pc:
        return self.world.pcs[store, till][-1]

    def enrol(self, pc: Pc, number: int = CARD) -> int:
        assert self.world.floor._enrol(pc, number, self.act())
        return self.world.floor.customers[number].m

    def act(self) -> str:
        self.acts += 1
        self.world.now_ms += 60_000
        return f"act-{self.acts}"

    def sell(self, pc: Pc, number: int = CARD) -> None:
        m = self.world.floor.customers[number].m
        dice = random.Random(self.acts)
        self.world.floor.sell(pc, number, self.act(), m, "", GOODS, 0, dice)

    def spend(self, pc: Pc, number: int = CARD) -> int:
        """Wish for all that is shown; gives the points that were spent."""
        card = pc.desk.counter.card(self.world.floor.customers[number].m)
        if card is None or not card.points:
            return 0
        done = self.world.floor.redeem(pc, number, self.act(), card.points, random.Random(self.acts))
        return card.points if done else 0

    def talk(self, *pcs: Pc) -> None:
        self.world.now_ms += 60_000
        for pc in pcs or self.every():
            talk(pc, whole_night=False)

    def cut(self, is_cut: bool) -> None:
        for store in range(self.world.plan.stores):
            self.world.storm.cuts[f"s{store}"] = "both" if is_cut else ""

    def night(self) -> None:
        self.world.now_ms += DAY_MS // 2
        for pc in self.every():
            talk(pc, whole_night=True)
        self.world.now_ms += DAY_MS // 2

    def said(self, name: str) -> int:
        return self.world.marks[name]

    def remarks(self) -> list[str]:
        rows = self.world.hub.rows("SELECT detail FROM told WHERE letter = 'J'")
        return [detail for (detail,) in rows]


@pytest.fixture
def story(request: pytest.FixtureRequest) -> Iterator[Story]:
    told = Story(getattr(request, "param", (1, 1, 1)))
    yield told
    told.world.rest()
    told.world.close()


@pytest.mark.parametrize("story", [(3, 2)], indirect=True)
def test_one_card_at_five_tills_of_two_stores_at_once_offline_is_spent_once(story: Story) -> None:
    home = story.at(0)
    m = story.enrol(home)
    story.sell(home)
    story.sell(home)
    story.talk()
    story.talk()
    had = story.world.witness.members[m].left
    story.cut(True)
    spent = [story.spend(pc) for _ in range(2) for pc in story.every()]
    assert sum(spent) == had
    story.cut(False)


@pytest.mark.parametrize("story", [(3,)], indirect=True)
def test_one_card_at_all_tills_of_a_store_at_once_offline_spends_exactly_its_balance(story: Story) -> None:
    """Watsons: each till sold from its own copy of the balance. Here they ask each other first."""
    one, other, third = tills = story.every()
    m = story.enrol(one)
    story.sell(one)
    story.talk()
    story.talk()
    story.cut(True)
    story.sell(other)
    had, a_third = story.world.witness.members[m].left, story.world.witness.members[m].left // 3
    redeem = story.world.floor.redeem
    assert all(redeem(pc, CARD, story.act(), a_third, random.Random(n)) for n, pc in enumerate(tills))
    assert not redeem(one, CARD, story.act(), had - 2 * a_third, random.Random(4))
    assert had == 3 * a_third or redeem(third, CARD, story.act(), had - 3 * a_third, random.Random(5))
    assert story.world.witness.members[m].left == 0
    assert not redeem(other, CARD, story.act(), 1, random.Random(6))
    assert story.said("transfer in outage") >= 2
    story.cut(False)


@pytest.mark.parametrize("story", [(1, 1, 1, 1)], indirect=True)
def test_a_ring_that_tours_offline_stores_with_one_card_gets_what_the_card_has(story: Story) -> None:
    m = story.enrol(story.at(0))
    for pc in story.every():
        story.sell(pc)
        story.talk()
    had = story.world.witness.members[m].left
    spent = 0
    for day in range(3):
        story.cut(True)
        spent += sum(story.spend(pc) for pc in story.every())
        story.cut(day == 1)
        story.night()
    assert spent <= had
    assert spent > 0


def test_a_limit_is_not_good_again_every_night(story: Story) -> None:
    home = story.at(0)
    m = story.enrol(home)
    story.sell(home)
    story.talk(home)
    story.talk(home)
    had = story.world.witness.members[m].left
    story.cut(True)
    spent = 0
    for _ in range(5):
        spent += story.spend(home)
        story.world.now_ms += DAY_MS
        talk(home, whole_night=True)
        home.stop()
        home.boot()
    assert spent == had
    story.cut(False)


def test_a_pc_in_another_century_sells_under_the_last_true_day(story: Story) -> None:
    home = story.at(0)
    story.enrol(home)
    home.clock.ahead_ms = 73 * YEAR_MS
    story.sell(home)
    home.stop()
    home.boot()
    story.sell(home)
    story.cut(True)
    story.sell(home)
    days = {paper.op.day for paper in story.world.witness.papers.values()}
    assert days == {20261119}
    story.cut(False)
    story.talk()


def test_two_offline_refunds_of_one_sale_claw_once(story: Story) -> None:
    home = story.at(0)
    m = story.enrol(home)
    story.sell(home)
    paper = story.world.floor.papers[-1]
    story.cut(True)
    lines = [list(line) for line in goods_back.returnable(home.till, paper.op_id).rest]  # type: ignore[union-attr]
    first = home.desk.refund(story.act(), "c1", paper.op_id, lines)
    second = home.desk.refund(story.act(), "c1", paper.op_id, lines)
    assert not isinstance(first, No)
    assert isinstance(second, No)
    story.world.floor.saw(home, first, m)
    assert first.receipt.balance == 0
    story.cut(False)


def test_a_sale_whose_points_were_spent_and_that_comes_back_is_owed(story: Story) -> None:
    home, away = story.at(0), story.at(1)
    m = story.enrol(home)
    story.sell(home)
    paper = story.world.floor.papers[-1]
    had = story.spend(home)
    assert had
    whole = dataclasses.replace(paper, lines=[])  # so it is a void
    story.world.floor.return_of(home, whole, story.act(), random.Random(1))
    story.talk()
    story.talk()
    card = away.desk.counter.card(m)
    assert card is not None
    assert (card.points, card.debt) == (0, had)
    story.sell(away)
    earned = list(story.world.witness.papers.values())[-1].receipt.earned
    story.talk()
    assert story.spend(away) == earned - had, "what was owed is paid before anything is spent"
    assert story.said("refund after the points were spent") == 1


def test_a_photographed_code_brings_the_goods_back_once_and_the_rest_is_a_case(story: Story) -> None:
    home, *others = story.every()
    m = story.enrol(home)
    story.sell(home)
    paper = story.world.floor.papers[-1]
    digits = claims.digits(home.till, paper.op_id)
    story.talk()
    story.talk()
    for pc in others:
        done = pc.desk.refund_elsewhere(story.act(), "c1", digits, [[0, 100_000]], online=True)
        assert not isinstance(done, No)
        story.world.floor.saw(pc, done, 0)
        story.world.marks["refund of another till's sale"] += 1
    story.talk()
    assert [remark for remark in story.remarks() if "refund-beyond-sale" in remark]
    (row,) = story.world.hub.rows('SELECT "row" FROM members WHERE m = ?', m)
    assert '"active"' in row[0]

"""Points that tills of one store give each other: in whatever order lanes are heard, they are moved once.

Three tills earn, spend, give, take, give back and begin new terms; messages between them are lost and heard
twice. Each till's operations form a lane; headquarters hears the lanes in any interleaving.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from typing import Any

import pytest
from programme import FIRST_MS, Story, book

from points import rights
from points.fold import Account
from points.holding import POT, Standing, available, move_rights
from points.operations import Operation
from points.rights import Rights

RULES = book(expiry=["rolling", 24])
TODAY = RULES.today(FIRST_MS)
TILLS = ("01", "02", "03")
HQ = "hq"


@dataclass
class Store:
    """Three tills of a store and headquarters' lane, all written by one story; ``lanes`` in order."""

    chance: random.Random
    story: Story = field(default_factory=lambda: Story(RULES))
    rights: dict[str, Rights] = field(default_factory=lambda: dict.fromkeys(TILLS, Rights()))
    lanes: dict[str, list[Operation]] = field(default_factory=lambda: {lane: [] for lane in (*TILLS, HQ)})
    gives: list[Operation] = field(default_factory=list)
    taken: set[str] = field(default_factory=set)
    spent: int = 0

    def write(self, lane: str, kind: str, **body: Any) -> Operation:
        store = HQ if lane == HQ else "s001"
        op = self.story.op(kind, FIRST_MS, store=store, till=lane, **body)
        self.lanes[lane].append(op)
        return op

    def step(self) -> None:
        till = self.chance.choice(TILLS)
        act = self.chance.choice((self.sell, self.redeem, self.give, self.give, self.take, self.take))
        if self.chance.random() < 0.05:
            act = self.chance.choice((self.go_home, self.begin_term))
        act(till)

    def sell(self, till: str) -> None:
        n = self.chance.randrange(1, 60)
        op = self.story.sale(FIRST_MS, n * 1_000, store="s001", till=till, pts=n, fund=[["add", n]])
        self.lanes[till].append(op)
        self.rights[till] = rights.earn(self.rights[till], n, RULES.expires_on(TODAY))

    def redeem(self, till: str) -> None:
        wish = self.chance.randrange(1, 80)
        after, fund, short = rights.spend(self.rights[till], wish, TODAY)
        if not short:
            self.rights[till] = after
            self.spent += wish
            self.write(till, "redeem.cash", pts=wish, fen=wish, fund=fund, term=after.term)

    def give(self, till: str) -> None:
        to = self.chance.choice([other for other in TILLS if other != till])
        after, fund, sched = rights.give(self.rights[till], self.chance.randrange(1, 80), TODAY)
        if fund:
            self.rights[till] = after
            ref = ["s001", to, 1, self.rights[to].term]
            fund = [[act, n, "pts", ref] for act, n in fund]
            self.gives.append(self.write(till, "rights.give", fund=fund, sched=sched, term=after.term))

    def take(self, till: str) -> None:
        """What was heard of a gift: also one that was taken before, or that is for another term."""
        mine = [op for op in self.gives if op.fund[0][3][1] == till]
        if not mine:
            return
        given = self.chance.choice(mine)
        held = self.rights[till]
        if given.id in self.taken or given.fund[0][3][3] != held.term:
            return
        self.taken.add(given.id)
        n = sum(n for _, n in given.moves())
        self.rights[till] = rights.take(held, given.body["sched"])
        self.write(
            till, "rights.take", refs=[given.id], sched=given.body["sched"], term=held.term,
            fund=[["take", n, "pts", given.id]], given=[given.till, 1, 1, "0" * 16, "0" * 128, given.id],
        )  # fmt: skip

    def go_home(self, till: str) -> None:
        after, fund = rights.give_back(self.rights[till])
        self.rights[till] = after
        if fund:
            self.write(till, "rights.return", fund=fund, term=after.term)

    def begin_term(self, till: str) -> None:
        old = self.rights[till]
        self.write(till, "rights.close", inc=1, term=old.term)
        self.rights[till] = rights.renew(rights.close(old), 1, old.term + 1)


class Headquarters:
    """Hears operations one by one, as posting hands them on."""

    def __init__(self, store: Store) -> None:
        self.standing = Standing(store.story.m)
        self.account = Account(store.story.m, {RULES.hash: RULES})
        self.gives = {op.id: op for op in store.gives}
        self.closed: dict[str, int] = {}

    def hear(self, op: Operation) -> None:
        if op.kind in ("rights.give", "rights.take"):
            giving = self.gives[op.refs[0]] if op.refs else op
            _, to, _, term = giving.fund[0][3]
            is_over = term <= self.closed.get(to, 0)
            more = {"giving": giving, "is_over": is_over, "is_of_the_lost": False}
            op = Operation({**op.body, **more}, op.store, op.till)
        if op.kind == "rights.close":
            self.closed[op.till] = max(self.closed.get(op.till, 0), op.body["term"])
        self.account.take(op)
        move_rights(self.standing, op)

    def state(self) -> dict[str, tuple[int, int]]:
        """(allowance, local) of each till; a gift that waits for a term is counted with it."""
        found = {till: [cell.escrow, cell.home] for (_, till), cell in self.standing.cells.items()}
        for pot in self.standing.reserved.values():
            found[pot.till][0] += pot.pts
        return {till: (allowance, local) for till, (allowance, local) in found.items()}


def interleaved(store: Store, chance: random.Random) -> Headquarters:
    hq = Headquarters(store)
    lanes = {lane: list(ops) for lane, ops in store.lanes.items()}
    while any(lanes.values()):
        lane = chance.choice([lane for lane, ops in lanes.items() if ops])
        hq.hear(lanes[lane].pop(0))
    return hq


@pytest.mark.parametrize("seed", range(120))
def test_in_whatever_order_lanes_are_heard_points_move_once_and_all_of_them_are_somewhere(seed: int) -> None:
    chance = random.Random(seed)
    store = Store(chance)
    for _ in range(chance.randrange(20, 120)):
        store.step()
    one, other = interleaved(store, chance), interleaved(store, chance)
    assert one.state() == other.state()
    earned = sum(op.body["pts"] for lane in TILLS for op in store.lanes[lane] if op.kind == "sale.earn")
    balance = one.account.balance(TODAY)
    assert (balance, one.account.debt) == (earned - store.spent, 0)
    untaken = {
        op.id: sum(n for _, n in op.moves())
        for op in store.gives
        if op.id not in store.taken and op.fund[0][3][3] == store.rights[op.fund[0][3][1]].term
    }
    left = sum(sum(held.left(TODAY)) for held in store.rights.values())
    assert one.standing.held == left + sum(untaken.values()), (
        "what was given and not taken waits for its term"
    )
    assert one.standing.held <= balance
    for till in TILLS:
        store.go_home(till)
        store.begin_term(till)
    home = interleaved(store, chance)
    assert (home.standing.held, home.standing.reserved) == (0, {})
    assert home.account.balance(TODAY) == balance


@pytest.mark.parametrize("broken", ["twice", "vanishes"])
def test_and_it_would_be_seen(broken: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A giving that is counted twice, or that is not counted to anybody, breaks the law at once."""
    if broken == "twice":
        monkeypatch.setattr(Standing, "is_over", lambda *_: False)
    else:
        monkeypatch.setattr("points.holding._arrive", lambda *_: ("mem.avail", []))
    law = test_in_whatever_order_lanes_are_heard_points_move_once_and_all_of_them_are_somewhere
    with pytest.raises((AssertionError, KeyError)):
        list(map(law, range(20)))


def test_a_pot_is_for_a_term_that_headquarters_does_not_know_yet() -> None:
    """A gift for the receiver's next term, heard before its close: it waits by itself, then it is counted."""
    store = Store(random.Random(1))
    store.sell("01")
    store.sell("02")
    store.lanes["02"].append(store.story.op("rights.return", FIRST_MS, till="02", fund=[["back_l", 1]]))
    hq = Headquarters(store)
    hq.standing.cell("s001", "02").granted = 5
    give = store.story.op(
        "rights.give",
        FIRST_MS,
        till="01",
        sched=[[20270101, 3]],
        fund=[["give_l", 3, "pts", ["s001", "02", 1, 2]]],
    )
    hq.gives[give.id] = give
    hq.hear(store.lanes["01"][0])
    hq.hear(give)
    assert hq.standing.reserved[POT + give.id].pts == 3
    hq.hear(store.story.op("rights.close", FIRST_MS, till="02", inc=1, term=1))
    take = store.story.op(
        "rights.take", FIRST_MS, till="02", refs=[give.id], sched=[[20270101, 3]], term=2,
        fund=[["take", 3, "pts", give.id]], given=["01", 1, 1, "0" * 16, "0" * 128, give.id],
    )  # fmt: skip
    hq.hear(take)
    assert hq.standing.reserved == {}
    assert hq.standing.cell("s001", "02").escrow == 3


def test_a_new_pc_spends_what_it_was_given_and_nothing_of_the_pc_before_it() -> None:
    store = Store(random.Random(1))
    store.sell("01")
    (sale,) = store.lanes["01"]
    hq = Headquarters(store)
    old = hq.standing.cell("s001", "02")
    old.granted = 7
    ref = ["s001", "02", 1, 2]
    give = store.story.op(
        "rights.give", FIRST_MS, till="01", sched=[[20270101, 5]], fund=[["give_l", 5, "pts", ref]]
    )
    hq.gives[give.id] = give
    hq.hear(sale)
    hq.hear(give)
    spend = store.story.op("redeem.cash", FIRST_MS, till="02", pts=3, fen=3, fund=[["allowance", 3]], term=2)
    assert move_rights(hq.standing, spend)[1] == 0, "it is covered"
    assert (old.escrow, hq.standing.reserved[POT + give.id].pts) == (7, 2)
    hq.hear(store.story.op("rights.close", FIRST_MS, till="02", inc=1, term=1))
    assert (old.term, old.escrow, hq.standing.reserved) == ((1, 2), 2, {}), "its term has begun"


def test_what_came_back_untold_is_not_granted() -> None:
    """The receiver gives back what its giver has earned and not told yet: it is in no lot."""
    store = Store(random.Random(1))
    store.sell("01")
    (sale,) = store.lanes["01"]
    n = sale.body["pts"]
    give = store.story.op(
        "rights.give", FIRST_MS, sched=[[20270101, n]], fund=[["give_l", n, "pts", ["s001", "02", 1, 1]]]
    )
    take = store.story.op(
        "rights.take", FIRST_MS, till="02", refs=[give.id], sched=[[20270101, n]],
        fund=[["take", n, "pts", give.id]], given=["01", 1, 1, "0" * 16, "0" * 128, give.id],
    )  # fmt: skip
    hq = Headquarters(store)
    hq.gives[give.id] = give
    hq.hear(take)
    hq.hear(store.story.op("rights.return", FIRST_MS, till="02", fund=[["back_a", n]]))
    assert available(hq.account, hq.standing, TODAY) == 0
    hq.hear(sale)
    hq.hear(give)
    assert available(hq.account, hq.standing, TODAY) == n


def test_what_was_spent_before_it_was_counted_is_not_there_when_it_is() -> None:
    """Headquarters kept the taking in custody and posted the spending."""
    store = Store(random.Random(1))
    hq = Headquarters(store)
    give = store.story.op(
        "rights.give", FIRST_MS, sched=[[20270101, 9]], fund=[["give_l", 9, "pts", ["s001", "02", 1, 1]]]
    )
    take = store.story.op(
        "rights.take", FIRST_MS, till="02", refs=[give.id], sched=[[20270101, 9]],
        fund=[["take", 9, "pts", give.id]], given=["01", 1, 1, "0" * 16, "0" * 128, give.id],
    )  # fmt: skip
    hq.standing.cell("s001", "02").allowance_used = 4
    more = {"giving": give, "is_over": False, "is_of_the_lost": False}
    legs, _ = move_rights(hq.standing, Operation({**take.body, **more}, "s001", "02"))
    lease = "mem.lease:s001/02"
    came = sum(leg.pts for leg in legs if leg.credit == lease) - sum(
        leg.pts for leg in legs if leg.debit == lease
    )
    assert came == hq.standing.cell("s001", "02").escrow == 5

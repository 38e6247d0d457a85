"""P10 with everything that may happen to a member's rights: returns, voids, authorisations, terms.

Three tills and headquarters, every operation posted as it happens. A claw-back may take points whose
rights are out already; that is overhang. The law: what a right covers never makes more of it, nothing is
owed that was not overhang before, nothing is granted while there is any, and each till holds exactly what
headquarters thinks it holds.
"""

from __future__ import annotations

import copy
import random
from dataclasses import dataclass, field

import pytest
from programme import FIRST_MS, MS_PER_DAY, Story, book

from points.fold import Account
from points.holding import Standing, available, move_rights
from points.operations import Operation
from points.rights import Rights, burn, close, earn, give_back, hear_grant, renew, spend

RULES = book(expiry=["rolling", 24])
BOOKS = {RULES.hash: RULES}
STORES = ("s001", "s002", "s003")
ALL_TIME = 20_250_101


@dataclass
class Shops:
    """Three tills, one member, and headquarters' books."""

    chance: random.Random
    story: Story = field(default_factory=lambda: Story(RULES))
    standing: Standing = field(default_factory=lambda: Standing(1024))
    account: Account = field(default_factory=lambda: Account(1024, BOOKS))
    rights: dict[str, Rights] = field(default_factory=lambda: dict.fromkeys(STORES, Rights()))
    sales: list[tuple[str, Operation]] = field(default_factory=list)
    entries: dict[tuple[str, int], dict[int, int]] = field(default_factory=dict)
    now: int = FIRST_MS
    seen: set[str] = field(default_factory=set)

    @property
    def overhang(self) -> int:
        """Rights that are out beyond the points that are there."""
        return max(0, self.standing.held - sum(lot.remaining for lot in self.account.lots.values()))

    def post(self, op: Operation) -> int:
        """Post an operation at headquarters; gives what no right covered."""
        self.account.take(op)
        return move_rights(self.standing, op)[1]

    def step(self) -> None:
        self.now += self.chance.randrange(1, MS_PER_DAY)
        store = self.chance.choice(STORES)
        getattr(self, self.chance.choice(ACTS))(store, RULES.today(self.now))

    def sell(self, store: str, today: int) -> None:
        pts = self.chance.randrange(0, 60)
        # Points that repay a debt are nobody's to spend: only the rest is added.
        added = max(0, pts - self.account.debt)
        op = self.story.sale(
            self.now, pts * 1_000, store=store, pts=pts, fund=[["add", added]] if added else None
        )
        self.rights[store] = earn(self.rights[store], added, RULES.expires_on(RULES.today(op.st)))
        assert self.post(op) == 0
        self.sales.append((store, op))

    def redeem(self, store: str, today: int) -> None:
        wish = self.chance.randrange(1, 40)
        after, fund, short = spend(self.rights[store], wish, today)
        if short or self.account.debt:
            return
        self.rights[store] = after
        before, owed = self.overhang, self.account.debt
        op = self.story.op(
            "redeem.cash", self.now, store=store, pts=wish, fen=wish, fund=fund, term=after.term
        )
        assert self.post(op) == 0
        assert self.overhang <= before, "a spend that rights cover makes no overhang"
        assert self.account.debt - owed <= before, "nothing is owed that was not overhang"
        self.seen |= {"spent of overhang"} if self.account.debt > owed else set()

    def bring_back(self, store: str, today: int) -> None:
        if not self.sales:
            return
        of, sold = self.chance.choice(self.sales)
        fen = self.chance.randrange(0, sold.body["lines"][0][3] + 1)
        kind = "sale.void" if self.chance.random() < 0.3 else "sale.refund"
        lines = {"lines": [[1, 0, fen]]} if kind == "sale.refund" else {}
        foreseen = copy.deepcopy(self.account)
        plain = self.story.op(kind, self.now, store=of, refs=[sold.id], **lines)
        foreseen.take(plain)
        self.rights[of], fund, _ = burn(self.rights[of], foreseen.returned.get(plain.id, (0, 0))[0])
        self.post(
            self.story.op(
                kind,
                self.now,
                store=of,
                refs=[sold.id],
                fund=fund or None,
                term=self.rights[of].term,
                **lines,
            )
        )

    def go_home(self, store: str, today: int) -> None:
        self.rights[store], fund = give_back(self.rights[store])
        if fund:
            assert (
                self.post(
                    self.story.op(
                        "rights.return", self.now, store=store, fund=fund, term=self.rights[store].term
                    )
                )
                == 0
            )

    def grant(self, store: str, today: int) -> None:
        free = available(self.account, self.standing, today)
        if self.overhang or self.account.debt:
            assert free <= 0, "nothing is granted while there is overhang or debt"
        cell, rights = self.standing.cell(store, "01"), self.rights[store]
        if free <= 0 or self.account.debt or (rights.closed and cell.escrow):
            return
        term = rights.term + 1 if rights.closed else rights.term
        more, expires_on = self.chance.randrange(1, free + 1), RULES.expires_on(today)
        entries = self.entries.setdefault((store, term), {})
        entries[expires_on] = entries.get(expires_on, 0) + more  # never dated anew within a term
        g, sched = sum(entries.values()), [[day, n] for day, n in sorted(entries.items())]
        op = self.story.op(
            "rights.grant",
            self.now,
            store="hq",
            till="w1",
            to=[store, "01"],
            g=g,
            sched=sched,
            inc=1,
            term=term,
        )
        self.post(op)
        self.rights[store] = hear_grant(renew(rights, 1, term), 1, term, g, sched)

    def end_term(self, store: str, today: int) -> None:
        rights = self.rights[store]
        if rights.closed or not rights.granted:
            return
        self.post(self.story.op("rights.close", self.now, store=store, m=None, inc=1, term=rights.term))
        self.rights[store] = close(rights)

    def ask(self, store: str, today: int) -> None:
        """An authorisation: reserved, then spent or given up; the same answer heard twice is one."""
        free = available(self.account, self.standing, today)
        if free <= 0 or self.account.debt:
            return
        pts = self.chance.randrange(1, free + 1)
        spent = self.story.op(
            "redeem.cash", self.now + 5, store=store, pts=pts, fen=pts, fund=[["auth", pts]]
        )
        reserve = self.story.op(
            "auth.reserve",
            self.now,
            store="hq",
            till="w1",
            to=[store, "01"],
            refs=[spent.id],
            n=pts,
            inc=1,
            term=1,
        )
        for _ in range(2):
            move_rights(self.standing, reserve)
        before = self.overhang
        if self.chance.random() < 0.6:
            assert self.post(spent) == 0
        else:
            move_rights(self.standing, self.story.op("auth.void", self.now, store=store, refs=[spent.id]))
        assert not self.standing.reserved
        assert self.overhang <= before

    def check(self) -> None:
        for store, rights in self.rights.items():
            cell = self.standing.cells.get((store, "01"))
            local, allowance = rights.left(ALL_TIME)
            assert (local, allowance) == ((cell.home, cell.escrow) if cell else (0, 0)), store
        assert all(lot.remaining >= 0 for lot in self.account.lots.values())
        self.seen |= {"overhang"} if self.overhang else set()
        self.seen |= {"debt"} if self.account.debt else set()


ACTS = (
    "sell",
    "sell",
    "sell",
    "redeem",
    "redeem",
    "bring_back",
    "go_home",
    "grant",
    "grant",
    "end_term",
    "ask",
)


def walk(seeds: range) -> set[str]:
    seen: set[str] = set()
    for seed in seeds:
        shops = Shops(random.Random(seed))
        for _ in range(60):
            shops.step()
            shops.check()
        seen |= shops.seen
    return seen


def test_p10_holds_with_returns_voids_authorisations_and_terms() -> None:
    assert walk(range(250)) == {"overhang", "debt", "spent of overhang"}, "every corner was walked into"


def test_negative_control_headquarters_that_grants_what_is_out_breaks_p10(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("test_rights_law.available", lambda account, standing, today: account.balance(today))
    with pytest.raises(AssertionError):
        walk(range(50))

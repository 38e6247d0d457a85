"""Five tills and headquarters, all processes, over bad ways, killed again and again: nothing is lost.

A seeded story is told act by act. After it all is made well, and then: every operation that was answered is
at headquarters once and to the byte, and nothing else is; lanes have no gap; headquarters proves its books;
the points of every member are what the answers add up to; and what is delivered again changes nothing.
"""

from __future__ import annotations

import json
import random
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fault_proxy import Fault
from holds import Violated, Witness, bank, books_are_right, exactly_once
from nursery import Nursery
from town import DAY_MS, MINUTE_MS, Member, Town, is_long

from agent import provisioning
from agent.replay.redelivery import deliver_again

SEED = 20261122
STORES = [f"s{n:03}" for n in range(1, 6)]
WEATHER = dict.fromkeys(Fault, 22)
ACTS, KILLS, HUB_KILLS, DAYS = (4_000, 800, 20, 12) if is_long() else (150, 24, 1, 3)
KILL_WITHIN_S = 0.02
SHARES = {"enrol": 12, "sell": 42, "redeem": 18, "refund": 8, "contact": 12, "refuse": 1}
KINDS = {"enrol": "member.enrol", "sell": "sale.earn", "redeem": "redeem.cash", "refund": "sale.refund"}


class Story:
    """What happens in a town, drawn from a seed."""

    def __init__(self, town: Town, seed: int) -> None:
        self.town, self.witness = town, town.witness
        self.chance = random.Random(seed)
        self.codes: dict[int, str] = {}
        self.sales: list[tuple[str, str, list[list[Any]]]] = []
        self.counts: Counter[str] = Counter()
        self._lasted: dict[str, float] = {}

    def tell(self, acts: int, kills: int, hub_kills: int, days: int) -> None:
        """The whole story."""
        killed = set(self.chance.sample(range(acts), kills))
        hub_killed = set(self.chance.sample(range(acts), hub_kills))
        for n in range(acts):
            if n and n % (acts // days) == 0:
                self._night()
            if n in hub_killed:
                self.town.hub.kill()
                self._one(n in killed)  # into the dark
                self.town.hub.start()
            self._one(n in killed)

    def _one(self, kill: bool) -> None:
        store = self.chance.choice(list(self.town.tills))
        name = self.chance.choices(list(SHARES), list(SHARES.values()))[0]
        if name == "refuse":
            way = self.town.ways[store]
            way.refuse()
            self._act(store, "contact", kill)
            way.listen()
            return
        told = self._arguments(name, store)
        if told is None:
            name, told = "enrol", {}
        answer = self._act(store, name, kill, **told)
        if name == "enrol" and answer and "m" in answer:
            self.codes[answer["m"]] = answer["code"]
        elif name == "sell" and answer and "id" in answer:
            self.sales.append((store, answer["id"], told["lines"]))

    def _arguments(self, name: str, store: str) -> dict[str, Any] | None:
        """What an act is told; None when there is nobody and nothing that it could be about."""
        chance = self.chance
        if name in ("enrol", "contact"):
            return {}
        if not self.codes:
            return None
        m = chance.choice(list(self.codes))
        if name == "sell":
            lines = [
                [n + 1, "food", 1, 100 * chance.randrange(10, 300)] for n in range(chance.randrange(1, 4))
            ]
            return self.town.sale(Member(m, self.codes[m])) | {"lines": lines}
        if name == "redeem":
            return {"m": m, "pts": chance.randrange(1, 250)}
        own = [one for one in self.sales if one[0] == store]
        if not own:
            return None
        sold = chance.choice(own)
        self.sales.remove(sold)
        number, _, units, fen = chance.choice(sold[2])
        return {"sale": sold[1], "lines": [[number, units, fen]]}

    def _act(self, store: str, name: str, kill: bool, **told: Any) -> dict[str, Any] | None:
        till, now = self.town.tills[store], self.town.later(self.chance.randrange(1, 4) * MINUTE_MS)
        self.counts["acts"] += 1
        within = self._lasted.get(name, KILL_WITHIN_S)
        timer = till.kill_after(self.chance.random() * within) if kill else None
        began = time.monotonic()
        answer = till.act(name, now, **told)
        if timer is not None:
            timer.join()
        else:
            self._lasted[name] = time.monotonic() - began
        if answer is not None:
            assert "fault" not in answer, answer
            self.witness.heard(store, answer["ops"])
            self.counts["refused"] += "no" in answer
            self.counts[name] += "no" not in answer
        else:
            assert kill, f"{store} died of {name}"
            self.witness.cut_off(store, KINDS.get(name, name))
            self.counts["cut off"] += 1
        if kill:
            self.town.again(store)
        return answer

    def _night(self) -> None:
        for store in self.town.tills:
            self._act(store, "close_day", False)
        self.town.later(DAY_MS)
        for way in self.town.ways.values():
            self.counts["delivered late"] += way.deliver_late()


@pytest.fixture(scope="module")
def story(nursery: Nursery, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Story]:
    """The story, told to its end."""
    town = Town(tmp_path_factory.mktemp("five"), nursery, STORES, seed=SEED, weather=WEATHER)
    told = Story(town, SEED)
    try:
        told.tell(ACTS, KILLS, HUB_KILLS, DAYS)
        town.rest()
        print(f"seed {SEED}: {dict(told.counts)}")
        yield told
    finally:
        town.close()


@pytest.mark.timeout(1800)
def test_nothing_is_lost_or_doubled_and_points_in_are_points_out(story: Story) -> None:
    story.town.whole()
    came, went = bank(books_are_right(story.town.hub, story.town.now_ms), story.witness, story.town.buyers)
    assert came > went > 0
    assert story.town.hub.faults() == [], "jifen hub verify"


def test_and_it_was_bad_enough(story: Story) -> None:
    met = sum((way.met for way in story.town.ways.values()), Counter[str]())
    assert not [fault.name for fault in Fault if not met[fault.name]], met
    assert sum(till.kills for till in story.town.tills.values()) >= KILLS
    assert story.counts["cut off"] >= KILLS // 10
    assert story.town.hub.kills == HUB_KILLS
    assert min(story.counts[name] for name in (*KINDS, "contact", "close_day", "delivered late")) > 0


def test_what_was_captured_and_is_delivered_again_changes_nothing(story: Story, tmp_path: Path) -> None:
    hub, folder = story.town.hub, story.town.folder
    before = books_are_right(hub, story.town.now_ms)
    heard = [way.deliver(raw) for way in story.town.ways.values() for raw in way.requests]
    assert heard
    assert 500 not in heard
    hub.command("envelopes", str(tmp_path))
    for own in tmp_path.glob("hq_*.jfb"):
        own.unlink()
    keys = [provisioning.identity_of(folder / store / "keys").key for store in STORES]
    receipts = provisioning.identity_of(folder / STORES[0] / "keys").hub_receipt_public
    sent, _ = deliver_again(hub.url, receipts, tmp_path, {key.kid: key for key in keys}, SEED)
    assert sent >= 3 * len(list(tmp_path.glob("*.jfb")))
    assert books_are_right(hub, story.town.now_ms) == before
    exactly_once(hub, story.witness)


def test_a_law_that_is_broken_is_seen(story: Story) -> None:
    """Each law once against a witness that saw otherwise: nothing of the product is changed for it."""
    town, told = story.town, story.witness
    other = Witness()
    other.answered = dict(told.answered)
    op_id, (store, seq, body) = next(
        (op_id, one) for op_id, one in told.answered.items() if json.loads(one[2])["t"] == "redeem.cash"
    )
    del other.answered[op_id]
    with pytest.raises(Violated, match="nobody saw"):
        exactly_once(town.hub, other)
    with pytest.raises(Violated, match="are right"):
        bank(books_are_right(town.hub, town.now_ms), other, town.buyers)
    other.answered[op_id] = store, seq, body + b" "
    with pytest.raises(Violated, match="other bytes"):
        exactly_once(town.hub, other)
    other.answered |= {op_id: (store, seq, body), "0" * 32: (store, seq, body)}
    with pytest.raises(Violated, match="not at headquarters"):
        exactly_once(town.hub, other)
    with pytest.raises(Violated, match="twice"):
        told.heard(store, [(seq, body)])
    with pytest.raises(Violated, match="nobody asked"):
        Witness().found(store, [(seq, body)])

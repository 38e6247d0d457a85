"""A store's visitors are told there; of each it shows what headquarters has, with its own counted once."""

from __future__ import annotations

import random
from types import SimpleNamespace
from typing import Any

import pytest
from forks import points_of
from headquarters import DAY_MS, Headquarters, Shop
from told_by_steps import shown, sold
from two_regions import bought, bought_and_used, knows, looked_up, met, opened

from agent import edition, pending, replica
from agent.look_up import Answered, LookUp
from agent.store import feeds, members
from agent.uplink import OutOfReach
from hub import publishing, visitors
from hub.night import Night
from hub.office import Office
from points.identifiers import MEMBERS_PER_BLOCK
from points.wire import endpoints
from points.wire.faults import WireFault
from points.wire.visitors import ROWS_A_PART, TOPIC


def test_who_buys_away_from_home_is_told_there_from_then_on(
    hq: Headquarters, north: Shop, south: Shop
) -> None:
    m, code = met(north)
    bought(south, code)
    assert shown(south, m) == 0, "nobody knows yet whose it is"
    south.sync()
    south.sync()
    assert knows(south, m)
    assert shown(south, m) == 200
    bought(south, code, 50)
    assert shown(south, m) == 250, "its own is counted at once"
    south.sync()
    assert shown(south, m) == 250
    north.sync()
    bought(north, code, 7)
    north.sync()
    south.sync()
    assert [shown(shop, m) for shop in (north, south)] == [257, 257]
    assert points_of(hq, m) == 257


def test_who_was_not_seen_for_long_is_forgotten(hq: Headquarters, north: Shop, south: Shop) -> None:
    m, code = met(north)
    bought(south, code)
    south.sync()
    south.sync()
    assert knows(south, m)
    hq.clock.now_ms += (visitors.SEEN_DAYS - 1) * DAY_MS
    Night(hq.office, hq.settings.night).run()
    south.sync()
    assert knows(south, m)
    bought(south, code)
    south.sync()
    hq.clock.now_ms += (visitors.SEEN_DAYS - 1) * DAY_MS
    Night(hq.office, hq.settings.night).run()
    south.sync()
    assert knows(south, m), "it was seen again"
    hq.clock.now_ms += 2 * DAY_MS
    Night(hq.office, hq.settings.night).run()
    south.sync()
    assert not knows(south, m)
    assert members.by_code(south.till.book, code) is None
    north.sync()
    assert knows(north, m)


def test_only_the_part_that_changed_travels(hq: Headquarters, north: Shop, south: Shop) -> None:
    far = [met(north, 10) for _ in range(3)]
    asks = LookUp(south.till, south.uplink.look_up, south.sync)
    for _, code in far:
        assert asks(code) is Answered.SOMEBODY
    with hq.office.store.turn() as turn:
        m = far[0][0]
        rows = [("s001", m // MEMBERS_PER_BLOCK % 256, m + n, 20260101) for n in range(3, 3 + ROWS_A_PART)]
        turn.run("DELETE FROM visits")
        turn.many('INSERT INTO visits (store, bucket, m, "day") VALUES (?, ?, ?, ?)', rows)
        visitors.saw(turn, hq.office, "s001", [m for m, _ in far])
    south.sync()
    assert feeds.edition(south.till.book, TOPIC, "s001")[0]
    assert knows(south, far[0][0])


def test_one_who_comes_in_place_of_another_is_told(hq: Headquarters, north: Shop, south: Shop) -> None:
    (m, code), (n, _) = met(north), met(north)
    assert looked_up(south, code) is Answered.SOMEBODY
    with hq.office.store.turn() as turn:  # as many, and nobody of them has changed
        turn.run("UPDATE members SET touched = 7 WHERE m IN (?, ?)", (m, n))
    south.sync()
    with hq.office.store.turn() as turn:
        turn.run("UPDATE visits SET m = ? WHERE m = ?", (n, m))
    south.sync()
    assert [knows(south, one) for one in (m, n)] == [False, True]


def test_a_stores_visitors_are_told_to_no_other(hq: Headquarters, north: Shop, south: Shop) -> None:
    (m, code), (n, other) = met(north), met(north)
    assert looked_up(south, code) is Answered.SOMEBODY
    east = opened(hq, "e001", "east")
    assert looked_up(east, other) is Answered.SOMEBODY
    assert [[knows(shop, one) for one in (m, n)] for shop in (south, east)] == [[True, False], [False, True]]
    (sha,) = feeds.chunks(south.till.book, TOPIC, "s001")
    assert south.uplink.call("GET", endpoints.blob(sha))
    assert south.uplink.call("GET", endpoints.manifest_of(TOPIC, "s001", 1))
    for path in (endpoints.blob(sha), endpoints.manifest_of(TOPIC, "s001", 1)):
        with pytest.raises(WireFault, match="not-found"):
            north.uplink.call("GET", path)


@pytest.fixture(params=["the first edition", "a later edition"])
def visited(hq: Headquarters, north: Shop, south: Shop, request: pytest.FixtureRequest) -> tuple[int, int]:
    """(a visitor of the south, a member of the south), both of 100 points, who get 70 there and spend 20."""
    (visitor, code), (own, _) = met(north), met(south)
    both = visitor, own
    assert looked_up(south, code) is Answered.SOMEBODY
    if request.param == "a later edition":
        for m in both:
            bought_and_used(south, m, 20, 10)
        south.sync()
        for m in both:
            bought_and_used(south, m, 50, 10)
    else:
        for m in both:
            bought_and_used(south, m, 70, 20)
    assert [shown(south, m) for m in both] == [150, 150]
    return both


def test_visitors_that_do_not_come_are_shown_as_they_were(
    south: Shop, visited: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    before = (
        feeds.edition(south.till.book, "members", "south")[1],
        feeds.edition(south.till.book, TOPIC, "s001")[1],
    )
    with monkeypatch.context() as cut:
        real = south.uplink.blob

        def blob(sha: str, *, is_shared: bool) -> bytes:
            if not is_shared:
                raise OutOfReach("cut off")
            return real(sha, is_shared=is_shared)

        cut.setattr(south.uplink, "blob", blob)
        for more in (0, 5):
            for m in visited:
                if more:
                    bought_and_used(south, m, more + 10, 10)
            south.night.contact(rest=lambda _ms: None)
            assert feeds.edition(south.till.book, TOPIC, "s001")[1] == before[1]
            assert feeds.edition(south.till.book, "members", "south")[1] > before[0]
            assert [shown(south, m) for m in visited] == [150 + more] * 2
    south.till.gather()
    assert [shown(south, m) for m in visited] == [155, 155]
    south.sync()
    assert [shown(south, m) for m in visited] == [155, 155]
    assert not south.till.pending.by_member


def test_visitors_that_come_alone_are_counted_once(
    south: Shop, visited: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as cut:
        cut.setattr(replica, "fill", lambda *_: 0)
        for more in (0, 5):
            for m in visited:
                if more:
                    bought_and_used(south, m, more + 10, 10)
            south.night.contact(rest=lambda _ms: None)
            held = [feeds.edition(south.till.book, *of)[1] for of in (("members", "south"), (TOPIC, "s001"))]
            assert held[0] < held[1]
            assert [shown(south, m) for m in visited] == [150 + more] * 2
    south.till.gather()
    assert [shown(south, m) for m in visited] == [155, 155]
    south.sync()
    assert [shown(south, m) for m in visited] == [155, 155]
    assert not south.till.pending.by_member


def test_what_is_counted_is_not_remembered_for_visitors_who_do_not_change(
    south: Shop, visited: tuple[int, int]
) -> None:
    for _ in range(3):
        sold(south, visited[1], 10)
        south.sync()
        assert not south.till.pending.by_member


def test_a_first_edition_that_is_older_than_the_regions_waits(north: Shop, south: Shop) -> None:
    met(south)
    g = feeds.edition(south.till.book, "members", "south")[1]

    def waits(topic: str, at: int) -> bool:
        told: Any = SimpleNamespace(topic=topic, g=at)
        return edition.must_wait(south.till, told, {}, is_stuck=True)

    assert [waits(TOPIC, at) for at in (g - 1, g)] == [True, False]
    assert not waits("members", g - 1)
    _, code = met(north)
    assert looked_up(south, code) is Answered.SOMEBODY
    assert not waits(TOPIC, 0), "of a later one it is known what it counts"


def test_a_first_edition_counts_what_the_regions_counts(south: Shop) -> None:
    met(south)
    book, who = south.till.book, south.till.identity
    counted, g = feeds.fact(book, "applied_pos"), feeds.edition(book, "members", "south")[1]
    assert counted not in (None, "0")
    with book.turn() as turn:
        pending.note_counted(book, who, turn, TOPIC, g)
    assert feeds.fact(book, "visitors_pos") == counted


class Story:
    """Two stores of two regions and their members, and what is done there in an order that was drawn."""

    def __init__(self, hq: Headquarters, shops: list[Shop], dice: random.Random) -> None:
        self.hq, self.shops, self.dice = hq, shops, dice
        self.met = [met(shop, 5) for shop in shops for _ in range(2)]

    def go_on(self) -> None:
        shop, (_, code) = self.dice.choice(self.shops), self.dice.choice(self.met)
        match self.dice.randrange(6):
            case 0 | 1:
                bought(shop, code, self.dice.randrange(1, 90))
            case 2:
                shop.sync()
            case 3:
                self.cut_off(shop)
            case 4:
                LookUp(shop.till, shop.uplink.look_up, lambda: None)(code)
            case 5:
                publishing.publish(self.hq.office)

    def cut_off(self, shop: Shop) -> None:
        """A contact of which some answers are lost."""
        real, left = shop.uplink._send, self.dice.randrange(1, 6)

        def send(*asked: Any, **how: Any) -> bytes:
            nonlocal left
            answer = real(*asked, **how)
            left -= 1
            if left <= 0:
                shop.uplink.connected = False
                return real(*asked, **how)
            return answer

        shop.uplink._send = send
        try:
            shop.night.contact(rest=lambda _ms: None)
        finally:
            shop.uplink._send = real
            shop.uplink.connected = True

    def check(self) -> None:
        """Nothing is shown that was not earned, nothing twice; and what a till has sold is in what it shows,
        of whom it knows."""
        for shop in self.shops:
            own = {m: sum(op.body["pts"] for op in ops) for m, ops in shop.till.pending.by_member.items()}
            for m, _ in self.met:
                if knows(shop, m):
                    assert own.get(m, 0) <= shown(shop, m) <= points_of(self.hq, m) + own.get(m, 0)


def waiting(office: Office) -> int:
    with office.store.look() as look:
        row = look.one("SELECT count(*) FROM waiting")
    return int(row[0]) if row else 0


@pytest.mark.parametrize("seed", range(6))
def test_in_any_order_of_two_regions_everything_is_counted_once(hq: Headquarters, seed: int) -> None:
    dice = random.Random(seed)
    shops = [opened(hq, "n001", "north"), opened(hq, "s001", "south")]
    story = Story(hq, shops, dice)
    for _ in range(40):
        story.go_on()
        story.check()
    for _ in range(3):
        for shop in shops:
            shop.sync()
    assert waiting(hq.office) == 0
    for shop in shops:
        for m, _ in story.met:
            if knows(shop, m):
                assert shown(shop, m) == points_of(hq, m)

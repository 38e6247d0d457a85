"""Members are told to the stores of their region, and to those that have seen them; every store shows of each
what headquarters has, with its own operations counted once."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pytest
from forks import points_of
from headquarters import DAY_MS, Headquarters, Shop
from told_by_steps import enrolled, shown, sold

from agent import replica
from agent.counter import Found
from agent.enrolment import Enrolled, enrol
from agent.look_up import Answered, LookUp
from agent.recorder import Recorded
from agent.store import feeds, members
from agent.uplink import OutOfReach
from hub import admission, feed_export, look_up, publishing, regions, visitors
from hub.night import Night
from hub.office import Office
from points import codes
from points.identifiers import MEMBERS_PER_BLOCK
from points.wire import endpoints
from points.wire.visitors import PARTS_MAX, ROWS_A_PART, TOPIC, parts_of


def opened(hq: Headquarters, store: str, region: str, till: str = "01") -> Shop:
    with hq.office.store.turn() as turn:
        admission.open_store(turn, store, store, region)
    shop = hq.shop(store, till)
    shop.sync()
    return shop


@pytest.fixture
def north(hq: Headquarters) -> Shop:
    return opened(hq, "n001", "north")


@pytest.fixture
def south(hq: Headquarters) -> Shop:
    return opened(hq, "s001", "south")


def met(shop: Shop, yuan: int = 100) -> tuple[int, str]:
    """A member of this store's region, who has bought there, with the code of the card."""
    pair = members.next_from_pool(shop.till.book)
    assert pair is not None
    m = enrolled(shop)
    assert m == pair[0]
    sold(shop, m, yuan)
    shop.sync()
    return pair


def bought(shop: Shop, code: str, yuan: int = 100) -> None:
    """Whoever shows this code buys, known here or not."""
    found = shop.counter.scan(code)
    assert isinstance(found, Found)
    m = None if found.card is None else found.card.m
    lines = [[1, "all", 1, yuan * 100]]
    assert isinstance(shop.counter.sell(m, lines, "c1", 0, found.who if m is None else ""), Recorded)


def knows(shop: Shop, m: int) -> bool:
    return members.row_of(shop.till.book, m) is not None


def test_a_store_is_told_of_its_regions_members_alone(hq: Headquarters, north: Shop, south: Shop) -> None:
    home, (n, _), (s, _) = hq.shop("s009"), met(north), met(south)
    home.sync()
    m, _ = met(home)
    for shop in (north, south, home):
        shop.sync()
    assert [[knows(shop, one) for one in (n, s, m)] for shop in (north, south, home)] == [
        [True, False, False], [False, True, False], [False, False, True],
    ]  # fmt: skip
    sister = opened(hq, "n002", "")
    assert not knows(sister, n), "a store that nobody has put anywhere is of the main region"
    cousin = opened(hq, "n003", "north")
    assert knows(cousin, n)


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


def test_a_look_up_makes_a_visitor(hq: Headquarters, north: Shop, south: Shop) -> None:
    m, code = met(north)
    asks = LookUp(south.till, south.uplink.look_up, south.sync)
    assert asks(code) is Answered.SOMEBODY
    assert shown(south, m) == 100
    assert asks(codes.member_code(b"0123456789abcdef")) is Answered.NOBODY
    assert asks("6901234567892") is Answered.UNANSWERED, "no member's code"
    south.uplink.connected = False
    assert asks(code) is Answered.UNANSWERED


def test_a_phone_is_looked_up_sealed(hq: Headquarters, north: Shop, south: Shop) -> None:
    new = enrol(north.till, "c1", "13800138000", "王芳")
    assert isinstance(new, Enrolled)
    m = new.m
    north.sync()
    asks = LookUp(south.till, south.uplink.look_up, south.sync)
    assert asks("138 0013 8000") is Answered.SOMEBODY
    assert knows(south, m)
    found = south.counter.scan("13800138000")
    assert isinstance(found, Found)
    assert found.card is not None
    assert found.card.m == m
    assert asks("13900139000") is Answered.NOBODY


def test_a_stolen_till_learns_nobodys_phone_by_trying(
    hq: Headquarters, south: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(look_up, "A_DAY_MAX", 2)
    asks = LookUp(south.till, south.uplink.look_up, south.sync)
    said = [asks(f"1380013800{n}") for n in range(4)]
    assert said == [Answered.NOBODY] * 2 + [Answered.UNANSWERED] * 2
    hq.clock.now_ms += DAY_MS
    assert asks("13800138009") is Answered.NOBODY


@pytest.mark.parametrize(
    "asked",
    [b"{}", b'{"who":"xyz"}', b'{"who":7}', b'{"box":"00","id":"z"}', b'{"box":7,"id":7}', b'{"box":"00"}'],
)
def test_a_question_that_is_none_is_refused(hq: Headquarters, south: Shop, asked: bytes) -> None:
    with pytest.raises(Exception, match="malformed"):
        south.uplink.call("POST", endpoints.look_ups(), asked, endpoints.JSON)


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


def test_parts_are_few_and_grow_with_the_visitors() -> None:
    assert [parts_of(n) for n in (0, 1, ROWS_A_PART, ROWS_A_PART + 1, 10**6)] == [1, 1, 1, 2, PARTS_MAX]


def test_a_stores_region_stays(hq: Headquarters, north: Shop) -> None:
    with hq.office.store.turn() as turn, pytest.raises(admission.RegionSettled, match="north"):
        admission.open_store(turn, "n001", "n001", "south")
    with hq.office.store.turn() as turn:
        admission.open_store(turn, "n001", "北门店")
        assert regions.of_store(turn, "n001") == "north", "to name it again moves it nowhere"
    assert hq.rows("SELECT name FROM stores WHERE store = 'n001'") == [("北门店",)]


def test_a_full_block_is_followed_by_one_of_the_same_region(hq: Headquarters, north: Shop) -> None:
    with hq.office.store.turn() as turn:
        turn.run("UPDATE agents SET next_member = first_member + 1020 WHERE store = 'n001'")
        turn.run("DELETE FROM pool WHERE store = 'n001'")
        admission.fill_pool(turn, hq.office, "n001", "01")
    with hq.office.store.look() as look:
        assert look.one("SELECT count(*) FROM blocks WHERE region = 'north'") == (2,)
        assert regions.every(look) == ["main", "north"]


def test_a_static_server_has_every_region(hq: Headquarters, north: Shop, tmp_path: Path) -> None:
    met(north)
    met(hq.shop("s009"))
    feed_export.export(hq.office, tmp_path / "feed")
    there = {path.parent.parent.name for path in (tmp_path / "feed").rglob("members/*/*/manifest")}
    assert there == {"main", "north"}
    assert not list((tmp_path / "feed").rglob("*visitors*")), "a store's own is not in it"


def test_what_changes_elsewhere_makes_no_edition_here(hq: Headquarters, north: Shop, south: Shop) -> None:
    met(north)
    north.sync()
    before = feeds.edition(north.till.book, "members", "north")
    for _ in range(3):
        met(south)
    north.sync()
    assert feeds.edition(north.till.book, "members", "north") == before


def test_regions_outlive_a_put_back(hq: Headquarters, north: Shop) -> None:
    copy = hq.copy()
    with hq.office.store.turn() as turn:
        turn.run("UPDATE agents SET next_member = first_member + 1020 WHERE store = 'n001'")
        turn.run("DELETE FROM pool WHERE store = 'n001'")
        admission.fill_pool(turn, hq.office, "n001", "01")
    told = hq.rows("SELECT first, region FROM blocks ORDER BY first")
    hq.put_back(copy)
    assert set(told) <= set(hq.rows("SELECT first, region FROM blocks ORDER BY first"))


@pytest.fixture
def visited(hq: Headquarters, north: Shop, south: Shop) -> tuple[int, int]:
    """(a visitor of the south, a member of the south), both of 100 points and known there, who buy for 50."""
    (visitor, code), (own, _) = met(north), met(south)
    assert LookUp(south.till, south.uplink.look_up, south.sync)(code) is Answered.SOMEBODY
    for _ in range(2):  # so that nothing that is remembered is of the first time
        sold(south, own, 10)
        sold(south, visitor, 10)
        south.sync()
    sold(south, own, 50)
    sold(south, visitor, 50)
    assert [shown(south, m) for m in (visitor, own)] == [170, 170]
    return visitor, own


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
                    sold(south, m, more)
            south.night.contact(rest=lambda _ms: None)
            assert feeds.edition(south.till.book, TOPIC, "s001")[1] == before[1]
            assert feeds.edition(south.till.book, "members", "south")[1] > before[0]
            assert [shown(south, m) for m in visited] == [170 + more] * 2
    south.till.gather()
    assert [shown(south, m) for m in visited] == [175, 175]
    south.sync()
    assert [shown(south, m) for m in visited] == [175, 175]
    assert not south.till.pending.by_member


def test_visitors_that_come_alone_are_counted_once(
    south: Shop, visited: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as cut:
        cut.setattr(replica, "fill", lambda *_: 0)
        for more in (0, 5):
            for m in visited:
                if more:
                    sold(south, m, more)
            south.night.contact(rest=lambda _ms: None)
            held = [feeds.edition(south.till.book, *of)[1] for of in (("members", "south"), (TOPIC, "s001"))]
            assert held[0] < held[1]
            assert [shown(south, m) for m in visited] == [170 + more] * 2
    south.till.gather()
    assert [shown(south, m) for m in visited] == [175, 175]
    south.sync()
    assert [shown(south, m) for m in visited] == [175, 175]
    assert not south.till.pending.by_member


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

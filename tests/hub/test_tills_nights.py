"""A till's night comes once for each night, in its own minute, or when the PC is switched on after it."""

from __future__ import annotations

import pytest
from headquarters import DAY_MS, Headquarters, Shop
from told_by_steps import enrolled, sold

from agent import provisioning, till_night
from agent.night import Night
from agent.store import feeds
from agent.till import Till
from agent.uplink import Uplink, join
from config.night_window import NightWindow
from hub import cli, till_nights
from points.wire.hello import Told

HOUR_MS = 3_600_000
WINDOW = NightWindow(120, 300)
NOON = 12


@pytest.fixture
def shop(hq: Headquarters) -> Shop:
    return hq.shop("s001")


def nights(hq: Headquarters, shop: Shop, window: NightWindow, hours: list[int]) -> list[tuple[int, int]]:
    """Look at these hours from the first midnight on; gives (hour, night) of each that was done."""
    night = Night(shop.till, shop.uplink, window)
    night.stop()  # its pauses are not waited for
    noon_ms, done = hq.clock.now_ms, []
    for hour in hours:
        hq.clock.now_ms = noon_ms + (hour - NOON) * HOUR_MS
        before = feeds.fact(shop.till.book, "night")
        night.look()
        after = feeds.fact(shop.till.book, "night")
        assert night.fault is None
        if after != before:
            done.append((hour, int(after or 0) % 100))
    return done


@pytest.mark.parametrize(
    ("window", "hours", "done"),
    [
        # The PC is off when its night would be: each morning it is the first thing that is done.
        (
            WINDOW,
            [12, *(day * 24 + hour for day in range(1, 4) for hour in range(8, 23))],
            [(12, 19), (32, 20), (56, 21), (80, 22)],
        ),
        # It is always on: in its own minute of the window, 45 and 93 after it opens on these nights.
        (NightWindow(120, 240), list(range(12, 60)), [(12, 19), (27, 20), (52, 21)]),
        # The window passes midnight: its night is the day on which it opens.
        (NightWindow(1380, 60), list(range(12, 60)), [(12, 18), (25, 19), (48, 20)]),
        # A whole day is missed.
        (WINDOW, [12, 13, 60, 61], [(12, 19), (60, 21)]),
    ],
)
def test_each_night_is_done_once_and_as_soon_as_may_be(
    hq: Headquarters, shop: Shop, window: NightWindow, hours: list[int], done: list[tuple[int, int]]
) -> None:
    assert nights(hq, shop, window, hours) == done


def test_a_night_that_headquarters_did_not_hear_is_done_when_it_answers(hq: Headquarters, shop: Shop) -> None:
    shop.night.run(rest=lambda _ms: None)
    hq.clock.now_ms += DAY_MS
    shop.uplink.connected = False
    assert nights(hq, shop, WINDOW, [12, 13, 14]) == []
    shop.uplink.connected = True
    hq.clock.now_ms += HOUR_MS
    assert nights(hq, shop, WINDOW, [12, 13, 14]) == [(12, 20)]


def test_the_first_contact_of_a_new_till_is_its_first_night(hq: Headquarters) -> None:
    folder = hq.folder / "new"
    identity = provisioning.join(folder / "keys", hq.ticket("s001"), join)
    book, log = provisioning.open_book(folder / "data", folder / "keys", identity)
    till = Till(identity, book, log, hq.clock)
    till.wake()
    night = Night(till, Uplink(identity.hub_url, identity.key, identity.hub_receipt_public), WINDOW)
    assert night.is_due()
    night.run(rest=lambda _ms: None)
    assert till.rules is not None
    assert not night.is_due()


def test_headquarters_may_set_the_window_and_take_it_back(hq: Headquarters, shop: Shop) -> None:
    def choose(window: NightWindow | None) -> None:
        with hq.office.store.turn() as turn:
            till_nights.choose(turn, window)
        shop.sync()

    assert till_night.window(shop.till, WINDOW) == WINDOW
    choose(NightWindow(1290, 1300))  # 21:30 to 21:40
    assert till_night.window(shop.till, WINDOW) == NightWindow(1290, 1300)
    assert nights(hq, shop, WINDOW, [12, 21, 22, 23, 27, 29]) == [(12, 18), (22, 19)]
    sold(shop, enrolled(shop))
    shop.sync()
    assert till_night.window(shop.till, WINDOW) == NightWindow(1290, 1300), (
        "having more to say changes nothing"
    )
    lane = shop.till.identity.lane
    till_night.hear(shop.till, Told("hub", 1, lane.chain, lane.store, lane.till, 0, None, ()))
    assert till_night.window(shop.till, WINDOW) == NightWindow(1290, 1300), "nor does who is told no edition"
    choose(None)
    assert till_night.window(shop.till, WINDOW) == WINDOW


def test_the_window_lasts_over_a_start_and_without_a_network(hq: Headquarters, shop: Shop) -> None:
    with hq.office.store.turn() as turn:
        till_nights.choose(turn, NightWindow(60, 90))
    shop.sync()
    shop.uplink.connected = False
    hq.reopen()
    assert till_night.window(shop.till, WINDOW) == NightWindow(60, 90)
    with hq.office.store.look() as look:
        assert till_nights.window(look) == NightWindow(60, 90)


def test_the_command_reads_what_people_write(hq: Headquarters, capsys: pytest.CaptureFixture[str]) -> None:
    assert hq.settings is not None
    for written, code, said in (
        (None, 0, "own"), ("21:30-21:40", 0, "21:30-21:40"), ("25:00-26:00", 1, "01:30-05:00"),
        ("02:00-02:00", 1, "01:30-05:00"), (None, 0, "21:30-21:40"), ("own", 0, "own"),
    ):  # fmt: skip
        chosen = cli.argparse.Namespace(window=written)
        assert cli.COMMANDS["nights"](hq.office, hq.settings, chosen) == code
        told = capsys.readouterr()
        assert said in told.out + told.err

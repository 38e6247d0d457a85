"""What a batch says of its sender: which start of the program cut it, when headquarters was last heard."""

from __future__ import annotations

from typing import Any

from headquarters import DAY_MS, Headquarters, Shop

from agent.uplink import OutOfReach
from points.wire import envelope
from points.wire.batch_header import Header

GOODS = [[1, "all", 1, 10_000]]
HOUR_MS = 3_600_000


def headers(hq: Headquarters) -> list[Header]:
    rows = hq.rows("SELECT envelope FROM batches WHERE store = 's001' ORDER BY first")
    return [envelope.peek(bytes(raw))[0] for (raw,) in rows]


def test_one_start_of_the_program_is_one_inst(hq: Headquarters) -> None:
    shop = hq.shop("s001")
    for _ in range(2):
        shop.counter.sell(None, GOODS, "c1")
        shop.sync()
    shop.till.book.close()
    again = hq.open(shop.folder)
    again.counter.sell(None, GOODS, "c1")
    again.sync()
    first, second, third = (header.moment.inst for header in headers(hq))
    assert first == second != third


def without_an_answer(shop: Shop) -> None:
    """A contact whose batch arrives, and whose answer does not."""
    ask = shop.uplink.call

    def lost(method: str, path: str, *what: Any) -> bytes:
        answer = ask(method, path, *what)
        if method == "POST":
            shop.uplink.connected = False
            raise OutOfReach
        return answer

    shop.uplink.call = lost  # type: ignore[method-assign]
    shop.night.contact(rest=lambda _ms: None)
    shop.uplink.call = ask  # type: ignore[method-assign]
    shop.uplink.connected = True


def test_an_answer_that_is_heard_days_later_says_nothing_of_the_time(hq: Headquarters) -> None:
    shop = hq.shop("s001")
    hq.clock.now_ms += HOUR_MS
    shop.counter.sell(None, GOODS, "c1")
    without_an_answer(shop)
    hq.clock.now_ms += 3 * DAY_MS
    shop.counter.sell(None, GOODS, "c1")
    shop.sync()
    last = headers(hq)[-1].moment
    assert last.anchor is not None
    assert last.anchor.hub_ms + last.mono - last.anchor.mono == hq.clock.now_ms
    hq.clock.now_ms += HOUR_MS
    assert shop.till.time().st_ms == hq.clock.now_ms
    assert not shop.till.time().suspect

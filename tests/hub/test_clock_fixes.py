"""PCs that believed in another century: what they recorded counts, at the time at which it happened."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import httpx
import pytest
from headquarters import DAY_MS, NOON_MS, Headquarters, Shop, console_link, headquarters
from pretend_till import BOOT, PretendTill, points_of
from test_casework import act
from test_hello import enrolled

from agent.journal.clock import Reading
from agent.recorder import Recorded
from agent.store import feeds
from hub import expiry, publishing
from hub.verify import verify
from points.fields import BadOperation
from points.fold import FOLDED
from points.operations import KINDS, read
from points.order import canonical as in_order
from points.wire import canonical, envelope
from points.wire.batch_header import Anchor, Moment

GOODS = [[1, "all", 1, 10_000]]
HOUR = 3_600_000
IN_2099 = 4_083_998_400_000
NIGHT = "ffeeddccbbaa9988"


class OwnClock:
    """The clocks of one PC: a wall that says what it likes, and one that counts how long it has been on."""

    def __init__(self, hq: Headquarters, boot: str = BOOT) -> None:
        self.hq, self.boot, self.ahead_ms, self.on_since_ms = hq, boot, 0, NOON_MS - 1_000_000

    def now(self) -> Reading:
        now = self.hq.clock.now_ms
        return Reading(max(0, now + self.ahead_ms), now - self.on_since_ms, self.boot)

    def boot_again(self, boot: str) -> None:
        self.boot, self.on_since_ms = boot, self.hq.clock.now_ms - 1_000


def owned(hq: Headquarters, shop: Shop) -> OwnClock:
    """The till on clocks of its own, which heard headquarters a moment ago."""
    clock = shop.till.clock = OwnClock(hq)
    shop.sync()
    return clock


def fixes(hq: Headquarters) -> list[tuple[str, int, int]]:
    rows = hq.rows("SELECT body FROM facts WHERE kind = 'clock.fix' ORDER BY n")
    told = [canonical.decode(bytes(body)) for (body,) in rows]
    return [(body["refs"][0], body["true_st"], body["true_day"]) for body in told]


def lots(hq: Headquarters, m: int) -> list[list[Any]]:
    ((row,),) = hq.rows('SELECT "row" FROM members WHERE m = ?', m)
    return [lot for lot in json.loads(row)[8] if lot[1]]


def test_a_pc_in_1970_that_nobody_heard_for_days(hq: Headquarters, desk: httpx.Client) -> None:
    """It boots with an empty clock battery, sells for three days, then finds the network again."""
    shop = hq.shop("s001")
    clock, m = owned(hq, shop), enrolled(shop)
    shop.sync()
    clock.boot_again(NIGHT)
    clock.ahead_ms = -NOON_MS
    hq.clock.now_ms += 3 * DAY_MS
    sold = shop.counter.sell(m, GOODS, "c1")
    assert isinstance(sold, Recorded)
    assert sold.op.st < NOON_MS + HOUR, "nothing tells it that days went by"
    true = hq.clock.now_ms
    hq.clock.now_ms += HOUR
    shop.sync()
    assert fixes(hq) == [(sold.op.id, true, 20261122)]
    assert points_of(hq, m) == (200, 0)
    assert [lot[3] for lot in lots(hq, m)] == [20271119, 20271122]
    assert verify(hq.office).faults == []
    ((detail,),) = hq.rows("SELECT detail FROM cases WHERE reason = 'clock' AND closed_ms IS NULL")
    assert json.loads(detail) == {
        "till": "01", "epoch": 1, "said": "2026-11-19 12:00", "true": "2026-11-22 12:00", "set_right": 1,
    }  # fmt: skip
    desk.get(console_link(hq))
    page = desk.get("/console/cases/1").text
    assert "2026-11-22 12:00" in page
    assert "校准" in page
    assert page.index("本机记为") < page.index("改为") < page.index("改正 1 笔"), (
        "told in the order of a story"
    )
    assert act(desk, "close").status_code == 200
    assert hq.rows("SELECT 1 FROM cases WHERE closed_ms IS NULL") == []


def test_a_pc_in_2099_that_never_heard_anybody(hq: Headquarters) -> None:
    """What it then records stays in 2099 for itself, for store time never falls; each is set right."""
    shop = hq.shop("s001")
    clock = owned(hq, shop)
    with shop.till.book.turn() as turn:
        feeds.drop_fact(turn, "witness")
    shop.till.witness, clock.ahead_ms = None, IN_2099 - hq.clock.now_ms
    m = enrolled(shop)
    first = hq.clock.now_ms
    shop.sync()
    hq.clock.now_ms += 2 * HOUR
    again = shop.counter.sell(m, GOODS, "c1")
    assert isinstance(again, Recorded)
    assert again.op.st > IN_2099
    shop.sync()
    assert [ms for _, ms, _ in fixes(hq)] == [first, first, first + 2 * HOUR]
    assert {day for _, _, day in fixes(hq)} == {20261119}
    assert [lot[3] for lot in lots(hq, m)] == [20271119, 20271119]
    ((detail,),) = hq.rows("SELECT detail FROM cases WHERE reason = 'clock'")
    assert json.loads(detail)["set_right"] == 3, "one case a lane"
    other = hq.shop("s002")
    ((last,),) = hq.rows("SELECT last_key FROM members WHERE m = ?", m)
    assert int(last.partition("/")[0]) < first + DAY_MS, "what comes next is not folded behind 2099 for ever"
    redeemed = PretendTill(hq, "s003")
    redeemed.st = hq.clock.now_ms + HOUR
    redeemed.redeem(m, 200, ["trust", 200])
    redeemed.send()
    assert points_of(hq, m) == (0, 0)
    other.sync()
    assert verify(hq.office).faults == []


def test_a_wall_that_jumps_back_thirty_years_in_the_middle_of_a_shift_moves_nothing(hq: Headquarters) -> None:
    shop = hq.shop("s001")
    clock, m = owned(hq, shop), enrolled(shop)
    for ahead in (0, -30 * 365 * DAY_MS, 30 * 365 * DAY_MS, 0):
        clock.ahead_ms = ahead
        hq.clock.now_ms += HOUR
        assert isinstance(shop.counter.sell(m, GOODS, "c1"), Recorded)
    shop.sync()
    rows = hq.rows("SELECT body FROM facts WHERE kind = 'sale.earn' ORDER BY n")
    times = [canonical.decode(bytes(body))["st"] for (body,) in rows]
    assert times[1:] == [NOON_MS + n * HOUR for n in (1, 2, 3, 4)]
    assert fixes(hq) == []
    assert hq.rows("SELECT 1 FROM cases") == []


# -- byte for byte -------------------------------------------------------------------------------


def cut(till: PretendTill, anchor: Anchor, boot: str, mono: int) -> bytes:
    """What was not sent yet, by a PC that heard headquarters at ``anchor``."""
    first = till.sent + 1
    moment = Moment(till.st % 2**48, boot, mono, "ab" * 16, "pretend", 1, anchor)
    return envelope.cut(till.lane, first, till.hashes[first - 1], till.bodies[first - 1 :], till.key, moment)


def a_night_between(hq: Headquarters) -> tuple[PretendTill, int, list[bytes]]:
    """Monday is anchored, the night's boot heard nobody and believed in 2099, Tuesday is anchored again."""
    till = PretendTill(hq)
    m = till.enrol(boot=BOOT, mono=10 * HOUR)
    till.earn(m, 100, boot=BOOT, mono=11 * HOUR)
    envelopes = [cut(till, Anchor(NOON_MS, BOOT, 10 * HOUR), BOOT, 12 * HOUR)]
    till.sent = 2
    till.st = IN_2099
    till.earn(m, 30, boot=NIGHT, mono=HOUR, day=20990601)
    till.earn(m, 20, boot=NIGHT, mono=2 * HOUR, day=20990601)
    tuesday = "0123456789abcdef"
    till.earn(m, 7, boot=tuesday, mono=HOUR, day=20990601)
    envelopes.append(cut(till, Anchor(NOON_MS + DAY_MS, tuesday, HOUR), tuesday, 2 * HOUR))
    return till, m, envelopes


def test_a_boot_that_heard_nobody_is_set_between_the_others(hq: Headquarters) -> None:
    till, m, envelopes = a_night_between(hq)
    for raw in envelopes:
        assert till.heard(till.deliver(raw)) == {}
    times = [ms for _, ms, _ in fixes(hq)]
    low, high = NOON_MS + HOUR, NOON_MS + DAY_MS  # Monday's sale, Tuesday's
    middle = low + (high - low - HOUR) // 2
    assert times == [middle, middle + HOUR, high]
    assert times == sorted(times)
    assert [lot[1] for lot in lots(hq, m)] == [100, 30, 20, 7]
    assert verify(hq.office).faults == []


def test_replays_and_late_arrivals_give_the_same_fix(hq: Headquarters, tmp_path: Path) -> None:
    till, _, envelopes = a_night_between(hq)
    for raw in [*envelopes, *envelopes]:
        till.heard(till.deliver(raw))
    told = fixes(hq)
    assert len(told) == 3
    with headquarters(tmp_path / "late") as late:
        other, _, again = a_night_between(late)
        assert other.bodies == till.bodies
        late.clock.now_ms += 40 * DAY_MS
        for raw in again:
            other.heard(other.deliver(raw))
        assert fixes(late) == told, "when it arrives says nothing"


def test_what_waited_is_set_right_when_it_is_posted(hq: Headquarters) -> None:
    till, other = PretendTill(hq), PretendTill(hq, "s002")
    m = other.enrol()
    sale = other.earn(m, 50)
    till.st = IN_2099
    back = till.op("sale.refund", m, refs=[sale["id"]], lines=[[1, 0, 1_000]], boot=BOOT, mono=11 * HOUR)
    anchor = Anchor(NOON_MS, BOOT, 10 * HOUR)
    assert till.heard(till.deliver(cut(till, anchor, BOOT, 12 * HOUR)))[1][0] == "P"
    assert fixes(hq) == []
    other.send()
    assert fixes(hq) == [(back["id"], NOON_MS + HOUR, 20261119)]
    assert points_of(hq, m) == (40, 0)
    assert verify(hq.office).faults == []


def test_what_headquarters_learns_at_its_start_is_set_right_too(hq: Headquarters) -> None:
    hq.reopen(kinds={kind: check for kind, check in KINDS.items() if kind[0] != "sale.refund"})
    till = PretendTill(hq)
    m = till.enrol()
    sale = till.earn(m, 50)
    till.send()
    till.st = IN_2099
    back = till.op("sale.refund", m, refs=[sale["id"]], lines=[[1, 0, 1_000]], boot=BOOT, mono=11 * HOUR)
    anchor = Anchor(NOON_MS, BOOT, 10 * HOUR)
    assert till.heard(till.deliver(cut(till, anchor, BOOT, 12 * HOUR)))[3][0] == "P"
    assert fixes(hq) == []
    hq.reopen()
    assert fixes(hq) == [(back["id"], NOON_MS + HOUR, 20261119)]
    assert points_of(hq, m) == (40, 0)
    hq.reopen()
    assert len(fixes(hq)) == 1, "once"
    assert verify(hq.office).faults == []


def test_a_fix_comes_from_headquarters_alone_and_waits_for_its_operation(
    hq: Headquarters, till: PretendTill
) -> None:
    m = till.enrol()
    sale = till.earn(m, 50)
    till.op("clock.fix", m, refs=[sale["id"]], true_st=NOON_MS, true_day=20261119)
    assert till.send()[3] == ("Q", {"reason": "policy", "field": "t"})


def test_points_of_2099_expire_when_they_should(hq: Headquarters) -> None:
    till = PretendTill(hq)
    anchor = Anchor(NOON_MS, BOOT, 10 * HOUR)
    m = till.enrol(boot=BOOT, mono=10 * HOUR)
    till.st = IN_2099
    till.earn(m, 50, boot=BOOT, mono=11 * HOUR, add=False)
    till.heard(till.deliver(cut(till, anchor, BOOT, 12 * HOUR)))
    hq.clock.now_ms += 400 * DAY_MS
    till.op("auth.void", m, refs=["00" * 16], st=hq.clock.now_ms + 73 * 365 * DAY_MS)
    till.heard(till.deliver(cut(till, anchor, BOOT, 12 * HOUR)))
    publishing.publish(hq.office)
    assert expiry.post_expiry(hq.office) == 50
    assert verify(hq.office).faults == []


@pytest.mark.parametrize("wrong", [{"true_st": -1}, {"true_st": 2**53}, {"true_day": 20260230}, {"refs": []}])
def test_a_fix_is_checked_like_any_fact(wrong: dict[str, Any]) -> None:
    body = {
        "id": "ab" * 16, "t": "clock.fix", "tv": 1, "day": 20261119, "st": 1, "boot": "0" * 16, "mono": 0,
        "by": "hq", "rule": "00" * 32, "m": 5, "refs": ["cd" * 16], "true_st": NOON_MS, "true_day": 20261119,
    }  # fmt: skip
    assert read(body, "hq", "w1").kind in FOLDED
    assert in_order([read(body, "hq", "w1")]) == [], "it is not folded itself"
    with pytest.raises(BadOperation):
        read({**body, **wrong}, "hq", "w1")


def test_headquarters_that_was_put_back_hears_its_own_fix_and_decides_no_other(hq: Headquarters) -> None:
    shop = hq.shop("s001")
    clock, m = owned(hq, shop), enrolled(shop)
    shop.sync()
    copy = hq.copy()
    clock.boot_again(NIGHT)
    clock.ahead_ms = -NOON_MS
    hq.clock.now_ms += 3 * DAY_MS
    assert isinstance(shop.counter.sell(m, GOODS, "c1"), Recorded)
    shop.sync()
    told = fixes(hq)
    assert len(told) == 1
    hq.put_back(copy)
    assert fixes(hq) == [], "it waits for its operation"
    for _ in range(3):
        shop.sync()
    assert fixes(hq) == told
    assert [lot[3] for lot in lots(hq, m)] == [20271119, 20271122]
    assert verify(hq.office).faults == []

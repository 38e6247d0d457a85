"""Headquarters sees what is out of its hands, calls it home, and declares a PC lost, on real pages."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager

import httpx
import pytest
from headquarters import DAY_MS, Headquarters, Shop, console_link
from test_bells import at_home
from test_rights_over_http import enrolled

from agent import goods_back
from agent.recorder import Recorded
from config.night_window import NightWindow
from hub.night import Night


@contextmanager
def browser(hq: Headquarters) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=hq.url, trust_env=False, follow_redirects=True) as client:
        assert client.get(console_link(hq)).status_code == 200
        yield client


def send(client: httpx.Client, path: str, **form: str) -> httpx.Response:
    word = re.search(r'name="word" value="([0-9a-f]+)"', client.get(path).text)
    assert word is not None
    return client.post(path, data={"word": word[1], **form})


def figures(client: httpx.Client) -> list[int]:
    text = client.get("/console/exposure").text
    return [int(n.replace(",", "")) for n in re.findall(r"<dd>([0-9,]+)</dd>", text)]


def test_what_is_out_is_shown_and_a_member_is_called_home(hq: Headquarters) -> None:
    home, _, m = at_home(hq)
    with browser(hq) as somebody:
        assert figures(somebody) == [400, 400, 0, 0]
        bounds = somebody.get("/console/exposure?csv=bounds").text
        assert [row.split(",")[1] for row in bounds.splitlines()[1:]] == [
            "0",
            "0",
            "0",
            "0",
            "400",
            "400",
            "0",
            "0",
            "0",
        ]
        assert send(somebody, f"/console/members/{m}", by="李娜", note="").status_code == 422
        home.sync()
        assert not home.till.rights(m).empty, "nobody was called"
        assert send(somebody, f"/console/members/{m}", by="李娜", note="投诉").status_code == 200
        home.sync()
        assert home.till.rights(m).empty
        home.sync()
        assert home.till.rights(m).empty, "it is not given out again today"
        assert figures(somebody) == [0, 0, 0, 0]
    hq.clock.now_ms += DAY_MS
    home.sync()
    assert not home.till.rights(m).empty, "the call ended with its day"


def test_points_that_a_till_gave_itself_are_called_home_too(hq: Headquarters) -> None:
    shop = hq.shop("s001")
    m = enrolled(shop)
    assert isinstance(shop.counter.sell(m, [[1, "food", 1, 20_000]], "c1"), Recorded)
    shop.sync()
    with browser(hq) as somebody:
        assert figures(somebody) == [200, 0, 200, 0]
        send(somebody, f"/console/members/{m}", by="李娜", note="投诉")
        shop.sync()
        shop.sync()
        assert figures(somebody) == [0, 0, 0, 0]


def test_a_pc_is_lost_when_two_people_say_so_in_two_browsers(hq: Headquarters) -> None:
    at_home(hq)
    path = "/console/exposure"
    with browser(hq) as first, browser(hq) as second:
        asked = send(first, path, what="ask", store="s001", till="01", by="李娜", note="火灾")
        assert "李娜 报失" in asked.text
        for client, who in ((first, "王强"), (second, "李娜"), (second, "")):
            said = send(client, path, what="agree", store="s001", till="01", epoch="1", by=who)
            assert said.status_code == 422
        assert figures(second) == [400, 400, 0, 0]
        agreed = send(second, path, what="agree", store="s001", till="01", epoch="1", by="王强")
        assert agreed.status_code == 200
        assert figures(first) == [0, 0, 0, 0]
        lost = first.get(f"{path}?csv=lost").text.splitlines()[1]
        assert lost.startswith("s001,01,1,李娜,王强,")
        bounds = first.get(f"{path}?csv=bounds").text.splitlines()
        assert bounds[7].split(",")[1] == "400", "what came home may still be found spent"


def test_what_was_asked_by_mistake_is_taken_back(hq: Headquarters) -> None:
    at_home(hq)
    path = "/console/exposure"
    with browser(hq) as first:
        send(first, path, what="ask", store="s001", till="01", by="李娜", note="火灾")
        send(first, path, what="withdraw", store="s001", till="01", epoch="1")
        assert "李娜 报失" not in first.get(path).text
        ((reason, detail, open_),) = hq.rows("SELECT reason, detail, closed_ms IS NULL FROM cases")
        assert (reason, open_, json.loads(detail)["asked_by"]) == ("loss-withdrawn", 0, "李娜")
        assert send(first, path, what="withdraw", store="s001", till="01", epoch="1").status_code == 422
        for bad in (
            {"store": "s009"},
            {"by": ""},
            {"note": ""},
            {"till": "02"},
            {"store": "hq", "till": "w1"},
        ):
            form = {"what": "ask", "store": "s001", "till": "01", "by": "李娜", "note": "x", **bad}
            assert send(first, path, **form).status_code == 422


def test_who_owes_is_listed_with_who_bears_it(hq: Headquarters) -> None:
    shop = hq.shop("s001")
    m = enrolled(shop)
    sold = shop.counter.sell(m, [[1, "food", 1, 20_000]], "c1")
    assert isinstance(sold, Recorded)
    assert isinstance(shop.counter.redeem(m, 150, "c1"), Recorded)
    refund(shop, sold)
    shop.sync()
    hq.clock.now_ms += 3 * DAY_MS + 60_000
    Night(hq.office, NightWindow(0, 240)).run()
    with browser(hq) as somebody:
        rows = somebody.get("/console/exposure?csv=owed").text.splitlines()[1:]
    assert len(rows) == 1
    member, debt, over, bearer, _, days = rows[0].split(",")
    assert (member, debt, over, bearer, days) == (str(m), "150", "0", "s001", "3")


def refund(shop: Shop, sold: Recorded) -> None:
    done = goods_back.refund(shop.till, sold.op.id, [[1, 1, 20_000]], "c1")
    assert isinstance(done, Recorded), done


@pytest.mark.parametrize("path", ["/console/exposure", "/console/members/1024"])
def test_without_a_session_nothing_is_written(hq: Headquarters, path: str) -> None:
    at_home(hq)
    with httpx.Client(base_url=hq.url, trust_env=False) as stranger:
        assert stranger.get(path).status_code == 401
        form = {"what": "ask", "store": "s001", "till": "01", "by": "x", "note": "x", "word": "x"}
        assert stranger.post(path, data=form).status_code == 401

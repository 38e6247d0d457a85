"""The console over real HTTP: who gets in, what each page tells, what its CSV holds, and the one form."""

from __future__ import annotations

import csv
import io
import re
from hashlib import sha256

import httpx
import pytest
from headquarters import DAY_MS, Headquarters, console_link
from playwright.sync_api import Page
from pretend_till import PretendTill

from config.words import load_words
from hub.console.tables import Column, Table, as_csv, shown
from points.wire import ticket as tickets


def lines(desk: httpx.Client, path: str) -> list[dict[str, str]]:
    """The rows of a CSV that the console gives."""
    heard = desk.get(path)
    assert heard.headers["content-type"].startswith("text/csv")
    return list(csv.DictReader(io.StringIO(heard.content.decode("utf-8-sig"))))


PAGES = ["/console", "/console/stores/s001", "/console/members", "/console/cases", "/console/settlement",
         "/console/tickets", "/console/sticks"]  # fmt: skip


def test_a_link_is_good_once_and_not_for_ever(hq: Headquarters) -> None:
    once = console_link(hq)
    with httpx.Client(trust_env=False, follow_redirects=True) as client:
        assert client.get(f"{hq.url}/console").status_code == 401
        assert client.get(once).status_code == 200
        assert client.get(f"{hq.url}/console").status_code == 200
        hq.clock.now_ms += DAY_MS
        assert client.get(f"{hq.url}/console").status_code == 401, "a session ends"
    with httpx.Client(trust_env=False, follow_redirects=True) as other:
        assert other.get(once).status_code == 401
        late = console_link(hq)
        hq.clock.now_ms += 2 * 3_600_000
        assert other.get(late).status_code == 401
        assert other.get(f"{hq.url}/console/open?key=").status_code == 401


def test_of_a_link_and_a_session_only_hashes_are_kept(hq: Headquarters) -> None:
    link, unused = console_link(hq), console_link(hq)
    with httpx.Client(trust_env=False, follow_redirects=True) as client:
        assert client.get(link).status_code == 200
        secrets = (unused.partition("key=")[2], *client.cookies.values())
    named = "SELECT name FROM settings WHERE name LIKE 'link:%' OR name LIKE 'session:%' ORDER BY name"
    kept = [name for (name,) in hq.rows(named)]
    assert kept == [
        f"{kind}:{sha256(secret.encode()).hexdigest()}"
        for kind, secret in zip(("link", "session"), secrets, strict=True)
    ]


@pytest.mark.parametrize("page", [*PAGES, "/console/members/1024"])
def test_nothing_is_shown_without_a_session(hq: Headquarters, till: PretendTill, page: str) -> None:
    heard = httpx.get(hq.url + page, trust_env=False)
    assert heard.status_code == 401
    assert "s001" not in heard.text
    assert httpx.get(hq.url + page + "?csv=stores", trust_env=False).status_code == 401


@pytest.mark.parametrize("page", PAGES)
def test_every_page_is_in_two_languages_and_runs_nothing(
    desk: httpx.Client, till: PretendTill, page: str
) -> None:
    heard = desk.get(page)
    assert heard.status_code == 200
    assert "default-src 'none'" in heard.headers["content-security-policy"]
    assert "script" not in heard.headers["content-security-policy"]
    assert heard.headers["cache-control"] == "no-store"
    assert "<script" not in heard.text
    assert 'lang="en"' in heard.text
    assert 'lang="zh-CN"' in heard.text


def test_the_stores_page_tells_exposure_by_till(
    hq: Headquarters, till: PretendTill, desk: httpx.Client
) -> None:
    m = till.enrol()
    for _ in range(2):
        till.earn(m, 100)
        till.op("rights.return", m, fund=[["back_l", 100]])
    till.earn(m, 30)
    till.send()
    till.page()
    (told,) = lines(desk, "/console?csv=stores")
    assert (told["额度"], told["本机积分"], told["预留"], told["离线敞口"]) == ("200", "30", "0", "230")
    assert told["操作"] == "6"
    page = desk.get("/console").text
    assert "230" in page
    assert desk.get("/console/stores/s404").status_code == 404


def test_the_stores_page_says_up_to_when_a_till_is_known_and_not_what_it_keeps(
    hq: Headquarters, till: PretendTill, desk: httpx.Client
) -> None:
    """What was not sent is nobody's to count here; a till that was seen a minute ago may still hold a day."""
    m = till.enrol()
    till.earn(m, 10)
    hq.clock.now_ms = till.st
    till.send()
    (known,) = lines(desk, "/console?csv=stores")
    assert known["已知到"] == shown("time", till.st, 480)
    till.st += 6 * 3_600_000  # a session is open for twelve hours
    till.earn(m, 10)
    hq.clock.now_ms = till.st
    till.page()
    (seen,) = lines(desk, "/console?csv=stores")
    assert seen["最近联系"] == shown("time", till.st, 480) != known["最近联系"]
    assert (seen["已知到"], seen["操作"]) == (known["已知到"], known["操作"])
    page = desk.get("/console").text
    assert "“已知到”之后的操作还在门店" in page
    assert "still at the store" in page


def test_a_members_story_adds_up_line_by_line(
    hq: Headquarters, till: PretendTill, desk: httpx.Client, other: PretendTill
) -> None:
    m = till.enrol()
    sale = till.earn(m, 100)
    till.redeem(m, 40)
    till.send()
    other.st = till.st
    other.redeem(m, 20, ["trust", 20])
    other.send()
    till.st = other.st
    till.refund(m, sale, 10_000)
    till.send()
    rows = lines(desk, f"/console/members/{m}?csv=operations")
    assert [int(row["变动"]) for row in rows] == [0, 100, -40, -20, -40]
    assert int(rows[-1]["之后余额"]) == 0
    debts = lines(desk, f"/console/members/{m}?csv=debts")
    assert sum(int(row["积分"]) for row in debts) == 60
    assert {row["承担门店"] for row in debts} == {"s001"}
    page = desk.get(f"/console/members/{m}").text
    assert sale["receipt"] in page
    assert "欠分" in page
    assert find(desk, str(m)).text.count(sale["receipt"]) > 0
    nobody = find(desk, "13812348000")
    assert nobody.status_code == 200
    assert "没有这个会员" in nobody.text
    for bad in ("99999999999999999999", "x", "-1", "1e3"):
        assert desk.get(f"/console/members/{bad}").status_code == 404
    positions = lines(desk, "/console/settlement?csv=positions")
    assert sum(int(row["应收积分"]) for row in positions) == 0


def test_a_member_is_found_by_the_whole_code(hq: Headquarters, till: PretendTill, desk: httpx.Client) -> None:
    m, code = till.pool[0]
    till.enrol()
    till.send()
    assert find(desk, code).url.path == f"/console/members/{m}"
    assert "没有这个会员" in find(desk, code[:-1]).text
    assert "没有这个会员" in find(desk, str(m + 1)).text
    assert "没有这个会员" not in find(desk, " ").text


def test_what_is_asked_of_a_member_stands_in_no_address(
    hq: Headquarters, till: PretendTill, desk: httpx.Client
) -> None:
    """Browsers, proxies and access logs keep addresses; the answer to a code names the number only."""
    _, code = till.pool[0]
    m = till.enrol()
    till.send()
    heard = desk.post("/console/members", data={"word": form(desk), "q": code}, follow_redirects=False)
    assert (heard.status_code, heard.headers["location"]) == (303, f"/console/members/{m}")
    assert str(m) not in desk.get("/console/members", params={"q": code}).text, "an address finds nobody"
    good = {"word": form(desk), "q": code}
    for bad in ({"word": ""}, {"word": "0" * 64}):
        assert desk.post("/console/members", data={**good, **bad}).status_code == 403
    evil = desk.post("/console/members", data=good, headers={"origin": "http://evil.example"})
    assert evil.status_code == 403
    assert httpx.post(f"{hq.url}/console/members", data=good, trust_env=False).status_code == 401
    forms = [(page, form) for page in PAGES for form in re.findall(r"<form[^>]*>", desk.get(page).text)]
    assert {"/console/members", "/console/tickets"} <= {page for page, _ in forms}
    assert [(page, form) for page, form in forms if 'method="post"' not in form] == []


def find(desk: httpx.Client, asked: str) -> httpx.Response:
    """The page that answers the search for a member."""
    return desk.post("/console/members", data={"word": form(desk), "q": asked})


def form(desk: httpx.Client) -> str:
    found = re.search(r'name="word" value="([0-9a-f]{64})"', desk.get("/console/tickets").text)
    assert found
    return found[1]


def test_a_ticket_written_here_opens_a_till(hq: Headquarters, desk: httpx.Client) -> None:
    fields = {"word": form(desk), "store": "s007", "name": "员村店", "till": "01"}
    page = desk.post("/console/tickets", data=fields)
    assert page.status_code == 200
    found = re.search(r"JT1\.[A-Z2-7]+", page.text)
    assert found
    told = tickets.decode(found[0])
    assert (told.store, told.till, told.chain) == ("s007", "01", "demo")
    assert "data:image/svg+xml" in page.text
    assert hq.rows("SELECT name FROM stores WHERE store = 's007'") == [("员村店",)]


def test_a_form_that_is_not_ours_writes_nothing(hq: Headquarters, desk: httpx.Client) -> None:
    good = {"word": form(desk), "store": "s007", "name": "x", "till": "01"}
    assert desk.post("/console/tickets", data={**good, "word": "0" * 64}).status_code == 403
    assert (
        desk.post("/console/tickets", data=good, headers={"origin": "http://evil.example"}).status_code == 403
    )
    assert httpx.post(f"{hq.url}/console/tickets", data=good, trust_env=False).status_code == 401
    for bad in ({"store": "S 1"}, {"store": "hq"}, {"till": ""}, {"name": ""}, {"store": "a" * 17}):
        assert desk.post("/console/tickets", data={**good, **bad}).status_code == 422
    assert hq.rows("SELECT count(*) FROM tickets") == [(0,)]


@pytest.mark.browser
def test_in_a_real_browser_a_ticket_is_written_and_nothing_is_complained_of(browsed: Page) -> None:
    browsed.get_by_role("link", name="开店凭证").click()
    browsed.fill("#store", "s009")
    browsed.fill("#name", "体育西路店")
    browsed.get_by_role("button").click()
    assert "s009" in browsed.inner_text("h1")
    shown_text = browsed.inner_text("pre.text")
    browsed.get_by_role("link", name="再开一张").click()
    assert "未使用" in browsed.inner_text("table")
    assert tickets.decode(shown_text).store == "s009"


@pytest.mark.browser
def test_in_a_real_browser_a_member_is_found_and_the_code_stands_in_no_address(
    hq: Headquarters, till: PretendTill, browsed: Page
) -> None:
    _, code = till.pool[0]
    m = till.enrol()
    till.send()
    asked: list[str] = []
    browsed.on("request", lambda request: asked.append(request.url))
    browsed.get_by_role("link", name="会员").click()
    for text in (code[:-1], code):
        browsed.fill("#q", text)
        browsed.get_by_role("button").click()
    browsed.wait_for_url(f"**/console/members/{m}")
    assert str(m) in browsed.inner_text("h1")
    assert not [url for url in [*asked, browsed.url] if code[:-1] in url]


def test_a_cell_is_shown_and_never_run(hq: Headquarters) -> None:
    table = Table("t", [Column("store_name"), Column("points", "n")], [["=1+1", -5], ["@x", None]])
    rows = as_csv(table, load_words("zh"), 0).decode("utf-8-sig").splitlines()
    assert rows[1:] == ["'=1+1,-5", "'@x,"]
    assert shown("day", 20261119, 0) == "2026-11-19"
    assert shown("day", 0, 0) == "∞"

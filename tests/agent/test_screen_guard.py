"""The guard of the page over real HTTP: another site, another name, another program may do nothing."""

from __future__ import annotations

import http.client
import json
import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from running import MEMBER, Page, act, running

from agent.assembly import Agent
from agent.screen.key import PageKey

SALE = {"act": "act-00000001", "m": MEMBER, "fen": 12500}


@pytest.fixture(scope="module")
def agent(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Agent]:
    with running(tmp_path_factory.mktemp("guard")) as started:
        yield started


@pytest.fixture
def page(agent: Agent) -> Page:
    return Page(agent).open()


def attacks(page: Page) -> list[tuple[str, dict[str, str], int]]:
    port = page.port
    hosts = [
        "evil.example", f"evil.example:{port}", "127.0.0.1", f"127.0.0.1:{port + 1}", f"localhost.:{port}",
        f"127.0.0.1.nip.io:{port}", f"[::2]:{port}", f"0.0.0.0:{port}", f"a@127.0.0.1:{port}", "127.1",
    ]  # fmt: skip
    origins = [
        "null", "http://evil.example", f"https://127.0.0.1:{port}", f"http://127.0.0.1:{port + 1}",
        f"http://localhost:{port}", "file://", f"http://127.0.0.1:{port}.evil.example", f"http://127.0.0.1:{port}/",
    ]  # fmt: skip
    return [
        *(("host", {"host": host}, 421) for host in hosts),
        *(("origin", {"origin": origin}, 403) for origin in origins),
        *(("site", {"sec-fetch-site": site}, 403) for site in ("cross-site", "same-site", "")[:2]),
        ("no word", {"x-jifen-word": ""}, 401),
        ("a wrong word", {"x-jifen-word": "0" * 64}, 401),
        ("the cookie as the word", {"x-jifen-word": page.cookie.partition("=")[2]}, 401),
        ("a form", {"content-type": "application/x-www-form-urlencoded"}, 415),
        ("text", {"content-type": "text/plain"}, 415),
        ("no type", {"content-type": ""}, 415),
    ]


def test_an_honest_page_is_let_in(page: Page) -> None:
    told = page.post("/api/quote", m=MEMBER, fen=12500)
    assert told["pts"] == 15
    assert page.send("POST", "/api/quote", {"fen": 1}, {"origin": f"http://127.0.0.1:{page.port}"})[0] == 200
    assert page.send("POST", "/api/quote", {"fen": 1}, {"sec-fetch-site": "same-origin"})[0] == 200


def test_every_attack_is_refused_and_nothing_is_recorded(agent: Agent, page: Page) -> None:
    before = agent.till.log.seq
    for name, headers, status in attacks(page):
        got, _, told = page.send("POST", "/api/sell", SALE, headers)
        assert got == status, (name, headers, told)
    assert agent.till.log.seq == before
    assert page.post("/api/sell", **SALE)["done"] == "sale.earn"  # the same request without the attack
    assert agent.till.log.seq == before + 1


def test_a_get_changes_nothing_whatever_it_asks(agent: Agent, page: Page) -> None:
    before = agent.till.log.seq
    for path in ("sell", "redeem", "refund", "void", "enrol", "day/close", "night", "resolve", "session"):
        for method in ("GET", "HEAD", "PUT", "DELETE", "PATCH", "OPTIONS"):
            assert page.send(method, f"/api/{path}")[0] in (404, 405), (method, path)
    assert agent.till.log.seq == before
    assert not agent.till.shift().closed


def test_what_is_read_needs_the_cookie(page: Page) -> None:
    for path in ("/api/state", "/api/events", f"/api/card/{MEMBER}", "/api/paper/0", "/api/words"):
        assert page.send("GET", path, headers={"cookie": ""})[0] == 401, path
        assert page.send("GET", path, headers={"cookie": f"jifen_{page.port}=0"})[0] == 401, path
    assert page.get("/api/state")["till"] == "01"


def test_the_code_of_the_address_opens_once(agent: Agent, page: Page) -> None:
    code = agent.page_url.partition("#")[2]
    stranger = Page(agent)
    assert stranger.send("POST", "/api/session", {"code": ""})[0] == 401
    assert stranger.send("POST", "/api/session", {"code": "x" * 22})[0] == 401
    assert stranger.send("POST", "/api/session", {"code": code})[0] == 200
    assert stranger.send("POST", "/api/session", {"code": code})[0] == 401
    assert page.send("POST", "/api/session", {})[0] == 200  # a page that has the cookie may load again


def test_the_counter_s_group_may_read_the_key_and_nobody_else(tmp_path: Path) -> None:
    """A service's own mask takes the group's rights away from a new file: the register could not read it."""
    for mask in (0o077, 0o022, 0o000):
        before = os.umask(mask)
        try:
            key = PageKey(tmp_path, 8750, "boot")
        finally:
            os.umask(before)
        assert stat.S_IMODE(key.path.stat().st_mode) == 0o640, oct(mask)


def test_the_cookie_is_for_this_page_alone(agent: Agent) -> None:
    code = agent.page_url.partition("#")[2]
    _, headers, _ = Page(agent).send("POST", "/api/session", {"code": code})
    cookie = headers["set-cookie"].lower()
    assert f"jifen_{agent.server.port}=" in cookie
    assert "httponly" in cookie
    assert "samesite=strict" in cookie


def test_no_answer_speaks_to_another_origin(page: Page) -> None:
    for method, path in (("GET", "/"), ("GET", "/api/state"), ("POST", "/api/quote"), ("GET", "/nothing")):
        _, headers, _ = page.send(method, path, {"fen": 1})
        assert not [name for name in headers if name.startswith("access-control-")]
        assert "default-src 'none'" in headers["content-security-policy"]
        assert "unsafe-inline" not in headers["content-security-policy"]
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["cache-control"] == "no-store"
        assert "server" not in headers


def test_the_bare_page_may_be_navigated_to_and_holds_nothing(page: Page) -> None:
    from_elsewhere = {
        "sec-fetch-site": "same-site",
        "sec-fetch-mode": "navigate",
        "sec-fetch-dest": "document",
    }
    status, _, html = page.send("GET", "/", headers={**from_elsewhere, "cookie": ""})
    assert status == 200
    assert b"800" not in html
    assert page.send("GET", "/api/state", headers=from_elsewhere)[0] == 403
    framed = {**from_elsewhere, "sec-fetch-dest": "iframe"}
    assert page.send("GET", "/", headers=framed)[0] == 403


def test_too_much_is_refused_while_it_comes(page: Page) -> None:
    raw = json.dumps({"text": "x" * 70_000}).encode()
    assert page.send("POST", "/api/scan", raw=raw)[0] == 413


@pytest.mark.parametrize(
    "body",
    [
        {"fen": "12500"}, {"fen": 125.0}, {"fen": True}, {"fen": -1}, {"points": False}, {"m": "1030"},
        {"act": ""}, {"act": "a b"}, {"unknown": 1}, {"lines": []}, {"lines": [[1, "food", 0, 1]]},
        {"lines": [[1, "", 1, 1]]}, {"paid": "gold"}, {"by": "a\u0000b"}, {"fen": 10**11}, {"receipt": "a b"},
    ],
)  # fmt: skip
def test_what_is_not_exact_is_not_understood(agent: Agent, page: Page, body: dict[str, Any]) -> None:
    before = agent.till.log.seq
    status, _, told = page.send("POST", "/api/sell", {**SALE, "act": act(), **body})
    assert status == 422, told
    assert agent.till.log.seq == before
    assert "12500" not in json.dumps(told)  # what was typed is not repeated


def test_a_double_host_or_a_proxy_s_form_is_refused(page: Page) -> None:
    way = http.client.HTTPConnection("127.0.0.1", page.port, timeout=5)
    way.putrequest("GET", "/api/state", skip_host=True)
    for _ in range(2):
        way.putheader("host", f"127.0.0.1:{page.port}")
    way.putheader("cookie", page.cookie)
    way.endheaders()
    assert way.getresponse().status in (400, 421)
    way.close()
    assert page.send("GET", f"http://127.0.0.1:{page.port}/api/state")[0] == 421


def test_a_path_leads_nowhere_but_to_the_page(page: Page) -> None:
    for path in (
        "/page/../app.py",
        "/page/%2e%2e/app.py",
        "/page/..%2fapp.py",
        "/page/app.py",
        "/docs",
        "/openapi.json",
    ):
        assert page.send("GET", path)[0] == 404, path
    assert page.send("GET", "/page/page.js")[0] == 200

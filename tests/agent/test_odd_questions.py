"""Numbers and letters that nothing can hold are answered like any other question, never with a crash."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from running import Page, running
from shopfloor import GOODS, counter_of, open_till

from agent import goods_back
from agent.recorder import Recorded
from agent.screen.key import PageKey
from points.wire import canonical


@pytest.mark.parametrize(
    "typed", ["01-9999999999-1", "01-1-9999999999", "01-2147483648-0", "01-1-4294967297"]
)
def test_a_receipt_number_that_cannot_be_finds_nothing(tmp_path: Path, typed: str) -> None:
    till = open_till(tmp_path)
    done = counter_of(till).sell(None, GOODS, "c1")
    assert isinstance(done, Recorded)
    assert goods_back.find(till, typed) is None
    assert goods_back.find(till, "01-1-1") == done.op.id


def test_numbers_beyond_every_number_are_not_understood(tmp_path: Path) -> None:
    with running(tmp_path) as agent:
        page = Page(agent).open()
        for number in (2**63, 2**80, -1):
            assert page.send("GET", f"/api/card/{number}")[0] == 422
            assert page.send("GET", f"/api/paper/{number}")[0] == 422
            assert page.send("POST", "/api/resolve", {"job": number, "printed": True})[0] == 422
        assert page.send("GET", "/api/card/1030")[0] == 200
        assert page.send("GET", f"/api/paper/{2**63 - 1}")[0] == 404


def test_a_line_that_stands_twice_is_not_understood(tmp_path: Path) -> None:
    act = {"act": "a" * 8}
    twice = {
        "/api/quote": {"lines": [[1, "all", 1, 100], [1, "all", 1, 200]]},
        "/api/sell": {**act, "lines": [[1, "all", 1, 100], [1, "all", 1, 200]]},
        "/api/refund": {**act, "sale": "0" * 32, "lines": [[1, 1, 100], [1, 1, 100]]},
        "/api/refund-elsewhere": {**act, "claim": "1" * 99, "groups": [[0, 100], [0, 100]]},
    }
    with running(tmp_path) as agent:
        page = Page(agent).open()
        for path, body in twice.items():
            assert page.send("POST", path, body)[0] == 422, path


@pytest.mark.parametrize("code", ["é", "钥匙", "\ud800", ""])
def test_a_code_in_other_letters_opens_nothing(tmp_path: Path, code: str) -> None:
    key = PageKey(tmp_path, 1, "x")
    assert not key.opens(code)
    assert not key.is_word(code)
    assert not key.is_cookie(code)
    assert key.opens(key.url.partition("#")[2])


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"lines": [[1, "fo\0od", 1, 100]]}, "lines"),
        ({"lines": [[1, "food\u2028", 1, 100]]}, "lines"),
        ({"by": "c\t1"}, "by"),
        ({"lines": [[n, "food", 1, 4_000_000_000] for n in range(2)]}, "lines"),
    ],
)
def test_what_no_operation_can_say_is_not_understood_and_named(
    tmp_path: Path, wrong: dict[str, Any], field: str
) -> None:
    with running(tmp_path) as agent:
        page = Page(agent).open()
        asked = {"act": "a" * 8, "lines": [[1, "food", 1, 100]]}
        status, _, told = page.send("POST", "/api/sell", asked | wrong)
        assert (status, told["not_understood"][0].split(".")[0]) == (422, field)
        assert page.send("POST", "/api/sell", asked)[0] == 200


def test_words_are_recorded_composed(tmp_path: Path) -> None:
    with running(tmp_path) as agent:
        page = Page(agent).open()
        lines = [[1, "cafe\u0301", 1, 100], [2, "\uf900", 1, 100]]
        asked = {"act": "a" * 8, "by": "Ame\u0301lie", "lines": lines}
        assert page.send("POST", "/api/quote", {"lines": lines})[0] == 200
        assert page.send("POST", "/api/sell", asked)[0] == 200
        (entry,) = agent.till.log.walk()
        body = canonical.decode(entry.body)
        assert (body["by"], body["lines"][0][1], body["lines"][1][1]) == ("Amélie", "café", "\u8c48")
        assert page.send("POST", "/api/enrol", {"act": "b" * 8, "name": "Ame\u0301lie"})[0] == 200

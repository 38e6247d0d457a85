"""What a cashier reads at a till that headquarters has not heard for too long."""

from __future__ import annotations

from pathlib import Path

import pytest
from running import MEMBER, Page, running
from shopfloor import NOON_MS, grant

from agent.assembly import Agent


def stop(agent: Agent) -> None:
    """Its session has ended."""
    till = agent.till
    with till.book.turn() as turn:
        till.session.hear(turn, NOON_MS - 1, till.log.seq)
    till.session.recall()


@pytest.mark.parametrize(("language", "helps"), [("zh", "联网同步"), ("en", "contact")])
def test_the_page_says_why_and_what_helps(tmp_path: Path, language: str, helps: str) -> None:
    with running(tmp_path) as agent:
        page = Page(agent).open()
        grant(agent.till, MEMBER, 500)
        assert page.get("/api/state?lang=" + language)["silent"] == ""
        assert page.get(f"/api/card/{MEMBER}")["card"]["here"] == 500
        stop(agent)
        assert helps in page.get("/api/state?lang=" + language)["silent"]
        card = page.get(f"/api/card/{MEMBER}?lang={language}")["card"]
        assert (card["points"], card["here"], card["less_here"]) == (1280, 0, True)
        said = page.post("/api/redeem?lang=" + language, act="ab" * 16, m=MEMBER, points=100)
        assert said["no"] == "silent_too_long"
        assert helps in said["say"]
        sold = page.post("/api/sell", act="cd" * 16, m=MEMBER, fen=10_000)
        assert sold["earned"] == 12, "it sells and earns as ever"

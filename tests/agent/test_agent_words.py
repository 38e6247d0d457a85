"""Every sentence that the agent can say exists: keys in its code and its page, refusals, reasons."""

from __future__ import annotations

import ast
import re
from pathlib import Path

from config.words import PLACES, load_words
from points.refusals import Refusal

AGENT = Path(__file__).resolve().parents[2] / "agent"
WORDS = load_words("zh")
KEY = re.compile(rf"(?:{'|'.join(PLACES)})\.[a-z_]+")


FILES = (".html", ".css", ".js", ".json", ".key")


def keys_in_code() -> set[str]:
    found = set()
    for path in AGENT.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and KEY.fullmatch(node.value):
                found.add(node.value)
    return {key for key in found if not key.endswith(("_", *FILES))}


def keys_in_the_page() -> set[str]:
    text = "".join(path.read_text("utf-8") for path in (AGENT / "screen" / "page").glob("*.[jh]*"))
    return {key for key in re.findall(r'"([a-z]+\.[a-z_]+)"', text) if KEY.fullmatch(key)}


def test_every_key_that_the_agent_names_has_words() -> None:
    named = keys_in_code()
    assert {"fault.mirror", "state.contact_done"} <= named, "the search itself is broken"
    assert sorted(key for key in named if key not in WORDS) == []


def test_every_key_that_the_page_names_has_words_and_is_sent_to_it() -> None:
    named = keys_in_the_page()
    assert {"page.welcome", "receipt.earned"} <= named, "the search itself is broken"
    assert sorted(key for key in named if key not in WORDS) == []
    assert {key.split(".")[0] for key in named} <= {"page", "state", "receipt"}


def test_every_refusal_and_every_reason_has_words() -> None:
    assert [one.name for one in Refusal if f"refusal.{one.name}" not in WORDS] == []
    quoting = (AGENT.parent / "points" / "quoting.py").read_text("utf-8")
    reasons = re.findall(r'Reason\("([a-z_]+)"', quoting)
    assert len(reasons) >= 5
    assert [one for one in reasons if f"reason.{one}" not in WORDS] == []

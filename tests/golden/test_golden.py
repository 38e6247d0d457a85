"""Whatever was ever signed or stored is still read and says what it said; so is what others write."""

from __future__ import annotations

import json
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from readings import READERS, covers

from points.operations import KINDS

HERE = Path(__file__).parent
PRESSINGS = sorted((path for path in HERE.iterdir() if path.name.isdigit()), key=lambda path: int(path.name))
SPECIMENS: list[tuple[str, dict[str, Any]]] = [
    (f"{folder.name}: {one['name']}", one)
    for folder in PRESSINGS
    for path in sorted(folder.glob("*.json"))
    for one in json.loads(path.read_text("utf-8"))
]


def read(one: dict[str, Any]) -> Any:
    raw = bytes.fromhex(one["hex"]) if "hex" in one else one["text"].encode()
    return READERS[one["what"]](raw, one.get("with", {}))


@pytest.mark.parametrize("one", [one for _, one in SPECIMENS], ids=[name for name, _ in SPECIMENS])
def test_what_was_ever_signed_says_what_it_said(one: dict[str, Any]) -> None:
    now = read(one)
    assert covers(now, one["says"]), f"read now: {json.dumps(now, ensure_ascii=False)}"


@pytest.mark.parametrize("folder", PRESSINGS, ids=lambda folder: f"{folder.name}")
def test_no_pressing_was_written_again(folder: Path) -> None:
    told = dict(
        reversed(line.split("  ")) for line in (folder / "SHA256SUMS").read_text("utf-8").splitlines()
    )
    found = {path.name: sha256(path.read_bytes()).hexdigest() for path in folder.glob("*.json")}
    assert found == told


def test_every_kind_of_operation_and_of_bytes_was_pressed() -> None:
    operations = {
        one["says"]["kind"] for _, one in SPECIMENS if one["what"] == "operation" and "kind" in one["says"]
    }
    assert operations == {kind for kind, _ in KINDS}, "press the next corpus: python tests/golden/press.py N"
    assert {one["what"] for _, one in SPECIMENS} == set(READERS)


def test_what_says_something_else_is_seen() -> None:
    """The comparison itself can fail: for another value, another type, a row less and a field less."""
    assert covers({"a": [1, {"b": 2, "c": 3}]}, {"a": [1, {"b": 2}]})
    for other in ({"a": [1, {"b": 3}]}, {"a": [1, {"b": True}]}, {"a": [1]}, {"a": [1, {"c": 3}]}, {}):
        assert not covers(other, {"a": [1, {"b": 2}]}), other

"""Presses the golden corpus: every kind of signed or stored bytes, and what is read in them.

    python tests/golden/press.py 2          (writes tests/golden/2/*.json, once)

A pressing holds what is new since those before it, and then stays: a folder that is there is never written
again, and ``SHA256SUMS`` says if anybody did.
"""

from __future__ import annotations

import json
import sys
from hashlib import sha256
from pathlib import Path
from typing import Any

import operations_made
import readings
import wire_made

HERE = Path(__file__).parent
SUMS = "SHA256SUMS"


def _identity(one: dict[str, Any]) -> tuple[str, str]:
    """What it is and its bytes: what was pressed before is not pressed again."""
    return one["what"], one.get("hex") or one["text"]


def _read(one: dict[str, Any]) -> Any:
    raw = bytes.fromhex(one["hex"]) if "hex" in one else one["text"].encode()
    return readings.READERS[one["what"]](raw, one.get("with", {}))


def operations() -> list[dict[str, Any]]:
    """Every kind as it is, and as another version writes it."""
    told, says = [], {}
    for kind in operations_made.SAYS:
        one = {"name": kind, "what": "operation", "text": operations_made.text(operations_made.body(kind))}
        says[kind] = _read(one)
        assert says[kind].get("kind") == kind, f"{kind} is not what it should be: {says[kind]}"
        told.append({**one, "says": says[kind]})
    for name, (body, like) in operations_made.evolved().items():
        expected = says.get(like) or {"letter": "P", "reason": like}
        told.append({"name": name, "what": "operation", "text": operations_made.text(body), "says": expected})
    return told


def wire() -> list[dict[str, Any]]:
    """Everything else as it is, and as another version writes it."""
    base = wire_made.made()
    says = {name: _read(one) for name, one in base.items()}
    told = [{"name": name, **one, "says": says[name]} for name, one in base.items()]
    for name, (one, like) in wire_made.evolved(base).items():
        found = _read(one)
        told.append({"name": name, **one, "says": _same(says[like], found, name) if like else found})
    return told


def _same(like: Any, found: Any, name: str) -> Any:
    """What is expected of an evolved form: all of what its base says, but for what the change itself is."""
    if isinstance(like, dict):
        left = {key: _same(like[key], found.get(key), name) for key in like}
        changed = {"x", "id", "signature", "psha", "inst", "log", "manifest"} & left.keys()
        return {key: found[key] if key in changed else value for key, value in left.items()}
    return like


def main(number: str) -> int:
    """Write one pressing."""
    folder = HERE / str(int(number))
    if folder.exists():
        print(
            f"{folder.name} was pressed already and is never written again; press the next one",
            file=sys.stderr,
        )
        return 1
    known = {
        _identity(one) for path in HERE.glob("[0-9]*/*.json") for one in json.loads(path.read_text("utf-8"))
    }
    made = {"operations.json": operations(), "wire.json": wire()}
    pressed = {
        name: new for name, told in made.items() if (new := [o for o in told if _identity(o) not in known])
    }
    if not pressed:
        print("there is nothing new to press", file=sys.stderr)
        return 1
    folder.mkdir()
    sums = []
    for name, told in pressed.items():
        raw = (json.dumps(told, ensure_ascii=False, indent=1, sort_keys=True) + "\n").encode()
        (folder / name).write_bytes(raw)
        sums.append(f"{sha256(raw).hexdigest()}  {name}\n")
    (folder / SUMS).write_text("".join(sums), "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))

"""A module looks down, never up, and never across the chain; each library enters through its door.

The plan itself is in house_plan.py. Every check is also shown a broken snippet, so that a check
that sees nothing cannot pass for a house that is in order.
"""

from __future__ import annotations

from house_plan import (
    HOUSE,
    PACKAGES,
    Source,
    door_faults,
    float_faults,
    floor_faults,
    idle_doors,
    purity_faults,
    rooms,
)


def test_the_plan_sees_every_package() -> None:
    seen = {source.name.split(".")[0] for source in rooms()}
    assert {*PACKAGES, "jifen"} <= seen


def test_a_module_looks_down_only() -> None:
    assert not (faults := floor_faults(rooms())), "\n".join(faults)


def test_each_library_has_one_door() -> None:
    assert not (faults := door_faults(rooms())), "\n".join(faults)


def test_every_door_is_gone_through() -> None:
    assert idle_doors(rooms()) == []
    assert "httpx" in idle_doors(room for room in rooms() if room.name != "agent.uplink")


def test_the_points_read_no_clock_disk_network_or_chance() -> None:
    assert not (faults := purity_faults(rooms())), "\n".join(faults)


def test_there_is_no_float_in_the_points() -> None:
    assert not (faults := float_faults(rooms())), "\n".join(faults)


def test_packaging_never_becomes_a_package() -> None:
    # It would shadow the library `packaging` for every tool that is run from the root.
    assert (HOUSE / "packaging").is_dir()
    assert not list((HOUSE / "packaging").rglob("__init__.py"))


def test_tests_are_no_package_and_their_names_are_unique() -> None:
    assert list((HOUSE / "tests").rglob("__init__.py")) == []
    names = [path.name for path in (HOUSE / "tests").rglob("*.py") if path.name != "conftest.py"]
    assert sorted(names) == sorted(set(names))


def test_looking_up_is_seen() -> None:
    broken = [
        Source.of("points.lots", "from points.wire import keys"),
        Source.of("agent.journal.log", "import agent.store.members"),
        Source.of("agent.recorder", "def f():\n    from agent.assembly import build"),
        Source.of("agent.store", "from ..journal import x\nfrom ..screen import y", is_package=True),
        Source.of("agent.night", "import importlib\nimportlib.import_module('agent.cli')"),
    ]
    faults = floor_faults(broken)
    assert len(faults) == 5, faults
    assert all("reaches up" in fault for fault in faults)


def test_a_stranger_is_seen() -> None:
    broken = [
        Source.of("hub.intake", "import agent.store"),
        Source.of("agent.replay.driver", "from hub import intake"),
        Source.of("hardware.paper", "from config import words"),
        Source.of("points.quoting", "import hardware"),
    ]
    assert len([fault for fault in floor_faults(broken) if "must not know" in fault]) == 4


def test_a_room_without_a_floor_is_seen() -> None:
    assert floor_faults([Source.of("attic.box", "")]) == ["attic.box stands on no floor"]


def test_a_library_at_the_window_is_seen() -> None:
    broken = [
        Source.of("agent.counter", "import httpx"),
        Source.of("points.wire.container", "from backports import zstd"),
        Source.of("hub.intake", "import requests"),
        Source.of("agent.store.members", "import sqlite3"),
    ]
    assert len(door_faults(broken)) == 4
    for number in range(3):
        broken.append(Source.of(f"hardware.room{number}", "from PIL import Image"))
    assert len(door_faults(broken)) == 5


def test_the_doors_themselves_are_open() -> None:
    house = [
        Source.of("agent.uplink", "import httpx"),
        Source.of("hardware.serial_port", "import serial"),
        Source.of("points.wire.sealing", "from cryptography.hazmat.primitives import hashes"),
        Source.of("hub.store.tables", "from sqlalchemy import Table\nimport json"),
    ]
    assert door_faults(house) == []


def test_a_clock_in_the_points_is_seen() -> None:
    broken = [
        Source.of("points.days", "import datetime\ntoday = datetime.date.today()"),
        Source.of("points.identifiers", "import random"),
        Source.of("points.rulebook", "text = open('x').read()"),
    ]
    assert len(purity_faults(broken)) == 3
    assert purity_faults([Source.of("agent.clock", "import time\ntime.time()")]) == []


def test_a_float_in_the_points_is_seen() -> None:
    broken = "a = 0.5\nb = 3 / 2\nb /= 2\nc = float('1')\nd = 3 // 2\ne = isinstance(a, float)\n"
    assert len(float_faults([Source.of("points.amounts", broken)])) == 4
    assert float_faults([Source.of("hardware.paper", broken)]) == []

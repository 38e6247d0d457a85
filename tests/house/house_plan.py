"""The plan of the building: its floors, who is a stranger to whom, and which door each library uses.

Reads every source file once (one parse a file, kept for all tests of this folder) and answers with
lists of faults in words, so that each check can be shown a broken snippet as well as the house.
It judges text and syntax trees only; it never imports what it judges.
"""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

HOUSE = Path(__file__).resolve().parents[2]
PACKAGES = ("points", "config", "hardware", "agent", "hub")
FRONT_DOOR = "jifen"

# Adding a floor or a door is a design decision, so it is made here, in sight.
FLOORS: list[set[str]] = [
    {"points", "config", "hardware"},  # 0 values · settings and words · devices
    {"points.wire"},  # 1 what travels, how it is signed
    {"agent.journal"},  # 2 the store's durable book
    {"agent.store", "hub.store"},  # 3 SQL of one side
    {"agent", "hub"},  # 4 the work itself
    {"agent.screen", "hub.api", "hub.console"},  # 5 HTTP and pages
    {"agent.assembly", "hub.assembly"},  # 6 the parts meet, once
    {"agent.cli", "agent.verify", "hub.cli", "agent.demo", "agent.replay", "hub.rehearsal"},  # 7 commands
    {FRONT_DOOR},  # 8 the front door, imports lazily
]
STRANGERS: dict[str, set[str]] = {
    "agent": {"hub"},
    "hub": {"agent", "hardware"},
    "points": {"config", "hardware"},
    "config": {"points", "hardware"},
    "hardware": {"points", "config"},
}
PAGES = {"agent.screen", "hub.api", "hub.console"}
SERVERS = PAGES | {"agent.assembly", "hub.assembly", "agent.cli", "hub.cli", "agent.demo", "agent.replay"}
# A name ending in * is a family of modules: hardware.serial_* is hardware.serial_port and its sisters.
DOORS: dict[str, set[str]] = {
    "sqlcipher3": {"config.sqlite"},
    "sqlite3": {"config.sqlite"},  # the machine's own SQLite may lack the WAL fix: the gate is in one place
    "sqlite_utils": {"agent.journal.database"},
    "cryptography": {"points.wire.keys", "points.wire.sealing"},
    "backports": {"points.wire.envelope"},
    "orjson": {"points.wire.canonical"},
    "compression": {"points.wire.envelope"},
    "httpx": {"agent.uplink"},
    "apscheduler": {"agent.night", "hub.night"},
    "serial": {"hardware.serial_*"},
    "pynput": {"hardware.keyboard_scanner"},
    "escpos": {"hardware.escpos_*"},
    "sqlalchemy": {"hub.store"},
    "alembic": {"hub.store"},
    "fastapi": PAGES,
    "starlette": PAGES,
    "pydantic": PAGES,
    "jinja2": PAGES,
    "markupsafe": PAGES,
    "uvicorn": SERVERS,
    "PIL": {"hardware"},
    "segno": {"hardware", "hub.console"},
    "pyarrow": {"agent.replay.purchases"},
}
FEW_ROOMS = {"PIL": 2, "segno": 2}  # inside hardware, in at most so many modules
# The points know no clock, disk, network or chance: those come in as arguments.
NOT_FOR_POINTS = {
    "asyncio", "ctypes", "http", "io", "locale", "logging", "multiprocessing", "os", "pathlib", "random",
    "secrets", "select", "shutil", "signal", "socket", "ssl", "subprocess", "tempfile", "threading", "time",
    "urllib", "zoneinfo",
}  # fmt: skip
CLOCKS = re.compile(r"\b(datetime|date|dt)\.(now|today|utcnow)$")
FORBIDDEN_NAMES = {"utils", "util", "common", "helpers", "helper", "manager", "managers", "base"}
LINES_MAX = 400
LAW_CHARS_MIN = 20
_HASHES = re.compile(r"(?:#!.*\n)?((?:#(?!!).*\n)+)")
# How a file that is not Python says at its top what it is: by its suffix, or by its name where it has none.
OPENINGS = {
    ".html": re.compile(r"(?:<!doctype html>\n)?(?:\{#(.*?)#\}|<!--(.*?)-->)", re.DOTALL),
    ".css": re.compile(r"/\*(.*?)\*/", re.DOTALL),
    ".js": re.compile(r"((?://.*\n)+)"),
    ".pml": re.compile(r"/\*(.*?)\*/", re.DOTALL),
    ".toml": _HASHES,
    ".service": _HASHES,
    "Makefile": _HASHES,
    "run": _HASHES,
}


@dataclass(frozen=True, slots=True)
class Source:
    """One Python file: its dotted name, its text and its tree."""

    name: str
    text: str
    tree: ast.Module
    is_package: bool = False

    @classmethod
    def of(cls, name: str, text: str, is_package: bool = False) -> Source:
        return cls(name, text, ast.parse(text), is_package)


@cache
def listed_files() -> tuple[Path, ...]:
    """Every file that git holds or would take, without what .gitignore names."""
    command = ["git", "-C", str(HOUSE), "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    raw = subprocess.run(command, capture_output=True, check=True).stdout.decode()
    return tuple(HOUSE / name for name in sorted(raw.split("\0")) if name and (HOUSE / name).is_file())


@cache
def python_files() -> tuple[tuple[Path, Source], ...]:
    """Every Python file of the house, its tests included, parsed once."""
    return tuple((path, read_source(path)) for path in listed_files() if path.suffix == ".py")


def read_source(path: Path) -> Source:
    name = ".".join(path.relative_to(HOUSE).with_suffix("").parts)
    is_package = path.name == "__init__.py"
    return Source.of(name.removesuffix(".__init__"), path.read_text("utf-8"), is_package)


def rooms() -> list[Source]:
    """The product itself: the packages and the front door, without tests."""
    return [s for _, s in python_files() if s.name.split(".")[0] in {*PACKAGES, FRONT_DOOR}]


def within(name: str, prefix: str) -> bool:
    if prefix.endswith("*"):
        return name.startswith(prefix[:-1])
    return name == prefix or name.startswith(prefix + ".")


def imports(source: Source) -> Iterator[str]:
    """Dotted names that a module imports, wherever in it, and by import_module("…") too."""
    for node in ast.walk(source.tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            origin = node.module or ""
            if node.level:
                parts = source.name.split(".")
                kept = parts[: len(parts) - node.level + (1 if source.is_package else 0)]
                origin = ".".join([*kept, origin] if origin else kept)
            yield from (f"{origin}.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.Call) and node.args:
            called = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            first = node.args[0]
            if called in {"import_module", "__import__"} and isinstance(first, ast.Constant):
                yield str(first.value)


def floor(name: str) -> int | None:
    homes = [(len(room), level) for level, here in enumerate(FLOORS) for room in here if within(name, room)]
    return max(homes)[1] if homes else None


def floor_faults(sources: Iterable[Source]) -> list[str]:
    """Imports that look up, or across to a stranger."""
    faults = []
    for source in sources:
        here = floor(source.name)
        if here is None:
            faults.append(f"{source.name} stands on no floor")
            continue
        for target in imports(source):
            there = floor(target)
            if there is None:
                continue
            if there > here:
                faults.append(f"{source.name} (floor {here}) reaches up to {target} (floor {there})")
            if target.split(".")[0] in STRANGERS.get(source.name.split(".")[0], set()):
                faults.append(f"{source.name} must not know {target}")
    return faults


def idle_doors(sources: Iterable[Source]) -> list[str]:
    """Libraries that the plan gives a door and nobody imports: a door that is not needed is a hole."""
    used = {target.split(".")[0] for source in sources for target in imports(source)}
    return sorted(DOORS.keys() - used)


def door_faults(sources: Iterable[Source]) -> list[str]:
    """Libraries that come in by a window, that have no door, or that spread over too many rooms."""
    faults = []
    spread: dict[str, set[str]] = {}
    for source in sources:
        for target in set(imports(source)):
            library = target.split(".")[0]
            if library in DOORS:
                if not any(within(source.name, door) for door in DOORS[library]):
                    faults.append(f"{library} enters through {sorted(DOORS[library])}, not {source.name}")
                elif library in FEW_ROOMS and within(source.name, "hardware"):
                    spread.setdefault(library, set()).add(source.name)
            elif library not in {*sys.stdlib_module_names, *PACKAGES, FRONT_DOOR}:
                faults.append(f"{library} has no door in the plan, yet {source.name} imports it")
    for library, names in spread.items():
        if len(names) > FEW_ROOMS[library]:
            faults.append(
                f"{library} is in {len(names)} hardware modules, {FEW_ROOMS[library]} may: {sorted(names)}"
            )
    return faults


def purity_faults(sources: Iterable[Source]) -> list[str]:
    """What the points must not do: look at a clock, a disk, a network or a die."""
    faults = []
    for source in sources:
        if not within(source.name, "points"):
            continue
        for target in imports(source):
            if target.split(".")[0] in NOT_FOR_POINTS:
                faults.append(f"{source.name} imports {target}: it must come in as an argument")
        for node in ast.walk(source.tree):
            if not isinstance(node, ast.Call):
                continue
            if isinstance(node.func, ast.Attribute) and CLOCKS.search(ast.unparse(node.func)):
                faults.append(f"{source.name}:{node.lineno} reads a clock")
            if isinstance(node.func, ast.Name) and node.func.id in {"open", "print", "input"}:
                faults.append(f"{source.name}:{node.lineno} calls {node.func.id}()")
    return faults


def float_faults(sources: Iterable[Source]) -> list[str]:
    """P14: no float literal, no float() and no true division in the points."""
    faults = []
    for source in sources:
        if not within(source.name, "points"):
            continue
        for node in ast.walk(source.tree):
            where = f"{source.name}:{getattr(node, 'lineno', 0)}"
            if isinstance(node, ast.Constant) and isinstance(node.value, float | complex):
                faults.append(f"{where} has the float {node.value!r}")
            elif isinstance(node, ast.BinOp | ast.AugAssign) and isinstance(node.op, ast.Div):
                faults.append(f"{where} divides with /")
            elif isinstance(node, ast.Call) and getattr(node.func, "id", "") == "float":
                faults.append(f"{where} makes a float")
    return faults


def law_faults(sources: Iterable[Source]) -> list[str]:
    """Files that do not open with a sentence saying what they are."""
    faults = []
    for source in sources:
        law = ast.get_docstring(source.tree)
        if law is None or len(law.strip()) < LAW_CHARS_MIN:
            faults.append(f"{source.name} does not open with its law")
    return faults


def opening_faults(files: Iterable[tuple[str, str]]) -> list[str]:
    """Pages, styles, scripts, models, tables, units and recipes that do not open with what they are."""
    faults = []
    for name, text in files:
        opening = OPENINGS.get(Path(name).suffix or Path(name).name)
        if opening is None:
            continue
        found = opening.match(text)
        said = "".join(found.groups("")) if found else ""
        if len(re.sub(r"[\s#/]", "", said)) < LAW_CHARS_MIN:
            faults.append(f"{name} does not open with what it is")
    return faults


def name_faults(paths: Iterable[Path], sources: Iterable[Source]) -> list[str]:
    """Names that say nothing: of files, of folders and of classes."""
    faults = []
    for path in paths:
        for part in path.parts:
            words = set(part.lower().split(".")[0].split("_"))
            if words & FORBIDDEN_NAMES:
                faults.append(f"{path}: {sorted(words & FORBIDDEN_NAMES)[0]} is no name")
    for source in sources:
        for node in ast.walk(source.tree):
            if isinstance(node, ast.ClassDef):
                words = {word.lower() for word in re.findall(r"[A-Z][a-z]+", node.name)}
                if words & FORBIDDEN_NAMES:
                    faults.append(
                        f"{source.name}.{node.name}: {sorted(words & FORBIDDEN_NAMES)[0]} is no name"
                    )
    return faults

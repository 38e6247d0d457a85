"""What the house must tell about itself: its modules, commands, settings and endpoints, seen in syntax trees.

Nothing is imported and nothing is registered: what a person can type, set or call is recognised by how it is
written, and must then stand in a README. Knows the shapes of argparse, of settings classes and of routes.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Mapping, Sequence

from house_plan import FRONT_DOOR, PACKAGES, Source, within

VERBS = {"get", "post", "put", "delete", "patch", "head", "websocket"}
CLI_ROOMS = (FRONT_DOOR, "agent.cli", "hub.cli", "agent.demo", "agent.replay", "hub.rehearsal")
ROUTE_ROOMS = ("agent.screen", "hub.api", "hub.console")
PATH_ROOMS = ("points.wire.endpoints",)


def unnamed_modules(sources: Iterable[Source], readmes: Mapping[str, str]) -> list[str]:
    """Modules that stand in no map of the README of their folder or of one above it; packages without any."""
    faults = []
    for source in sources:
        top = source.name.split(".")[0]
        if top not in PACKAGES:
            continue
        if top not in readmes:
            faults.append(f"{top} has no README.md")
            continue
        if source.is_package:
            continue
        *folders, _ = path = source.name.split(".")
        maps = [(path[n + 1 :], readmes.get(".".join(folders[: n + 1]), "")) for n in range(len(folders))]
        if not any(is_mapped(way, text) for way, text in maps):
            faults.append(f"{source.name} is in no map of a README of its folders")
    return sorted(set(faults))


def is_mapped(way: Sequence[str], text: str) -> bool:
    """Whether a map (rows of tables, entries of lists that begin with a name) has the module at ``way``.

    It stands there as code and by itself: `name`, `name.py` or `folder/name`; or as `name.py` in the entry of
    its `folder/`. A sentence that mentions it is no place to find it by.
    """
    *folders, name = way
    wholes = {"/".join(way), "/".join(way) + ".py"}
    for entry in re.findall(r"(?m)^(?:\|.*|[*-] `.*(?:\n +.*)*)", text):
        spans = set(re.findall(r"`([^`\n]+)`", entry))
        if spans & wholes:
            return True
        if spans & {name, f"{name}.py"} and spans & {f"{folder}/" for folder in folders}:
            return True
    return False


def lawless_readmes(readmes: Mapping[str, str]) -> list[str]:
    """READMEs of packages that do not state a law."""
    return [
        f"{name}/README.md states no law"
        for name, text in readmes.items()
        if not re.search(r"(?i)\blaws?\b", text)
    ]


def commands(sources: Iterable[Source]) -> set[str]:
    """Names given to add_parser("…"), each by itself or in a loop, and keys of a table named COMMANDS."""
    found: set[str] = set()
    for source in sources:
        if not any(within(source.name, room) for room in CLI_ROOMS):
            continue
        for node in ast.walk(source.tree):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.args:
                first = node.args[0]
                if node.func.attr == "add_parser" and isinstance(first, ast.Constant):
                    found.add(str(first.value))
            if isinstance(node, ast.For) and "add_parser" in ast.unparse(node):
                found |= _looped(node.iter)
            targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
            if any(isinstance(t, ast.Name) and t.id == "COMMANDS" for t in targets):
                table = getattr(node, "value", None)
                keys = table.keys if isinstance(table, ast.Dict) else []
                found |= {str(key.value) for key in keys if isinstance(key, ast.Constant)}
    return found


def _looped(over: ast.expr) -> set[str]:
    """The names in ("a", "b") or in (("a", …), ("b", …))."""
    rows = over.elts if isinstance(over, ast.Tuple) else []
    firsts = [row.elts[0] if isinstance(row, ast.Tuple) else row for row in rows]
    return {str(first.value) for first in firsts if isinstance(first, ast.Constant)}


def settings(sources: Iterable[Source]) -> set[str]:
    """Fields of the classes AgentSettings, HubSettings and their like, in config."""
    found = set()
    for source in sources:
        if not within(source.name, "config"):
            continue
        for node in ast.walk(source.tree):
            if isinstance(node, ast.ClassDef) and node.name.endswith("Settings"):
                fields = [item for item in node.body if isinstance(item, ast.AnnAssign)]
                found |= {field.target.id for field in fields if isinstance(field.target, ast.Name)}
    return found


def endpoints(sources: Iterable[Source]) -> set[str]:
    """Paths of route decorators and Route(…) calls, and those of the wire's table; each {…} made {}."""
    found = set()
    for source in sources:
        routes = any(within(source.name, room) for room in ROUTE_ROOMS)
        table = any(within(source.name, room) for room in PATH_ROOMS)
        for node in ast.walk(source.tree) if routes else ():
            if isinstance(node, ast.Call) and node.args:
                called = (
                    node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
                )
                path = _text(node.args[0])
                if called in VERBS | {"Route", "api_route", "add_api_route"} and path.startswith("/"):
                    found.add(plain(path))
        docstrings = {id(node.value) for node in ast.walk(source.tree) if isinstance(node, ast.Expr)}
        inside = {
            id(part)
            for node in ast.walk(source.tree)
            if isinstance(node, ast.JoinedStr)
            for part in node.values
        }
        for node in ast.walk(source.tree) if table else ():
            if isinstance(node, ast.Constant | ast.JoinedStr) and id(node) not in docstrings | inside:
                path = _text(node)
                if re.match(r"/v\d+/\w", path):
                    found.add(plain(path))
    return found


def _text(node: ast.AST) -> str:
    if isinstance(node, ast.Constant):
        return str(node.value) if isinstance(node.value, str) else ""
    if isinstance(node, ast.JoinedStr):
        return "".join(str(part.value) if isinstance(part, ast.Constant) else "{}" for part in node.values)
    return ""


def plain(path: str) -> str:
    """A path whose placeholders have lost their names, so that {store} and {store_id} are one path."""
    return re.sub(r"\{[^}]*\}", "{}", path)


def untold(names: Iterable[str], text: str, told: str) -> list[str]:
    """Names that a text does not tell; ``told`` is a pattern with %s where the name stands."""
    return [name for name in sorted(names) if not re.search(told % re.escape(name), text)]

"""How files behave: short, opened by their law, named after what they are, silent about where they were made.

The sweep over file contents looks for addresses of package registries, for paths of one machine and for
promises to come back later; the patterns are put together from pieces so that this file does not hold them.
"""

from __future__ import annotations

import re
from pathlib import Path

from house_plan import (
    HOUSE,
    LINES_MAX,
    OPENINGS,
    Source,
    law_faults,
    listed_files,
    name_faults,
    opening_faults,
    python_files,
)

SOURCE_SUFFIXES = {".py", ".md", ".html", ".css", ".js", ".toml", ".service", ".pml"}
PLAIN_SUFFIXES = SOURCE_SUFFIXES | {".lock", ".json", ".svg", ""}
PICTURES = {".png"}

REGISTRIES = [
    "pypi" + r"\.org",
    "python" + "hosted",
    "npm" + r"js\.(org|com)",
    "crates" + r"\.io",
    "proxy" + r"\.golang",
    "deb" + r"\.debian\.org",
    "conda" + r"\.anaconda",
    "file:" + "///(opt|srv|home|root)",
    "--(extra-)?" + "index-url [^ ]*://",
]
FORBIDDEN = re.compile("|".join(REGISTRIES), re.IGNORECASE)
MACHINE = re.compile("/" + "work/|" + r"\.\./" + r"shared")
LATER = re.compile(r"\b(" + "TO" + "DO|FIX" + "ME|X" + r"XX)\b")
MAY_NAME_THE_MACHINE = {".ci/run"}


def length_faults(name: str, text: str) -> list[str]:
    lines = text.count("\n") + (not text.endswith("\n") and bool(text))
    return [f"{name} has {lines} lines, {LINES_MAX} are enough"] if lines > LINES_MAX else []


def content_faults(name: str, text: str) -> list[str]:
    faults = []
    if found := FORBIDDEN.search(text):
        faults.append(f"{name} names a package registry: {found.group()!r}")
    if name not in MAY_NAME_THE_MACHINE and (found := MACHINE.search(text)):
        faults.append(f"{name} names a place of one machine: {found.group()!r}")
    if Path(name).suffix in SOURCE_SUFFIXES and (found := LATER.search(text)):
        faults.append(f"{name} promises to come back: {found.group()!r}")
    return faults


def own_files(suffixes: set[str]) -> list[tuple[str, str]]:
    found = [path for path in listed_files() if path.suffix in suffixes]
    return [(path.relative_to(HOUSE).as_posix(), path.read_text("utf-8", errors="replace")) for path in found]


def test_every_file_is_of_a_kind_that_is_looked_at() -> None:
    """And no kind is named that no file is of: a check of nothing looks like a house in order."""
    assert {path.suffix for path in listed_files()} == PLAIN_SUFFIXES | PICTURES


def test_no_file_is_longer_than_a_reader() -> None:
    assert not (
        faults := [fault for name, text in own_files(SOURCE_SUFFIXES) for fault in length_faults(name, text)]
    ), "\n".join(faults)


def test_every_file_opens_with_its_law() -> None:
    assert not (faults := law_faults(source for _, source in python_files())), "\n".join(faults)


def test_every_page_script_model_table_unit_and_recipe_says_what_it_is() -> None:
    files = own_files({".html", ".css", ".js", ".pml", ".toml", ".service", ""})
    seen = {Path(name).suffix or Path(name).name for name, _ in files}
    assert set(OPENINGS) <= seen, "an opening that no file has is not looked for"
    assert not (faults := opening_faults(files)), "\n".join(faults)


def test_names_say_what_a_thing_is() -> None:
    paths = [path.relative_to(HOUSE) for path in listed_files() if path.suffix in SOURCE_SUFFIXES]
    assert not (faults := name_faults(paths, (source for _, source in python_files()))), "\n".join(faults)


def test_no_file_names_a_registry_a_machine_or_a_later_day() -> None:
    assert not (
        faults := [fault for name, text in own_files(PLAIN_SUFFIXES) for fault in content_faults(name, text)]
    ), "\n".join(faults)


def test_locks_are_hashed_and_hold_no_address() -> None:
    locks = [path for path in listed_files() if path.name.endswith(".lock")]
    assert HOUSE / "requirements.lock" in locks
    for path in locks:
        assert lock_faults(path.name, path.read_text("utf-8")) == []


def lock_faults(name: str, text: str) -> list[str]:
    faults = []
    if "://" in text:
        faults.append(f"{name} holds an address")
    for entry in re.split(r"\n(?=\S)", text):
        if re.match(r"[a-z0-9]", entry) and "--hash=sha256:" not in entry:
            faults.append(f"{name}: {entry.split()[0]} is not hashed")
    return faults


def test_a_long_file_is_seen() -> None:
    assert length_faults("points/all.py", "x\n" * 401)
    assert length_faults("points/all.py", "x\n" * 400 + "x")
    assert not length_faults("points/all.py", "x\n" * 400)


def test_a_file_without_a_law_is_seen() -> None:
    broken = [
        Source.of("a", ""),
        Source.of("b", "x = 1\n'''said too late, but well enough'''"),
        Source.of("c", "'''c'''"),
    ]
    assert len(law_faults(broken)) == 3
    assert law_faults([Source.of("d", "'''A law: what this is, what holds.'''")]) == []


def test_a_page_that_does_not_say_what_it_is_is_seen() -> None:
    told = "What this is and what always holds."
    good = [
        ("a.html", f"<!doctype html>\n<!-- {told} -->\n<html>"),
        ("b.html", f"{{# {told} #}}\n{{% extends 'x' %}}"),
        ("c.css", f"/* {told} */\na {{}}"),
        ("d.js", f"// {told}\nlet a;"),
        ("m.pml", f"/* {told} */\nbyte a;"),
        ("e.toml", f"# {told}\n[a]"),
        ("f.service", f"# {told}\n[Unit]"),
        ("Makefile", f"# {told}\nall:"),
        (".ci/run", f"#!/usr/bin/env bash\n# {told}\nset -e"),
    ]
    assert opening_faults(good) == []
    late = [(name, "\n" + text) for name, text in good]
    short = [(name, text.replace(told, "c")) for name, text in good]
    bare = [(name, text.replace(told, " ")) for name, text in good]
    assert [len(opening_faults(broken)) for broken in (late, short, bare)] == [len(good)] * 3
    assert opening_faults([(".ci/run", "#!/usr/bin/env a-long-name-of-a-shell\nset -e")])
    assert opening_faults([("picture.svg", "<svg/>"), ("LICENSE", "Apache")]) == []


def test_an_empty_name_is_seen() -> None:
    paths = [
        Path("agent/utils.py"),
        Path("hub/common/x.py"),
        Path("agent/store_manager.py"),
        Path("hub/console/base.html"),
    ]
    classes = Source.of("agent.x", "class StoreManager: ...\nclass Database: ...\nclass BaseThing: ...")
    assert len(name_faults(paths, [classes])) == 6
    assert name_faults([Path("config/sqlite.py"), Path("agent/journal/database.py")], []) == []


def test_a_registry_a_machine_and_a_later_day_are_seen() -> None:
    assert content_faults("x.txt", "see https://" + "pypi" + ".org/simple")
    assert content_faults("x.lock", "https://files.python" + "hosted.org/a.whl")
    assert content_faults("x.py", "open('/" + "work/x')")
    assert content_faults(".ci/run", "cd ../" + "shared") == []
    assert content_faults("x.py", "# TO" + "DO later")
    assert content_faults("x.md", "What is to do, we do.") == []


def test_an_unhashed_lock_is_seen() -> None:
    assert len(lock_faults("x.lock", "a==1 \\\n    --hash=sha256:ab\nb==2\nc @ https://x/y")) == 3
    assert lock_faults("x.lock", "# head\na==1 \\\n    --hash=sha256:ab\n    # via b\n") == []

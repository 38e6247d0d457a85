"""What is installed: service files that systemd understands and keeps in a box, and a wheel that is whole."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

HOUSE = Path(__file__).resolve().parents[2]
UNITS = sorted((HOUSE / "packaging").glob("*.service"))
ANALYZE = shutil.which("systemd-analyze")
EXPOSURE_MAX = 3.0


def on_this_machine(unit: Path, folder: Path, **changes: str) -> Path:
    """The unit with a program that exists here, and a broken line where a control wants one."""
    text = unit.read_text("utf-8").replace("/opt/jifen/bin/jifen", sys.executable)
    for old, new in changes.items():
        text = text.replace(old, new)
    copy = folder / unit.name
    copy.write_text(text, "utf-8")
    return copy


def verify(unit: Path) -> str:
    done = subprocess.run(
        [ANALYZE or "", "verify", "--man=no", str(unit)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    return done.stderr.strip() or ("" if done.returncode == 0 else f"exit {done.returncode}")


@pytest.mark.skipif(ANALYZE is None, reason="no systemd-analyze here: the service files are NOT verified")
@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.name)
def test_systemd_understands_every_unit(unit: Path, tmp_path: Path) -> None:
    assert verify(on_this_machine(unit, tmp_path)) == ""
    assert verify(on_this_machine(unit, tmp_path, ProtectSystem="ProtectSistem")) != ""


@pytest.mark.skipif(ANALYZE is None, reason="no systemd-analyze here: the sandbox is NOT measured")
@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.name)
def test_every_unit_is_in_a_box(unit: Path, tmp_path: Path) -> None:
    done = subprocess.run(
        [ANALYZE or "", "security", "--offline=yes", str(on_this_machine(unit, tmp_path))],
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    found = re.search(r"exposure level[^:]*: ([0-9.]+)", done.stdout)
    if found is None:
        pytest.skip("this systemd-analyze measures no unit offline: the sandbox is NOT measured")
    assert float(found[1]) <= EXPOSURE_MAX


def test_packaging_is_no_python_package() -> None:
    assert len(UNITS) == 2
    assert not list((HOUSE / "packaging").rglob("__init__.py"))


def test_the_wheel_carries_words_rules_and_the_page(tmp_path: Path) -> None:
    source = tmp_path / "source"
    listed = subprocess.run(
        ["git", "-C", str(HOUSE), "ls-files", "-z"], capture_output=True, check=True
    ).stdout
    for name in filter(None, listed.decode().split("\0")):
        if (HOUSE / name).is_file() and not name.startswith("tests/"):
            (source / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(HOUSE / name, source / name)
    wheel = [sys.executable, "-m", "pip", "wheel", "--quiet", "--disable-pip-version-check", "--no-deps"]
    wheel += ["--no-build-isolation", "--no-index", "--wheel-dir", str(tmp_path), str(source)]
    done = subprocess.run(wheel, capture_output=True, text=True, timeout=120, check=False)
    if done.returncode and ("No module named pip" in done.stderr or "BackendUnavailable" in done.stderr):
        pytest.skip("no pip or no setuptools in this environment: the wheel is NOT built")
    assert done.returncode == 0, done.stderr
    names = set(zipfile.ZipFile(next(tmp_path.glob("jifen-*.whl"))).namelist())
    page = {f"agent/screen/page/{path.name}" for path in (HOUSE / "agent" / "screen" / "page").iterdir()}
    assert page | {"config/words/zh.toml", "config/words/en.toml", "config/rulebooks/example.json"} <= names
    assert "jifen.py" in names
    assert not [name for name in names if name.startswith(("tests/", "packaging/"))]

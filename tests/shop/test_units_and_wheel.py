"""What is installed: service files that systemd understands and keeps in a box, and a wheel that is whole."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from config.settings import SettingsFault, load_agent, load_hub
from hardware.devices import open_printer, open_scanner

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


SAME_IN_BOTH = {"DynamicUser", "User", "Group", "SupplementaryGroups", "StateDirectory", "StateDirectoryMode",
                "UMask"}  # fmt: skip


def runs_otherwise(readme: str, unit: str, which: int = 0) -> list[str]:
    """Where the command that runs something as a service differs from that service, which will use what it
    makes: the first one told is a till's, the second headquarters'."""
    command = re.findall(r"systemd-run (?:.*\\\n)*.*", readme)[which]
    words = shlex.split(command.replace("\\\n", " "))
    given = dict(words[i + 1].split("=", 1) for i, word in enumerate(words) if word == "-p")
    served = dict(re.findall(r"(?m)^(\w+)=(.*)$", unit))
    keys = sorted(SAME_IN_BOTH.intersection(served) | given.keys())
    return [key for key in keys if given.get(key) != served.get(key, "no such line")]


def test_a_service_is_set_up_by_who_will_run_it() -> None:
    """Another user's keys could not be read, and without their groups neither scanner nor printer opens."""
    readme = (HOUSE / "packaging" / "README.md").read_text("utf-8")
    unit = (HOUSE / "packaging" / "jifen-agent.service").read_text("utf-8")
    assert runs_otherwise(readme, unit) == []
    assert runs_otherwise(readme.replace('"dialout lp"', "dialout"), unit) == ["SupplementaryGroups"]
    assert runs_otherwise(readme, unit.replace("User=jifen\n", "User=till\n")) == ["User"]
    unit = (HOUSE / "packaging" / "jifen-hub.service").read_text("utf-8")
    assert runs_otherwise(readme, unit, 1) == []
    assert runs_otherwise(readme, unit.replace("User=jifen-hub\n", "User=hq\n"), 1) == ["User"]


def test_the_settings_that_are_told_are_understood(tmp_path: Path) -> None:
    readme = (HOUSE / "packaging" / "README.md").read_text("utf-8")
    till, headquarters = re.findall(r"(?ms)^```toml\n(.*?)^```", readme)
    file = tmp_path / "jifen.toml"
    file.write_text(till + headquarters, "utf-8")
    agent = load_agent(file, {})
    for address in agent.scanners:
        assert open_scanner(address).address == address
    assert open_printer(agent.printers[0], agent.paper_mm) is not None
    assert load_hub(file, {}).chain == "demo"
    file.write_text(till.replace("printers", "pinters"), "utf-8")
    with pytest.raises(SettingsFault, match="pinters"):
        load_agent(file, {})


def test_packaging_is_no_python_package() -> None:
    assert len(UNITS) == 2
    assert not list((HOUSE / "packaging").rglob("__init__.py"))


def test_the_wheel_is_whole_and_headquarters_runs_from_it(tmp_path: Path) -> None:
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
    packed = zipfile.ZipFile(next(tmp_path.glob("jifen-*.whl")))
    names = {name for name in packed.namelist() if ".dist-info/" not in name}
    rooms = ("points/", "config/", "hardware/", "agent/", "hub/", "jifen.py")
    assert names == {name for name in listed.decode().split("\0") if name.startswith(rooms)}
    installed = tmp_path / "installed"
    packed.extractall(installed)
    done = subprocess.run(
        [sys.executable, "-c", CONSOLE, str(tmp_path / "hub")],
        cwd=installed, env={**os.environ, "PYTHONPATH": str(installed)}, capture_output=True, text=True,
        timeout=120, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(str(installed)), "it is the wheel that ran"


CONSOLE = """
import sys
from pathlib import Path

import hub
from config.night_window import NightWindow
from config.settings import HubSettings
from fastapi.testclient import TestClient
from hub.api.app import make_app
from hub.assembly import open_office
from hub.console import access
from hub.console.desk import Desk

folder = Path(sys.argv[1])
office = open_office(HubSettings(
    data_dir=folder, key_dir=folder / "keys", listen_host="127.0.0.1", listen_port=1,
    public_url="http://testserver", database_url="", chain="demo", chain_name="demo", rulebook=None,
    language="zh", ticket_hours=24, code_pool=20, grant_policy="visits",
    night=NightWindow(0, 240),
), Path("config/rulebooks/example.json").read_bytes())
app = make_app(office)
Desk(office, "http://testserver", 24).mount(app)
with office.store.turn() as turn:
    key = access.make_link_key(turn, office.clock())
with TestClient(app, base_url="http://testserver") as client:
    assert client.get(f"/console/open?key={key}").status_code == 200
    assert client.get("/console").status_code == 200
office.store.close()
print(hub.__file__)
"""
"""What an installed headquarters does first: it makes its tables and shows its pages."""

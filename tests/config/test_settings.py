"""Settings: every mistake is told at once, with its place, and nothing is guessed."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from config.night_window import NightWindow
from config.settings import AGENT, HUB, SettingsFault, load_agent, load_hub

HOUSE = Path(__file__).resolve().parents[2]
HUB_ENVIRON = {"JIFEN_HUB_CHAIN": "demo", "JIFEN_HUB_CHAIN_NAME": "示例超市"}


def written(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "jifen.toml"
    path.write_text(text, "utf-8")
    return path


def mistakes_of(path: Path | None, environ: dict[str, str]) -> list[tuple[str, str]]:
    with pytest.raises(SettingsFault) as caught:
        load_agent(path, environ)
    return [(mistake.where.rsplit("/")[-1], mistake.key) for mistake in caught.value.mistakes]


def test_an_agent_runs_without_any_setting() -> None:
    settings = load_agent(None, {})
    assert settings.scanners == ("page://",)
    assert settings.language == "zh"
    assert settings.paper_mm == 58
    assert settings.network_enabled


def test_a_file_says_what_differs(tmp_path: Path) -> None:
    path = written(
        tmp_path,
        '[agent]\ndata_dir = "/srv/a"\nscanners = ["serial:///dev/ttyACM0", "page://"]\n'
        'paper_mm = 80\nnight = "23:30-04:00"\nnetwork_enabled = false\n[hub]\nchain = "demo"\n',
    )
    settings = load_agent(path, {})
    assert settings.data_dir == Path("/srv/a")
    assert settings.scanners == ("serial:///dev/ttyACM0", "page://")
    assert settings.paper_mm == 80
    assert settings.night == NightWindow(23 * 60 + 30, 4 * 60)
    assert not settings.network_enabled


def test_the_environment_wins_over_the_file(tmp_path: Path) -> None:
    path = written(tmp_path, "[agent]\npage_port = 9000\npaper_mm = 80\n")
    environ = {
        "JIFEN_AGENT_PAGE_PORT": "9001",
        "JIFEN_AGENT_SCANNERS": "page:// keyboard://",
        "JIFEN_HUB_NONSENSE": "of no concern to an agent",
        "JIFEN_AGENT_NETWORK_ENABLED": "false",
    }
    settings = load_agent(path, environ)
    assert (settings.page_port, settings.paper_mm, settings.network_enabled) == (9001, 80, False)
    assert settings.scanners == ("page://", "keyboard://")


def test_all_mistakes_are_told_at_once_with_their_places(tmp_path: Path) -> None:
    path = written(
        tmp_path,
        '[agent]\npinters = ["tcp://10.0.0.5:9100"]\npaper_mm = 57\npage_port = "eighty"\n'
        'data_dir = "here"\n[agnt]\nx = 1\n',
    )
    assert mistakes_of(path, {"JIFEN_AGENT_NIGHT": "late", "JIFEN_AGENT_LANGAGE": "en"}) == [
        ("jifen.toml:6", "agnt"),
        ("jifen.toml:2", "pinters"),
        ("environment JIFEN_AGENT_LANGAGE", "langage"),
        ("jifen.toml:5", "data_dir"),
        ("jifen.toml:4", "page_port"),
        ("jifen.toml:3", "paper_mm"),
        ("environment JIFEN_AGENT_NIGHT", "night"),
    ]


def test_who_knows_devices_tells_what_is_wrong_with_their_addresses(tmp_path: Path) -> None:
    path = written(
        tmp_path,
        '[agent]\npaper_mm = 57\nscanners = ["a://1", "b://2", "c://3"]\nprinters = ["p://1"]\n',
    )
    devices = {
        "scanners": lambda address: "" if address == "b://2" else f"not {address}",
        "printers": lambda _address: "",
    }
    with pytest.raises(SettingsFault) as caught:
        load_agent(path, {}, devices)
    assert [(one.where.rsplit("/")[-1], one.what_to_do) for one in caught.value.mistakes] == [
        ("jifen.toml:3", "not a://1; not c://3"),
        ("jifen.toml:2", "write one of 58, 80"),
    ]


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("paper_mm", "true"),
        ("page_port", "0"),
        ("page_port", "65536"),
        ("page_port", "80.5"),
        ("network_enabled", "1"),
        ("network_enabled", '"yes"'),
        ("scanners", '["ttyACM0"]'),
        ("scanners", "[1]"),
        ("scanners", '["page://", "page://"]'),
        ("printers", '["a://1", "a://2", "a://3", "a://4", "a://5"]'),
        ("language", '"de"'),
        ("hub_url", '"hub.example.com"'),
        ("night", '"25:00-26:00"'),
        ("night", '"02:00-02:00"'),
        ("data_dir", '""'),
    ],
)
def test_a_value_out_of_its_range_is_a_mistake(tmp_path: Path, key: str, value: str) -> None:
    path = written(tmp_path, f"[agent]\n{key} = {value}\n")
    assert mistakes_of(path, {}) == [("jifen.toml:2", key)]


def test_the_mirror_must_not_lie_in_the_data(tmp_path: Path) -> None:
    path = written(tmp_path, '[agent]\ndata_dir = "/srv/a"\nkey_dir = "/srv/a"\n')
    assert mistakes_of(path, {}) == [("jifen.toml:3", "key_dir")]


@pytest.mark.parametrize("text", ["[agent\n", "agent = 3\n"])
def test_a_file_that_is_no_settings_file_is_one_mistake(tmp_path: Path, text: str) -> None:
    assert len(mistakes_of(written(tmp_path, text), {})) == 1


def test_a_file_that_is_not_there_is_one_mistake(tmp_path: Path) -> None:
    assert len(mistakes_of(tmp_path / "missing.toml", {})) == 1


def test_a_hub_must_be_told_its_chain() -> None:
    with pytest.raises(SettingsFault) as caught:
        load_hub(None, {})
    assert [mistake.key for mistake in caught.value.mistakes] == ["chain", "chain_name"]
    assert "JIFEN_HUB_CHAIN" in str(caught.value)
    settings = load_hub(None, HUB_ENVIRON)
    assert (settings.chain, settings.rulebook, settings.listen_port) == ("demo", None, 8700)
    assert settings.grant_policy == "visits"


def test_a_policy_that_nobody_knows_is_refused() -> None:
    assert load_hub(None, HUB_ENVIRON | {"JIFEN_HUB_GRANT_POLICY": "nobody"}).grant_policy == "nobody"
    with pytest.raises(SettingsFault, match="visits, latest, nobody"):
        load_hub(None, HUB_ENVIRON | {"JIFEN_HUB_GRANT_POLICY": "everybody"})


@pytest.mark.parametrize("chain", ["Demo", "a b", "", "x" * 17])
def test_a_chain_has_a_plain_name(chain: str) -> None:
    with pytest.raises(SettingsFault):
        load_hub(None, HUB_ENVIRON | {"JIFEN_HUB_CHAIN": chain})


@pytest.mark.parametrize(
    ("window", "minutes", "since"),
    [
        (NightWindow(120, 300), 180, {120: 0, 299: 179, 119: 1439, 0: 1320}),
        (NightWindow(1410, 240), 270, {1410: 0, 0: 30, 239: 269, 1409: 1439}),
        (NightWindow(0, 0), 1440, {0: 0, 1439: 1439}),
    ],
)
def test_a_night_may_pass_midnight(window: NightWindow, minutes: int, since: dict[int, int]) -> None:
    assert window.minutes == minutes
    assert {minute: window.since(minute) for minute in since} == since


def test_every_setting_is_described_in_the_readme() -> None:
    readme = (HOUSE / "config" / "README.md").read_text("utf-8")
    described = set(re.findall(r"^\| `([a-z_]+)` \|", readme, re.MULTILINE))
    assert described == AGENT.keys() | HUB.keys()


def test_the_example_programme_is_the_one_of_the_brochure() -> None:
    book = json.loads((HOUSE / "config" / "rulebooks" / "example.json").read_text("utf-8"))
    assert [tier[0] for tier in book["tiers"]] == [0, 1001, 5001, 10001]
    assert [tier[1] for tier in book["tiers"]] == [10000, 12000, 15000, 20000]

"""The two commands that exchange a stick, at the till and at headquarters; each says what to do next."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from forks import close, enrolled, sold
from headquarters import Headquarters

from agent import cli
from agent.assembly import alone
from hub import cli as hub_cli


@pytest.fixture
def stick(tmp_path: Path) -> Path:
    made = tmp_path / "stick"
    made.mkdir()
    return made


@pytest.fixture
def till_toml(hq: Headquarters, tmp_path: Path) -> Path:
    """The settings of a till that has sold three times and cannot reach anybody."""
    shop = hq.shop("s001")
    sold(shop, enrolled(shop), 3)
    hq.shops.remove(shop)
    close(shop)
    path = tmp_path / "till.toml"
    path.write_text(
        f'[agent]\ndata_dir = "{shop.folder / "data"}"\nkey_dir = "{shop.folder / "keys"}"\n'
        "network_enabled = false\nsisters_port = 0\n"
    )
    return path


@pytest.fixture
def hub_toml(hq: Headquarters, tmp_path: Path) -> Path:
    path = tmp_path / "hub.toml"
    path.write_text(
        f'[hub]\ndata_dir = "{hq.folder / "hub"}"\nkey_dir = "{hq.folder / "hub-keys"}"\n'
        'chain = "demo"\nchain_name = "示例超市"\n'
    )
    return path


def test_a_stick_goes_there_and_back_by_two_commands(
    till_toml: Path, hub_toml: Path, stick: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    at_till = ["agent", "stick", str(stick), "--config", str(till_toml)]
    at_headquarters = ["--config", str(hub_toml), "stick", str(stick)]
    assert cli.main(at_till) == 0
    said = capsys.readouterr().out
    assert "4 笔流水" in said
    assert "请拿去总部" in said
    assert hub_cli.main(at_headquarters) == 0
    assert "收下 1 批流水" in capsys.readouterr().out
    assert cli.main(at_till) == 0
    said = capsys.readouterr().out
    assert "4 笔流水已由总部确认" in said
    assert "没有新的流水要带" in said
    (torn := next(stick.glob("*-return.jfx"))).write_bytes(torn.read_bytes()[:-1])
    assert cli.main(at_till) == 1
    assert "文件已损坏或不完整" in capsys.readouterr().out


def test_a_folder_without_a_bundle_is_said_to_be_the_wrong_one(
    hub_toml: Path, stick: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert hub_cli.main(["--config", str(hub_toml), "stick", str(stick)]) == 1
    assert "请核对U盘" in capsys.readouterr().err
    assert hub_cli.main(["--config", str(hub_toml), "stick", str(stick / "pulled out")]) == 1
    assert "请重新插好再试" in capsys.readouterr().err


def test_while_the_till_runs_the_command_says_where_the_button_is(
    till_toml: Path, stick: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    held = alone(tmp_path / "s001-01" / "data")
    try:
        assert cli.main(["agent", "stick", str(stick), "--config", str(till_toml)]) == 1
    finally:
        os.close(held)
    assert "用U盘交换" in capsys.readouterr().err
    assert list(stick.iterdir()) == []

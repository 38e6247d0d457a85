"""A PC that is ill: the doctor looks at what it still can, and each fault ends in its remedy."""

from __future__ import annotations

import json
import logging
import os
import re
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from running import settings
from shopfloor import identity

from agent import cli, doctor, provisioning
from agent.remedies import remedy_of
from config import sqlite
from config.faults import Fault
from config.settings import AgentSettings
from config.words import LANGUAGES, load_words
from points.wire.faults import Malformed

Spoil = Callable[[AgentSettings], None]
ALWAYS = ("数据库版本: ", "中文字体: ", "页面只在本机: ", "扫码枪: ", "打印机: ")
"""What is looked at whatever is ill: neither identity nor disk is needed for it."""


def opened(folder: Path) -> AgentSettings:
    """A till as ``join`` leaves it, with two operations."""
    where, who = settings(folder), identity()
    where.key_dir.mkdir(mode=0o700)
    fields = {
        "lane": ["demo", "s001", "01", 1], "hub": "hub", "hub_url": "http://127.0.0.1:9",
        "receipt": who.hub_receipt_public.hex(), "manifest": who.hub_manifest_public.hex(),
        "pii": who.hub_pii_public.hex(), "index": who.index_key.hex(), "region": who.region,
        "shard_key": who.shard_key.hex(), "term": 1, "inc": 1,
    }  # fmt: skip
    (where.key_dir / "identity.json").write_text(json.dumps(fields))
    for name in ("device.key", "seal.key"):
        (where.key_dir / name).write_bytes(who.key.raw)
    for path in where.key_dir.iterdir():
        path.chmod(0o600)
    book, log = provisioning.open_book(where.data_dir, where.key_dir, who)
    for number in range(1, 3):
        body = b'{"st":%d}' % number
        with book.turn() as turn:
            entry = log.append(turn, body, f"{number:032x}", None, "x", 20261119)
        log.settle(entry, number, log.records([entry]))
    log.mirror.close()
    book.close()
    return where


def write(name: str, raw: bytes) -> Spoil:
    def spoil(where: AgentSettings) -> None:
        (where.key_dir / name).write_bytes(raw)

    return spoil


def without(field: str) -> Spoil:
    def spoil(where: AgentSettings) -> None:
        path = where.key_dir / "identity.json"
        kept = json.loads(path.read_bytes())
        del kept[field]
        path.write_text(json.dumps(kept))

    return spoil


def lost(where: AgentSettings) -> None:
    (where.key_dir / "device.key").unlink()


def torn(where: AgentSettings) -> None:
    path = where.key_dir / "identity.json"
    path.write_bytes(path.read_bytes()[:100])


def file_for_data(where: AgentSettings) -> None:
    where.data_dir.rename(where.data_dir.with_suffix(".old"))
    where.data_dir.write_bytes(b"")


def file_for_keys(where: AgentSettings) -> None:
    where.key_dir.rename(where.key_dir.with_suffix(".old"))
    where.key_dir.write_bytes(b"")


def folder_for_the_second_file(where: AgentSettings) -> None:
    (where.key_dir / "mirror.log").unlink()
    (where.key_dir / "mirror.log").mkdir()


def garbage(where: AgentSettings) -> None:
    (where.data_dir / "agent.sqlite").write_bytes(os.urandom(65_536))


def hole(where: AgentSettings) -> None:
    """One page of the book is other bytes, as a failing disk leaves it."""
    path = where.data_dir / "agent.sqlite"
    book = sqlite.open_database(path)
    ((page,),) = book.execute("SELECT rootpage FROM sqlite_master WHERE name = 'ops'").fetchall()
    ((size,),) = book.execute("PRAGMA page_size").fetchall()
    book.close()
    with open(path, "r+b") as file:
        file.seek((page - 1) * size)
        file.write(b"\xff" * size)


def torn_operation(where: AgentSettings) -> None:
    book = sqlite.open_database(where.data_dir / "agent.sqlite")
    book.execute("DROP TRIGGER ops_never_change")
    book.execute("UPDATE ops SET body = CAST('{\"s' AS BLOB) WHERE pos % 4294967296 = 2")
    book.close()


ILLS: dict[str, tuple[Spoil, str]] = {
    "identity torn": (torn, "✗ 本机身份: .*identity.json 已损坏（JSON）"),
    "identity empty": (write("identity.json", b""), "✗ 本机身份: .*identity.json 已损坏"),
    "identity a list": (write("identity.json", b"[]"), "✗ 本机身份: .*identity.json 已损坏"),
    "identity not text": (write("identity.json", b"\xff\xfe\x00"), "✗ 本机身份: .*identity.json 已损坏"),
    "lane missing": (without("lane"), "✗ 本机身份: .*已损坏（lane）"),
    "receipt key missing": (without("receipt"), "✗ 本机身份: .*已损坏（receipt）"),
    "address missing": (without("hub_url"), "✗ 本机身份: .*已损坏（hub_url）"),
    "term missing": (without("term"), "✗ 本机身份: .*已损坏（term）"),
    "key lost": (lost, "✗ 本机身份: 本机的钥匙 .*device.key 不在了"),
    "key short": (write("device.key", b"k" * 31), "✗ 本机身份: 本机的钥匙 .*device.key 已损坏，应为 32"),
    "keys a file": (file_for_keys, "✗ 本机身份: .*key/identity.json 不能使用"),
    "data a file": (file_for_data, "✗ 账本文件: .*data 不能使用"),
    "second file a folder": (folder_for_the_second_file, "✗ 账本文件: .*mirror.log 不能使用"),
    "database garbage": (garbage, "✗ 账本文件: .*agent.sqlite 不是本程序的数据库"),
    "database with a hole": (hole, "✗ 账本文件: 数据库读不出来"),
    "operation torn": (torn_operation, "✗ 账本文件: 本机的账在第 2 笔断开"),
}


@pytest.fixture
def quiet_signals() -> Iterator[None]:
    """What ``run`` asks of the process, put back."""
    signs = (signal.SIGINT, signal.SIGTERM, cli.POWER_GOES)
    before = {sign: signal.getsignal(sign) for sign in signs}
    levels = {name: logging.getLogger(name).level for name in ("", "httpx", "apscheduler")}
    yield
    for sign, handler in before.items():
        signal.signal(sign, handler)
    for name, level in levels.items():
        logging.getLogger(name).setLevel(level)


@pytest.mark.parametrize("ill", ILLS)
@pytest.mark.usefixtures("quiet_signals")
def test_every_ill_has_its_remedy_and_all_else_is_looked_at(
    ill: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    spoil, wanted = ILLS[ill]
    where, config = opened(tmp_path), str(tmp_path / "agent.toml")
    spoil(where)
    assert cli.main(["doctor", "--config", config]) == 1
    said = capsys.readouterr().out
    lines = said.splitlines()
    hit = [line for line in lines if re.match(wanted, line)]
    assert hit, said
    assert all(any(one in line for line in lines) for one in ALWAYS), said
    assert "项不通过" in lines[-1]
    assert cli.main(["agent", "run", "--config", config]) == 1
    err = capsys.readouterr().err.strip()
    assert err in hit[0], (err, hit)


def test_a_till_that_is_well_has_no_such_finding(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    opened(tmp_path)
    cli.main(["doctor", "--config", str(tmp_path / "agent.toml")])
    said = capsys.readouterr().out
    assert "账本连续: 2 笔" in said
    assert "本机身份" not in said
    assert "账本文件" not in said


def test_an_address_that_nobody_can_follow_is_told_with_its_line_and_keeps_no_check_from_running(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    opened(tmp_path)
    config = tmp_path / "agent.toml"
    text = config.read_text("utf-8").replace('["page://"]', '["foo://x", "page://"]')
    config.write_text(text + 'printers = ["tcp://10.0.0.5:9100?fence=maybe"]\n', "utf-8")
    assert cli.main(["doctor", "--config", str(config)]) == 1
    said = capsys.readouterr().out
    assert "✗ 设置: 设置有 2 处要改" in said
    assert "agent.toml:4: scanners: Unknown kind of device foo:// (foo://x): use serial://" in said
    assert "agent.toml:5: printers: The option fence of the device address" in said
    for line in ("✗ 扫码枪: 不认识的设备种类 foo://", "✗ 打印机: 设备地址", "账本连续: 2 笔", "数据库版本"):
        assert line in said, said
    assert cli.main(["agent", "run", "--config", str(config)]) == 1
    assert "agent.toml:4: scanners" in capsys.readouterr().err


def test_a_key_folder_that_cannot_be_looked_into_does_not_pass(tmp_path: Path) -> None:
    with pytest.raises(NotADirectoryError) as caught:
        doctor.check_keys(Path(__file__))
    assert remedy_of(caught.value)[0] == "fault.file_unusable"


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_fault_of_the_world_can_be_said(language: str) -> None:
    faults = (
        Fault("fault.no_rules", "x"), Malformed(why="x"), FileExistsError(17, "File exists", "/x"),
        ConnectionResetError(), sqlite.DatabaseError("malformed"),
    )  # fmt: skip
    for fault in faults:
        remedy, detail = remedy_of(fault)
        assert load_words(language).say(remedy, **detail)

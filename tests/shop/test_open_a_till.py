"""A till opens as a technician does it: scan the ticket, scan the test page, and it sells and is heard."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from patience import until
from running import printer, scanner

from agent import cli
from agent.assembly import Agent
from agent.desk import Done
from agent.replay.hub_process import HubProcess
from config.settings import load_agent
from hardware.virtual.printer import VirtualPrinter
from hardware.virtual.scanner import SocketScanner

SLOW_S = 20


def config(folder: Path, device: VirtualPrinter, gun: SocketScanner) -> Path:
    path = folder / "till.toml"
    path.write_text(
        f'[agent]\ndata_dir = "{folder / "data"}"\nkey_dir = "{folder / "key"}"\n'
        f'scanners = ["{gun.address}"]\nprinters = ["{device.address}"]\n',
        "utf-8",
    )
    return path


def technician(steps: list[Callable[[], None]]) -> threading.Thread:
    """Somebody who does one step after the other, beside the command."""
    person = threading.Thread(target=lambda: [step() for step in steps], daemon=True)
    person.start()
    return person


def aim(gun: SocketScanner) -> None:
    """A hand takes a moment; what comes at once after a connection may be the end of an older code."""
    time.sleep(0.3)
    assert gun.wait_for_a_listener(SLOW_S)
    time.sleep(0.3)


def scan_ticket(gun: SocketScanner, ticket: str) -> Callable[[], None]:
    def step() -> None:
        aim(gun)
        gun.scan(ticket)

    return step


def scan_page(gun: SocketScanner, device: VirtualPrinter, count: int = 1) -> Callable[[], None]:
    def step() -> None:
        assert device.wait_for_receipts(count, SLOW_S)
        aim(gun)
        gun.scan(device.receipts[-1].symbols[0])

    return step


def test_a_ticket_and_a_test_page_are_scanned_and_the_store_sells(
    hub: HubProcess, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    ticket = hub.tickets(["s001=员村二横路店"])["s001"]
    with printer() as device, scanner() as gun:
        where = config(tmp_path, device, gun)
        person = technician([scan_ticket(gun, ticket), scan_page(gun, device)])
        assert cli.main(["join", "--config", str(where)]) == 0
        person.join(SLOW_S)
        said = capsys.readouterr().out
        assert "请用本机的扫码枪扫描开店凭证" in said
        assert "已开店：demo / s001 / 01" in said
        assert "扫到了，打印机和扫码枪都好" in said
        looked = said.split("扫到了")[1]
        assert "✓ 密钥权限" in looked, "the self-test is shown"
        assert "✓ 总部" in looked
        assert "中文打印 ￥1,234.50" in device.receipts[0].text
        keys = {path.name: oct(path.stat().st_mode & 0o777) for path in (tmp_path / "key").iterdir()}
        assert set(keys.values()) == {"0o600"}

        person = technician([scan_page(gun, device, 2)])  # the same ticket again changes nothing
        assert cli.main(["join", ticket, "--config", str(where)]) == 0
        person.join(SLOW_S)

        capsys.readouterr()
        cli.main(["doctor", "--config", str(where)])
        said = capsys.readouterr().out
        for fine in ("✓ 总部", "✓ 扫码枪", "✓ 打印机", "✓ 账本连续", "✓ 时钟", "✓ 密钥权限"):
            assert fine in said, said

        agent = Agent(load_agent(where, {}), port=0, contact_every_s=0)
        agent.start()
        try:
            assert agent.till.store_name == "员村二横路店"
            assert until(lambda: not agent.night.is_due(), SLOW_S), "its first night sends nothing"
            new = agent.desk.enrol("act-00000001", "c1", phone="13812348000")
            assert isinstance(new, Done)
            sold = agent.desk.sell("act-00000002", "c1", new.op.m, [[1, "all", 1, 12500]])
            assert isinstance(sold, Done)
            assert agent.night.unsent() == 2
            assert agent.pulse.contact()
            assert agent.night.unsent() == 0
            card = agent.shop.card(new.op.m or 0)
            assert card is not None
            assert (card.points, card.pending_pts) == (12, 0)  # headquarters counts it now
        finally:
            agent.stop()


def test_a_ticket_that_was_used_opens_no_other_till(
    hub: HubProcess, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    ticket = hub.tickets(["s002"])["s002"]
    with printer() as device, scanner() as gun:
        for folder, code in ((tmp_path / "a", 0), (tmp_path / "b", 1)):
            folder.mkdir()
            where = config(folder, device, gun)
            person = technician([scan_page(gun, device)] if code == 0 else [])
            assert cli.main(["join", ticket, "--config", str(where)]) == code
            person.join(SLOW_S)
        assert "开店凭证没有被接受" in capsys.readouterr().err
        assert not (tmp_path / "b" / "key" / "identity.json").exists()


def test_a_damaged_ticket_and_a_hub_out_of_reach_are_said_in_words(
    hub: HubProcess, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    ticket = hub.tickets(["s003"])["s003"]
    with printer() as device, scanner() as gun:
        where = config(tmp_path, device, gun)
        assert cli.main(["join", ticket[:-4] + "AAAA", "--config", str(where)]) == 1
        assert "开店凭证没有被接受" in capsys.readouterr().err
        where.write_text(where.read_text("utf-8") + 'hub_url = "http://127.0.0.1:9"\n', "utf-8")
        assert cli.main(["join", ticket, "--config", str(where)]) == 1
        assert "连不上总部 http://127.0.0.1:9" in capsys.readouterr().err
        assert cli.main(["doctor", "--config", str(where)]) == 1
        assert "✗ 本机身份: 本机尚未开店" in capsys.readouterr().out


def test_a_torn_identity_and_a_lost_key_are_mended_as_the_doctor_says(
    hub: HubProcess, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    ticket = hub.tickets(["s004"])["s004"]
    with printer() as device, scanner() as gun:
        where = config(tmp_path, device, gun)

        def join(with_ticket: str, count: int) -> None:
            person = technician([scan_page(gun, device, count)])
            assert cli.main(["join", with_ticket, "--config", str(where)]) == 0
            person.join(SLOW_S)

        join(ticket, 1)
        kept = tmp_path / "key" / "identity.json"
        kept.write_bytes(kept.read_bytes()[:50])
        capsys.readouterr()
        assert cli.main(["doctor", "--config", str(where)]) == 1
        assert "扫描原来的开店凭证" in capsys.readouterr().out
        join(ticket, 2)

        (tmp_path / "key" / "device.key").unlink()
        assert cli.main(["doctor", "--config", str(where)]) == 1
        assert "向总部要新的开店凭证" in capsys.readouterr().out
        join(hub.tickets(["s004"])["s004"], 3)
        capsys.readouterr()
        cli.main(["doctor", "--config", str(where)])
        said = capsys.readouterr().out
        for fine in ("✓ 总部", "✓ 账本连续", "✓ 时钟"):
            assert fine in said, said

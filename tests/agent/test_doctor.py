"""The doctor: each check once well and once ill, and every finding can be said in both languages."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from running import MEMBER, printer, scanner, settings
from shopfloor import GOODS, counter_of, identity, open_till, tell_member

from agent import cli, doctor, provisioning
from agent.doctor import Finding, Verdict
from agent.journal.clock import Witness
from agent.till import Till
from config.words import LANGUAGES, load_words
from hardware.devices import open_printer, open_scanner
from hardware.scans import Scanner

MOUNTS = "/dev/sda1 / ext4 rw 0 0\ntmpfs /tmp tmpfs rw 0 0\nhub:/share /mnt/a\\040b nfs4 rw 0 0\n"


@pytest.fixture
def till(tmp_path: Path) -> Till:
    return open_till(tmp_path / "t")


def well(finding: Finding) -> bool:
    """Whether a check passed; also says it, in both languages."""
    for language in LANGUAGES:
        words = load_words(language)
        assert words.say(f"doctor.{finding.name}")
        assert words.say(f"doctor.{finding.verdict}")
        assert words.say(finding.words, **finding.detail)
    return finding.verdict is Verdict.PASSED


def test_clock(till: Till) -> None:
    assert not well(doctor.check_clock(till))  # nobody has witnessed it yet
    now = till.clock.now()
    till.witness = Witness(now.wall_ms, now.mono_ms, now.boot)
    assert well(doctor.check_clock(till))
    till.witness = Witness(now.wall_ms - 3 * 86_400_000, now.mono_ms, now.boot)
    assert doctor.check_clock(till).verdict is Verdict.FAILED


def test_disk_space(tmp_path: Path) -> None:
    assert well(doctor.check_disk(tmp_path, lambda _path: 10**10))
    assert doctor.check_disk(tmp_path, lambda _path: 10**8).verdict is Verdict.FAILED


def test_file_system() -> None:
    assert well(doctor.check_file_system(Path("/var/lib/jifen"), MOUNTS))
    assert doctor.check_file_system(Path("/tmp/jifen"), MOUNTS).verdict is Verdict.FAILED
    assert doctor.file_system_of(Path("/mnt/a b/c"), MOUNTS) == "nfs4"
    assert doctor.file_system_of(Path("/tmpx"), MOUNTS) == "ext4"


def test_sqlite() -> None:
    assert well(doctor.check_sqlite())
    assert doctor.check_sqlite((3, 40, 1)).verdict is Verdict.FAILED


def ticking(step_ns: int) -> Callable[[], int]:
    now = 0

    def tick() -> int:
        nonlocal now
        now += step_ns
        return now

    return tick


def test_durable_writes(tmp_path: Path) -> None:
    assert well(doctor.check_durable(tmp_path, ticking(900_000)))
    assert doctor.check_durable(tmp_path, ticking(3_000)).verdict is Verdict.WARNED
    assert doctor.check_durable(tmp_path, ticking(900_000_000)).verdict is Verdict.FAILED
    assert not well(doctor.check_durable(tmp_path / "nowhere"))
    assert list(tmp_path.iterdir()) == []


def test_keys(tmp_path: Path) -> None:
    key = tmp_path / "device.key"
    key.write_bytes(b"k")
    key.chmod(0o600)
    assert well(doctor.check_keys(tmp_path))
    key.chmod(0o644)
    assert doctor.check_keys(tmp_path).verdict is Verdict.FAILED
    assert not well(doctor.check_keys(tmp_path))


def test_chain(till: Till) -> None:
    tell_member(till, MEMBER, 0)
    for _ in range(3):
        counter_of(till).sell(MEMBER, GOODS, "c1")
    assert well(doctor.check_chain(till))
    with till.book.turn() as turn:
        turn.execute("DROP TRIGGER ops_never_change")
        changed = "CAST(replace(CAST(body AS TEXT), '\"pts\":12', '\"pts\":99') AS BLOB)"
        turn.execute(f"UPDATE ops SET body = {changed} WHERE pos % 4294967296 = 2")
    finding = doctor.check_chain(till)
    assert not well(finding)
    assert finding.detail == {"seq": 2}


@pytest.fixture
def scanners() -> Iterator[list[Scanner]]:
    opened: list[Scanner] = []
    yield opened
    for one in opened:
        one.stop()


def test_scanners(scanners: list[Scanner]) -> None:
    assert doctor.check_scanners([]).verdict is Verdict.WARNED
    with scanner() as device:
        scanners.append(open_scanner(device.address))
        scanners[0].start(lambda _scan: None)
        assert device.wait_for_a_listener()
        assert well(doctor.check_scanners(scanners))
    gone = open_scanner("serial:///dev/nothing-here")
    gone.start(lambda _scan: None)
    scanners.append(gone)
    assert not well(doctor.check_scanners([gone], patience_s=0.1))


def test_printer() -> None:
    assert not well(doctor.check_printer(None))
    with printer() as device:
        opened = open_printer(device.address, 58)
        assert well(doctor.check_printer(opened))
        device.set_fault("cover_open")
        assert doctor.check_printer(opened).words == "state.printer_cover_open"
        assert not well(doctor.check_printer(opened))
    assert not well(doctor.check_printer(open_printer("tcp://127.0.0.1:9", 58)))


class Way:
    """A way to headquarters that is there or not."""

    def __init__(self, there: bool, hub_url: str = "http://hub") -> None:
        self.there, self.hub_url = there, hub_url

    def reaches(self) -> bool:
        return self.there


def test_headquarters() -> None:
    assert well(doctor.check_hub(Way(True)))
    assert not well(doctor.check_hub(Way(False)))
    assert not well(doctor.check_hub(Way(True, "")))


def test_loopback() -> None:
    with socket.create_server(("127.0.0.1", 0)) as page:
        port = page.getsockname()[1]
        assert well(doctor.check_loopback(port, []))
        assert well(doctor.check_loopback(port, ["127.0.0.2"])) or os.name == "nt"
    with socket.create_server(("0.0.0.0", 0)) as everywhere:
        assert not well(doctor.check_loopback(everywhere.getsockname()[1], ["127.0.0.2"]))


def test_the_command_says_everything_and_its_exit_code_is_the_verdict(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    with printer() as device:
        where = settings(tmp_path, printer=device.address)
        config = str(tmp_path / "agent.toml")
        assert cli.main(["doctor", "--config", config]) == 1
        assert "尚未开店" in capsys.readouterr().out
        who = identity()
        monkeypatch.setattr(provisioning, "identity_of", lambda _folder: who)
        where.key_dir.mkdir(mode=0o700)
        provisioning.open_book(where.data_dir, where.key_dir, who)[0].close()
        code = cli.main(["doctor", "--config", config])
        said = capsys.readouterr().out
        assert "账本连续: 0 笔" in said
        assert "打印机: 打印机正常" in said
        assert said.count("\n") >= 14
        assert code == (1 if "✗" in said else 0)
        device.set_fault("paper_out")
        assert cli.main(["doctor", "--config", config]) == 1
        assert "✗ 打印机: 缺纸" in capsys.readouterr().out

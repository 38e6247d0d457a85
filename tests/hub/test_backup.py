"""Copies of headquarters' database: proved when they are made, and put back by one command."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from forks import enrolled, heard, sold
from headquarters import Headquarters

from config.faults import Fault
from hub import backup
from hub.assembly import journal_of
from hub.cli import main
from points.wire import ack


def config(hq: Headquarters) -> Path:
    """The settings of this headquarters as a file."""
    told = hq.settings
    assert told is not None
    path = hq.folder / "hub.toml"
    path.write_text(
        f'[hub]\nchain = "{told.chain}"\nchain_name = "{told.chain_name}"\n'
        f"data_dir = {json.dumps(str(told.data_dir))}\nkey_dir = {json.dumps(str(told.key_dir))}\n"
    )
    return path


def test_a_copy_is_made_beside_the_service_and_tells_the_stores_how_far_they_are_durable(
    hq: Headquarters, tmp_path: Path
) -> None:
    one = hq.shop("s001")
    m = enrolled(one)
    sold(one, m, 2)
    one.sync()
    made = backup.make(hq.office, tmp_path / "copies")
    assert (made.members, made.lanes) == (1, 2)
    assert [path.name for path in (tmp_path / "copies").iterdir()] == [made.path.name]
    sold(one, m)
    one.sync()
    (answer,) = one.till.book.row("SELECT ack FROM envelopes ORDER BY first DESC LIMIT 1")
    told = ack.open_ack(answer, hq.office.keys.receipt.public_raw)
    assert told.durable_seq == 3
    assert told.last > told.durable_seq


def test_a_copy_with_a_fault_is_said_and_counts_for_nothing(hq: Headquarters, tmp_path: Path) -> None:
    one = hq.shop("s001")
    sold(one, enrolled(one))
    one.sync()
    with hq.office.store.turn() as turn:
        turn.run("UPDATE postings SET pts = pts + 1 WHERE n = 1")
    with pytest.raises(Fault) as caught:
        backup.make(hq.office, tmp_path / "copies")
    assert caught.value.remedy == "fault.backup_faulty"
    assert [path.suffix for path in (tmp_path / "copies").iterdir()] == [".faulty"]
    assert hq.rows("SELECT value FROM settings WHERE name LIKE 'durable:%'") == []
    with hq.office.store.turn() as turn:
        turn.run("UPDATE postings SET pts = pts - 1 WHERE n = 1")


def test_the_journal_is_kept_for_the_last_two_copies(hq: Headquarters, tmp_path: Path) -> None:
    assert hq.settings is not None
    folder = journal_of(hq.settings)
    made = []
    for n in range(4):
        hq.shop(f"s00{n + 1}")
        made.append(backup.make(hq.office, tmp_path / f"copies{n}"))
    assert len(list(folder.iterdir())) == 2
    known = hq.rows("SELECT kid FROM keys ORDER BY kid")
    hq.put_back(made[2].path)
    assert hq.rows("SELECT kid FROM keys ORDER BY kid") == known
    with pytest.raises(Fault) as caught:
        hq.put_back(made[0].path)
    assert caught.value.remedy == "fault.journal_late"
    hq.put_back(made[3].path, is_said=True)


def test_a_copy_is_put_back_by_one_command_and_not_under_who_serves(
    hq: Headquarters, capsys: pytest.CaptureFixture[str]
) -> None:
    one = hq.shop("s001")
    m = enrolled(one)
    sold(one, m)
    one.sync()
    settings = ["--config", str(config(hq))]
    assert main([*settings, "backup", str(hq.folder / "copies")]) == 0
    (copy,) = (hq.folder / "copies").iterdir()
    sold(one, m)
    one.sync()
    told = heard(hq)
    assert hq.settings is not None
    with backup.serving(hq.settings):
        assert main([*settings, "restore", str(copy)]) == 1
    assert "请先停止服务" in capsys.readouterr().err
    assert main([*settings, "restore", str(config(hq))]) == 1
    assert "choose a file that jifen hub backup wrote" in capsys.readouterr().err
    hq.office.store.close()
    assert main([*settings, "restore", str(copy)]) == 0
    out = capsys.readouterr().out
    assert "incarnation 2" in out
    assert "1 tills to be heard again" in out
    assert len(list((hq.folder / "hub").glob("set-aside-*"))) == 1
    hq.reopen()
    assert heard(hq) != told
    one.sync()
    assert heard(hq).items() >= told.items()
    shutil.rmtree(hq.folder / "copies")

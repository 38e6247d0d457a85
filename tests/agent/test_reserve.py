"""Room that is kept for a full disk: given away once, laid anew when there is room, and said meanwhile."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from running import MEMBER, Page, act, running

from agent import reserve
from agent.assembly import Agent
from agent.journal.mirror import Mirror
from agent.reserve import NAME, Reserve
from config.faults import Fault

PLENTY = 10**12


@pytest.fixture
def agent(tmp_path: Path) -> Iterator[Agent]:
    with running(tmp_path) as started:
        yield started


@pytest.fixture
def page(agent: Agent) -> Page:
    return Page(agent).open()


def laid(folder: Path, free: int = PLENTY, mib: int = 2) -> Reserve:
    made = Reserve([folder], mib, lambda _: free)
    made.lay()
    return made


def test_it_lies_there_with_all_its_room(tmp_path: Path) -> None:
    kept, file = laid(tmp_path), tmp_path / NAME
    assert (file.stat().st_size, kept.fault) == (2 * reserve.MIB, None)
    assert file.stat().st_blocks * 512 >= 2 * reserve.MIB, "a hole keeps no room"
    before = file.stat().st_mtime_ns
    kept.lay()
    assert file.stat().st_mtime_ns == before


def test_one_lies_on_each_disk_and_none_where_there_is_little_room(tmp_path: Path) -> None:
    for name in ("data", "key"):
        (tmp_path / name).mkdir()
    Reserve([tmp_path / "data", tmp_path / "key"], 1, lambda _: PLENTY).lay()
    assert [(tmp_path / name / NAME).exists() for name in ("data", "key")] == [True, False]
    low = (reserve.LEFT_MIB + 2) * reserve.MIB
    (tmp_path / "low").mkdir()
    for free, is_there in ((low - 1, False), (low, True)):
        laid(tmp_path / "low", free)
        assert (tmp_path / "low" / NAME).exists() is is_there
    (tmp_path / "none").mkdir()
    assert not laid(tmp_path / "none", mib=0).use()
    assert not (tmp_path / "none" / NAME).exists()


def test_given_away_it_is_said_until_it_is_laid_anew(tmp_path: Path) -> None:
    free = [PLENTY]
    kept = Reserve([tmp_path], 1, lambda _: free[0])
    kept.lay()
    assert kept.use()
    assert not kept.use(), "once"
    assert kept.fault is not None
    free[0] = 0
    kept.lay()
    assert kept.fault is not None
    free[0] = PLENTY
    kept.lay()
    assert kept.fault is None
    assert (tmp_path / NAME).exists()


def test_a_disk_that_refuses_leaves_nothing_half(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(reserve.os, "posix_fallocate", full)
    kept = laid(tmp_path)
    assert list(tmp_path.iterdir()) == []
    assert not kept.use()
    assert kept.fault is None


def test_where_room_cannot_be_asked_for_it_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delattr(reserve.os, "posix_fallocate")
    laid(tmp_path)
    assert (tmp_path / NAME).stat().st_size == 2 * reserve.MIB


def test_a_shift_goes_on_when_the_disk_is_full(
    agent: Agent, page: Page, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The second file's disk takes nothing until the room that was kept is free."""
    file = agent.settings.data_dir / NAME
    agent.reserve.lay()
    real = Mirror.append

    def append(mirror: Mirror, raw: bytes) -> None:
        if file.exists():
            raise Fault("fault.mirror", "no space left on device")
        real(mirror, raw)

    assert file.exists()
    with monkeypatch.context() as full:
        full.setattr(Mirror, "append", append)
        done = [page.post("/api/sell", act=act(), m=MEMBER, fen=5_000) for _ in range(3)]
    assert [one.get("done") for one in done] == ["sale.earn"] * 3
    assert not file.exists()
    assert "备用空间" in page.get("/api/state")["fault"]
    agent.reserve.lay()
    assert page.get("/api/state")["fault"] == ""


def test_without_any_room_left_it_is_refused_in_words(
    agent: Agent, page: Page, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_self: Mirror, _records: object) -> None:
        raise Fault("fault.mirror", "no space left on device")

    agent.reserve.lay()
    monkeypatch.setattr(Mirror, "append", full)
    told = [page.post("/api/sell", act=act(), m=MEMBER, fen=5_000) for _ in range(3)]
    assert [one.get("no") for one in told] == [None, "storage_full", "storage_full"]


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A real disk of 24 MiB."""
    place = tmp_path / "disk"
    place.mkdir()
    made = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=24m", "none", str(place)], capture_output=True, check=False
    )
    if made.returncode:
        pytest.skip("SKIPPED, missing: a tmpfs may not be mounted here, no disk was really full")
    yield place
    subprocess.run(["umount", "-l", str(place)], check=True)


def test_on_a_disk_that_is_really_full_the_shift_goes_on(
    small_disk: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reserve, "MIB", 65_536)  # four in all
    with running(small_disk) as agent:
        page, rubbish = Page(agent).open(), small_disk / "rubbish"
        assert (agent.settings.data_dir / NAME).exists()
        with rubbish.open("wb", buffering=0) as file, suppress(OSError):
            while file.write(bytes(65_536)) == 65_536:
                pass
        told, left = [], 400
        while left:
            told.append(page.post("/api/sell", act=act(), m=MEMBER, fen=5_000))
            left = min(left - 1, 20) if agent.reserve.fault is not None else left - 1
        assert {one.get("done") for one in told} == {"sale.earn"}, told[-1]
        assert agent.reserve.fault is not None, "the disk was never full"
        rubbish.unlink()
        agent.reserve.lay()
        assert agent.reserve.fault is None
        assert page.post("/api/sell", act=act(), m=MEMBER, fen=5_000)["done"] == "sale.earn"
        assert len(list(agent.till.log.walk())) == agent.till.log.seq

"""The second file after disks that fail: nothing is torn into it, nothing stands in it twice for a reader."""

from __future__ import annotations

import os
import threading
from pathlib import Path
from typing import Any

import pytest
from running import make_agent
from shopfloor import GOODS, counter_of, open_till

from agent.journal.mirror import ROOM_BYTES, Mirror, packed
from agent.recorder import Recorded
from agent.till import Till
from config.faults import Fault
from points.wire import chain


def sell(till: Till) -> None:
    assert isinstance(counter_of(till).sell(None, GOODS, "c1"), Recorded)


def numbers(till: Till) -> list[int]:
    return [record.seq for record in till.log.mirror.read()]


def records(folder: Path) -> bytes:
    """What the second file says, without the room at its end."""
    return (folder / "mirror.log").read_bytes().rstrip(b"\0")


def lose_database(till: Till, folder: Path) -> Till:
    till.book.close()
    for path in folder.glob("agent.sqlite*"):
        path.unlink()
    return open_till(folder)


class Once:
    """A call of the disk that fails the first time, in its own way."""

    def __init__(self, way: str) -> None:
        self.way, self.real = way, getattr(os, "pwrite" if way == "short" else "fdatasync")
        self.left = 1

    def __call__(self, file: int, *what: Any) -> int | None:
        if self.left and threading.current_thread() is threading.main_thread():
            self.left -= 1
            if self.way == "short":
                raw, at = what
                return int(self.real(file, raw[: len(raw.rstrip(b"\0")) // 2], at))
            raise OSError("input/output error")
        told: int | None = self.real(file, *what)
        return told


@pytest.mark.parametrize("way", ["short", "sync"])
def test_a_failed_write_leaves_neither_a_torn_half_nor_a_second_record(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, way: str
) -> None:
    till = open_till(tmp_path)
    sell(till)
    monkeypatch.setattr(os, "pwrite" if way == "short" else "fdatasync", Once(way))
    sell(till)
    assert till.log.fault is not None, "the cashier is warned"
    sell(till)
    assert till.log.fault is None
    sell(till)
    assert numbers(till) == [1, 2, 3, 4]
    size = (tmp_path / "mirror.log").stat().st_size
    again = lose_database(till, tmp_path)
    assert again.log.seq == 4
    assert (tmp_path / "mirror.log").stat().st_size == size


def test_records_that_stand_there_twice_are_read_once(tmp_path: Path) -> None:
    till = open_till(tmp_path)
    sell(till)
    sell(till)
    whole = records(tmp_path)
    (tmp_path / "mirror.log").write_bytes(whole + whole)
    again = lose_database(till, tmp_path)
    assert again.log.seq == 2
    sell(again)
    assert lose_database(again, tmp_path).log.seq == 3


def test_a_broken_end_is_written_again_from_the_database_and_never_guessed_without_it(tmp_path: Path) -> None:
    till = open_till(tmp_path)
    for _ in range(3):
        sell(till)
    path = tmp_path / "mirror.log"
    changed = bytearray(records(tmp_path))
    changed[-2] ^= 1
    path.write_bytes(changed)
    till.book.close()
    healed = open_till(tmp_path)
    assert numbers(healed) == [1, 2, 3]
    path.write_bytes(changed)
    with pytest.raises(Fault) as stopped:
        lose_database(healed, tmp_path)
    assert stopped.value.remedy == "fault.rewound"


def test_a_torn_end_is_cut_off_by_the_next_record(tmp_path: Path) -> None:
    till = open_till(tmp_path)
    sell(till)
    sell(till)
    path = tmp_path / "mirror.log"
    path.write_bytes(records(tmp_path)[:-5])
    again = lose_database(till, tmp_path)
    assert again.log.seq == 1
    sell(again)
    assert numbers(again) == [1, 2]


def test_two_histories_of_one_length_stop_the_till(tmp_path: Path) -> None:
    one, other = open_till(tmp_path / "a"), open_till(tmp_path / "b")
    sell(one)
    counter_of(other).sell(None, [[1, "food", 1, 777]], "c1")
    other.book.close()
    (tmp_path / "b" / "mirror.log").write_bytes((tmp_path / "a" / "mirror.log").read_bytes())
    with pytest.raises(Fault) as stopped:
        open_till(tmp_path / "b")
    assert stopped.value.remedy == "fault.rewound"


def test_the_state_line_says_that_the_second_copy_is_behind_and_nothing_more_is_recorded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    agent = make_agent(tmp_path)
    assert agent.worlds.now().fault == ""

    def refuse(_mirror: Mirror, _records: object) -> None:
        raise Fault("fault.mirror", "no space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(Mirror, "append", refuse)
        sell(agent.till)
        assert agent.worlds.now().fault == "fault.mirror"
        with pytest.raises(Fault) as refused:
            sell(agent.till)
        assert refused.value.remedy == "fault.mirror"
        assert agent.till.log.seq == 1
    sell(agent.till)
    assert agent.worlds.now().fault == ""
    agent.stop()


def test_what_reading_found_behind_the_last_record_is_cut_off_by_the_next(tmp_path: Path) -> None:
    till = open_till(tmp_path)
    sell(till)
    with (tmp_path / "mirror.log").open("ab") as file:
        file.write(b"torn")
    assert numbers(till) == [1]
    sell(till)
    assert numbers(till) == [1, 2]


def test_a_record_lies_in_room_that_was_written_before_and_the_room_is_written_again(tmp_path: Path) -> None:
    path = tmp_path / "mirror.log"
    till = open_till(tmp_path)
    sell(till)
    size = path.stat().st_size
    assert size == len(records(tmp_path)) + ROOM_BYTES
    sell(till)
    till.book.close()
    till = open_till(tmp_path)
    sell(till)
    assert path.stat().st_size == size, "a record changes nothing but its own bytes"
    lasts = (size - len(records(tmp_path))) * 3 // len(records(tmp_path))
    for _ in range(lasts + 1):
        sell(till)
    assert path.stat().st_size > size
    assert numbers(till) == list(range(1, 5 + lasts))
    assert lose_database(till, tmp_path).log.seq == 4 + lasts


SECTOR = 512


@pytest.mark.parametrize("length", [40, 700])
def test_of_a_record_that_lost_its_power_any_sectors_may_be_missing(tmp_path: Path, length: int) -> None:
    path, none = tmp_path / "mirror.log", bytes(32)
    for shift in range(SECTOR):  # it lies otherwise over the sectors each time
        bodies = [b"{%s}" % (b"a" * n) for n in (shift, length)]
        first = chain.link(none, 1, bodies[0])
        kept = packed(1, 1, first, bodies[0])
        last = packed(1, 2, chain.link(first, 2, bodies[1]), bodies[1])
        whole = kept + last + bytes(SECTOR)
        before, end = len(kept), len(kept + last)
        sectors = range(before // SECTOR, (end - 1) // SECTOR + 1)
        for lost in range(1, 1 << len(sectors)):
            torn = bytearray(whole)
            for bit, sector in enumerate(sectors):
                if lost >> bit & 1:
                    begins = max(before, sector * SECTOR)
                    ends = min(end, (sector + 1) * SECTOR)
                    torn[begins:ends] = bytes(ends - begins)
            if torn == whole:  # what was lost were zeros
                continue
            path.write_bytes(torn)
            mirror = Mirror(path)
            assert len(list(mirror.read())) == 1, (shift, lost)
            assert not mirror.is_broken, (shift, lost)
            mirror.close()
        mirror = Mirror(path)
        mirror.append(last)
        assert len(list(mirror.read())) == 2
        mirror.close()


def test_who_stops_reading_has_read_nothing(tmp_path: Path) -> None:
    till = open_till(tmp_path)
    for _ in range(4):
        sell(till)
    fourth = next(record for record in till.log.mirror.read() if record.seq == 4)
    assert fourth.seq == 4
    mirror = Mirror(tmp_path / "mirror.log")
    next(mirror.read())
    mirror.append(packed(fourth.epoch, 4, fourth.hash, fourth.body))
    assert [record.seq for record in mirror.read()] == [1, 2, 3, 4]


def test_a_file_that_nobody_has_read_is_read_before_it_is_written(tmp_path: Path) -> None:
    till = open_till(tmp_path)
    sell(till)
    first = records(tmp_path)
    mirror = Mirror(tmp_path / "mirror.log")
    mirror.append(first)
    mirror.close()
    assert records(tmp_path) == first + first


def test_a_file_that_the_disk_does_not_give_back_is_a_fault_and_no_short_history(tmp_path: Path) -> None:
    unreadable = tmp_path / "mirror.log"
    unreadable.symlink_to("/proc/self/mem")  # opens, and the first byte of it is an input/output error
    mirror = Mirror(unreadable)
    with pytest.raises(Fault) as stopped:
        list(mirror.read())
    assert stopped.value.remedy == "fault.mirror"
    with pytest.raises(Fault):
        mirror.append(packed(1, 1, b"h" * 32, b"{}"))
    mirror.close()


def test_a_record_said_to_be_longer_than_any_is_no_record(tmp_path: Path) -> None:
    path = tmp_path / "mirror.log"
    path.write_bytes((2**32 - 1).to_bytes(4, "big") + bytes(40) + b"{}")
    mirror = Mirror(path)
    assert list(mirror.read()) == []
    mirror.close()

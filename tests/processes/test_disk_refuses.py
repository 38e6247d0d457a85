"""A disk that refuses, anywhere in a sale: it is recorded whole or refused in words, and the till goes on.

Refused are single calls of a running till, by the kernel; and everything that grows, by a real small disk
that is full. What was answered as recorded stands in both files once the disk takes writes again.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest
from holds import two_files_agree
from injected import happened, injected, missing
from nursery import FarTill, Nursery
from town import Member, Town, is_long

CALLS = 12 if is_long() else 5
FAILS = [("fsync", "EIO"), ("fdatasync", "EIO"), ("pwrite64", "ENOSPC"), ("pwrite64", "EIO")]
WORDS = {"fault.not_recorded", "fault.mirror"}
MOUNT = (
    'kept=$(mktemp -d) && cp -a "$0"/. "$kept" && mount -t tmpfs -o size=8m none "$0"'
    ' && cp -a "$kept"/. "$0" && rm -r "$kept" && exec "$@"'
)
STORES = ("s001", "s002", "s003")
SALES_MAX = 4_000
FILL_BYTES = 65_536


def sold(town: Town, store: str, member: Member) -> str:
    """A sale that may be refused: the word of its fault, or nothing; half of one is an error."""
    answer = town.act(store, "sell", **town.sale(member))
    assert ("fault" in answer) is not ("id" in answer), answer
    assert len(answer["ops"]) == ("id" in answer), answer
    word: str = answer.get("fault", "")
    assert not word or word in WORDS, answer
    return word


@pytest.mark.skipif(bool(missing()), reason=f"{missing()}: no call was made to fail")
@pytest.mark.parametrize("sticky", ["", "+"], ids=["once", "from then on"])
@pytest.mark.parametrize(("calls", "error"), FAILS, ids=[f"{error} of {calls}" for calls, error in FAILS])
def test_a_call_that_fails_at_any_place_of_a_sale(
    town: Town, tmp_path: Path, calls: str, error: str, sticky: str
) -> None:
    till, member = town.tills["s001"], town.enrol("s001")
    refused = at = 0
    for n in range(1, CALLS + 1):
        with injected(till.pid, calls, f"error={error}:when={n}{sticky}", tmp_path / "log"):
            refused += bool(sold(town, "s001", member))
        if not happened(tmp_path / "log"):
            break
        at += 1
        assert not sold(town, "s001", member), "the disk is well again, and the till goes on"
        two_files_agree(town.folder / "s001")
    print(f"{error} of {calls}{sticky}: {at} places, {refused} refused")
    assert at >= 1
    assert refused or calls == "fdatasync"


class Closet:
    """A till one of whose folders, ``name``, is a small disk of its own; nobody outside sees it."""

    def __init__(self, town: Town, store: str, name: str) -> None:
        self.town, self.store, self.name = town, store, name
        self.outside = town.folder / store
        town.tills[store].close()
        self.nursery = Nursery(["unshare", "-m", "sh", "-c", MOUNT, str(self.outside / name)])
        town.tills[store] = FarTill(self.nursery, self.outside, seq=town.tills[store].seq)
        self.seen = Path(f"/proc/{self.nursery.pid}/root") / self.outside.relative_to("/")
        self.rubbish = self.seen / name / "rubbish"

    def fill(self) -> None:
        """Fill the disk to the last byte."""
        with self.rubbish.open("wb", buffering=0) as file:
            try:
                while True:
                    file.write(bytes(FILL_BYTES))
            except OSError:
                return

    def close(self) -> None:
        """Keep what stands there, and go on outside."""
        till = self.town.tills[self.store]
        till.close()
        for path in (self.seen / self.name).iterdir():
            shutil.copy(path, self.outside / self.name / path.name)
        self.nursery.close()
        self.town.tills[self.store] = FarTill(self.town.nursery, self.outside, seq=till.seq)


def no_tmpfs() -> str:
    """Why no small disk can be had, in words; nothing when it can."""
    if shutil.which("unshare") is None:
        return "unshare is not installed"
    words = ["unshare", "-m", "sh", "-c", "mount -t tmpfs -o size=1m none /mnt"]
    done = subprocess.run(words, capture_output=True, check=False)
    return "a tmpfs may not be mounted here" if done.returncode else ""


@pytest.mark.skipif(bool(no_tmpfs()), reason=f"{no_tmpfs()}: no disk was full")
@pytest.mark.parametrize(("store", "name"), [("s002", "data"), ("s003", "keys")])
def test_a_full_disk_refuses_in_words_and_goes_on_when_there_is_room(
    town: Town, store: str, name: str
) -> None:
    member = town.enrol(store)
    closet = Closet(town, store, name)
    try:
        assert not sold(town, store, member)
        closet.fill()
        done, refused = 0, ""
        while not refused and done < SALES_MAX:
            refused = sold(town, store, member)
            done += not refused
        assert refused, "a small disk was never full"
        pid = town.tills[store].pid
        assert sold(town, store, member), "it stays refused, in words"
        os.kill(pid, 0)
        closet.rubbish.unlink()
        assert not sold(town, store, member), "there is room again"
        assert town.contact(store)["settled"]
        print(f"{name}: {done} sales on a full disk, then {refused}")
    finally:
        closet.close()
    assert len(two_files_agree(town.folder / store)) > done

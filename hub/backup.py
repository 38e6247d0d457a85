"""A copy of headquarters' database that is known to be good, and how far it reaches; put back from one.

A copy is made beside the running service, opened, and folded again from its own facts: a copy that was never
opened is none. Only then are the stores told how far their lanes are durable (``durable_seq``), and only then
is what the journal holds from before two copies let go.
"""

from __future__ import annotations

import fcntl
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

from config.faults import Fault, worded
from config.settings import HubSettings
from hub import verify
from hub.intake import DURABLE
from hub.office import Office
from hub.restoring import TURNS, turns_of
from hub.store import schema
from hub.store.engine import SQLITE, Store
from hub.store.journal import sync_folder

BACKUPS = "backups"
DATABASE = "hub.sqlite"
SERVING = "serving.lock"
"""Held by everybody who serves: a database is not put back under them."""

Tell = Callable[[int, int], None]


class Backup(NamedTuple):
    """A copy that was folded again: its file, how many members and facts it holds, and of how many lanes."""

    path: Path
    members: int
    facts: int
    lanes: int


def make(office: Office, folder: Path, tell: Tell | None = None) -> Backup:
    """Copy the database into ``folder``, prove the copy, and note how far every lane is durable.

    Raises a ``Fault`` for another engine than SQLite, whose own tools make copies, and for a copy with
    faults, which is kept under another name.
    """
    if not office.store.is_sqlite:
        raise worded("fault.backup_engine", office.store.url.partition(":")[0])
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    path = folder / f"hub-{office.clock()}.sqlite"
    fresh = path.with_suffix(".new")
    fresh.unlink(missing_ok=True)
    journal = office.store.journal
    if journal is not None:
        with office.store.turn() as turn:
            journal.begin(turns_of(turn))
    office.store.copy_to(fresh)
    fresh.chmod(0o600)
    with fresh.open("rb") as file:
        os.fsync(file.fileno())
    proved, turns, lanes = _drill(office, fresh, tell)
    if proved.faults:
        bad = path.with_suffix(".faulty")
        fresh.replace(bad)
        why = f"{bad}: {proved.faults[0]}"
        raise Fault("fault.backup_faulty", why, path=str(bad), count=len(proved.faults))
    fresh.replace(path)
    sync_folder(folder)
    with office.store.turn() as turn:
        rows = [(DURABLE.format(*lane), str(seq)) for *lane, seq in lanes]
        turn.put(schema.settings, rows, on_conflict="replace")
        before = turn.one("SELECT value FROM settings WHERE name = ?", (BACKUPS,))
        turn.put(schema.settings, [(BACKUPS, str(turns))], on_conflict="replace")
        if journal is not None and before is not None:
            journal.forget(int(before[0]))  # the copy before this one may still be put back
    return Backup(path, proved.members, proved.facts, len(lanes))


def _drill(
    office: Office, path: Path, tell: Tell | None
) -> tuple[verify.Verified, int, list[tuple[str, str, int, int]]]:
    """Open a copy and fold it again: what was found, how many turns it knows, how far its lanes go."""
    store = Store(f"{SQLITE}{path}", writes=False)
    try:
        with store.look() as look:
            (sound,) = look.one("PRAGMA integrity_check") or ("",)
            turns = look.one("SELECT value FROM settings WHERE name = ?", (TURNS,))
            lanes = look.run("SELECT store, till, epoch, seq FROM lanes")
        proved = verify.verify(replace(office, store=store), tell)
    finally:
        store.close()
        for beside in ("-wal", "-shm"):
            Path(f"{path}{beside}").unlink(missing_ok=True)
    if sound != "ok":
        proved.faults.insert(0, str(sound))
    return proved, int(turns[0]) if turns else 0, [tuple(lane) for lane in lanes]


def put_back(settings: HubSettings, copy: Path, now_ms: int) -> Path | None:
    """Put a copy in the database's place; gives where the one that was there lies now, if there was one.

    Raises a ``Fault`` while somebody serves, and for what is no copy; nothing is changed then.
    """
    with copy.open("rb") as file:
        if file.read(16) != b"SQLite format 3\0":
            raise worded("fault.no_copy", str(copy))
    place = settings.data_dir / DATABASE
    settings.data_dir.mkdir(parents=True, exist_ok=True)
    with _alone(settings):
        fresh = place.with_suffix(".new")
        shutil.copyfile(copy, fresh)
        fresh.chmod(0o600)
        with fresh.open("rb") as file:
            os.fsync(file.fileno())
        aside = settings.data_dir / f"set-aside-{now_ms}" if place.exists() else None
        if aside is not None:
            aside.mkdir()
            for old in (place, Path(f"{place}-wal"), Path(f"{place}-shm")):
                if old.exists():
                    old.replace(aside / old.name)
        fresh.replace(place)
        sync_folder(settings.data_dir)
    return aside


@contextmanager
def serving(settings: HubSettings) -> Iterator[None]:
    """While this lasts no database is put back."""
    with _locked(settings, fcntl.LOCK_SH):
        yield


@contextmanager
def _alone(settings: HubSettings) -> Iterator[None]:
    with _locked(settings, fcntl.LOCK_EX):
        yield


@contextmanager
def _locked(settings: HubSettings, how: int) -> Iterator[None]:
    settings.data_dir.mkdir(parents=True, exist_ok=True)
    with (settings.data_dir / SERVING).open("a") as file:
        try:
            fcntl.flock(file, how | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise worded("fault.hub_serves", str(settings.data_dir)) from error
        yield

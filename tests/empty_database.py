"""Headquarters' empty database, brought to today's schema once in a test process and copied for each test."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

from hub.store.engine import Store
from hub.store.upgrading import upgrade


@cache
def _upgraded() -> bytes:
    with TemporaryDirectory(prefix="jifen-empty-") as folder:
        path = Path(folder) / "hub.sqlite"
        store = Store(f"sqlite:///{path}")
        upgrade(store)
        store.close()
        return path.read_bytes()


def lay(folder: Path) -> None:
    """Put it where a headquarters will open it, unless one is there."""
    folder.mkdir(parents=True, exist_ok=True)
    if not (folder / "hub.sqlite").exists():
        (folder / "hub.sqlite").write_bytes(_upgraded())

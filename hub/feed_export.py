"""The feed as a folder that any static server or CDN serves as it is, under headquarters' own paths.

    v1/blob/{sha}                               never changes; served for a year
    v1/feed/{topic}/{shard}/g{gen}/manifest     changes with every edition; served for seconds

Only what all tills share is in it: rules, keys, members, which are sealed, and the directory, if there is
one. Blobs are there before the manifest that names them, each file whole or not at all, so a run may be
stopped anywhere and done again. What no manifest names any more is left for a day, for who is just fetching
it.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from hub import device_keys, directory, editions, member_editions, publishing, regions
from hub.office import Office
from points.wire import endpoints
from points.wire.directory import TOPIC as DIRECTORY
from points.wire.manifest import CHAIN_WIDE, open_manifest

SHARED = (("rules", CHAIN_WIDE), (device_keys.TOPIC, CHAIN_WIDE))
BLOBS, KEPT_S = "v1/blob", 86_400


class Exported(NamedTuple):
    """How many blobs are named, how many of them are new, of how many bytes, and how many others are gone."""

    named: int
    written: int
    written_bytes: int
    removed: int


def export(office: Office, folder: Path) -> Exported:
    """Publish what is new and bring the folder up to date. Raises ``OSError`` where it cannot be written."""
    publishing.publish(office)
    device_keys.publish(office)
    written = size = 0
    named = set[str]()
    with office.store.look() as look:
        listed, every = directory.kept(look), regions.every(look)
        members = [(member_editions.TOPIC, region) for region in every]
        shards = [*SHARED, *members, *([(DIRECTORY, CHAIN_WIDE)] if listed else [])]
        manifests = [(shard, editions.manifest_of(look, *shard)) for shard in shards]
        for shard, raw in manifests:
            told = open_manifest(raw, office.keys.manifest.public_raw, office.chain, *shard)
            named.update(told.blobs)
        for region in every:
            named |= member_editions.names(member_editions.kept(look, region))
        named |= listed.names if listed else set()
        for sha in sorted(named):
            path = _place(folder, endpoints.blob(sha))
            if not path.exists():
                blob = editions.blob_of(look, sha, {})
                _write(path, blob)
                written, size = written + 1, size + len(blob)
    for (topic, region), raw in manifests:
        _write(_place(folder, endpoints.manifest_of(topic, region, editions.GEN)), raw)
    return Exported(len(named), written, size, _sweep(_place(folder, BLOBS), named, office))


def _place(folder: Path, path: str) -> Path:
    return folder / path.lstrip("/")


def _write(path: Path, raw: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_name(f".{path.name}.new")
    with fresh.open("wb") as file:
        file.write(raw)
        file.flush()
        os.fsync(file.fileno())
    fresh.replace(path)


def _sweep(blobs: Path, named: Iterable[str], office: Office) -> int:
    """A named blob is marked with the time of this run; one whose mark is a day old goes."""
    keep, now_s, removed = set(named), office.clock() // 1000, 0
    for path in blobs.iterdir():
        if path.name in keep:
            os.utime(path, (now_s, now_s))
        elif path.stat().st_mtime <= now_s - KEPT_S:
            path.unlink()
            removed += 1
    return removed

"""The editions of the feed's shards as headquarters keeps them: the newest manifest of each, and blobs.

An edition is signed when it is kept and never goes back in its number. A blob is kept as long as an edition
names it, and a while longer, for a store that is just fetching what an older manifest named.
It refuses to know what the blobs say (`publishing`, `member_editions`).
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from hub.office import Office
from hub.store import schema
from hub.store.engine import Turn
from points.wire.faults import NotFound
from points.wire.manifest import Chunk, Manifest, Private, issue, open_manifest

GEN = 1
SCHEMA = 1
KEPT_UNNAMED_MS = 24 * 3_600_000
FRESH_MS = 400 * 86_400_000
"""How long an edition may be believed; a store that was cut off for a year still sells by it."""


def held_edition(turn: Turn, topic: str, shard: str) -> tuple[int, int, dict[str, Any]] | None:
    """(version, g, what was remembered) of the edition that is published."""
    row = turn.one("SELECT ver, g FROM manifests WHERE topic = ? AND shard = ?", (topic, shard))
    if row is None:
        return None
    memory = turn.one("SELECT value FROM settings WHERE name = ?", (f"edition:{topic}/{shard}",))
    return row[0], row[1], json.loads(memory[0]) if memory else {}


def next_ver(turn: Turn, office: Office, topic: str, shard: str) -> int:
    """The version that the next edition will have."""
    held = held_edition(turn, topic, shard)
    return max(held[0] if held else 0, office.base) + 1


def keep_blob(turn: Turn, sha: str, blob: bytes, topic: str, shard: str) -> None:
    turn.put(schema.blobs, [(sha, topic, shard, None, blob)], on_conflict="ignore")
    turn.run(
        "UPDATE blobs SET unnamed_ms = NULL"
        " WHERE sha = ? AND topic = ? AND shard = ? AND unnamed_ms IS NOT NULL",
        (sha, topic, shard),
    )


def keep_edition(
    turn: Turn,
    office: Office,
    topic: str,
    shard: str,
    g: int,
    chunks: Sequence[Chunk],
    memory: dict[str, Any],
    enc_kid: str | None,
    lanes: str | None = None,
    private: Private | None = None,
    snap_ver: int | None = None,
    deltas: str | None = None,
) -> bytes:
    """Sign and keep the next edition of a shard; its ``chunks`` are of version ``snap_ver``, None for its
    own, and ``deltas`` names the list of what leads on from there."""
    ver, now = next_ver(turn, office, topic, shard), office.clock()
    raw = issue(
        Manifest(
            office.name, office.inc, office.chain, topic, shard, GEN, SCHEMA, ver, g, now, now + FRESH_MS,
            ver if snap_ver is None else snap_ver, tuple(chunks), deltas, lanes, enc_kid, private,
        ),
        [office.keys.manifest],
    )  # fmt: skip
    turn.decided.append(("said", f"{topic}/{shard}", ver))
    turn.put(schema.manifests, [(topic, shard, ver, g, raw)], on_conflict="replace")
    remember(turn, topic, shard, memory)
    return raw


def remember(turn: Turn, topic: str, shard: str, memory: dict[str, Any]) -> None:
    """Keep what is remembered of the edition that is published."""
    turn.run(
        "INSERT INTO settings (name, value) VALUES (?, ?)"
        " ON CONFLICT (name) DO UPDATE SET value = excluded.value",
        (f"edition:{topic}/{shard}", json.dumps(memory)),
    )


def manifest_of(turn: Turn, topic: str, shard: str) -> bytes:
    """The published manifest of a shard."""
    row = turn.one("SELECT bytes FROM manifests WHERE topic = ? AND shard = ?", (topic, shard))
    if row is None:
        raise NotFound()
    return bytes(row[0])


def blob_of(turn: Turn, sha: str, own: Mapping[str, str]) -> bytes:
    """A blob that its reader may have: of a topic that is ``own`` (topic -> shard), or of a shared one."""
    for topic, shard, raw in turn.run("SELECT topic, shard, bytes FROM blobs WHERE sha = ?", (sha,)):
        if topic not in own or own[topic] == shard:
            return bytes(raw)
    raise NotFound()


def leave(turn: Turn, office: Office, topic: str, shard: str, gone: Collection[str], kept_ms: int) -> None:
    """These blobs are named no more; those of the shard that were left ``kept_ms`` ago are forgotten."""
    now = office.clock()
    turn.many(
        "UPDATE blobs SET unnamed_ms = ? WHERE sha = ? AND topic = ? AND shard = ? AND unnamed_ms IS NULL",
        [(now, sha, topic, shard) for sha in sorted(gone)],
    )
    if gone:
        turn.run(
            "DELETE FROM blobs WHERE topic = ? AND shard = ? AND unnamed_ms <= ?",
            (topic, shard, now - kept_ms),
        )


def sweep(turn: Turn, office: Office, also_named: Collection[str] = ()) -> int:
    """Forget blobs that no edition has named for a day, nor one of ``also_named``; gives how many.

    A store may just be fetching what an older manifest named, so a blob is first marked and only
    removed by a later night; naming it again takes the mark away.
    """
    named = set[tuple[str, str, str]]()
    for topic, shard, raw in turn.run("SELECT topic, shard, bytes FROM manifests"):
        told = open_manifest(bytes(raw), office.keys.manifest.public_raw, office.chain, topic, shard)
        named |= {(sha, topic, shard) for sha in told.blobs}
    now = office.clock()
    gone, unnamed = [], []
    for sha, topic, shard, since in turn.run("SELECT sha, topic, shard, unnamed_ms FROM blobs"):
        if (sha, topic, shard) in named or sha in also_named:
            continue
        if since is None:
            unnamed.append((now, sha, topic, shard))
        elif since <= now - KEPT_UNNAMED_MS:
            gone.append((sha, topic, shard))
    turn.many("UPDATE blobs SET unnamed_ms = ? WHERE sha = ? AND topic = ? AND shard = ?", unnamed)
    turn.many("DELETE FROM blobs WHERE sha = ? AND topic = ? AND shard = ?", gone)
    return len(gone)

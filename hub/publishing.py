"""What headquarters tells the stores: numbered once, published whole, signed, named by content.

A publication first numbers everything that was taken in (``g``), then writes the chunks of members
that changed. A shared manifest carries one ``g``: every operation numbered up to it is counted in
its rows, none above. Each till's private page says how far its own lanes are counted at those
values of ``g``, and of each operation that was kept and posted later its own ``g``, so that a till knows
which of its operations are still its own to add (``private_page``).
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from hub import intake, shard_secrets
from hub.office import REGION, Office
from hub.store import log, schema
from hub.store.engine import Turn
from points import rulebook
from points.identifiers import BUCKETS
from points.members import ROW_ENTRIES
from points.wire import chunk, keys
from points.wire.faults import NotFound
from points.wire.manifest import (
    CHAIN_WIDE,
    Chunk,
    Manifest,
    Private,
    issue,
    open_manifest,
)

GEN = 1
SCHEMA = 1
CHUNKS = 48
NUMBERED = "numbered"
"""The setting that keeps the largest ``g``: looked for among all batches it takes longer every day."""
KEPT_UNNAMED_MS = 24 * 3_600_000
FRESH_MS = 400 * 86_400_000
"""How long an edition may be believed; a store that was cut off for a year still sells by it."""


def publish(office: Office) -> int:
    """Number what was taken in and publish what changed; gives the current ``g``."""
    with office.publishing, office.store.turn() as turn:
        return publish_members(turn, office)


def publish_members(turn: Turn, office: Office) -> int:
    """The same in a turn of its caller, who holds ``office.publishing``."""
    g = numbered(turn, office)
    while log.append_waiting(turn):  # what is counted here is not found by the sequencer any more
        pass
    fresh = turn.run(
        "SELECT store, till, epoch, first, batch_id FROM batches WHERE g IS NULL ORDER BY arrived, first"
    )
    turn.many(
        "UPDATE batches SET g = ? WHERE store = ? AND till = ? AND epoch = ? AND first = ? AND batch_id = ?",
        [(g + i, *place) for i, place in enumerate(fresh, 1)],
    )
    g += len(fresh)
    later = turn.one("SELECT 1 FROM told WHERE g IS NULL LIMIT 1") is not None
    if later:
        g += not fresh  # what no batch has posted is counted by no edition before this one either
        turn.run("UPDATE told SET g = ? WHERE g IS NULL", (g,))
    held = held_edition(turn, "members", REGION)
    if fresh or later or held is None or _is_stale(turn, office, held[2]):
        _members(turn, office, g, held)
        lanes = {(store, till, epoch) for store, till, epoch, _, _ in fresh}
        heads = turn.find(
            schema.lanes, ["store", "till", "epoch", "seq"], ["store", "till", "epoch"], sorted(lanes)
        )
        turn.put(schema.counted, [(*head, g) for head in heads], on_conflict="ignore")
    turn.run(
        "INSERT INTO settings (name, value) VALUES (?, ?) ON CONFLICT (name) DO UPDATE"
        " SET value = excluded.value WHERE settings.value <> excluded.value",
        (NUMBERED, str(g)),
    )
    return g


def numbered(turn: Turn, office: Office) -> int:
    """The largest ``g`` that was given out: to a batch, or to an edition for what no batch had posted."""
    kept = turn.one("SELECT value FROM settings WHERE name = ?", (NUMBERED,))
    if kept is not None:
        return max(office.base, int(kept[0]))
    rows = turn.run(  # of a database that an earlier program wrote, once
        "SELECT coalesce(max(g), 0) FROM batches UNION ALL"
        " SELECT coalesce(max(g), 0) FROM manifests WHERE topic = 'members' AND shard = ?",
        (REGION,),
    )
    return max(office.base, *(int(g) for (g,) in rows))


def held_edition(turn: Turn, topic: str, shard: str) -> tuple[int, int, dict[str, Any]] | None:
    """(version, g, what was remembered) of the edition that is published."""
    row = turn.one("SELECT ver, g FROM manifests WHERE topic = ? AND shard = ?", (topic, shard))
    if row is None:
        return None
    memory = turn.one("SELECT value FROM settings WHERE name = ?", (f"edition:{topic}/{shard}",))
    return row[0], row[1], json.loads(memory[0]) if memory else {}


def _latest(turn: Turn) -> int:
    """The number of the last change of any member."""
    row = turn.one("SELECT coalesce(max(touched), 0) FROM changed")
    assert row is not None
    return int(row[0])


def _is_stale(turn: Turn, office: Office, memory: dict[str, Any]) -> bool:
    """Whether members changed since, or are sealed with a secret that is not in use any more."""
    secret = shard_secrets.secret_now(turn, office, "members", REGION)
    return _latest(turn) > memory["touched"] or memory.get("secret") != keys.kid_of(secret)


def _members(turn: Turn, office: Office, g: int, held: Any) -> None:
    memory: dict[str, Any] = held[2] if held else {"chunks": {}, "touched": 0}
    secret = shard_secrets.secret_now(turn, office, "members", REGION)
    kid = keys.kid_of(secret)
    latest = _latest(turn)
    touched = turn.run("SELECT bucket FROM changed WHERE touched > ?", (memory["touched"],))
    changed = {shard % CHUNKS for (shard,) in touched}
    if memory.get("secret") != kid:  # everything is sealed anew
        changed |= {int(number) for number in memory["chunks"]}
    for number in sorted(changed):
        buckets = range(number, BUCKETS, CHUNKS)
        rows = turn.find(schema.members, ["row"], ["bucket"], [(shard,) for shard in buckets])
        told = sorted((_told(office, row) for (row,) in rows), key=lambda row: row[0])
        piece, blob = chunk.make("members", REGION, told, secret)
        keep_blob(turn, piece.sha, blob, "members", REGION)
        memory["chunks"][str(number)] = [piece.sha, piece.size, piece.usize, piece.n]
    memory["touched"], memory["secret"] = latest, kid
    chunks = [Chunk(*memory["chunks"][n]) for n in sorted(memory["chunks"], key=int)]
    keep_edition(turn, office, "members", REGION, g, chunks, memory, kid)


def _told(office: Office, row: str) -> list[Any]:
    m, ver, *rest = json.loads(row)[:ROW_ENTRIES]
    return [m, office.told_version(ver), *rest]


def publish_rules(turn: Turn, office: Office, blob: bytes) -> None:
    """Make a rule book the current one and publish it."""
    digest = rulebook.read(blob).hash
    turn.run('UPDATE books SET "current" = 0', twice=True)
    turn.put(schema.books, [(digest, blob, 1)], on_conflict="replace", twice=True)
    office.load_books(turn)
    intake.judge_waiting(turn, office, [f"rule:{digest}"])
    piece, raw = chunk.make("rules", CHAIN_WIDE, [[blob.decode()]])
    keep_blob(turn, piece.sha, raw, "rules", CHAIN_WIDE)
    keep_edition(turn, office, "rules", CHAIN_WIDE, 0, [piece], {}, None)


def publish_again(turn: Turn, office: Office) -> None:
    """Forget every edition: each is made anew when it is asked for, rules at once."""
    turn.run("DELETE FROM manifests")
    turn.run("DELETE FROM settings WHERE name LIKE 'edition:%'")
    row = turn.one('SELECT blob FROM books WHERE "current" = 1')
    if row is not None:
        publish_rules(turn, office, bytes(row[0]))


def publish_phones(turn: Turn, office: Office, store: str) -> None:
    """A store's own index of phones: keyed tags of members that were seen there."""
    rows = turn.run("SELECT DISTINCT p.tag, p.m FROM phone_tags p WHERE p.store = ? ORDER BY p.m", (store,))
    told = [[tag, m] for tag, m in rows]
    secret = shard_secrets.secret_now(turn, office, "phones", store)
    piece, blob = chunk.make("phones", store, told, secret)
    held = held_edition(turn, "phones", store)
    if held is not None and held[2].get("sha") == piece.sha:
        return
    keep_blob(turn, piece.sha, blob, "phones", store)
    kid = keys.kid_of(secret)
    keep_edition(turn, office, "phones", store, 0, [piece], {"sha": piece.sha}, kid)


def seal_code(office: Office, m: int, code: str) -> bytes:
    """A member code as it is kept at headquarters."""
    return keys.seal_blob(office.keys.data, "code", str(m), code.encode())


def open_code(office: Office, m: int, sealed: bytes) -> str:
    return keys.open_blob(office.keys.data, "code", str(m), sealed).decode()


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
) -> bytes:
    """Sign and keep the next edition of a shard."""
    held = held_edition(turn, topic, shard)
    ver, now = max(held[0] if held else 0, office.base) + 1, office.clock()
    raw = issue(
        Manifest(
            office.name, office.inc, office.chain, topic, shard, GEN, SCHEMA, ver, g, now, now + FRESH_MS,
            ver, tuple(chunks), None, lanes, enc_kid, private,
        ),
        [office.keys.manifest],
    )  # fmt: skip
    turn.decided.append(("said", f"{topic}/{shard}", ver))
    turn.put(schema.manifests, [(topic, shard, ver, g, raw)], on_conflict="replace")
    turn.run(
        "INSERT INTO settings (name, value) VALUES (?, ?)"
        " ON CONFLICT (name) DO UPDATE SET value = excluded.value",
        (f"edition:{topic}/{shard}", json.dumps(memory)),
    )
    return raw


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


def sweep(turn: Turn, office: Office) -> int:
    """Forget blobs that no edition has named for a day; gives how many.

    A store may just be fetching what an older manifest named, so a blob is first marked and only
    removed by a later night; naming it again takes the mark away.
    """
    named = set()
    for topic, shard, raw in turn.run("SELECT topic, shard, bytes FROM manifests"):
        told = open_manifest(bytes(raw), office.keys.manifest.public_raw, office.chain, topic, shard)
        named |= {(sha, topic, shard) for sha in told.blobs}
    now = office.clock()
    gone, unnamed = [], []
    for sha, topic, shard, since in turn.run("SELECT sha, topic, shard, unnamed_ms FROM blobs"):
        if (sha, topic, shard) in named:
            continue
        if since is None:
            unnamed.append((now, sha, topic, shard))
        elif since <= now - KEPT_UNNAMED_MS:
            gone.append((sha, topic, shard))
    turn.many("UPDATE blobs SET unnamed_ms = ? WHERE sha = ? AND topic = ? AND shard = ?", unnamed)
    turn.many("DELETE FROM blobs WHERE sha = ? AND topic = ? AND shard = ?", gone)
    return len(gone)

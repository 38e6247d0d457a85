"""The secrets that the feed's shards are sealed with: each has a number and rotates by a stated rule.

A new one is begun when a device key was revoked, because whoever has the old PC must not read on, and
when the one in use is ``ROTATE_DAYS`` old. A till hears the two latest on its private page, as
``["k", topic, shard, kid, key]``, and keeps what it heard: what was sealed before stays readable for as
long as its manifest may be believed. Secrets are derived from one key of the key folder; they are
written nowhere but on those pages.
"""

from __future__ import annotations

import json

from hub import regions
from hub.keys import HubKeys
from hub.office import Office
from hub.store.engine import Turn
from points.wire import keys, visitors

ROTATE_DAYS = 90
SECRET = "shard-secret"
"""The setting with the secret's number, when it was begun, and how many keys were revoked by then."""


def secret_of(hub_keys: HubKeys, topic: str, shard: str, number: int) -> bytes:
    """The secret of a shard."""
    return keys.hkdf(hub_keys.shard, b"", f"jifen/shard-key/1\0{topic}\0{shard}\0{number}".encode(), 32)


def secret_now(turn: Turn, office: Office, topic: str, shard: str) -> bytes:
    """The secret that a shard is sealed with from now on; rotated first when that is due."""
    return secret_of(office.keys, topic, shard, number_now(turn, office))


def number_now(turn: Turn, office: Office) -> int:
    """The number of the secrets in use; the next one when a key was revoked or they are old."""
    now = office.clock()
    row = turn.one("SELECT count(revoked_at_ms) FROM keys")
    kept = turn.one("SELECT value FROM settings WHERE name = ?", (SECRET,))
    revoked = int(row[0]) if row else 0
    number, begun_ms, were_revoked = json.loads(kept[0]) if kept else (0, 0, 0)
    if kept and revoked == were_revoked and now - begun_ms < ROTATE_DAYS * 86_400_000:
        return int(number)
    turn.run(
        "INSERT INTO settings (name, value) VALUES (?, ?)"
        " ON CONFLICT (name) DO UPDATE SET value = excluded.value",
        (SECRET, json.dumps([number + 1, now, revoked])),
        twice=True,
    )
    return int(number) + 1


def kids_told(turn: Turn, office: Office, topic: str, shard: str) -> frozenset[str]:
    """The names of the secrets of a shard that every till is told."""
    return frozenset(keys.kid_of(secret_of(office.keys, topic, shard, one)) for one in _told(turn, office))


def _told(turn: Turn, office: Office) -> range:
    """The numbers that are told: the one before too, because a shard may have been sealed with it a moment
    ago, and a step of its members a while ago."""
    number = number_now(turn, office)
    return range(max(1, number - 1), number + 1)


def private_rows(turn: Turn, office: Office, store: str) -> list[list[str]]:
    """The rows of a till's private page: its shards' secrets, the one before and the one in use."""
    told, visited = _told(turn, office), [(visitors.TOPIC, store)] if regions.are_many(turn) else []
    return [
        ["k", topic, shard, keys.kid_of(secret), secret.hex()]
        for topic, shard in (("members", regions.of_store(turn, store)), ("phones", store), *visited)
        for one in told
        for secret in (secret_of(office.keys, topic, shard, one),)
    ]

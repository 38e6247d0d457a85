"""Headquarters' own keys, made once in the key folder, each for one purpose.

Receipts, manifests, headquarters' lane, members' tokens and heads of the log are signed by different keys;
personal data is sealed to one and stored under another; phones and codes are looked up by
keyed tags. Losing one does not open another.
"""

from __future__ import annotations

import os
import secrets
from dataclasses import dataclass
from pathlib import Path

from points.wire.keys import SigningKey, hkdf
from points.wire.sealing import SealingKey

NAMES = ("receipt", "manifest", "lane", "pii", "store-index", "shard", "hub-index", "data", "token", "log")


@dataclass(frozen=True)
class HubKeys:
    """All keys of one hub. ``indexes`` is what every store's own index key is derived from; without ``token``
    no member's token is issued, without ``log`` no head is signed."""

    receipt: SigningKey
    manifest: SigningKey
    lane: SigningKey
    pii: SealingKey
    indexes: bytes
    shard: bytes
    hub_index: bytes
    data: bytes
    token: SigningKey | None = None
    log: SigningKey | None = None


def index_key(keys: HubKeys, store: str) -> bytes:
    """The key of one store's phone index: the same phone has another tag in every store."""
    return hkdf(keys.indexes, b"", b"jifen/phone-index/1\0" + store.encode(), 32)


def load(folder: Path) -> HubKeys:
    """The keys in a folder; what is missing is made, and never made anew."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    raw = {name: _kept(folder / f"{name}.key") for name in NAMES}
    return HubKeys(
        receipt=SigningKey.from_raw(raw["receipt"]),
        manifest=SigningKey.from_raw(raw["manifest"]),
        lane=SigningKey.from_raw(raw["lane"]),
        pii=SealingKey.from_raw(raw["pii"]),
        indexes=raw["store-index"],
        shard=raw["shard"],
        hub_index=raw["hub-index"],
        data=raw["data"],
        token=SigningKey.from_raw(raw["token"]),
        log=SigningKey.from_raw(raw["log"]),
    )


def _kept(path: Path) -> bytes:
    if not path.exists():
        file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            os.write(file, secrets.token_bytes(32))
            os.fsync(file)
        finally:
            os.close(file)
    return path.read_bytes()

"""Opening a till: a scanned ticket becomes a device key, a lane and the store's keys.

The keys are made here and never leave the key folder, which is not the data folder. The request is
kept before it is sent, so a torn connection is asked again with the same bytes and gets the same
answer; a second run of the same ticket changes nothing.
"""

from __future__ import annotations

import json
import os
import secrets
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from agent.contact import VERSION
from agent.journal.database import Book
from agent.journal.log import Log
from agent.journal.mirror import Mirror
from agent.journal.schema import migrations
from agent.till import Identity
from config.faults import Fault
from points.wire import joining, ticket
from points.wire.faults import WireFault
from points.wire.keys import SigningKey
from points.wire.lane import Lane
from points.wire.sealing import SealingKey

IDENTITY = "identity.json"


def join(
    key_dir: Path, ticket_text: str, ask: Callable[[str, bytes], bytes], *, hub_url: str = ""
) -> Identity:
    """Be admitted by a ticket. ``ask`` posts the request to a hub address and gives its answer.

    Raises a Fault with a remedy when the ticket is damaged, spent, or for another till.
    """
    key_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
    try:
        opened = ticket.decode(ticket_text)
        key, seal = _keys(key_dir)
        request = _kept(
            key_dir / f"join-{opened.ticket_id.hex()}.request",
            lambda: joining.ask(
                opened,
                key,
                seal.public_raw,
                secrets.token_bytes(32),
                secrets.token_hex(16),
                VERSION,
                time.time_ns() // 1_000_000,
            ),
        )
        at = hub_url or opened.origin
        answer, store_keys = joining.open_grant(ask(at, request), opened, request, key.public_raw, seal)
    except WireFault as fault:
        raise Fault(
            "fault.ticket_refused", f"the ticket was not accepted: {fault}", why=fault.problem
        ) from fault
    shards = {topic: (shard, key_raw) for topic, shard, key_raw in store_keys.shards}
    region, shard_key = shards["members"]
    _write(
        key_dir / IDENTITY,
        json.dumps(
            {
                "lane": [answer.lane.chain, answer.lane.store, answer.lane.till, answer.lane.epoch],
                "hub": answer.hub,
                "hub_url": at,
                "receipt": answer.keys.receipt.hex(),
                "manifest": answer.keys.manifest.hex(),
                "pii": answer.keys.pii.hex(),
                "index": store_keys.index.hex(),
                "region": region,
                "shard_key": shard_key.hex(),
                "term": answer.term,
                "inc": answer.inc,
            }
        ).encode(),
    )
    return identity_of(key_dir)


def identity_of(key_dir: Path) -> Identity:
    """Who this till is; a Fault when it was never admitted."""
    path = key_dir / IDENTITY
    if not path.exists():
        raise Fault("fault.not_joined", "this till has not been opened by a ticket yet")
    kept: dict[str, Any] = json.loads(path.read_bytes())
    shard_key = bytes.fromhex(kept["shard_key"])
    return Identity(
        lane=Lane(*kept["lane"]),
        key=SigningKey.from_raw((key_dir / "device.key").read_bytes()),
        hub_name=kept["hub"],
        hub_url=kept["hub_url"],
        hub_receipt_public=bytes.fromhex(kept["receipt"]),
        hub_manifest_public=bytes.fromhex(kept["manifest"]),
        hub_pii_public=bytes.fromhex(kept["pii"]),
        index_key=bytes.fromhex(kept["index"]),
        shard_key=shard_key,
        region=kept["region"],
        term=kept["term"],
        inc=kept["inc"],
    )


def open_book(data_dir: Path, key_dir: Path, identity: Identity) -> tuple[Book, Log]:
    """The till's database, and its log with the mirror beside the key."""
    data_dir.mkdir(parents=True, exist_ok=True)
    book = Book(data_dir / "agent.sqlite", migrations)
    return book, Log(book, Mirror(key_dir / "mirror.log"), identity.lane, identity.key.public_raw)


def _keys(key_dir: Path) -> tuple[SigningKey, SealingKey]:
    signing = _kept(key_dir / "device.key", lambda: secrets.token_bytes(32))
    sealing = _kept(key_dir / "seal.key", lambda: secrets.token_bytes(32))
    return SigningKey.from_raw(signing), SealingKey.from_raw(sealing)


def _kept(path: Path, make: Callable[[], bytes]) -> bytes:
    """The bytes of a file, made and synced once; it is never made anew."""
    if not path.exists():
        _write(path, make())
    return path.read_bytes()


def _write(path: Path, raw: bytes) -> None:
    """Write a secret file whole: beside, synced, then renamed into place."""
    beside = path.with_suffix(".new")
    file = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    try:
        os.write(file, raw)
        os.fsync(file)
    finally:
        os.close(file)
    beside.rename(path)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)

"""Opening a till: a scanned ticket becomes a device key, a lane and the store's keys.

The keys are made here and never leave the key folder, which is not the data folder. The request is
kept before it is sent, so a torn connection is asked again with the same bytes and gets the same
answer; a second run of the same ticket changes nothing but what was damaged. What lies in the key folder
and cannot be read, or is not what was written, is a Fault that says what to do.
"""

from __future__ import annotations

import json
import os
import secrets
import time
from collections.abc import Callable
from pathlib import Path

from agent.contact import VERSION
from agent.journal.clock import MachineClock
from agent.journal.database import Book
from agent.journal.log import Log
from agent.journal.mirror import Mirror
from agent.journal.schema import migrations
from agent.till import Identity, Till
from config.faults import Fault
from config.settings import AgentSettings
from points.wire import joining, ticket
from points.wire.faults import Malformed, WireFault
from points.wire.fields import U32_MAX, Fields
from points.wire.keys import RAW_BYTES, SigningKey
from points.wire.lane import Lane
from points.wire.sealing import SealingKey

IDENTITY = "identity.json"
DEVICE_KEY, SEAL_KEY = "device.key", "seal.key"
NOT_JOINED = "fault.not_joined"


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
    """Who this till is; a Fault when it was never admitted, or when what was kept is lost or damaged."""
    path = key_dir / IDENTITY
    try:
        raw = _read(path)
    except FileNotFoundError as error:
        raise Fault(NOT_JOINED, "this till has not been opened by a ticket yet") from error
    key = _key(key_dir / DEVICE_KEY)
    try:
        return _identity(Fields(json.loads(raw)), SigningKey.from_raw(key))
    except (ValueError, WireFault) as error:  # cut off, or a field that is not there or is something else
        why = str(error.detail.get("why", "?")) if isinstance(error, WireFault) else "JSON"
        raise Fault("fault.identity_damaged", f"{path}: {why}", path=str(path), why=why) from error


def _identity(kept: Fields, key: SigningKey) -> Identity:
    """The identity as ``join`` wrote it. Raises Malformed, which names the field."""
    lane, hub_url = kept.array("lane"), kept.raw.get("hub_url")
    if len(lane) != 4:
        raise Malformed(why="lane")
    if not isinstance(hub_url, str):
        raise Malformed(why="hub_url")
    raw = {name: bytes.fromhex(kept.hex(name, RAW_BYTES)) for name in _RAW}
    return Identity(
        lane=Lane(*lane),
        key=key,
        hub_name=kept.name("hub"),
        hub_url=hub_url,
        hub_receipt_public=raw["receipt"],
        hub_manifest_public=raw["manifest"],
        hub_pii_public=raw["pii"],
        index_key=raw["index"],
        shard_key=raw["shard_key"],
        region=kept.shard("region"),
        term=kept.whole("term", 1, U32_MAX),
        inc=kept.whole("inc", 1, U32_MAX),
    )


_RAW = ("receipt", "manifest", "pii", "index", "shard_key")


def open_book(data_dir: Path, key_dir: Path, identity: Identity) -> tuple[Book, Log]:
    """The till's database, and its log with the mirror beside the key."""
    data_dir.mkdir(parents=True, exist_ok=True)
    book = Book(data_dir / "agent.sqlite", migrations)
    try:
        return book, Log(book, Mirror(key_dir / "mirror.log"), identity.lane, identity.key.public_raw)
    except BaseException:
        book.close()
        raise


def quiet_till(settings: AgentSettings, identity: Identity) -> Till:
    """The till beside one that may be running: it reads, and reconciles nothing."""
    book, log = open_book(settings.data_dir, settings.key_dir, identity)
    till = Till(identity, book, log, MachineClock())
    try:
        till.recall()
    except BaseException:
        close(till)
        raise
    return till


def close(till: Till) -> None:
    """Close a till's two files."""
    till.log.mirror.close()
    till.book.close()


def _keys(key_dir: Path) -> tuple[SigningKey, SealingKey]:
    for name in (DEVICE_KEY, SEAL_KEY):
        _kept(key_dir / name, lambda: secrets.token_bytes(RAW_BYTES))
    return SigningKey.from_raw(_key(key_dir / DEVICE_KEY)), SealingKey.from_raw(_key(key_dir / SEAL_KEY))


def _key(path: Path) -> bytes:
    """A key that was made here. Raises a Fault when it is lost or cut off: nobody can make it again."""
    try:
        raw = _read(path)
    except FileNotFoundError as error:
        raise Fault("fault.key_lost", f"{path} is not there", path=str(path)) from error
    if len(raw) != RAW_BYTES:
        why = f"{path} has {len(raw)} bytes instead of {RAW_BYTES}"
        raise Fault("fault.key_damaged", why, path=str(path), wanted=RAW_BYTES)
    return raw


def _kept(path: Path, make: Callable[[], bytes]) -> bytes:
    """The bytes of a file, made and synced once; it is never made anew."""
    try:
        return _read(path)
    except FileNotFoundError:
        raw = make()
        _write(path, raw)
        return raw


def _read(path: Path) -> bytes:
    """The bytes of a file. Raises FileNotFoundError, or a Fault when the system does not give them."""
    try:
        return path.read_bytes()
    except FileNotFoundError:
        raise
    except OSError as error:
        reason = error.strerror or "?"
        raise Fault("fault.file_unusable", f"{path}: {reason}", path=str(path), reason=reason) from error


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

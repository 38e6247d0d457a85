"""Opening a till: a scanned ticket becomes a device key, a lane and the store's keys.

The keys are made here and never leave the key folder, which is not the data folder. The request is
kept before it is sent, so a torn connection is asked again with the same bytes and gets the same
answer; a second run of the same ticket changes nothing but what was damaged. What lies in the key folder
and cannot be read, or is not what was written, is a Fault that says what to do.
"""

from __future__ import annotations

import json
import os
import re
import secrets
import time
from collections.abc import Callable
from pathlib import Path

from agent.identity import VERSION, Identity
from agent.journal.clock import MachineClock
from agent.journal.database import Book
from agent.journal.log import Log
from agent.journal.mirror import Mirror
from agent.journal.schema import migrations
from agent.till import Till
from config.faults import Fault
from config.settings import AgentSettings
from points.wire import joining, succession, ticket
from points.wire.faults import Malformed, WireFault
from points.wire.fields import U32_MAX, Fields
from points.wire.keys import RAW_BYTES, SigningKey
from points.wire.lane import Lane
from points.wire.sealing import SealingKey

IDENTITY = "identity.json"
DEVICE_KEY, SEAL_KEY = "device.key", "seal.key"
_KEY_NAME = re.compile(r"[a-z0-9-]{1,40}\.key")
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
        request = kept(
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
                **({"log": answer.keys.log.hex()} if answer.keys.log else {}),
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
    try:
        kept = Fields(json.loads(raw))
        name = kept.raw.get("key", DEVICE_KEY)
        if not isinstance(name, str) or _KEY_NAME.fullmatch(name) is None:
            raise Malformed(why="key")
        return _identity(kept, SigningKey.from_raw(_key(key_dir / name)))
    except (ValueError, WireFault) as error:  # cut off, or a field that is not there or is something else
        why = str(error.detail.get("why", "?")) if isinstance(error, WireFault) else "JSON"
        raise Fault("fault.identity_damaged", f"{path}: {why}", path=str(path), why=why) from error


def succeed(key_dir: Path, own: Identity, key_name: str, granted: bytes) -> Identity:
    """The identity of a till that goes on in the lane that ``granted`` says, with the key of that name.

    Written whole, and the old key destroyed: whoever goes on in the old lane is another PC.
    """
    told = succession.read_granted(granted, own.hub_receipt_public)
    path = key_dir / IDENTITY
    kept = json.loads(_read(path))
    old_name = kept.get("key", DEVICE_KEY)
    lane = told.lane
    kept |= {
        "lane": [lane.chain, lane.store, lane.till, lane.epoch], "key": key_name, "term": told.term,
        "inc": told.inc, "granted": granted.hex(), "former": own.key.public_raw.hex(),
    }  # fmt: skip
    _write(path, json.dumps(kept).encode())
    if old_name != key_name:
        (key_dir / old_name).unlink(missing_ok=True)
    return identity_of(key_dir)


def _identity(kept: Fields, key: SigningKey) -> Identity:
    """The identity as ``join`` wrote it. Raises Malformed, which names the field."""
    lane, hub_url = kept.array("lane"), kept.raw.get("hub_url")
    if len(lane) != 4:
        raise Malformed(why="lane")
    if not isinstance(hub_url, str):
        raise Malformed(why="hub_url")
    raw = {name: bytes.fromhex(kept.hex(name, RAW_BYTES)) for name in _RAW}
    granted, former = kept.raw.get("granted"), kept.raw.get("former")
    if granted is not None and not isinstance(granted, str):
        raise Malformed(why="granted")
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
        granted=succession.read_granted(bytes.fromhex(granted), raw["receipt"]) if granted else None,
        former_public=bytes.fromhex(kept.hex("former", RAW_BYTES)) if former else b"",
        hub_log_public=bytes.fromhex(kept.hex("log", RAW_BYTES)) if "log" in kept.raw else b"",
    )


_RAW = ("receipt", "manifest", "pii", "index", "shard_key")


def open_book(data_dir: Path, key_dir: Path, identity: Identity) -> tuple[Book, Log]:
    """The till's database, and its log with the mirror beside the key."""
    data_dir.mkdir(parents=True, exist_ok=True)
    book = Book(data_dir / "agent.sqlite", migrations)
    try:
        return book, Log(book, Mirror(key_dir / "mirror.log"), identity.lane, identity.genesis)
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
        kept(key_dir / name, lambda: secrets.token_bytes(RAW_BYTES))
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


def kept(path: Path, make: Callable[[], bytes]) -> bytes:
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
        written = 0
        while written < len(raw):  # a disk that is nearly full takes a part, and says no to the rest
            written += os.write(file, raw[written:])
        os.fsync(file)
    finally:
        os.close(file)
    beside.rename(path)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)

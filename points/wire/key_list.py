"""The public keys of a chain as a file: what people who verify without a network trust, and nothing else.

    canonical JSON {v, chain, hub, receipt, log, manifest?, tills: [[kid, public, store, till, epoch, suite,
                    not_before_ms, revoked_at_ms, max_seq]…]}, hexadecimal; rows as in topic `keys`

Headquarters writes it; whoever uses it has it from headquarters' own people. Keys are never left out because
they are old: what they signed stays evidence.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from points.wire import canonical
from points.wire.faults import Malformed
from points.wire.fields import VERSION, Fields
from points.wire.keys import RAW_BYTES, kid_of
from points.wire.lane import KeyRecord, Lane

KEY_LIST_BYTES_MAX = 64 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class KeyList:
    """Headquarters' keys for acks, the log and what it tells (empty for none), and every till's by kid."""

    chain: str
    hub: str
    receipt: bytes
    log: bytes
    tills: Mapping[str, KeyRecord]
    manifest: bytes = b""


def write(
    chain: str,
    hub: str,
    receipt: bytes,
    log: bytes,
    tills: Sequence[Sequence[Any]],
    manifest: bytes = b"",
) -> bytes:
    """The bytes of the file."""
    told = {"chain": chain, "hub": hub, "receipt": receipt.hex(), "log": log.hex()}
    told |= {"manifest": manifest.hex()} if manifest else {}
    raw = canonical.encode({"v": VERSION, **told, "tills": [list(row) for row in tills]})
    read(raw)
    return raw


def read(raw: bytes) -> KeyList:
    """The keys in a file. Raises ``Malformed`` or ``TooLarge``; unknown keys of it are a newer program's."""
    fields = Fields(canonical.decode(raw.strip(), KEY_LIST_BYTES_MAX))
    fields.whole("v", VERSION, VERSION)
    chain = fields.name("chain")
    return KeyList(
        chain,
        fields.name("hub"),
        bytes.fromhex(fields.hex("receipt", RAW_BYTES)),
        bytes.fromhex(fields.hex("log", RAW_BYTES)) if fields.raw.get("log") else b"",
        dict(_till(chain, row) for row in fields.array("tills")),
        bytes.fromhex(fields.hex("manifest", RAW_BYTES)) if fields.raw.get("manifest") else b"",
    )


def _till(chain: str, row: Any) -> tuple[str, KeyRecord]:
    if type(row) is not list or len(row) < 9:
        raise Malformed(why="tills")
    named = Fields(dict(zip(("kid", "public", "store", "till", "epoch", "suite"), row, strict=False)))
    public = bytes.fromhex(named.hex("public", RAW_BYTES))
    lane = Lane(chain, named.name("store"), named.name("till"), named.whole("epoch", 1))
    times = [one for one in row[6:9] if one is not None]
    if kid_of(public) != named.raw["kid"] or any(type(one) is not int for one in times):
        raise Malformed(why="tills")
    record = KeyRecord(public, frozenset({lane}), named.plain("suite"), row[6] or 0, row[7], row[8])
    return record.kid, record

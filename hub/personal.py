"""Personal data: opened once from its sealed box, stored under headquarters' own key, found by keyed tags.

A sealed box is taken whether or not its operation is here yet. What is kept is ciphertext; a phone
is looked up by an HMAC, never in clear, and every store hears only the tags of members seen there.
"""

from __future__ import annotations

import json
from collections.abc import Iterable

from hub.arrivals import next_arrival
from hub.keys import index_key
from hub.office import Office
from hub.posting import op_bucket
from hub.store import schema
from hub.store.engine import Turn
from points import codes
from points.identifiers import bucket
from points.wire import canonical, keys, sealing
from points.wire.faults import Malformed, WireFault

Person = dict[str, str]


def take_sealed(office: Office, op_id: str, blob: bytes) -> None:
    """Keep a sealed box durably, then open it if its operation is known."""
    if len(blob) > sealing.PII_BLOB_BYTES_MAX:
        raise Malformed(why="sealed")
    with office.store.turn() as turn:
        turn.put(schema.sealed, [(op_bucket(op_id), op_id, blob)], on_conflict="ignore")
        open_boxes(turn, office, [op_id])


def open_boxes(turn: Turn, office: Office, arrived: Iterable[str]) -> None:
    """Open the boxes of operations that have arrived; what was opened, or proved wrong, is destroyed."""
    if turn.one("SELECT 1 FROM sealed LIMIT 1") is None:
        return
    ids = [(op_bucket(op_id), op_id) for op_id in arrived]
    owners = {
        op_id: (m, store)
        for op_id, m, store, posted in turn.find(
            schema.op_seen, ["op_id", "m", "store", "posted"], ["op_bucket", "op_id"], ids
        )
        if posted and m is not None  # a box whose operation still waits, waits with it
    }
    for shard, op_id, blob in turn.find(
        schema.sealed, ["op_bucket", "op_id", "blob"], ["op_bucket", "op_id"], ids
    ):
        if op_id not in owners:
            continue
        m, store = owners[op_id]
        if _committed(turn, m, op_id) != sealing.pii_commitment(bytes(blob)):
            _case(turn, office, "sealed-differs", op_id, m, store)
        else:
            _open(turn, office, m, store, op_id, bytes(blob))
        turn.run("DELETE FROM sealed WHERE op_bucket = ? AND op_id = ?", (shard, op_id))


def _committed(turn: Turn, m: int, op_id: str) -> str | None:
    row = turn.one("SELECT body FROM facts WHERE bucket = ? AND m = ? AND op_id = ?", (bucket(m), m, op_id))
    return None if row is None else canonical.decode(bytes(row[0])).get("pii")


def _open(turn: Turn, office: Office, m: int, store: str, op_id: str, blob: bytes) -> None:
    try:
        person = sealing.open_pii(office.keys.pii, office.chain, op_id, blob)
    except WireFault:
        _case(turn, office, "sealed-unreadable", op_id, m, store)
        return
    phone, name = person.get("phone", ""), person.get("name", "")
    if phone:
        alias = "phone:" + keys.hmac_sha256(office.keys.hub_index, phone.encode()).hex()
        known = turn.one("SELECT m FROM identities WHERE alias = ?", (alias,))
        if known is not None and known[0] != m:
            _case(turn, office, "phone-known", op_id, m, store)
        turn.put(schema.identities, [(alias, m, "phone")], on_conflict="ignore")
        tag = keys.phone_tag(index_key(office.keys, store), phone)
        turn.put(schema.phone_tags, [(store, tag, m)], on_conflict="ignore")
    sealed = keys.seal_blob(office.keys.data, "person", str(m), canonical.encode(person))
    masked, tail = (name[:1] + "*" * max(1, len(name) - 1) if name else ""), phone[-4:]
    turn.put(schema.personal, [(bucket(m), m, sealed, masked, tail)], on_conflict="replace")
    _show(turn, m, masked, tail)


def _show(turn: Turn, m: int, masked: str, tail: str) -> None:
    """Put the masked name and the tail into the member's row, so that stores hear it."""
    row = turn.one('SELECT ver, "row" FROM members WHERE bucket = ? AND m = ?', (bucket(m), m))
    if row is None:
        return
    told = json.loads(row[1])
    told[1], told[5], told[6] = row[0] + 1, masked, tail
    text = json.dumps(told, ensure_ascii=False, separators=(",", ":"))
    arrived = next_arrival(turn)
    turn.run(
        'UPDATE members SET ver = ?, "row" = ?, touched = ? WHERE bucket = ? AND m = ?',
        (row[0] + 1, text, arrived, bucket(m), m),
    )
    turn.put(schema.changed, [(bucket(m), arrived)], on_conflict="replace")


def read(turn: Turn, office: Office, m: int) -> Person:
    """A member's personal data in clear, for the few who may look; empty when there is none."""
    row = turn.one("SELECT sealed FROM personal WHERE bucket = ? AND m = ?", (bucket(m), m))
    if row is None:
        return {}
    plain = keys.open_blob(office.keys.data, "person", str(m), bytes(row[0]))
    return {key: str(value) for key, value in canonical.decode(plain).items()}


def _case(turn: Turn, office: Office, reason: str, op_id: str, m: int, store: str) -> None:
    turn.put(schema.cases, [(reason, op_id, m, store, "{}", office.clock(), None)])


def by_phone(turn: Turn, office: Office, phone: str) -> int | None:
    """The member with this phone."""
    alias = "phone:" + keys.hmac_sha256(office.keys.hub_index, phone.encode()).hex()
    row = turn.one("SELECT m FROM identities WHERE alias = ?", (alias,))
    return None if row is None else int(row[0])


def masked(person: Person) -> str:
    """A person's phone as it may be shown."""
    return codes.masked_phone(person.get("phone", ""))

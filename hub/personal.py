"""Personal data: opened once from its sealed box, stored under headquarters' own key, found by keyed tags.

A sealed box is taken whether or not its operation is here yet; of several the one that the operation
committed to is opened, whichever came first. What is kept is ciphertext; a phone is looked up by an
HMAC, never in clear, and every store hears only the tags of members seen there.
"""

from __future__ import annotations

import json
from collections.abc import Iterable

from hub.arrivals import next_arrival
from hub.keys import index_key
from hub.office import Office
from hub.store import schema
from hub.store.engine import Turn
from points import codes
from points.identifiers import bucket, op_bucket
from points.wire import canonical, keys, sealing
from points.wire.faults import Malformed, TooLarge, WireFault

Person = dict[str, str]
Boxes = list[tuple[str, bytes]]
"""What would be committed to each box, and the box."""
Of = tuple[str, int | None, str]
"""Whose boxes: the operation, its member as far as it is known, and its store."""

BOXES_MAX = 8
"""How many different boxes may wait for one operation that is not known yet."""


def keep_box(turn: Turn, op_id: str, blob: bytes) -> None:
    """Keep a sealed box until its operation is known. Raises ``TooLarge`` when too many wait for one.

    Which box is the operation's only the operation says; until then a false one must not keep the right
    one out. Who is refused here keeps the box, and brings it again when the operation is known.
    """
    if len(blob) > sealing.PII_BLOB_BYTES_MAX:
        raise Malformed(why="sealed")
    waiting = {pii for pii, _ in _boxes(turn, op_id)}
    committed = sealing.pii_commitment(blob)
    if committed not in waiting and len(waiting) >= BOXES_MAX:
        raise TooLarge(max=BOXES_MAX)
    turn.put(schema.sealed, [(op_bucket(op_id), op_id, committed, blob)], on_conflict="ignore", twice=True)


def take_box(turn: Turn, office: Office, op_id: str, store: str, committed: str | None) -> Person | None:
    """Open the box that an operation committed to, and destroy all of its boxes; None without it."""
    boxes = _boxes(turn, op_id)
    if not boxes:
        return None
    return _taken(turn, office, (op_id, None, store), committed, boxes)


def open_boxes(turn: Turn, office: Office, arrived: Iterable[str]) -> None:
    """Open the boxes of operations that have arrived; what was opened, or proved wrong, is destroyed."""
    if turn.one("SELECT 1 FROM sealed LIMIT 1") is None:
        return
    ids = [(op_bucket(op_id), op_id) for op_id in arrived]
    boxes: dict[str, Boxes] = {}
    by = ["op_bucket", "op_id"]
    for op_id, pii, blob in turn.find(schema.sealed, ["op_id", "pii", "blob"], by, ids):
        boxes.setdefault(op_id, []).append((pii, bytes(blob)))
    boxed = [(op_bucket(op_id), op_id) for op_id in boxes]
    for op_id, m, store, posted in turn.find(
        schema.op_seen, ["op_id", "m", "store", "posted"], ["op_bucket", "op_id"], boxed
    ):
        if not posted or m is None:
            continue  # a box whose operation still waits, waits with it
        person = _taken(turn, office, (op_id, m, store), _committed(turn, m, op_id), boxes[op_id])
        if person is not None:
            if not is_known_as(turn, office, m, store, person.get("phone", "")):
                _case(turn, office, "phone-known", op_id, m, store)
            # A box that comes again, of a sale for a typed phone, must not take away the name.
            keep(turn, office, m, {**read(turn, office, m), **person})


def _boxes(turn: Turn, op_id: str) -> Boxes:
    rows = turn.run(
        "SELECT pii, blob FROM sealed WHERE op_bucket = ? AND op_id = ?", (op_bucket(op_id), op_id)
    )
    return [(pii, bytes(blob)) for pii, blob in rows]


def _taken(turn: Turn, office: Office, of: Of, committed: str | None, boxes: Boxes) -> Person | None:
    """What the box that was committed to holds. All boxes are destroyed; false ones are a case."""
    op_id, m, store = of
    turn.run("DELETE FROM sealed WHERE op_bucket = ? AND op_id = ?", (op_bucket(op_id), op_id))
    right = dict(boxes).get(committed or "")
    if len(boxes) > (right is not None):
        _case(turn, office, "sealed-differs", op_id, m, store)
    if right is None:
        return None
    try:
        return sealing.open_pii(office.keys.pii, office.chain, op_id, right)
    except WireFault:
        _case(turn, office, "sealed-unreadable", op_id, m, store)
        return None


def _committed(turn: Turn, m: int, op_id: str) -> str | None:
    row = turn.one("SELECT body FROM facts WHERE bucket = ? AND m = ? AND op_id = ?", (bucket(m), m, op_id))
    return None if row is None else canonical.decode(bytes(row[0])).get("pii")


def is_known_as(turn: Turn, office: Office, m: int, store: str, phone: str) -> bool:
    """Let a phone point to a member who was seen with it in a store; False when it is another's already."""
    if not phone:
        return True
    known = by_phone(turn, office, phone)
    if known is None:
        turn.put(schema.identities, [(_alias(office, phone), m, "phone")], twice=True)
    saw(turn, office, known or m, store, phone, office.clock())
    return known in (None, m)


def saw(turn: Turn, office: Office, m: int, store: str, phone: str, at_ms: int) -> None:
    """A member with this phone was seen in a store; nothing for a phone that is another's."""
    if phone and by_phone(turn, office, phone) == m:
        tag = keys.phone_tag(index_key(office.keys, store), phone)
        turn.run(
            "INSERT INTO phone_tags (store, tag, m, seen_ms) VALUES (?, ?, ?, ?) ON CONFLICT (store, tag)"
            " DO UPDATE SET m = excluded.m, seen_ms = CASE WHEN excluded.seen_ms > phone_tags.seen_ms"
            " THEN excluded.seen_ms ELSE phone_tags.seen_ms END",
            (store, tag, m, at_ms),
        )


def _alias(office: Office, phone: str) -> str:
    return "phone:" + keys.hmac_sha256(office.keys.hub_index, phone.encode()).hex()


def keep(turn: Turn, office: Office, m: int, person: Person) -> None:
    """Keep a member's personal data as ciphertext, and show what may be shown of it."""
    phone, name = person.get("phone", ""), person.get("name", "")
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


def _case(turn: Turn, office: Office, reason: str, op_id: str, m: int | None, store: str) -> None:
    """People look once: a box comes again whenever its answer was lost."""
    known = turn.one("SELECT 1 FROM cases WHERE op_id = ? AND reason = ?", (op_id, reason))
    if known is None:
        turn.put(schema.cases, [(reason, op_id, m, store, "{}", office.clock(), None)])


def by_phone(turn: Turn, office: Office, phone: str) -> int | None:
    """The member with this phone."""
    row = turn.one("SELECT m FROM identities WHERE alias = ?", (_alias(office, phone),))
    return None if row is None else int(row[0])


def masked(person: Person) -> str:
    """A person's phone as it may be shown."""
    return codes.masked_phone(person.get("phone", ""))

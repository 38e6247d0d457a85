"""What headquarters tells the stores: numbered once, published whole, signed, named by content.

A publication first numbers everything that was taken in (``g``), then tells the members that changed
(``member_editions``). A shared manifest carries one ``g``: every operation numbered up to it is counted in
its rows, none above. Each till's private page says how far its own lanes are counted at those
values of ``g``, and of each operation that was kept and posted later its own ``g``, so that a till knows
which of its operations are still its own to add (``private_page``).
"""

from __future__ import annotations

from hub import editions, intake, member_editions, reception, regions, shard_secrets, visitors
from hub.office import Office
from hub.store import log, schema
from hub.store.engine import Turn
from points import rulebook
from points.wire import chunk, keys
from points.wire.manifest import CHAIN_WIDE
from points.wire.visitors import TOPIC as VISITORS

NUMBERED = "numbered"
"""The setting that keeps the largest ``g``: looked for among all batches it takes longer every day."""


def publish(office: Office, *, is_whole: bool = False, part: int = member_editions.BY_DAY) -> int:
    """Number what was taken in and publish what changed in every region; gives the current ``g``.

    ``is_whole`` is for tills that know no steps, ``part`` says when the snapshot is cut anew.
    """
    with office.publishing, office.store.turn() as turn:
        g, is_due = number(turn, office)
        for region in regions.every(turn):
            member_editions.publish(turn, office, region, g, is_due=is_due, is_whole=is_whole, part=part)
        return g


def publish_members(turn: Turn, office: Office, store: str, *, is_whole: bool = False) -> int:
    """The same for the region of one store, and its visitors, in a turn of its caller, who holds
    ``office.publishing``."""
    g, is_due = number(turn, office)
    region = regions.of_store(turn, store)
    # What another region's question has numbered may be this store's, and change no row here.
    is_due |= regions.are_many(turn) and _is_counted_later(turn, store, region)
    member_editions.publish(turn, office, region, g, is_due=is_due, is_whole=is_whole)
    visitors.publish(turn, office, store, g)
    return g


def _is_counted_later(turn: Turn, store: str, region: str) -> bool:
    """Whether more of a store's lanes is numbered than the edition of its region counts."""
    held = editions.held_edition(turn, member_editions.TOPIC, region)
    sql = "SELECT 1 FROM counted WHERE store = ? AND g > ? LIMIT 1"
    return held is not None and turn.one(sql, (store, held[1])) is not None


def number(turn: Turn, office: Office) -> tuple[int, bool]:
    """Number what was taken in: the current ``g``, and whether anything was."""
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
    if fresh:
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
    return g, bool(fresh) or later


def of_store(office: Office, topic: str, store: str) -> bytes:
    """The manifest of a store's own shard, as it is now. Raises ``NotFound`` where there is none."""
    with office.publishing, office.store.turn() as turn:
        if topic == VISITORS:
            visitors.publish(turn, office, store, number(turn, office)[0])
        else:
            publish_phones(turn, office, store)
        return editions.manifest_of(turn, topic, store)


def numbered(turn: Turn, office: Office) -> int:
    """The largest ``g`` that was given out: to a batch, or to an edition for what no batch had posted."""
    kept = turn.one("SELECT value FROM settings WHERE name = ?", (NUMBERED,))
    if kept is not None:
        return max(office.base, int(kept[0]))
    rows = turn.run(  # of a database that an earlier program wrote, once
        "SELECT coalesce(max(g), 0) FROM batches UNION ALL"
        " SELECT coalesce(max(g), 0) FROM manifests WHERE topic = 'members'"
    )
    return max(office.base, *(int(g) for (g,) in rows))


def publish_rules(turn: Turn, office: Office, blob: bytes) -> None:
    """Make a rule book the current one and publish it."""
    digest = rulebook.read(blob).hash
    turn.run('UPDATE books SET "current" = 0', twice=True)
    turn.put(schema.books, [(digest, blob, 1)], on_conflict="replace", twice=True)
    office.load_books(turn)
    reception.settle(turn, office, intake.judge_waiting(turn, office, [f"rule:{digest}"]))
    piece, raw = chunk.make("rules", CHAIN_WIDE, [[blob.decode()]])
    editions.keep_blob(turn, piece.sha, raw, "rules", CHAIN_WIDE)
    editions.keep_edition(turn, office, "rules", CHAIN_WIDE, 0, [piece], {}, None)


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
    held = editions.held_edition(turn, "phones", store)
    if held is not None and held[2].get("sha") == piece.sha:
        return
    editions.keep_blob(turn, piece.sha, blob, "phones", store)
    kid = keys.kid_of(secret)
    editions.keep_edition(turn, office, "phones", store, 0, [piece], {"sha": piece.sha}, kid)

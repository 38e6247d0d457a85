"""Topic ``keys``: the public key of every till of the chain, so that a till can verify another store's paper.

A row is ``[kid, public, store, till, epoch, suite, not_before_ms, revoked_at_ms, max_seq]``; a revoked
key keeps its row with the last number that it vouches for. Rows are only added or revoked, and stand in
the order in which they were granted, so a new till changes the last chunk only.
"""

from __future__ import annotations

from typing import Any

from hub import editions
from hub.office import Office
from hub.store.engine import Turn
from points.wire import chunk
from points.wire.manifest import CHAIN_WIDE

TOPIC = "keys"
ROWS_A_CHUNK = 2_000


def publish(office: Office) -> None:
    """Publish the keys of all tills if any was granted or revoked since."""
    with office.store.look() as look:
        if _is_told(look):
            return
    with office.store.turn() as turn:
        publish_keys(turn, office)


def publish_keys(turn: Turn, office: Office) -> None:
    """The same in a turn of its caller."""
    if _is_told(turn):
        return
    told, pieces = rows(turn), []
    for start in range(0, max(1, len(told)), ROWS_A_CHUNK):
        piece, blob = chunk.make(TOPIC, CHAIN_WIDE, told[start : start + ROWS_A_CHUNK])
        editions.keep_blob(turn, piece.sha, blob, TOPIC, CHAIN_WIDE)
        pieces.append(piece)
    editions.keep_edition(turn, office, TOPIC, CHAIN_WIDE, 0, pieces, _state(turn), None)


def rows(look: Turn) -> list[list[Any]]:
    """Every key that was granted, as it is told."""
    return [
        [kid, bytes(public).hex(), *rest]
        for kid, public, *rest in look.run(
            "SELECT kid, public, store, till, epoch, suite, not_before_ms, revoked_at_ms, max_seq"
            " FROM keys ORDER BY not_before_ms, kid"
        )
    ]


def _is_told(look: Turn) -> bool:
    held = editions.held_edition(look, TOPIC, CHAIN_WIDE)
    return held is not None and held[2] == _state(look)


def _state(look: Turn) -> dict[str, Any]:
    """What changes whenever a key is granted or revoked; keys are never deleted."""
    row = look.one("SELECT count(*), count(revoked_at_ms), coalesce(sum(max_seq), 0) FROM keys")
    assert row is not None
    return {"keys": int(row[0]), "revoked": int(row[1]), "vouched": int(row[2])}

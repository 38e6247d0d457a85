"""Members of other regions whom this store has seen: their rows come in parts, and leave when told no more.

They stand among the members that this till knows, and are remembered as visitors: what is told of them is as
of their own edition, which may be older or newer than the region's.
"""

from __future__ import annotations

from collections.abc import Mapping

from agent.pending import note_counted
from agent.shard_secrets import secret_of
from agent.store import members
from agent.store.members import Told
from agent.till import Till
from config.sqlite import Connection
from points.amounts import BadAmount
from points.members import read_row
from points.wire import chunk, visitors
from points.wire.faults import Malformed
from points.wire.manifest import Manifest

Parts = list[tuple[int, int, list[Told]]]
"""(number, parts, rows) of every part that has changed."""


def read(till: Till, manifest: Manifest, blobs: Mapping[str, bytes], heard: Mapping[str, str]) -> Parts:
    """The parts of an edition that were fetched. Raises the ``WireFault`` of one that is not what it should
    be."""
    key = None if manifest.enc_kid is None else secret_of(till, manifest.enc_kid, heard)
    parts: Parts = []
    for piece in manifest.chunks:
        if piece.sha not in blobs:
            continue
        lines = chunk.open_lines(piece, blobs[piece.sha], manifest.topic, manifest.shard, key)
        number, of, rows = visitors.read(chunk.read_lines(lines))
        try:
            told = [Told.of(row, line.decode()) for row, line in zip(rows, lines[1:], strict=True)]
            for row in rows:
                read_row(row)
        except (BadAmount, UnicodeDecodeError) as error:
            raise Malformed(why="member row") from error
        parts.append((number, of, told))
    return parts


def take(till: Till, turn: Connection, parts: Parts, g: int) -> None:
    """Take what has changed of an edition of ``g``, in a turn of its caller."""
    for number, of, told in parts:
        members.put(turn, told, g)
        members.keep_visitors(turn, number, of, {one.m for one in told})
    note_counted(till.book, till.identity, turn, visitors.TOPIC, g)

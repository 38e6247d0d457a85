"""Rows of the feed as a blob, named by its own hash.

A blob is one zstd frame of canonical JSON rows joined by 0A, each row an array. Under a shard
key it is sealed (`keys.seal_blob`), and the sealed bytes are what is named. A blob never
changes: other rows are another blob with another name, so caches and sticks may carry it.
The order of the checks is fixed: size, name, key, decompression to exactly the signed size,
rows. Rows may grow at their end; a reader takes the places it knows.
It refuses to know what a row means.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from hashlib import sha256
from typing import Any

from points.wire import canonical, keys
from points.wire.envelope import compress, decompress
from points.wire.faults import Integrity, Malformed, TooLarge
from points.wire.manifest import Chunk

USIZE_MAX = 8 * 1024 * 1024
BLOB_BYTES_MAX = USIZE_MAX + 64 * 1024

Row = Sequence[Any]


def encode_rows(rows: Iterable[Row]) -> bytes:
    """The open blob of these rows. No row at all is a blob too."""
    return compress(_plain(rows))


def decode_rows(blob: bytes, usize_max: int = USIZE_MAX) -> list[list[Any]]:
    """The rows of an open blob whose bytes were authenticated; Integrity if they unpack to more."""
    return _rows(decompress(blob, usize_max))


def blob_name(blob: bytes) -> str:
    """What a blob is called: SHA-256 of its bytes as they lie there, hex."""
    return sha256(blob).hexdigest()


def make(
    topic: str,
    shard: str,
    rows: Sequence[Row],
    key: bytes | None = None,
    lo: int | str | None = None,
    hi: int | str | None = None,
) -> tuple[Chunk, bytes]:
    """The manifest's entry and the blob of these rows, sealed if there is a shard key."""
    plain = _plain(rows)
    if len(plain) > USIZE_MAX:
        raise TooLarge(max=USIZE_MAX, what="usize")
    blob = compress(plain)
    if key is not None:
        blob = keys.seal_blob(key, topic, shard, blob)
    return Chunk(blob_name(blob), len(blob), len(plain), len(rows), lo, hi), blob


def open_chunk(
    chunk: Chunk, blob: bytes, topic: str, shard: str, key: bytes | None = None
) -> list[list[Any]]:
    """The rows of a blob of the snapshot of a verified manifest. Integrity if it is not that blob."""
    return read_lines(open_lines(chunk, blob, topic, shard, key))


def open_lines(chunk: Chunk, blob: bytes, topic: str, shard: str, key: bytes | None = None) -> list[bytes]:
    """The same unread: a line for each row, for who reads some at a time (`read_lines`) and keeps it."""
    if len(blob) != chunk.size:
        raise Integrity(what="size")
    plain = _open(chunk.sha, blob, topic, shard, key, min(chunk.usize, USIZE_MAX))
    if len(plain) != chunk.usize:
        raise Integrity(what="usize")
    lines = plain.split(b"\n") if plain else []
    if len(lines) != chunk.n:
        raise Integrity(what="count")
    return lines


def read_lines(lines: Sequence[bytes]) -> list[list[Any]]:
    """The rows of these lines. Malformed if one of them is no array, or more than one."""
    return _rows(b"\n".join(lines))


def open_named(sha: str, blob: bytes, topic: str, shard: str, key: bytes | None = None) -> list[list[Any]]:
    """The rows of a blob that a verified manifest names alone (`deltas`, `lanes`)."""
    return _rows(_open(sha, blob, topic, shard, key, USIZE_MAX))


def _open(sha: str, blob: bytes, topic: str, shard: str, key: bytes | None, usize_max: int) -> bytes:
    if len(blob) > BLOB_BYTES_MAX:
        raise TooLarge(max=BLOB_BYTES_MAX)
    if blob_name(blob) != sha:
        raise Integrity(what="name")
    return decompress(blob if key is None else keys.open_blob(key, topic, shard, blob), usize_max)


def _rows(plain: bytes) -> list[list[Any]]:
    if not plain:
        return []
    # A newline cannot stand inside a JSON string, so one scan over all rows reads the same as one each.
    rows = canonical.decode_value(b"[" + plain.replace(b"\n", b",") + b"]", len(plain) + 2)
    if len(rows) != plain.count(b"\n") + 1 or not all(type(row) is list for row in rows):
        raise Malformed(why="rows")
    return list(rows)


def _plain(rows: Iterable[Row]) -> bytes:
    return b"\n".join(canonical.encode(list(row)) for row in rows)

"""Which edition of each feed is held here, the chunks it consists of, and the rule books.

An edition is taken whole or not at all, and never an older one than was seen (W16).
"""

from __future__ import annotations

from collections.abc import Iterable

from agent.journal.database import Book
from config.sqlite import Connection


def edition(book: Book, topic: str, shard: str) -> tuple[int, int]:
    """(version, g) of the edition held; (0, 0) for none."""
    found = book.row("SELECT ver, g FROM feeds WHERE topic = ? AND shard = ?", (topic, shard))
    return (0, 0) if found is None else (int(found[0]), int(found[1]))


def keep_edition(turn: Connection, topic: str, shard: str, ver: int, g: int, manifest: bytes) -> None:
    """An edition was taken whole."""
    turn.execute(
        "INSERT INTO feeds (topic, shard, ver, g, manifest) VALUES (?, ?, ?, ?, ?) ON CONFLICT (topic, shard)"
        " DO UPDATE SET ver = excluded.ver, g = excluded.g, manifest = excluded.manifest",
        (topic, shard, ver, g, manifest),
    )


def chunks(book: Book, topic: str, shard: str) -> set[str]:
    """Names of the chunks that are already applied."""
    return {
        row[0] for row in book.rows("SELECT sha FROM chunks WHERE topic = ? AND shard = ?", (topic, shard))
    }


def keep_chunk(turn: Connection, topic: str, shard: str, sha: str) -> None:
    """A chunk was applied."""
    turn.execute(
        "INSERT INTO chunks (topic, shard, sha) VALUES (?, ?, ?) ON CONFLICT DO NOTHING", (topic, shard, sha)
    )


def forget_chunks(turn: Connection, topic: str, shard: str, but: Iterable[str]) -> None:
    """Only the chunks of the current edition are remembered."""
    keep = set(but)
    held = [
        row[0] for row in turn.execute("SELECT sha FROM chunks WHERE topic = ? AND shard = ?", (topic, shard))
    ]
    turn.executemany(
        "DELETE FROM chunks WHERE topic = ? AND shard = ? AND sha = ?",
        [(topic, shard, sha) for sha in held if sha not in keep],
    )


def keep_counted(turn: Connection, pairs: Iterable[tuple[int, int]]) -> None:
    """Own operations up to a position are counted by editions from a ``g`` on: (position, g)."""
    turn.executemany(
        "INSERT INTO counted (g, pos) VALUES (?, ?)"
        " ON CONFLICT (g) DO UPDATE SET pos = max(pos, excluded.pos)",
        [(g, pos) for pos, g in pairs],
    )


def counted(book: Book, after: int) -> list[tuple[int, int]]:
    """(position, g) of every edition above ``after`` that counts more than the one before, by g."""
    return book.rows("SELECT pos, g FROM counted WHERE g > ? ORDER BY g", (after,))


def forget_counted(turn: Connection, upto: int) -> None:
    """What editions up to this ``g`` count is known from the edition that is held."""
    turn.execute("DELETE FROM counted WHERE g <= ?", (upto,))


def keep_book(turn: Connection, digest: str, blob: bytes) -> None:
    """A rule book becomes the current one; older ones stay, because operations cite them."""
    turn.execute("UPDATE books SET current = 0")
    turn.execute(
        "INSERT INTO books (hash, blob, current) VALUES (?, ?, 1)"
        " ON CONFLICT (hash) DO UPDATE SET current = 1",
        (digest, blob),
    )


def books(book: Book) -> list[tuple[str, bytes, bool]]:
    """(hash, blob, is current) of every rule book held."""
    return [(row[0], row[1], bool(row[2])) for row in book.rows("SELECT hash, blob, current FROM books")]


def fact(book: Book, name: str) -> str | None:
    """A remembered fact of the till, such as its open business day."""
    found = book.row("SELECT value FROM facts WHERE name = ?", (name,))
    return None if found is None else str(found[0])


def keep_fact(turn: Connection, name: str, value: str) -> None:
    """Remember a fact."""
    turn.execute(
        "INSERT INTO facts (name, value) VALUES (?, ?)"
        " ON CONFLICT (name) DO UPDATE SET value = excluded.value",
        (name, value),
    )


def tell_fact(book: Book, name: str, value: str | None) -> None:
    """Keep a fact as it was told now, None for none; nothing is written when it is what was."""
    if fact(book, name) == value:
        return
    with book.turn() as turn:
        if value is None:
            drop_fact(turn, name)
        else:
            keep_fact(turn, name, value)


def drop_fact(turn: Connection, name: str) -> None:
    """Forget a fact."""
    turn.execute("DELETE FROM facts WHERE name = ?", (name,))
